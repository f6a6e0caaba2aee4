package funnel

import (
	"cmp"
	"slices"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// knownUnit is a unit with the touchpoints that the filter lets be seen.
type knownUnit struct {
	id      unitID
	persona journey.PersonaID
	// seen are in shown order.
	seen      []seenTouch
	evaluator *Evaluator
	newest    *journey.Map
}

type unitID struct {
	person journey.PersonID
	value  string
}

// seenTouch is a touchpoint of a unit.
type seenTouch struct {
	Touch

	fact   *AttributedFact
	person *knownPerson
	view   TouchView
	// values by breakdown.
	values Values
}

// unitsOf gathers the touchpoints of persons by unit.
func unitsOf(persons []*knownPerson, program *Program) []*knownUnit {
	q := program.Question()
	matcher := program.Matcher()
	byID := make(map[unitID]*knownUnit)
	for _, p := range persons {
		matcher.Person(p.view)
		for i := range p.facts {
			t := seenTouch{fact: &p.facts[i], person: p, view: viewTouch(program.Needs(), &p.facts[i])}
			id, has := t.unit(q.Unit, program)
			if !has || !matcher.Sees(&t.view) {
				continue
			}
			targets := program.Targets(t.fact.Event, t.fact.Attribution)
			t.Touch = Touch{At: t.fact.At(), Steps: matcher.Steps(targets, &t.view)}
			for j, b := range q.Breakdowns {
				t.values[j] = t.valuesOf(b, j)
			}
			u, ok := byID[id]
			if !ok {
				u = &knownUnit{id: id}
				if q.Unit.Kind == PersonUnit {
					u.persona = p.persona
				}
				byID[id] = u
			}
			u.seen = append(u.seen, t)
		}
	}
	units := make([]*knownUnit, 0, len(byID))
	for _, u := range byID {
		slices.SortFunc(u.seen, func(a, b seenTouch) int {
			return journey.CompareShown(&a.fact.Fact, &b.fact.Fact)
		})
		units = append(units, u)
	}
	slices.SortFunc(units, func(a, b *knownUnit) int {
		return cmp.Or(cmp.Compare(a.id.person, b.id.person), strings.Compare(a.id.value, b.id.value))
	})
	return units
}

// unit is whose touchpoint it is.
func (t *seenTouch) unit(u Unit, program *Program) (unitID, bool) {
	if u.Kind == PersonUnit {
		return unitID{person: t.person.id}, true
	}
	value, has := program.UnitOf(&t.view, &t.person.view)
	return unitID{value: value}, has
}

// valuesOf are what the touchpoint gives a breakdown, or its person where persons are asked.
func (t *seenTouch) valuesOf(b Breakdown, number int) []GroupValue {
	f := t.fact
	if b.Attribution == OfPerson {
		return t.person.values[number]
	}
	switch b.By {
	case Property:
		return ValuesOf(f.Properties.Value(b.Name))
	case Variant:
		return ValuesOf(StatedVariant(f.Event, f.Properties.Value, b.Name))
	case OfGroup:
		if stated := StatedGroup(&f.Fact, groupType(b.Name)); stated != "" {
			return []GroupValue{{Value: string(stated)}}
		}
		return t.person.values[number]
	case OfChannel:
		return ValuesOf(named(string(f.Channel)))
	case OfCampaign:
		return ValuesOf(named(campaignPart(f.Campaign, b.Name)))
	case OfDevice:
		return ValuesOf(named(f.Client.Device))
	case OfBrowser:
		return ValuesOf(named(f.Client.Browser))
	case OfOS:
		return ValuesOf(named(f.Client.OS))
	default:
		return t.person.values[number]
	}
}

func viewTouch(n Needs, f *AttributedFact) TouchView {
	view := TouchView{
		Event: f.Event, Channel: f.Channel, Stage: f.Stage, Touchpoint: f.Touchpoint,
		Client: f.Client, Traffic: f.Traffic, Campaign: f.Campaign,
	}
	for _, name := range n.Properties {
		view.Properties = append(view.Properties, f.Properties.Value(name))
	}
	for _, name := range n.Groups {
		view.Groups = append(view.Groups, StatedGroup(&f.Fact, name))
	}
	for _, name := range n.Variants {
		view.Variants = append(view.Variants, StatedVariant(f.Event, f.Properties.Value, name))
	}
	return view
}

// count finds what counts of the unit.
func (u *knownUnit) count(q Question) Counted {
	c := Counted{Standing: u.evaluate(q, u.seen)}
	if len(c.Attempts) == 0 || len(q.Breakdowns) == 0 {
		return c
	}
	for _, key := range u.candidates(q) {
		seen, stands := u.within(q, key)
		if !stands {
			continue
		}
		if s := u.evaluate(q, seen); len(s.Attempts) > 0 {
			c.Groups = append(c.Groups, Grouped{key, s})
		}
	}
	return c
}

func (u *knownUnit) evaluate(q Question, seen []seenTouch) Standing {
	touches := make([]Touch, len(seen))
	for i := range seen {
		touches[i] = seen[i].Touch
	}
	a := u.evaluator.Evaluate(touches)
	a.Times = slices.Clone(a.Times)
	if a.Depth == 0 {
		return Standing{}
	}
	s := Standing{Attempts: []Attempt{a}}
	if q.Departures {
		s.Leavings = []*Leaving{nil}
		if !a.Converted {
			s.Leavings[0] = u.leaving(q, seen, a)
		}
	}
	return s
}
