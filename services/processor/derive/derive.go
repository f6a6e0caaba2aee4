// Package derive keeps profiles up to date: which identities are one person, the person's merged
// traits and its persona. It reads facts and writes what follows from them, so it may run twice,
// late, or at once in several processes: of several results the one counts whose facts were read
// last.
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
	Now(ctx context.Context) (time.Time, error)
	FirstLinks(ctx context.Context, site journey.SiteID, visitors []journey.IdentityID, n int,
	) ([]identity.Link, error)
	OtherLinks(ctx context.Context, site journey.SiteID, of []journey.IdentityID,
	) ([]identity.Link, error)
	LastWrites(ctx context.Context, site journey.SiteID, of []journey.IdentityID,
	) ([]identity.Write, error)
}

// Profiles are written to the store.
type Profiles interface {
	InsertProfiles(ctx context.Context, site journey.SiteID, profiles []store.Profile,
		derivedAt time.Time) error
}

// Refresh derives the profiles of all persons that the given identities belong to or belonged to.
// newLinks bounds how many links any one of them has got since its profile was derived. It gives
// the links left out because a person would have become too large.
func Refresh(
	ctx context.Context, facts Facts, profiles Profiles, m *journey.Map, site journey.SiteID,
	touched []journey.IdentityID, newLinks int,
) ([]identity.Link, error) {
	if len(touched) == 0 {
		return nil, nil
	}
	readAt, err := facts.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("dating profiles: %w", err)
	}
	links, ids, err := neighbourhood(ctx, facts, site, touched, newLinks+2)
	if err != nil {
		return nil, fmt.Errorf("finding the persons of %d identities: %w", len(touched), err)
	}
	writes, err := facts.LastWrites(ctx, site, ids)
	if err != nil {
		return nil, fmt.Errorf("reading traits of %d identities: %w", len(ids), err)
	}
	persons := identity.Resolve(links, identity.MaxIdentities)
	derived := Derive(ids, persons, writes, m)
	if err := profiles.InsertProfiles(ctx, site, derived, readAt); err != nil {
		return nil, fmt.Errorf("storing %d profiles: %w", len(derived), err)
	}
	return persons.Refused(), nil
}

// Derive is the pure part: the profiles of identities, given everything that bears on them.
func Derive(
	ids []journey.IdentityID, persons identity.Persons, writes []identity.Write, m *journey.Map,
) []store.Profile {
	byPerson := make(map[journey.PersonID][]identity.Write)
	for _, w := range writes {
		p := persons.Of(w.Identity)
		byPerson[p] = append(byPerson[p], w)
	}
	of := make(map[journey.PersonID]store.Profile)
	derived := make([]store.Profile, 0, len(ids))
	for _, id := range ids {
		person := persons.Of(id)
		profile, ok := of[person]
		if !ok {
			profile = describe(person, byPerson[person], m)
			of[person] = profile
		}
		profile.Identity = id
		derived = append(derived, profile)
	}
	return derived
}

func describe(
	person journey.PersonID, writes []identity.Write, m *journey.Map,
) store.Profile {
	traits := identity.Merge(writes, math.MaxInt64)
	p := store.Profile{
		Person: person, Persona: journey.Unassigned, Traits: object(writes, traits),
	}
	for _, w := range writes {
		p.LastWriteAt = max(p.LastWriteAt, w.OccurredAt/int64(time.Millisecond))
	}
	if m != nil {
		p.Persona, p.Version = m.Persona(traits), m.Version
	}
	return p
}

// object is the canonical text of merged traits.
func object(writes []identity.Write, traits identity.Traits) journey.Object {
	if len(traits) == 0 {
		return ""
	}
	last := make(map[string]identity.Write, len(traits))
	for _, w := range writes {
		if l, ok := last[w.Name]; !ok || identity.CompareWrites(l, w) < 0 {
			last[w.Name] = w
		}
	}
	raw := make(map[string]json.RawMessage, len(traits))
	for name := range traits {
		raw[name] = json.RawMessage(last[name].Value)
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(raw) != nil {
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
