package funnel

import (
	"cmp"
	"slices"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

// AttributedFact is a fact with what the map says of it, and with what it says of itself.
type AttributedFact struct {
	journey.Fact
	journey.Attribution

	Client  journey.Client
	Traffic journey.Traffic
}

// PersonResult is a person who counts, and the attempt that does.
type PersonResult struct {
	Person  journey.PersonID
	Persona journey.PersonaID
	Attempt Attempt
}

// Reference answers a question from the facts of one site, in any order, copies included, by the
// simplest way: it is what every other way is held to. persona is the map's rule. Persons come by
// id, ascending, and are all who entered; their number is the first step's count. Links, and with
// them persons, are the latest; traits are as of the question's AsOf. Errors: the question's
// Violations.
func Reference(
	facts []AttributedFact, persona func(identity.Traits) journey.PersonaID, q Question,
) (Answer, []PersonResult, error) {
	program, err := Compile(q)
	if err != nil {
		return Answer{}, nil, err
	}
	var results []PersonResult
	tally, evaluator := NewTally(q), NewEvaluator(q)
	for _, p := range personsOf(settle(facts)) {
		traits := identity.Merge(p.writes, q.AsOf.UnixMilli())
		result := PersonResult{Person: p.id, Persona: cmp.Or(persona(traits), journey.Unassigned)}
		result.Attempt = evaluator.Evaluate(p.touches(program, traits, result.Persona))
		if result.Attempt.Depth == 0 {
			continue
		}
		result.Attempt.Times = slices.Clone(result.Attempt.Times)
		tally.Add(result.Attempt, OfPersona(result.Persona))
		results = append(results, result)
	}
	return tally.Answer(), results, nil
}

// Select lists the persons behind a number, in the order given.
func Select(results []PersonResult, s Selection) []PersonResult {
	var selected []PersonResult
	for _, r := range results {
		if s.Holds(r.Attempt, OfPersona(r.Persona)) {
			selected = append(selected, r)
		}
	}
	return selected
}

// settle keeps of all copies of a message the one that counts.
func settle(facts []AttributedFact) []AttributedFact {
	settled := make(map[journey.MessageKey]AttributedFact)
	for _, f := range facts {
		if kept, ok := settled[f.Key()]; !ok || compareCopies(&f, &kept) < 0 {
			settled[f.Key()] = f
		}
	}
	kept := make([]AttributedFact, 0, len(settled))
	for _, f := range settled {
		kept = append(kept, f)
	}
	return kept
}

// compareCopies decides by content between different copies of the same place in a batch of the
// same instant, so that the order of facts never does.
func compareCopies(a, b *AttributedFact) int {
	return cmp.Or(
		journey.CompareCopies(&a.Fact, &b.Fact),
		journey.CompareShown(&a.Fact, &b.Fact),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Event, b.Event),
		cmp.Compare(a.User, b.User),
		cmp.Compare(a.Visitor, b.Visitor),
		cmp.Compare(a.Previous, b.Previous),
		cmp.Compare(a.Properties, b.Properties),
		cmp.Compare(a.Traits, b.Traits),
		cmp.Compare(a.Context, b.Context),
	)
}

// knownPerson is a person with everything known of them.
type knownPerson struct {
	id     journey.PersonID
	facts  []AttributedFact
	writes []identity.Write
}

// personsOf gathers facts by person, ascending by id.
func personsOf(facts []AttributedFact) []*knownPerson {
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
		persons = append(persons, p)
	}
	slices.SortFunc(persons, func(a, b *knownPerson) int { return cmp.Compare(a.id, b.id) })
	return persons
}

// touches are the person's touchpoints in shown order, with the steps that each may fill.
func (p *knownPerson) touches(
	program *Program, traits identity.Traits, persona journey.PersonaID,
) []Touch {
	slices.SortFunc(p.facts, func(a, b AttributedFact) int {
		return journey.CompareShown(&a.Fact, &b.Fact)
	})
	matcher := program.Matcher()
	matcher.Person(viewPerson(program.Needs(), traits, persona))
	touches := make([]Touch, len(p.facts))
	for i := range p.facts {
		f := &p.facts[i]
		view := viewTouch(program.Needs(), f)
		targets := program.Targets(f.Event, f.Attribution)
		touches[i] = Touch{At: f.At(), Steps: matcher.Steps(targets, &view)}
	}
	return touches
}

func viewPerson(n Needs, traits identity.Traits, persona journey.PersonaID) PersonView {
	view := PersonView{Persona: persona}
	for _, name := range n.Traits {
		view.Traits = append(view.Traits, traits[name])
	}
	return view
}

func viewTouch(n Needs, f *AttributedFact) TouchView {
	view := TouchView{
		Event: f.Event, Channel: f.Channel, Stage: f.Stage, Touchpoint: f.Touchpoint,
		Client: f.Client, Traffic: f.Traffic,
	}
	for _, name := range n.Properties {
		view.Properties = append(view.Properties, f.Properties.Value(name))
	}
	return view
}
