package funnel

import (
	"math/bits"

	"github.com/waystage/waystage/services/journey"
)

// PersonView is what a program sees of a person.
type PersonView struct {
	// Traits as of the question's AsOf, in the order of Needs.Traits.
	Traits []journey.Value
	// Persona by these traits; empty counts as journey.Unassigned.
	Persona journey.PersonaID
}

// TouchView is what a program sees of a touchpoint. Fields that the program does not need may be
// empty.
type TouchView struct {
	// Properties in the order of Needs.Properties.
	Properties []journey.Value
	Event      string
	// Channel, Stage, Touchpoint, each part of Client, and Traffic are missing where they are empty.
	Channel    journey.ChannelID
	Stage      journey.StageID
	Touchpoint journey.TouchpointID
	Client     journey.Client
	Traffic    journey.Traffic
}

// Matcher tells which steps the touchpoints of one person after the other may fill: conditions on
// the person are decided once per person. It allocates nothing per person or touchpoint, beyond
// what a comparison as text needs. Not safe for concurrent use.
type Matcher struct {
	program *Program
	// held are the outcomes of the tests of the person, by index of the test.
	held []bool
	// steps has the bit of every step whose conditions on the person hold.
	steps  uint32
	filter verdict
}

// Matcher makes a matcher, ready for persons of whom nothing is known.
func (p *Program) Matcher() *Matcher {
	m := &Matcher{program: p, held: make([]bool, len(p.tests))}
	m.Person(PersonView{Traits: make([]journey.Value, len(p.needs.Traits))})
	return m
}

// Person turns to the next person. False if no touchpoint of the person can open an attempt:
// the person may be left out.
func (m *Matcher) Person(view PersonView) bool {
	for _, i := range m.program.ofPerson {
		t := &m.program.tests[i]
		m.held[i] = t.Holds(t.ofPerson(view))
	}
	m.steps = 0
	for k := range m.program.steps {
		if m.allHeld(m.program.steps[k].person) {
			m.steps |= 1 << k
		}
	}
	m.filter = yes
	if f := m.program.filter; f != nil {
		m.filter = f.forecast(m)
	}
	return m.filter != no && m.steps&1 != 0
}

func (m *Matcher) allHeld(tests []int) bool {
	for _, i := range tests {
		if !m.held[i] {
			return false
		}
	}
	return true
}

// Steps are the steps that a touchpoint of the person may fill, of those whose targets it is (see
// Program.Targets). 0 if the filter hides it.
func (m *Matcher) Steps(targets uint32, view *TouchView) uint32 {
	targets &= m.steps
	if targets == 0 || m.filter == no || m.filter == open && !m.program.filter.holds(m, view) {
		return 0
	}
	for rest := targets & m.program.conditional; rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros32(rest)
		if !m.pass(m.program.steps[k].touch, view) {
			targets &^= 1 << k
		}
	}
	return targets
}

func (m *Matcher) pass(tests []int, view *TouchView) bool {
	for _, i := range tests {
		if !m.holds(i, view) {
			return false
		}
	}
	return true
}

func (m *Matcher) holds(test int, view *TouchView) bool {
	t := &m.program.tests[test]
	if t.subject.OfPerson() {
		return m.held[test]
	}
	return t.Holds(t.ofTouch(view))
}

func (t *boundTest) ofPerson(view PersonView) journey.Value {
	if t.subject == Trait {
		return view.Traits[t.slot]
	}
	if view.Persona == "" {
		return journey.TextValue(string(journey.Unassigned))
	}
	return journey.TextValue(string(view.Persona))
}

func (t *boundTest) ofTouch(view *TouchView) journey.Value {
	switch t.subject {
	case Property:
		return view.Properties[t.slot]
	case OfChannel:
		return named(string(view.Channel))
	case OfEvent:
		return named(view.Event)
	case OfStage:
		return named(string(view.Stage))
	case OfDevice:
		return named(view.Client.Device)
	case OfBrowser:
		return named(view.Client.Browser)
	case OfOS:
		return named(view.Client.OS)
	case OfTraffic:
		return named(string(view.Traffic))
	default:
		return named(string(view.Touchpoint))
	}
}

// named is a name as a value: missing if it is empty.
func named(name string) journey.Value {
	if name == "" {
		return journey.Value{}
	}
	return journey.TextValue(name)
}
