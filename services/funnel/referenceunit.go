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
	seen []seenTouch
	// instants are those of all its touchpoints up to as_of, ascending, hidden ones too.
	instants []int64
	program  *Program
	newest   *journey.Map
}

type unitID struct {
	person journey.PersonID
	value  string
}

// seenTouch is a touchpoint of a unit.
type seenTouch struct {
	Touch

	// named has the steps whose target it is, hold the values held, held whether it has all of them.
	named uint32
	hold  string
	held  bool

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
			if !has {
				continue
			}
			u, ok := byID[id]
			if !ok {
				u = &knownUnit{id: id, program: program}
				if q.Unit.Kind == PersonUnit {
					u.persona = p.persona
				}
				byID[id] = u
			}
			if t.fact.At() <= q.AsOf.UnixMilli() {
				u.instants = append(u.instants, t.fact.At())
			}
			if matcher.Sees(&t.view) {
				t.match(program, matcher)
				u.seen = append(u.seen, t)
			}
		}
	}
	units := make([]*knownUnit, 0, len(byID))
	for _, u := range byID {
		slices.SortFunc(u.seen, func(a, b seenTouch) int {
			return journey.CompareShown(&a.fact.Fact, &b.fact.Fact)
		})
		slices.Sort(u.instants)
		u.keepFirst(q)
		units = append(units, u)
	}
	slices.SortFunc(units, func(a, b *knownUnit) int {
		return cmp.Or(cmp.Compare(a.id.person, b.id.person), strings.Compare(a.id.value, b.id.value))
	})
	return units
}

// match finds what the touchpoint may be in attempts, and what it gives breakdowns.
func (t *seenTouch) match(program *Program, matcher *Matcher) {
	t.named = program.Targets(t.fact.Event, t.fact.Attribution)
	exclusions := program.ExclusionTargets(t.fact.Event, t.fact.Attribution)
	t.Touch = Touch{
		At: t.fact.At(), Steps: matcher.Steps(t.named, &t.view),
		Exclusions: matcher.Exclusions(exclusions, &t.view),
	}
	t.hold, t.held = program.Hold(&t.view)
	for j, b := range program.Question().Breakdowns {
		t.values[j] = t.valuesOf(b, j)
	}
}

// keepFirst lets only the first touchpoint up to as_of fill a step that asks for the first.
func (u *knownUnit) keepFirst(q Question) {
	for k, step := range q.Steps {
		if step.FirstTime == Always {
			continue
		}
		met := false
		for i := range u.seen {
			t := &u.seen[i]
			is := t.Steps>>k&1 != 0
			if step.FirstTime == FirstOfTarget {
				is = t.named>>k&1 != 0
			}
			if is && (met || t.At > q.AsOf.UnixMilli()) {
				t.Steps &^= 1 << k
			}
			met = met || is
		}
	}
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
