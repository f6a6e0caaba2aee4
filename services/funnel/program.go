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
	// factors are the breakdowns as they are evaluated.
	factors []factor
	// finders say where each breakdown and the unit find their values, held where the hold does.
	finders [MaxBreakdowns]finder
	unit    finder
	held    []finder
	// exclusions are those of the question.
	exclusions []compiledStep
}

// compiledStep is a step or an exclusion.
type compiledStep struct {
	target Target
	// person and touch are indexes of tests.
	person, touch []int
}

// boundTest is a test and where its value is found.
type boundTest struct {
	*Test
	finder
}

// Needs says which values a program reads. Names are distinct and in ascending order; views hold
// their values in that order.
type Needs struct {
	Properties, Traits []string
	// Groups are types of groups that touchpoints state; PersonGroups, which include them, those
	// that persons have joined.
	Groups, PersonGroups []string
	// Variants are the experiments whose variants touchpoints state, Exposures those whose first
	// exposure of the person is needed.
	Variants, Exposures []string
	// Persona is needed by a condition or by a breakdown.
	Persona bool
	// Channel, Event, Stage and Touchpoint are needed by a condition or by departures.
	Channel, Event, Stage, Touchpoint bool
	// Mapped tells that a target is a stage or a touchpoint of the map.
	Mapped bool
	// Device, Browser, OS, Traffic and the parts of the campaign are needed by a condition or a
	// breakdown.
	Device, Browser, OS, Traffic             bool
	Campaign, CampaignSource, CampaignMedium bool
}

// Compile prepares a question. Errors: its Violations.
func Compile(q Question) (*Program, error) {
	if v := q.Check(); len(v) > 0 {
		return nil, fmt.Errorf("compiling question: %w", v)
	}
	return programOf(q), nil
}

// programOf prepares a question without mistakes.
func programOf(q Question) *Program {
	p := &Program{question: q, needs: needsOf(q), overlaps: overlaps(q.Steps)}
	for i, s := range q.Steps {
		step := p.compile(s.Target, s.Conditions)
		if len(step.touch) > 0 {
			p.conditional |= 1 << i
		}
		p.steps = append(p.steps, step)
	}
	for _, x := range q.Exclusions {
		p.exclusions = append(p.exclusions, p.compile(x.Target, x.Conditions))
	}
	if q.Filter != nil {
		p.filter = p.node(q.Filter)
	}
	p.unit = p.needs.unitFinder(q.Unit)
	for i, b := range q.Breakdowns {
		p.finders[i] = p.needs.finder(b.By, b.Name)
	}
	for _, name := range q.Hold {
		p.held = append(p.held, p.needs.finder(Property, name))
	}
	p.factors = factorsOf(q.Breakdowns)
	return p
}

func (p *Program) compile(target Target, conditions []Condition) compiledStep {
	step := compiledStep{target: target}
	for _, c := range conditions {
		test := p.bind(c)
		if c.Subject.OfPerson() {
			step.person = append(step.person, test)
		} else {
			step.touch = append(step.touch, test)
		}
	}
	return step
}

