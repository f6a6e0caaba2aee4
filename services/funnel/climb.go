package funnel

import (
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// Mark is a touchpoint that may fill one step and no other: its instant in milliseconds since
// 1970, from 0 on, and in the lowest bits the step, from 0. Marks in ascending order are in order
// of time, and at one instant in the order of their steps: so those of one instant may fill one
// step after the other, whichever of them is shown first.
type Mark uint64

const (
	markBits = 5
	markMask = 1<<markBits - 1
)

// MarkOf is the mark of a touchpoint that may fill a step, from 0.
func MarkOf(at int64, step int) Mark { return Mark(at)<<markBits | Mark(step) }

// At is the instant.
func (m Mark) At() int64 { return int64(m >> markBits) }

// Step is the step that it may fill, from 0.
func (m Mark) Step() int { return int(m & markMask) }

// Marked tells that marks say all that the question asks of a person's touchpoints: it is Plain, no
// touchpoint may fill two steps, and no reasons are asked. CountMarks gives what counts then.
func (p *Program) Marked() bool {
	return p.Plain() && !p.Overlaps() && p.question.Reasons == nil
}

// Climber finds the attempt of one person after the other by marks: what Evaluator finds by the
// touches that they stand for. Like it, it keeps for each depth the latest entry that got there; no
// choice is left to it within a millisecond. It keeps its scratch space. Not safe for concurrent
// use.
type Climber struct {
	from, to, asOf, window int64
	// closes as of Evaluator.
	closes     int64
	steps      int
	all, first bool
	// latest has the latest entry that got to each depth, and begins which mark it is.
	latest [MaxSteps + 1]int64
	begins [MaxSteps + 1]int
	times  [MaxSteps]int64
}

// NewClimber makes a climber for a question without mistakes, none of whose touchpoints may fill
// two steps. Instants count as NewEvaluator says.
func NewClimber(q Question) *Climber {
	return &Climber{
		from: q.From.UnixMilli(), to: q.To.UnixMilli(), asOf: q.AsOf.UnixMilli(),
		window: q.Window.Milliseconds(), steps: len(q.Steps),
		all: q.Mode == All, first: q.Reentry == First,
	}
}

// Climb finds the attempt that counts among marks, which must be in ascending order. Those that the
// question does not see are not looked at.
func (c *Climber) Climb(marks []Mark) Attempt {
	marks, c.closes = c.seen(marks), c.to
	if c.first {
		return c.firstAttempt(marks)
	}
	return c.bestAttempt(marks)
}

// climbing is the marks of a person as entries see them.
type climbing struct {
	*Climber

	marks []Mark
}

func (c climbing) nextEntry(from int64) (at int64, found bool) {
	for _, m := range c.since(from) {
		if m.Step() == 0 {
			return m.At(), m.At() < c.to
		}
	}
	return 0, false
}

func (c climbing) bestOf(opens, closes int64) (best Attempt, looked int) {
	c.closes = min(closes, c.to)
	marks := c.since(opens)
	end, _ := slices.BinarySearch(marks, MarkOf(c.closes+c.window, 0))
	return c.bestAttempt(marks[:end]), end
}

// since are the marks that attempts see from an instant on.
func (c climbing) since(at int64) []Mark {
	marks := c.seen(c.marks)
	begin, _ := slices.BinarySearch(marks, MarkOf(max(at, 0), 0))
	return marks[begin:]
}

func (c *Climber) bestAttempt(marks []Mark) Attempt {
	s := c.climb(marks)
	if s.depth == 0 {
		return Attempt{}
	}
	newest := c.latest[1]
	return c.attempt(c.follow(marks[s.begin:], s.entry, s.depth), newest)
}

// seen cuts what no attempt sees.
func (c *Climber) seen(marks []Mark) []Mark {
	last := c.asOf
	if c.all {
		last = min(last, c.to-1)
	}
	if last < c.from || last < 0 {
		return nil
	}
	if n := len(marks); n > 0 && marks[0].At() >= c.from && marks[n-1].At() <= last {
		return marks
	}
	begin, _ := slices.BinarySearch(marks, MarkOf(max(c.from, 0), 0))
	end, _ := slices.BinarySearch(marks, MarkOf(last+1, 0))
	return marks[begin:end]
}

// peak is where the best attempts end: their depth, when it was first reached, and the latest entry
// that had reached it then, which is the mark at begin.
type peak struct {
	depth, begin int
	at, entry    int64
}

// climb finds the peak, and leaves the latest entry in latest[1] unless all steps were filled.
func (c *Climber) climb(marks []Mark) (s peak) {
	for k := range c.steps + 1 {
		c.latest[k] = never
	}
	for i, m := range marks {
		at, k := m.At(), m.Step()
		entry, begin := at, i
		if k > 0 {
			entry, begin = c.latest[k], c.begins[k]
		} else if at >= c.closes {
			continue
		}
		if at-entry > c.window {
			if at >= c.closes && at-c.latest[1] > c.window {
				return s
			}
			continue
		}
		if entry <= c.latest[k+1] {
			continue
		}
		c.latest[k+1], c.begins[k+1] = entry, begin
		if k < s.depth {
			continue
		}
		s = peak{depth: k + 1, begin: begin, at: at, entry: entry}
		if k+1 == c.steps {
			return s
		}
	}
	return s
}

// follow fills the steps of an attempt by the marks from its entry on, each as early as can be,
// until depth most is reached, and says how many are filled.
func (c *Climber) follow(marks []Mark, entry int64, most int) int {
	c.times[0] = entry
	depth := 1
	for _, m := range marks {
		if depth == most || m.At()-entry > c.window {
			break
		}
		if m.Step() == depth {
			c.times[depth] = m.At()
			depth++
		}
	}
	return depth
}

func (c *Climber) firstAttempt(marks []Mark) Attempt {
	for i, m := range marks {
		if m.At() >= c.to {
			break
		}
		if m.Step() == 0 {
			return c.attempt(c.follow(marks[i:], m.At(), c.steps), m.At())
		}
	}
	return Attempt{}
}

// attempt says what became of the attempt whose times are at hand, where newest is the latest
// entry of those that may count.
func (c *Climber) attempt(depth int, newest int64) Attempt {
	a := Attempt{
		Depth: depth, Filled: 1<<depth - 1, Times: c.times[:depth], Converted: depth == c.steps,
	}
	deadline := newest + c.window
	if c.all {
		deadline = min(deadline, c.to)
	}
	a.InWindow = !a.Converted && deadline > c.asOf
	return a
}

// MarkCounter finds what counts of one person after the other by marks. Not safe for concurrent
// use.
type MarkCounter struct {
	*Counter

	climber *Climber
	course  Course
	// only is the breakdown where there is one, by persons; -1 where not.
	only int
}

// MarkCounter makes a counter by marks. The program must be Marked.
func (p *Program) MarkCounter(m *journey.Map) *MarkCounter {
	c := &MarkCounter{Counter: p.Counter(m), climber: NewClimber(p.question), only: -1}
	if f := p.factors; len(f) == 1 && f[0].attribution == OfPerson && len(f[0].breakdowns) == 1 {
		c.only = f[0].breakdowns[0]
	}
	return c
}

// CountMarks finds what counts of a person: what Count finds by the touches that the marks stand
// for. person as Course.Person. The result belongs to the counter and holds until its next count.
// Errors as of Count.
func (c *MarkCounter) CountMarks(marks []Mark, person *Values) (*Counted, error) {
	c.reset()
	a := c.climber.Climb(marks)
	if a.Depth == 0 {
		return &c.counted, nil
	}
	if len(c.seeker.bounds) > 0 {
		a = c.keep(a)
		c.counted.Buckets = plainBuckets(c.Counter, climbing{c.climber, marks}, a)
		if c.err != nil {
			return nil, c.err
		}
	}
	c.attempts = append(c.attempts, a)
	c.counted.Attempts = c.attempts
	if c.program.question.Departures {
		c.leavings = append(c.leavings, nil)
		c.counted.Leavings = c.leavings
	}
	if len(c.program.factors) == 0 {
		return &c.counted, nil
	}
	if b := c.only; b >= 0 && len(person[b]) == 1 {
		var key Key
		key[b] = person[b][0]
		c.add(c.counted.Standing, key)
		return &c.counted, nil
	}
	c.course.Person = person
	return c.intoGroups(&c.course)
}

// intoGroups finds the groups that a person stands in.
func (c *MarkCounter) intoGroups(course *Course) (*Counted, error) {
	for i := range c.program.factors {
		if c.split(course, i); c.tooMuch() {
			return nil, ErrTooBig
		}
		if len(c.parts[i].keys) == 0 {
			return &c.counted, nil
		}
	}
	return &c.counted, c.group(course)
}

// ByTouch tells that the question would be Marked without its conditions and its filter, and that
// values of the touchpoint alone decide those: a Matcher that was told of no person gives the steps
// of a touchpoint then, and tells whether the filter hides it.
func (p *Program) ByTouch() bool {
	bare := p.question
	bare.Filter, bare.Steps = nil, slices.Clone(bare.Steps)
	for k := range bare.Steps {
		bare.Steps[k].Conditions = nil
	}
	return p.Impersonal() && !p.overlaps && programOf(bare).Marked()
}
