package answer

import (
	"context"
	"fmt"
	"slices"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

// wanted says what a question asks of persons besides the traits and groups that its program needs.
type wanted struct {
	// persona asks for personas, repeats for where the touchpoints of persons begin to be repeats.
	persona, repeats bool
}

// of are the touchpoints that the rules of a map look at for what is wanted. m may be nil.
func (w wanted) of(m *journey.Map) journey.PersonNeeds {
	needs := m.PersonNeeds()
	if !w.persona {
		needs = journey.PersonNeeds{Bases: needs.Bases}
	}
	if !w.repeats {
		needs.Bases = nil
	}
	return needs
}

// people knows persons as of a question's as_of: what view and boundaries give equals what the
// rules of the newest map say of the person's facts. Personas and repeats come from the directory
// where that settles them; elsewhere, as traits and groups always, they come from facts.
type people struct {
	directory *directory
	newest    *journey.Map
	needs     funnel.Needs
	wanted    wanted
	asOf      int64

	nobody funnel.PersonView
	// anew tells that the directory settles nobody's persona or repeats.
	anew bool
	// unsettled are the persons whom the directory does not settle, where it settles others.
	unsettled map[journey.PersonID]bool
	known     map[journey.PersonID]known
}

// known is what is known of a person from facts.
type known struct {
	view       funnel.PersonView
	boundaries []journey.Boundary
}

// newPeople knows nobody: see read. m is the newest map, nil if there is none.
func newPeople(d *directory, m *journey.Map, p *funnel.Program, w wanted) *people {
	pe := &people{
		directory: d, newest: m, needs: p.Needs(), wanted: w, nobody: p.Nobody(),
		asOf:      p.Question().AsOf.UnixMilli(),
		unsettled: make(map[journey.PersonID]bool), known: make(map[journey.PersonID]known),
	}
	pe.nobody.Persona = pe.personaOf(&journey.Past{AsOf: pe.asOf})
	return pe
}

// read gets to know what is wanted. settled is what directory.settles says of the newest map.
func (pe *people) read(ctx context.Context, site journey.SiteID, settled bool) error {
	needs := pe.wanted.of(pe.newest)
	if len(needs.Bases) == 0 {
		pe.wanted.repeats = false
	}
	if pe.anew = !settled || needs.AsOf; !pe.anew && pe.wanted != (wanted{}) {
		pe.findUnsettled(site)
	}
	writes, err := pe.writes(ctx, site)
	if err != nil {
		return err
	}
	writesOf := byPerson(pe.directory, writes,
		func(w *identity.Write) journey.IdentityID { return w.Identity })
	deedsOf, err := pe.deeds(ctx, site, needs, writesOf)
	if err != nil {
		return err
	}
	pe.learn(writesOf, deedsOf)
	return nil
}

// findUnsettled finds the persons whose profile another map gave, or one that knows of facts after
// as_of.
func (pe *people) findUnsettled(site journey.SiteID) {
	version := versionOf(pe.newest)
	if pe.directory.alike(site, version, pe.asOf) {
		return
	}
	for e := range pe.directory.ofSite(site) {
		if e.version != version || pe.wanted.persona && e.lastWriteAt > pe.asOf {
			pe.unsettled[e.person] = true
		}
	}
}

// manyIdentities is when facts of all a site are read rather than those of a list.
const manyIdentities = 10_000

// identities lists those of persons who are meant; all tells that the whole site is to be read.
func (pe *people) identities(
	site journey.SiteID, meant func(journey.PersonID) bool,
) (ids []journey.IdentityID, all bool) {
	for e := range pe.directory.ofSite(site) {
		if !meant(e.person) {
			continue
		}
		if ids = append(ids, e.identity); len(ids) > manyIdentities {
			return nil, true
		}
	}
	return ids, false
}

// writes reads the trait writes that are needed: of everybody for traits and groups, else of those
// whose personas the directory does not settle. Nobody without a profile wrote any.
func (pe *people) writes(ctx context.Context, site journey.SiteID) ([]identity.Write, error) {
	meant := pe.isUnsettled
	switch {
	case len(pe.needs.Traits) > 0 || len(pe.needs.PersonGroups) > 0:
		meant = func(journey.PersonID) bool { return true }
	case !pe.wanted.persona || pe.settled():
		return nil, nil
	}
	ids, all := pe.identities(site, meant)
	if len(ids) == 0 && !all {
		return nil, nil
	}
	writes, err := pe.directory.store.WritesAsOf(ctx, site, ids, pe.asOf)
	if err != nil {
		return nil, fmt.Errorf("reading traits as of the question: %w", err)
	}
	return writes, nil
}

// settled tells that the directory settles everybody's persona and repeats.
func (pe *people) settled() bool { return !pe.anew && len(pe.unsettled) == 0 }

// isUnsettled tells whether the directory does not settle a person's persona and repeats.
func (pe *people) isUnsettled(p journey.PersonID) bool { return pe.anew || pe.unsettled[p] }

// learn says what follows of everybody who has facts, or whom the directory does not settle.
func (pe *people) learn(
	writesOf map[journey.PersonID][]identity.Write, deedsOf map[journey.PersonID][]journey.Deed,
) {
	for person, of := range deedsOf {
		pe.keep(person, pe.describe(person, writesOf[person], of))
		delete(writesOf, person)
	}
	for person, of := range writesOf {
		pe.keep(person, pe.describe(person, of, nil))
	}
	for person := range pe.unsettled {
		if _, done := pe.known[person]; !done {
			pe.known[person] = pe.describe(person, nil, nil)
		}
	}
}

// keep remembers what is known of a person, unless it is what is known of nobody.
func (pe *people) keep(person journey.PersonID, k known) {
	values := len(pe.needs.Traits) + len(pe.needs.PersonGroups)
	if pe.anew && values == 0 && len(k.boundaries) == 0 &&
		k.view.Persona == pe.nobody.Persona {
		return
	}
	pe.known[person] = k
}

// byPerson sorts facts by the person of their identity.
func byPerson[F any](
	d *directory, facts []F, identityOf func(*F) journey.IdentityID,
) map[journey.PersonID][]F {
	of := make(map[journey.PersonID][]F)
	for i := range facts {
		person := d.personOr(identityOf(&facts[i]))
		of[person] = append(of[person], facts[i])
	}
	return of
}

// describe says what follows from all facts of a person that are needed.
func (pe *people) describe(
	person journey.PersonID, writes []identity.Write, deeds []journey.Deed,
) known {
	past := pastOf(writes, deeds, pe.asOf)
	k := known{view: pe.nobody}
	k.view.Traits = chosen(pe.needs.Traits, past.Traits, pe.nobody.Traits)
	k.view.Groups = chosen(pe.needs.PersonGroups, past.Groups, pe.nobody.Groups)
	if !pe.isUnsettled(person) {
		k.view.Persona = pe.settledPersona(person, 0)
		k.boundaries = pe.directory.repeatsOf(person, 0)
		return k
	}
	if pe.wanted.persona {
		k.view.Persona = pe.personaOf(past)
	}
	if pe.wanted.repeats {
		k.boundaries = pe.newest.Boundaries(past.Deeds)
	}
	return k
}

// pastOf is what is known of a person by facts, which it sorts, as of an instant in milliseconds
// since 1970.
func pastOf(writes []identity.Write, deeds []journey.Deed, asOf int64) *journey.Past {
	slices.SortFunc(deeds, func(a, b journey.Deed) int { return journey.CompareDeeds(&a, &b) })
	deeds = slices.CompactFunc(deeds, func(a, b journey.Deed) bool {
		return journey.CompareDeeds(&a, &b) == 0
	})
	return &journey.Past{
		Traits: identity.Merge(writes, asOf), Groups: identity.Groups(writes, asOf),
		Deeds: deeds, AsOf: asOf,
	}
}

// chosen are the values of some names, in their order; nobody's where no name is wanted.
func chosen[V any](names []string, of map[string]V, nobody []V) []V {
	if len(names) == 0 {
		return nobody
	}
	values := make([]V, len(names))
	for i, name := range names {
		values[i] = of[name]
	}
	return values
}

func (pe *people) personaOf(past *journey.Past) journey.PersonaID {
	if pe.newest == nil {
		return journey.Unassigned
	}
	return pe.newest.PersonaOf(past)
}

// settledPersona is that of a person whom the directory settles; at as of viewAt. The smallest
// identity of a person has an entry if any of them has.
func (pe *people) settledPersona(p journey.PersonID, at spot) journey.PersonaID {
	if persona, ok := pe.directory.personaOf(p, at); ok {
		return persona
	}
	return pe.nobody.Persona
}

// view is what the question sees of a person, but for variants: those are nobody's.
func (pe *people) view(p journey.PersonID) funnel.PersonView { return pe.viewAt(p, 0) }

// viewAt is view where it may be known at which spot of the directory the identity is that names
// the person; 0 where it is not.
func (pe *people) viewAt(p journey.PersonID, at spot) funnel.PersonView {
	if k, ok := pe.known[p]; ok {
		return k.view
	}
	v := pe.nobody
	if !pe.anew && pe.wanted.persona {
		v.Persona = pe.settledPersona(p, at)
	}
	return v
}

// personaAlone tells that a person's view follows from the persona that the directory has, but for
// variants.
func (pe *people) personaAlone() bool {
	return pe.settled() && pe.wanted.persona && len(pe.known) == 0
}

// boundaries are where a person's touchpoints begin to be repeats; none where repeats are not
// wanted. They are right for touchpoints at or before as_of. at as of viewAt.
func (pe *people) boundaries(p journey.PersonID, at spot) []journey.Boundary {
	if !pe.wanted.repeats {
		return nil
	}
	if k, ok := pe.known[p]; ok {
		return k.boundaries
	}
	if pe.anew {
		return nil
	}
	return pe.directory.repeatsOf(p, at)
}

func versionOf(m *journey.Map) journey.MapVersion {
	if m == nil {
		return 0
	}
	return m.Version
}
