package funnel

import (
	"cmp"

	"github.com/waystage/waystage/services/journey"
)

// AttributedFact is a fact with what the map says of it, and with what it says of itself.
type AttributedFact struct {
	journey.Fact
	journey.Attribution

	Client   journey.Client
	Traffic  journey.Traffic
	Campaign journey.Campaign
}

// Result is a unit that counts, and how.
type Result struct {
	// Person and Persona are empty where the unit is no person.
	Person  journey.PersonID
	Persona journey.PersonaID
	// Unit is the value of the unit that is no person, else empty.
	Unit string
	Counted
}

// Reference answers a question from the facts of one site, in any order, copies included, by the
// simplest way: it is what every other way is held to. m is the newest map, nil if there is none.
// Persons come by id, ascending, other units by value in the order of bytes, and are all who
// entered; their number is the first step's count. Links, and with them persons, are the latest;
// traits, groups and personas are as of the question's AsOf. Errors: the question's Violations.
func Reference(
	facts []AttributedFact, m *journey.Map, q Question,
) (Answer, []Result, error) {
	program, err := Compile(q)
	if err != nil {
		return Answer{}, nil, err
	}
	var results []Result
	tally := NewTally(q)
	for _, u := range unitsOf(personsOf(settle(facts), m, program), program) {
		u.newest = m
		result := Result{Person: u.id.person, Persona: u.persona, Unit: u.id.value, Counted: u.count(q)}
		if len(result.Attempts) == 0 && len(result.Groups) == 0 {
			continue
		}
		tally.Add(&result.Counted)
		results = append(results, result)
	}
	return tally.Answer(), results, nil
}

// Selected is a unit behind a number, with an attempt that it is counted with there.
type Selected struct {
	*Result
	Found
}

// Select lists what is behind a number of a question, units in the order given, the attempts of
// each by entry.
func Select(q Question, results []Result, s Selection) []Selected {
	var selected []Selected
	for i := range results {
		for _, a := range q.Find(s, &results[i].Counted, nil) {
			selected = append(selected, Selected{&results[i], a})
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
