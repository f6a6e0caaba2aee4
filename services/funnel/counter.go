package funnel

import (
	"errors"

	"github.com/waystage/waystage/services/journey"
)

// Course is what one unit did: its touchpoints in shown order, as far as a question looks at them.
// Touchpoints that fill no step may be left out, unless departures are asked: then every one that
// the filter lets be seen, of the instants that the question sees, must be there.
type Course struct {
	Touches []Touch
	// Views of the touches, with their Values; needed where Program.BreaksTouches, and with
	// departures.
	Views []*TouchView
	// Person has the values of the person; needed where a breakdown is by group or OfPerson.
	Person *Values
	// Persons, where the unit is no person, are those of each touch in place of Person.
	Persons []*Values
}

// Counted is what counts of a unit.
type Counted struct {
	// Attempt is the one that counts without breakdowns. Depth 0: the unit does not count.
	Attempt Attempt
	// Groups are those that the unit stands in, with the attempt that counts there; none without
	// breakdowns.
	Groups []Grouped
	// Leaving is what the unit did after Attempt's last step; nil where it converted or departures
	// are not asked.
	Leaving *Leaving
}

// Grouped is the attempt of a unit that counts in a group, and what the unit did after it.
type Grouped struct {
	Key     Key
	Attempt Attempt
	Leaving *Leaving
}

// ErrTooBig says that a unit stands in so many groups that it cannot be evaluated.
var ErrTooBig = errors.New("the unit has too many touchpoints and values to be evaluated")

// What one unit may cost: maxWork is how many touches and values of touches may be looked at over
// all its groups, maxCarried how many are kept.
const (
	maxWork    = 1 << 30
	maxCarried = 1 << 27
)

// Counter finds what counts of one unit after the other. It keeps its scratch space, so that a
// unit costs no allocation. Not safe for concurrent use.
type Counter struct {
	// Interrupt, if it is not nil, is asked before each group that a unit is evaluated for: its error
	// ends the Count.
	Interrupt func() error

	program   *Program
	evaluator *Evaluator
	trail     trail
	known     map[journey.Value][]GroupValue

	counted Counted
	// times of the whole, leavings of the whole and the groups.
	times []int64
	parts [MaxBreakdowns]part
	sub   subcourse
	// work is how many touches and values were looked at for the unit, most how many may be.
	work, most int
	// interrupted is the error of Interrupt. No Count comes after it.
	interrupted error
}

// Counter makes a counter. m is the newest map, nil if there is none: departures look at the order
// of its stages and at its barriers.
func (p *Program) Counter(m *journey.Map) *Counter {
	c := &Counter{
		program: p, evaluator: NewEvaluator(p.question), most: maxWork,
		known: make(map[journey.Value][]GroupValue),
	}
	if p.question.Departures {
		c.trail = newTrail(p.question, m)
	}
	return c
}

// PersonValues are what a person gives the breakdowns: those of attribution OfPerson, and those by
// group, for touchpoints that state none.
func (c *Counter) PersonValues(view *PersonView) Values {
	var values Values
	for i, b := range c.program.question.Breakdowns {
		if b.Attribution == OfPerson || b.By == OfGroup {
			values[i] = c.valuesOf(c.program.finders[i].ofPerson(view))
		}
	}
	return values
}

// maxKnown is how many values a counter remembers.
const maxKnown = 10_000

// valuesOf is ValuesOf, made once per value.
func (c *Counter) valuesOf(v journey.Value) []GroupValue {
	values, ok := c.known[v]
	if !ok {
		values = ValuesOf(v)
		if len(c.known) < maxKnown {
			c.known[v] = values
		}
	}
	return values
}
