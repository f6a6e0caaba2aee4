package funnel

import (
	"fmt"
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// Program is a compiled question: what it needs to see, and which steps a touchpoint may fill.
// It is safe for concurrent use; a Matcher of it is not.
type Program struct {
	question Question
	needs    Needs
	overlaps bool
	steps    []compiledStep
	tests    []boundTest
	// ofPerson are the indexes of the tests whose value is the person's.
	ofPerson []int
	// conditional has the bit of every step with a condition on the touchpoint.
	conditional uint32
	filter      *node
}

type compiledStep struct {
	target Target
	// person and touch are indexes of tests.
	person, touch []int
}

// boundTest is a test and where its value is found: slot is the place in the slices of a view.
type boundTest struct {
	*Test
	subject Subject
	slot    int
}

// Needs says which values a program reads. Names are distinct and in ascending order; views hold
// their values in that order.
type Needs struct {
	Properties, Traits []string
	// Persona is needed by a condition or by the breakdown.
	Persona bool
	// Channel, Event, Stage and Touchpoint are needed by a condition or a target.
	Channel, Event, Stage, Touchpoint bool
	// Device, Browser, OS and Traffic are needed by a condition.
	Device, Browser, OS, Traffic bool
}

// Compile prepares a question. Errors: its Violations.
func Compile(q Question) (*Program, error) {
	if v := q.Check(); len(v) > 0 {
		return nil, fmt.Errorf("compiling question: %w", v)
	}
	p := &Program{question: q, needs: needsOf(q), overlaps: overlaps(q.Steps)}
	for i, s := range q.Steps {
		step := compiledStep{target: s.Target}
		for _, c := range s.Conditions {
			test := p.bind(c)
			if c.Subject.OfPerson() {
				step.person = append(step.person, test)
				continue
			}
			step.touch = append(step.touch, test)
			p.conditional |= 1 << i
		}
		p.steps = append(p.steps, step)
	}
	if q.Filter != nil {
		p.filter = p.node(q.Filter)
	}
	return p, nil
}

func (p *Program) bind(c Condition) int {
	bound := boundTest{Test: newTest(c), subject: c.Subject}
	switch c.Subject {
	case Property:
		bound.slot, _ = slices.BinarySearch(p.needs.Properties, c.Name)
	case Trait:
		bound.slot, _ = slices.BinarySearch(p.needs.Traits, c.Name)
	}
	p.tests = append(p.tests, bound)
	i := len(p.tests) - 1
	if c.Subject.OfPerson() {
		p.ofPerson = append(p.ofPerson, i)
	}
	return i
}

// Question is what was compiled.
func (p *Program) Question() Question { return p.question }

// Needs says which values must be there. The slices belong to the program.
func (p *Program) Needs() Needs { return p.needs }

// Plain tells that the targets alone decide: there is no condition and no filter, and a Matcher
// would hand back what it is given.
func (p *Program) Plain() bool { return len(p.tests) == 0 }

// Overlaps tells that some touchpoint may fill two steps. Where it is false, the attempt of a
// person is the same whatever the order of touches of one millisecond.
func (p *Program) Overlaps() bool { return p.overlaps }

// Targets has bit k for every step k, from 0, whose target is a touchpoint of this event name
// and attribution, conditions apart.
func (p *Program) Targets(event string, a journey.Attribution) uint32 {
	var mask uint32
	for i := range p.steps {
		if p.steps[i].target.Matches(event, a) {
			mask |= 1 << i
		}
	}
	return mask
}

func overlaps(steps []Step) bool {
	names := make(map[string]bool, len(steps))
	for _, s := range steps {
		t := s.Target
		if t.Kind == AnyEvent || t.Kind != steps[0].Target.Kind || names[t.Name] {
			return true
		}
		names[t.Name] = true
	}
	return false
}

func needsOf(q Question) Needs {
	n := Needs{Persona: q.ByPersona}
	for _, s := range q.Steps {
		n.addTarget(s.Target)
		for _, c := range s.Conditions {
			n.addCondition(c)
		}
	}
	n.addFilter(q.Filter)
	slices.Sort(n.Properties)
	slices.Sort(n.Traits)
	n.Properties, n.Traits = slices.Compact(n.Properties), slices.Compact(n.Traits)
	return n
}

func (n *Needs) addTarget(t Target) {
	switch t.Kind {
	case Stage:
		n.Stage = true
	case Touchpoint:
		n.Touchpoint = true
	case Event:
		n.Event = true
	}
}

func (n *Needs) addFilter(f Filter) {
	switch f := f.(type) {
	case AllOf:
		for _, of := range f {
			n.addFilter(of)
		}
	case AnyOf:
		for _, of := range f {
			n.addFilter(of)
		}
	case Not:
		n.addFilter(f.Of)
	case Condition:
		n.addCondition(f)
	}
}

func (n *Needs) addCondition(c Condition) {
	switch c.Subject {
	case Property:
		n.Properties = append(n.Properties, c.Name)
	case Trait:
		n.Traits = append(n.Traits, c.Name)
	case Persona:
		n.Persona = true
	case OfChannel:
		n.Channel = true
	case OfEvent:
		n.Event = true
	case OfStage:
		n.Stage = true
	case OfTouchpoint:
		n.Touchpoint = true
	case OfDevice:
		n.Device = true
	case OfBrowser:
		n.Browser = true
	case OfOS:
		n.OS = true
	case OfTraffic:
		n.Traffic = true
	}
}