func (p *Program) bind(c Condition) int {
	p.tests = append(p.tests, boundTest{Test: newTest(c), finder: p.needs.finder(c.Subject, c.Name)})
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

// Plain tells that the targets alone decide: there is no condition and no filter, so that a
// Matcher would hand back what it is given; the unit is the person, no breakdown asks a
// touchpoint for its value, no departures or reasons are asked, and attempts are plain: ORDERED,
// counted once, with no option of steps, holds, exclusions or simultaneity. A trend and the time to
// convert may be asked: they are found from the same touches.
func (p *Program) Plain() bool {
	return len(p.tests) == 0 && !p.BreaksTouches() && p.question.Unit.Kind == PersonUnit &&
		!p.question.follows() && p.question.plain()
}

// Impersonal tells that nothing of a person decides which steps a touchpoint may fill, and whether
// the filter hides it: a Matcher that was told of no person says so.
func (p *Program) Impersonal() bool { return len(p.ofPerson) == 0 && len(p.needs.Groups) == 0 }

// BreaksTouches tells that a breakdown asks touchpoints for their values: a Course must have its
// Views then.
func (p *Program) BreaksTouches() bool {
	return slices.ContainsFunc(p.factors, func(f factor) bool { return f.attribution != OfPerson })
}

// Ordered tells that answers depend on the order of touchpoints of one millisecond, or on whether
// one is there twice: a Course must be in shown order then, each receipt once.
func (p *Program) Ordered() bool {
	return p.overlaps || p.question.follows() || p.BreaksTouches() ||
		p.question.Unit.Kind != PersonUnit || !p.question.plain()
}

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
	var n Needs
	for _, s := range q.Steps {
		n.addTarget(s.Target)
		for _, c := range s.Conditions {
			n.addSubject(c.Subject, c.Name)
		}
	}
	for _, x := range q.Exclusions {
		n.addTarget(x.Target)
		for _, c := range x.Conditions {
			n.addSubject(c.Subject, c.Name)
		}
	}
	for _, name := range q.Hold {
		n.addSubject(Property, name)
	}
	n.addFilter(q.Filter)
	n.addUnit(q.Unit)
	for _, b := range q.Breakdowns {
		n.addBreakdown(b)
	}
	if q.Reasons != nil {
		n.Properties = append(n.Properties, q.Reasons.Properties...)
	}
	if q.follows() {
		n.Channel, n.Event, n.Stage, n.Touchpoint = true, true, true, true
	}
	for _, names := range []*[]string{
		&n.Properties, &n.Traits, &n.Groups, &n.PersonGroups, &n.Variants, &n.Exposures,
	} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return n
}

func (n *Needs) addTarget(t Target) {
	n.Mapped = n.Mapped || t.Kind == Stage || t.Kind == Touchpoint
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
		n.addSubject(f.Subject, f.Name)
	}
}

func (n *Needs) addUnit(u Unit) {
	if u.Kind != PersonUnit {
		n.addSubject(unitSubjects[u.Kind], u.Name)
	}
}

func (n *Needs) addBreakdown(b Breakdown) {
	switch {
	case b.Attribution != OfPerson:
		n.addSubject(b.By, b.Name)
	case b.By == Variant:
		n.Exposures = append(n.Exposures, b.Name)
	case b.By == OfGroup:
		n.PersonGroups = append(n.PersonGroups, groupType(b.Name))
	default:
		n.addSubject(b.By, b.Name)
	}
}

// addSubject needs a value of touchpoints, or a trait or the persona.
func (n *Needs) addSubject(s Subject, name string) {
	switch s {
	case Property:
		n.Properties = append(n.Properties, name)
	case Trait:
		n.Traits = append(n.Traits, name)
	case OfGroup:
		n.Groups = append(n.Groups, groupType(name))
		n.PersonGroups = append(n.PersonGroups, groupType(name))
	case Variant:
		n.Variants = append(n.Variants, name)
	default:
		*n.flag(s, name) = true
	}
}

// flag is where a subject without a list of names is needed.
func (n *Needs) flag(s Subject, name string) *bool {
	switch s {
	case Persona:
		return &n.Persona
	case OfChannel:
		return &n.Channel
	case OfEvent:
		return &n.Event
	case OfStage:
		return &n.Stage
	case OfDevice:
		return &n.Device
	case OfBrowser:
		return &n.Browser
	case OfOS:
		return &n.OS
	case OfTraffic:
		return &n.Traffic
	case OfCampaign:
		return n.campaignFlag(name)
	default:
		return &n.Touchpoint
	}
}

func (n *Needs) campaignFlag(part string) *bool {
	switch part {
	case CampaignSource:
		return &n.CampaignSource
	case CampaignMedium:
		return &n.CampaignMedium
	default:
		return &n.Campaign
	}
}
