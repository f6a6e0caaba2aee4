package funnel

import (
	"cmp"
	"slices"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

// knownPerson is a person with everything known of them.
type knownPerson struct {
	id journey.PersonID
	// facts are the touchpoints in shown order, repeats applied.
	facts  []AttributedFact
	writes []identity.Write
	// as of the question:
	persona journey.PersonaID
	view    PersonView
	values  Values
}

// personsOf gathers facts by person, ascending by id.
func personsOf(facts []AttributedFact, m *journey.Map, program *Program) []*knownPerson {
	var links []identity.Link
	for i := range facts {
		links = append(links, identity.LinksOf(&facts[i].Fact)...)
	}
	resolved := identity.Resolve(links, identity.MaxIdentities)
	byID := make(map[journey.PersonID]*knownPerson)
	for _, f := range facts {
		id := resolved.Of(f.Identity())
		p, ok := byID[id]
		if !ok {
			p = &knownPerson{id: id}
			byID[id] = p
		}
		p.writes = append(p.writes, identity.WritesOf(&f.Fact)...)
		if f.Kind.IsTouchpoint() {
			p.facts = append(p.facts, f)
		}
	}
	persons := make([]*knownPerson, 0, len(byID))
	for _, p := range byID {
		p.know(m, program)
		persons = append(persons, p)
	}
	slices.SortFunc(persons, func(a, b *knownPerson) int { return cmp.Compare(a.id, b.id) })
	return persons
}

// know finds out everything about the person as of the question.
func (p *knownPerson) know(m *journey.Map, program *Program) {
	slices.SortFunc(p.facts, func(a, b AttributedFact) int {
		return journey.CompareShown(&a.Fact, &b.Fact)
	})
	q, needs := program.Question(), program.Needs()
	asOf := q.AsOf.UnixMilli()
	traits, groups := identity.Merge(p.writes, asOf), identity.Groups(p.writes, asOf)
	p.persona = journey.Unassigned
	if m != nil {
		p.persona = cmp.Or(m.PersonaOf(&journey.Past{
			Traits: traits, Groups: groups, Deeds: p.deeds(m.PersonNeeds(), asOf), AsOf: asOf,
		}), journey.Unassigned)
		p.repeat(m)
	}
	p.view = PersonView{Persona: p.persona}
	for _, name := range needs.Traits {
		p.view.Traits = append(p.view.Traits, traits[name])
	}
	for _, name := range needs.PersonGroups {
		p.view.Groups = append(p.view.Groups, groups[name])
	}
	for _, name := range needs.Exposures {
		p.view.Variants = append(p.view.Variants, p.exposure(name, asOf))
	}
	for i, b := range q.Breakdowns {
		p.values[i] = p.valuesOf(b, traits, groups, asOf)
	}
}

// valuesOf are what the person gives a breakdown.
func (p *knownPerson) valuesOf(
	b Breakdown, traits identity.Traits, groups map[string]journey.GroupID, asOf int64,
) []GroupValue {
	switch b.By {
	case Persona:
		return []GroupValue{{Value: string(p.persona)}}
	case Trait:
		return ValuesOf(traits[b.Name])
	case OfGroup:
		return ValuesOf(named(string(groups[groupType(b.Name)])))
	case Variant:
		return ValuesOf(p.exposure(b.Name, asOf))
	default:
		return nil
	}
}

// deeds are the touchpoints that rules about persons look at.
func (p *knownPerson) deeds(needs journey.PersonNeeds, asOf int64) []journey.Deed {
	var deeds []journey.Deed
	for i := range p.facts {
		f := &p.facts[i]
		if f.At() > asOf || !needs.Wants(f.Event, f.Touchpoint) {
			continue
		}
		d := journey.Deed{
			Identity:   f.Identity(),
			OccurredAt: f.OccurredAt.UnixNano(), OriginalAt: f.OriginalAt.UnixNano(),
			ReceivedAt: f.ReceivedAt.UnixNano(), Index: f.Index, Message: f.Message,
			Event: f.Event, Touchpoint: f.Touchpoint, Channel: f.Channel,
		}
		for _, name := range needs.Properties {
			d.Values = append(d.Values, f.Properties.Value(name))
		}
		deeds = append(deeds, d)
	}
	return deeds
}

// repeat attributes the n-th touchpoint of its kind to the rule that repeats it from the greatest
// number on that is not above n.
func (p *knownPerson) repeat(m *journey.Map) {
	seen := make(map[journey.TouchpointID]int)
	for i := range p.facts {
		base := p.facts[i].Touchpoint
		if base == "" {
			continue
		}
		seen[base]++
		t := repeatOf(m, base, seen[base])
		if t == nil {
			continue
		}
		p.facts[i].Touchpoint, p.facts[i].Stage = t.ID, t.Stage
		if t.Channel != "" {
			p.facts[i].Channel = t.Channel
		}
	}
}

// repeatOf is the repeat that the n-th touchpoint of a base is, nil if it is none.
func repeatOf(m *journey.Map, base journey.TouchpointID, n int) (last *journey.Touchpoint) {
	for i := range m.Touchpoints {
		t := &m.Touchpoints[i]
		if t.Repeat != nil && t.Repeat.Of == base && t.Repeat.From <= n &&
			(last == nil || t.Repeat.From > last.Repeat.From) {
			last = t
		}
	}
	return last
}

// exposure is the variant of the person's first exposure.
func (p *knownPerson) exposure(experiment string, asOf int64) journey.Value {
	for i := range p.facts {
		f := &p.facts[i]
		if v := Exposure(f.Event, f.Properties.Value, experiment); f.At() <= asOf &&
			v.Kind() != journey.Missing {
			return v
		}
	}
	return journey.Value{}
}
