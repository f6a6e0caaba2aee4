package funnel

import (
	"errors"
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// TrailTouch is a touchpoint of a person as trails see it: its instant in milliseconds since 1970,
// up to 2109; the number of its view in a TrailTable; and one more than the step that it may fill,
// 0 for none.
type TrailTouch uint64

// TrailLow is how many of the lowest bits of a TrailTouch are not its instant.
const TrailLow = touchLow

// MaxTrailViews is how many views a TrailTable may have.
const MaxTrailViews = 1 << viewBits

const (
	viewBits = 17
	touchLow = viewBits + markBits
)

// LastTrailTime is the last instant that a TrailTouch may have.
const LastTrailTime = 1<<(64-touchLow) - 1

// TrailTouchOf is a touchpoint that may fill a step: filled is one more than it, from 1, or 0.
func TrailTouchOf(at int64, view uint32, filled uint8) TrailTouch {
	return TrailTouch(at)<<touchLow | TrailTouch(view)<<markBits | TrailTouch(filled)
}

// At is the instant.
func (t TrailTouch) At() int64 { return int64(t >> touchLow) }

// View is the number of its view.
func (t TrailTouch) View() uint32 { return uint32(t>>markBits) & (MaxTrailViews - 1) }

// Opens tells that it may open an attempt.
func (t TrailTouch) Opens() bool { return t.Filled() == 1 }

// Filled is one more than the step that it may fill, from 0; 0 for none.
func (t TrailTouch) Filled() uint8 { return uint8(t & markMask) }

// TrailCourse has all touchpoints of a person that a question sees, in shown order.
type TrailCourse []TrailTouch

// fewTouches are searched one by one.
const fewTouches = 32

// from is the place of the first touch not before an instant.
func (c TrailCourse) from(at int64) int {
	if at > LastTrailTime {
		return len(c)
	}
	least := TrailTouchOf(at, 0, 0)
	lo, hi := 0, len(c)
	for hi-lo > fewTouches {
		if mid := int(uint(lo+hi) >> 1); c[mid] < least {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for lo < hi && c[lo] < least {
		lo++
	}
	return lo
}

// Followed tells that departures are asked, and that a TrailCounter gives what counts of the
// touchpoints that the filter lets be seen: but for departures, the question is decided ByTouch.
func (p *Program) Followed() bool {
	q := p.question
	q.Departures = false
	return p.question.Departures && programOf(q).ByTouch()
}

// TrailCounter finds what counts of one person after the other by marks, and what they did after
// the last step. It keeps its scratch space. Not safe for concurrent use.
type TrailCounter struct {
	*MarkCounter

	table *TrailTable
	marks []Mark
	// leaving is that of the person at hand, trace the same by number.
	leaving   Leaving
	trace     trace
	barriers  []journey.TouchpointID
	ambiguous bool
	// met has, by barrier, the turn in which it was met last.
	met  []uint32
	turn uint32
}

// TrailCounter makes a counter by a table. The program must be Followed.
func (p *Program) TrailCounter(table *TrailTable) *TrailCounter {
	return &TrailCounter{
		MarkCounter: p.MarkCounter(nil), table: table, met: make([]uint32, len(table.barriers)),
		trace: trace{table: table},
	}
}

// CountTrail finds what counts of a person: what Count finds by the touches that the course stands
// for. person as Course.Person. The result belongs to the counter and holds until its next count.
// Errors as of Count.
func (c *TrailCounter) CountTrail(course TrailCourse, person *Values) (*Counted, error) {
	if _, err := c.CountMarks(c.marksOf(course), person); err != nil {
		return nil, err
	}
	if _, _, left := c.Left(); left {
		return c.Leave(course)
	}
	return &c.counted, nil
}

// marksOf are the marks of a course, in order. Which touches may fill a step follows no pattern, so
// that a mark is written for each, and kept where it stands for one.
func (c *TrailCounter) marksOf(course TrailCourse) []Mark {
	c.marks = slices.Grow(c.marks[:0], len(course))
	marks, n := c.marks[:len(course)], 0
	for _, t := range course {
		filled := t & markMask
		marks[n] = Mark(t>>touchLow<<markBits | (filled-1)&markMask)
		n += int((filled + markMask) >> markBits)
	}
	c.marks = marks[:n]
	if !slices.IsSorted(c.marks) {
		slices.Sort(c.marks)
	}
	return c.marks
}

// CountMarks is that of a MarkCounter. Where the person has Left, the result lacks what they did
// then: Leave adds it.
func (c *TrailCounter) CountMarks(marks []Mark, person *Values) (*Counted, error) {
	c.ambiguous = false
	return c.MarkCounter.CountMarks(marks, person)
}

// Left tells whether the person counted last entered and did not convert, and the instants, both
// inside, between which Leave looks at touchpoints.
func (c *TrailCounter) Left() (from, to int64, left bool) {
	if len(c.attempts) == 0 || c.attempts[0].Converted {
		return 0, 0, false
	}
	r := c.seeker.rules
	from = c.attempts[0].Times[0]
	to = min(from+r.window, r.asOf)
	if r.all {
		to = min(to, r.to-1)
	}
	return from, to, true
}

// Leave adds what the person counted last did after the last step, where they have Left. course
// must have all touchpoints that the question sees of the instants that Left gives, in shown
// order; those before and after are not looked at. The result as of CountTrail. Errors: the course
// lacks the touchpoint that filled the last step.
func (c *TrailCounter) Leave(course TrailCourse) (*Counted, error) {
	from, to, _ := c.Left()
	a := &c.attempts[0]
	at := a.Times[a.Depth-1]
	course = course[course.from(from):]
	step := course.from(at)
	after := step + course[step:].from(at+1)
	end := after + course[after:].from(to+1)
	if !c.depart(course, step, after, end, uint8(a.Depth)) {
		return nil, errors.New("the course lacks the touchpoint that filled the last step")
	}
	c.leavings[0] = &c.leaving
	return &c.counted, nil
}

// Ambiguous tells that the person counted last would have left otherwise, but for the order of the
// barriers met, if touchpoints of one instant were shown in another order. False if they did not
// leave: what else counts never depends on that order.
func (c *TrailCounter) Ambiguous() bool { return c.ambiguous }
