package answer

import (
	"context"
	"fmt"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

// people knows persons as of a question's as_of. Personas come from the directory; where that is
// not enough (traits are asked for, a trait was written after as_of, or another version of the
// map gave the persona) they come from the trait writes.
type people struct {
	directory *directory
	needs     funnel.Needs
	nobody    funnel.PersonView
	views     map[journey.PersonID]funnel.PersonView
}

// newPeople knows nobody: see read. m is the newest map, nil if there is none.
func newPeople(d *directory, m *journey.Map, p *funnel.Program) *people {
	pe := &people{
		directory: d, needs: p.Needs(), views: make(map[journey.PersonID]funnel.PersonView),
	}
	pe.nobody = pe.viewOf(nil, personaOf(m, nil))
	return pe
}

// read gets to know the personas, and the traits that the question needs, as of an instant in
// milliseconds since 1970.
func (pe *people) read(
	ctx context.Context, site journey.SiteID, m *journey.Map, asOf int64,
) error {
	unsettled, all := pe.unsettled(site, m, asOf)
	if len(unsettled) == 0 {
		return nil
	}
	if all {
		unsettled = nil
	}
	writes, err := pe.directory.store.WritesAsOf(ctx, site, unsettled, asOf)
	if err != nil {
		return fmt.Errorf("reading traits as of the question: %w", err)
	}
	pe.settle(writes, m, asOf)
	return nil
}

// manyIdentities is when all traits of a site are read rather than those of a list.
const manyIdentities = 10_000

// unsettled lists the identities whose persons the directory does not settle.
func (pe *people) unsettled(
	site journey.SiteID, m *journey.Map, asOf int64,
) (ids []journey.IdentityID, all bool) {
	version := versionOf(m)
	number, known := pe.directory.sites.numbers[string(site)]
	if !known {
		return nil, false
	}
	for _, e := range pe.directory.entries {
		if e.site != number {
			continue
		}
		if len(pe.needs.Traits) > 0 || e.lastWriteAt > asOf || e.version != version {
			ids = append(ids, e.identity)
			pe.views[e.person] = pe.nobody
		}
	}
	return ids, len(ids) > manyIdentities
}

// settle merges the writes of each person that is not settled.
func (pe *people) settle(writes []identity.Write, m *journey.Map, asOf int64) {
	byPerson := make(map[journey.PersonID][]identity.Write)
	for _, w := range writes {
		person := journey.PersonID(w.Identity)
		if e, ok := pe.directory.entryOf(w.Identity); ok {
			person = e.person
		}
		byPerson[person] = append(byPerson[person], w)
	}
	for person, of := range byPerson {
		traits := identity.Merge(of, asOf)
		pe.views[person] = pe.viewOf(traits, personaOf(m, traits))
	}
}

func (pe *people) viewOf(traits identity.Traits, persona journey.PersonaID) funnel.PersonView {
	v := funnel.PersonView{Persona: persona}
	for _, name := range pe.needs.Traits {
		v.Traits = append(v.Traits, traits[name])
	}
	return v
}

// view is what the question sees of a person.
func (pe *people) view(p journey.PersonID) funnel.PersonView {
	if v, ok := pe.views[p]; ok {
		return v
	}
	// The smallest identity of a person has an entry if any of them has.
	if e, ok := pe.directory.entryOf(journey.IdentityID(p)); ok {
		return funnel.PersonView{
			Traits: pe.nobody.Traits, Persona: journey.PersonaID(pe.directory.personas.list[e.persona]),
		}
	}
	return pe.nobody
}

func personaOf(m *journey.Map, traits identity.Traits) journey.PersonaID {
	if m == nil {
		return journey.Unassigned
	}
	return m.Persona(traits)
}

func versionOf(m *journey.Map) journey.MapVersion {
	if m == nil {
		return 0
	}
	return m.Version
}
