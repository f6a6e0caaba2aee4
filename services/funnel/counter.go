package funnel

import (
	"errors"

	"github.com/waystage/waystage/services/journey"
)

// Course is what one unit did: its touchpoints in shown order, as far as a question looks at them.
// Touchpoints that fill no step, are no exclusion and have no bit in Named may be left out, unless
// the program's Scope says that everything must be there: then every one that the filter lets be
// seen, of the instants that the question sees.
type Course struct {
	Touches []Touch
	// Views of the touches, with their Values; needed where Program.BreaksTouches, and with
	// departures and reasons.
	Views []*TouchView
	// Person has the values of the person; needed where a breakdown is by group or OfPerson.
	Person *Values
	// Persons, where the unit is no person, are those of each touch in place of Person.
	Persons []*Values
	// Named has, for each touch, the bits of Scope.FirstTime whose step's target it is, conditions
	// apart; needed where Scope.FirstTime is not 0.
	Named []uint32
	// Holds has, for each touch, a number for its hold values (see Program.Hold), the same where these
	// are, -1 where it lacks one. nil where nothing is held.
	Holds []int32
	// Sessions has the number of each touch's session, ascending; SessionEnds, by that number, the
	// last instant of each, of all touchpoints of the unit up to the question's AsOf, those too that
	// the filter hides. Both nil unless Scope.Unfiltered.
	Sessions    []int32
	SessionEnds []int64
}

// Counted is what counts of a unit.
type Counted struct {
	// Standing is that without breakdowns.
	Standing

	// Groups are those that the unit stands in, with what counts there; none without breakdowns.
	Groups []Grouped
}

// Grouped is what counts of a unit in a group.
type Grouped struct {
	Key Key
	Standing
}

// Standing is what counts of a unit, as a whole or in one of its groups.
type Standing struct {
	// Attempts are those that count, by entry: under Once at most one. None: the unit does not count.
	Attempts []Attempt
	// Leavings are what the unit did after the last step of each of the attempts, nil where that
	// converted. None where departures are not asked.
	Leavings []*Leaving
	// Passages are what was met after the required steps of the attempts. None where reasons are not
	// asked.
	Passages []Passage
	// Buckets are the attempts that count in the buckets of the trend, by bucket, then by entry. None
	// where no trend is asked.
	Buckets []Bucketed
}

// Bucketed is an attempt that counts in a bucket of the trend, from 0.
type Bucketed struct {
	Bucket int
	Attempt
}

// leaving is that of an attempt, nil where there is none.
func (s *Standing) leaving(attempt int) *Leaving {
	if s.Leavings == nil {
		return nil
	}
	return s.Leavings[attempt]
}

// ErrTooBig says that a unit has so many touchpoints, assignments or groups that it cannot be
// evaluated.
var ErrTooBig = errors.New("the unit has too many touchpoints and values to be evaluated")

// Counter finds what counts of one unit after the other. It keeps its scratch space, so that a
// unit costs no allocation. Not safe for concurrent use.
type Counter struct {
	// Interrupt, if it is not nil, is asked before each group that a unit is evaluated for, and now
	// and then where that takes long: its error ends the Count.
	Interrupt func() error

	*meter
	program *Program
	// evaluator is that of plain questions, seeker that of all others.
	evaluator *Evaluator
	seeker    *seeker
	// plain tells that the question is, fenced that it is but for exclusions.
	plain, fenced bool
	firsts        firsts
	trail         trail
	scout         *scout
	known         map[journey.Value][]GroupValue

	counted Counted
	// times, attempts, leavings and buckets of the whole and the groups.
	times    []int64
	attempts []Attempt
	leavings []*Leaving
	buckets  []Bucketed
	parts    [MaxBreakdowns]part
	sub      subcourse
}

// Counter makes a counter. m is the newest map, nil if there is none: departures look at the order
// of its stages, these and reasons at its barriers.
func (p *Program) Counter(m *journey.Map) *Counter {
	work := &meter{most: maxWork}
	c := &Counter{
		meter: work, program: p, evaluator: NewEvaluator(p.question),
		plain: p.question.plain(), fenced: p.question.fenced(),
		seeker: newSeeker(&p.question, work), firsts: firstsOf(&p.question),
		known: make(map[journey.Value][]GroupValue),
	}
	if p.question.Departures {
		c.trail = newTrail(m)
	}
	if p.question.Reasons != nil {
		c.scout = newScout(p, m, c.valuesOf)
	}
	return c
}

// fenced tells that a question would be plain without its exclusions.
func (q Question) fenced() bool {
	q.Exclusions = nil
	return q.plain()
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
