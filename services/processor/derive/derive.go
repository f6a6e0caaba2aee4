// Package derive keeps profiles up to date: which identities are one person, and the person's
// merged traits, groups, persona and repeats. It reads facts and writes what follows from them, so
// it may run twice, late, or at once in several processes: of several results for an identity the
// one counts whose instant is later, and that is taken before the map and the facts are read.
//
// # Whom a batch touches
//
// After its facts are stored a batch reads the maps once more. Then it derives the persons of the
// identities that it linked, whose traits or groups it wrote, of those with a touchpoint that the
// newest map's rules about persons need, and of copies that it removed.
//
// # After a map is published
//
// CatchUp derives everybody else by the new version, some at a time, and then writes a marker: from
// then on no identity of the site lacks a profile that the version's rules give it, and of every
// profile whose row has the version the row follows from all facts. Why that cannot be wrong: let a
// CatchUp begin at an instant after which everybody who reads the maps finds the version (the
// publication in force by clocks that differ by less than half a second). Of any batch either
//
//   - it read the maps after that instant: then it knows the version, and derives whomever it
//     touches by its rules, whenever that is; or
//   - it read them before: then its facts were there before, so that the CatchUp, which lists
//     identities by their facts and not only by their profiles, finds everybody whom the batch did
//     not touch. What the batch still writes by the older map is dated before the instant, and
//     loses against what the CatchUp wrote, which is dated after it.
//
// A CatchUp leaves out a profile only if its row follows the version and is dated at or after that
// instant: an earlier one may lack a touchpoint of a batch that did not know that it is needed. So
// it may be killed and begun anew anywhere, and two of them share the work. A row of an older
// version is never relied on: whoever reads one judges its person by the facts.
//
// Rebuild takes both into account: it reads the maps before each chunk, and derives once more what
// others derived while it went on, catching up among them.
package derive

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// Facts are read from the store.
type Facts interface {
	FirstLinks(ctx context.Context, site journey.SiteID, visitors []journey.IdentityID, n int,
	) ([]identity.Link, error)
	OtherLinks(ctx context.Context, site journey.SiteID, of []journey.IdentityID,
	) ([]identity.Link, error)
	LastWrites(ctx context.Context, site journey.SiteID, of []journey.IdentityID,
	) ([]identity.Write, error)
	Deeds(ctx context.Context, site journey.SiteID, of []journey.IdentityID,
		needs journey.PersonNeeds, asOf int64) ([]journey.Deed, error)
}

// Profiles are written to the store.
type Profiles interface {
	InsertProfiles(ctx context.Context, site journey.SiteID, profiles []store.Profile,
		derivedAt time.Time) error
}

// Task says what is to be derived.
type Task struct {
	Site journey.SiteID
	// Map is the site's newest, whose rules about persons are used; nil is none.
	Map *journey.Map
	// ReadAt is an instant of the server's clock before Map was read, and before any fact is: of two
	// results for an identity the one counts whose instant is later.
	ReadAt time.Time
	// Touched are identities: the profiles of all persons that they belong to or belonged to are
	// derived.
	Touched []journey.IdentityID
	// NewLinks bounds how many links any one of them has got since its profile was derived.
	NewLinks int
}

// Refresh does a task. It gives the links left out because a person would have become too large.
func Refresh(
	ctx context.Context, facts Facts, profiles Profiles, t Task,
) ([]identity.Link, error) {
	if len(t.Touched) == 0 {
		return nil, nil
	}
	links, ids, err := neighbourhood(ctx, facts, t.Site, t.Touched, t.NewLinks+2)
	if err != nil {
		return nil, fmt.Errorf("finding the persons of %d identities: %w", len(t.Touched), err)
	}
	writes, err := facts.LastWrites(ctx, t.Site, ids)
	if err != nil {
		return nil, fmt.Errorf("reading traits of %d identities: %w", len(ids), err)
	}
	deeds, err := facts.Deeds(ctx, t.Site, ids, t.Map.PersonNeeds(), math.MaxInt64)
	if err != nil {
		return nil, fmt.Errorf("reading touchpoints of %d identities: %w", len(ids), err)
	}
	persons := identity.Resolve(links, identity.MaxIdentities)
	derived := Derive(ids, persons, Known{writes, deeds}, t.Map)
	if err := profiles.InsertProfiles(ctx, t.Site, derived, t.ReadAt); err != nil {
		return nil, fmt.Errorf("storing %d profiles: %w", len(derived), err)
	}
	return persons.Refused(), nil
}

// Known are facts of persons, each in any order and any number of times: what was written, and the
// touchpoints that the map's rules about persons need.
type Known struct {
	Writes []identity.Write
	Deeds  []journey.Deed
}

// Derive is the pure part: the profiles of identities, given everything that bears on them. nil is
// no map.
func Derive(
	ids []journey.IdentityID, persons identity.Persons, known Known, m *journey.Map,
) []store.Profile {
	byPerson := make(map[journey.PersonID]*Known)
	of := func(id journey.IdentityID) *Known {
		person := persons.Of(id)
		if byPerson[person] == nil {
			byPerson[person] = &Known{}
		}
		return byPerson[person]
	}
	for _, w := range known.Writes {
		k := of(w.Identity)
		k.Writes = append(k.Writes, w)
	}
	for _, d := range known.Deeds {
		k := of(d.Identity)
		k.Deeds = append(k.Deeds, d)
	}
	described := make(map[journey.PersonID]store.Profile)
	derived := make([]store.Profile, 0, len(ids))
	for _, id := range ids {
		person := persons.Of(id)
		profile, done := described[person]
		if !done {
			profile = describe(person, of(id), m)
			described[person] = profile
		}
		profile.Identity = id
		derived = append(derived, profile)
	}
	return derived
}

// describe is the profile of a person. It sorts what is known.
func describe(person journey.PersonID, known *Known, m *journey.Map) store.Profile {
	traits := identity.Merge(known.Writes, math.MaxInt64)
	groups := identity.Groups(known.Writes, math.MaxInt64)
	p := store.Profile{
		Person: person, Persona: journey.Unassigned, Traits: object(known.Writes, traits),
		Groups: groupsObject(groups), LastWriteAt: known.newest(),
	}
	if m == nil {
		return p
	}
	past := journey.Past{
		Traits: traits, Groups: groups, Deeds: shown(known.Deeds), AsOf: math.MaxInt64,
	}
	if needs := m.PersonNeeds(); needs.AsOf {
		past.AsOf = p.LastWriteAt
	}
	p.Persona, p.Version, p.Repeats = m.PersonaOf(&past), m.Version, m.Boundaries(past.Deeds)
	return p
}

// shown sorts deeds in shown order, each once.
func shown(deeds []journey.Deed) []journey.Deed {
	slices.SortFunc(deeds, func(a, b journey.Deed) int { return journey.CompareDeeds(&a, &b) })
	return slices.CompactFunc(deeds, func(a, b journey.Deed) bool {
		return journey.CompareDeeds(&a, &b) == 0
	})
}

// newest is the instant of the newest fact in milliseconds since 1970, 0 if there is none.
func (k *Known) newest() int64 {
	at := int64(0)
	for _, w := range k.Writes {
		at = max(at, w.OccurredAt/int64(time.Millisecond))
	}
	for i := range k.Deeds {
		at = max(at, k.Deeds[i].OccurredAt/int64(time.Millisecond))
	}
	return at
}

// groupsObject is the canonical text of groups by type.
func groupsObject(groups map[string]journey.GroupID) journey.Object {
	if len(groups) == 0 {
		return ""
	}
	return canonical(groups)
}

// object is the canonical text of merged traits.
func object(writes []identity.Write, traits identity.Traits) journey.Object {
	if len(traits) == 0 {
		return ""
	}
	last := identity.Last(writes, math.MaxInt64)
	raw := make(map[string]json.RawMessage, len(traits))
	for name := range traits {
		raw[name] = json.RawMessage(last[name].Value)
	}
	return canonical(raw)
}

// canonical is the text of a JSON object with sorted names and no white space.
func canonical(members any) journey.Object {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(members) != nil {
		return ""
	}
	return journey.Object(strings.TrimSuffix(text.String(), "\n"))
}

// neighbourhood finds every link and identity that bears on the persons that the touched
// identities belong to, or belonged to before they got their last links. From a touched visitor
// it follows its first n links; elsewhere it follows only links that join.
func neighbourhood(
	ctx context.Context, facts Facts, site journey.SiteID, touched []journey.IdentityID, n int,
) ([]identity.Link, []journey.IdentityID, error) {
	found := make(map[journey.IdentityID]bool)
	links := make(map[identity.Link]bool)
	frontier := unseen(found, touched)
	for len(frontier) > 0 {
		forward, err := facts.FirstLinks(ctx, site, frontier, n)
		if err != nil {
			return nil, nil, fmt.Errorf("reading first links: %w", err)
		}
		others, err := joining(ctx, facts, site, frontier)
		if err != nil {
			return nil, nil, err
		}
		var next []journey.IdentityID
		for _, l := range append(forward, others...) {
			links[l] = true
			next = append(next, l.A, l.B)
		}
		frontier, n = unseen(found, next), 1
	}
	ids := slices.Sorted(maps.Keys(found))
	return slices.Collect(maps.Keys(links)), ids, nil
}

// unseen adds identities to found and gives those that were not in it.
func unseen(
	found map[journey.IdentityID]bool, ids []journey.IdentityID,
) []journey.IdentityID {
	var fresh []journey.IdentityID
	for _, id := range ids {
		if !found[id] {
			found[id] = true
			fresh = append(fresh, id)
		}
	}
	return fresh
}

// joining finds the aliases of identities, and the links of the visitors whose first link is with
// one of them.
func joining(
	ctx context.Context, facts Facts, site journey.SiteID, of []journey.IdentityID,
) ([]identity.Link, error) {
	others, err := facts.OtherLinks(ctx, site, of)
	if err != nil {
		return nil, fmt.Errorf("reading aliases and visitors: %w", err)
	}
	var joining []identity.Link
	candidates := make(map[journey.IdentityID]bool)
	users := make(map[journey.IdentityID]bool)
	for _, l := range others {
		if l.Alias {
			joining = append(joining, l)
			continue
		}
		candidates[l.A], users[l.B] = true, true
	}
	first, err := facts.FirstLinks(ctx, site, slices.Collect(maps.Keys(candidates)), 1)
	if err != nil {
		return nil, fmt.Errorf("reading first links of visitors: %w", err)
	}
	for _, l := range first {
		if users[l.B] {
			joining = append(joining, l)
		}
	}
	return joining, nil
}
