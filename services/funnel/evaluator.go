package funnel

import (
	"math"
	"math/bits"
)

// Touch is a touchpoint of a person, as far as attempts are concerned.
type Touch struct {
	// At is when it occurred, in milliseconds since 1970.
	At int64
	// Steps has bit k where it may fill step k, from 0: target and conditions hold, and the filter
	// lets it be seen.
	Steps uint32
	// Exclusions has bit i where it is exclusion i, from 0: target and conditions hold, and the filter
	// lets it be seen.
	Exclusions uint8
}

// Attempt is an attempt of a unit that counts.
type Attempt struct {
	// Depth is the number of required steps filled one after the other; under Any the number of steps
	// filled. 0 if no attempt was opened: the unit does not count.
	Depth int
	// Filled has bit k where step k, from 0, is filled: under Any the lowest Depth bits.
	Filled uint32
	// Times has the instant of each step up to the last one filled, in milliseconds since 1970: under
	// Any that of the k-th in time. Of steps left out it says nothing. It belongs to whoever found the
	// attempt and holds until the next is found.
	Times []int64
	// Converted: all required steps are filled.
	Converted bool
	// InWindow: not converted, and an attempt that may count can still convert.
	InWindow bool
	// Hit: an exclusion of effect Drop ended it.
	Hit bool
}

// Outcome is what became of the attempt.
func (a Attempt) Outcome() Outcome {
	switch {
	case a.Converted:
		return Converted
	case a.InWindow:
		return InWindow
	default:
		return Lost
	}
}

// Outcome is what became of a person who entered a funnel.
type Outcome uint8

// The outcomes. Converted: all steps are filled. InWindow: not yet, but they still can be. Lost:
// they can no longer.
const (
	Converted Outcome = iota + 1
	InWindow
	Lost
)

// never is an entry so early that no window reaches from it.
const never = math.MinInt64 / 2

// Evaluator finds the attempt of one person after the other. It keeps its scratch space, so that
// a person costs no allocation. Not safe for concurrent use.
//
// An attempt is a set of touches of one entry, and there may be as many entries as touches, so
// they are not tried one by one. Of all attempts opened so far it keeps, for each depth, only the
// entry of the latest that got there: at equal depth the latest entry has the longest time left,
// and a deeper attempt can do all that a shallower one of the same entry can. Time is linear in
// the touches (times the steps, where touches of one millisecond may fill several).
type Evaluator struct {
	from, to, asOf, window int64
	// closes is when entries open no more attempts: to, or the end of the bucket at hand.
	closes     int64
	steps      int
	mask       uint32
	all, first bool
	// latest[k] is the latest entry that has reached depth k, or never. latest[0] is the time of
	// the group at hand where it may open attempts.
	latest [MaxSteps + 1]int64
	times  [MaxSteps]int64
	match  matching
}

// NewEvaluator makes an evaluator for a question without mistakes. Bounds, as_of and window count
// in whole milliseconds; finer parts are cut off.
func NewEvaluator(q Question) *Evaluator {
	return &Evaluator{
		from: q.From.UnixMilli(), to: q.To.UnixMilli(), asOf: q.AsOf.UnixMilli(),
		window: q.Window.Milliseconds(), closes: q.To.UnixMilli(),
		steps: len(q.Steps), mask: 1<<len(q.Steps) - 1,
		all: q.Mode == All, first: q.Reentry == First,
	}
}

// Evaluate finds the attempt that counts among the touches of one person, in shown order. Touches
// that fill no step may be left out, as may those before From; those after AsOf, or outside the
// range under All, are not looked at. See docs/semantics.md, "Attempts" and "Outcome".
func (e *Evaluator) Evaluate(touches []Touch) Attempt {
	e.closes = e.to
	seen := e.seen(touches)
	if e.first {
		return e.firstAttempt(seen)
	}
	return e.bestAttempt(seen)
}

// evaluating is the touches of a person as entries see them.
type evaluating struct {
	*Evaluator

	touches []Touch
}

func (e evaluating) nextEntry(from int64) (at int64, found bool) {
	for _, t := range e.since(from) {
		if t.Steps&1 != 0 {
			return t.At, t.At < e.to
		}
	}
	return 0, false
}

func (e evaluating) bestOf(opens, closes int64) (best Attempt, looked int) {
	e.closes = min(closes, e.to)
	touches := e.since(opens)
	end := lowerBound(touches, e.closes+e.window)
	return e.bestAttempt(touches[:end]), end
}

// since are the touches that attempts see from an instant on.
func (e evaluating) since(at int64) []Touch {
	touches := e.seen(e.touches)
	return touches[lowerBound(touches, at):]
}

// seen cuts what no attempt sees: before the range nothing opens one.
func (e *Evaluator) seen(touches []Touch) []Touch {
	end := e.asOf
	if e.all {
		end = min(end, e.to-1)
	}
	if end < e.from {
		return nil
	}
	touches = touches[lowerBound(touches, e.from):]
	return touches[:lowerBound(touches, end+1)]
}

// inRange are the touches that the question sees from From to To: from begin to end.
func (e *Evaluator) inRange(touches []Touch) (begin, end int) {
	return e.between(touches, min(e.asOf, e.to-1))
}

func (e *Evaluator) between(touches []Touch, last int64) (begin, end int) {
	begin = lowerBound(touches, e.from)
	return begin, max(begin, lowerBound(touches, last+1))
}

// lowerBound is the index of the first touch not before an instant.
func lowerBound(touches []Touch, at int64) int {
	lo, hi := 0, len(touches)
	if hi == 0 || touches[0].At >= at {
		return 0
	}
	if touches[hi-1].At < at {
		return hi
	}
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); touches[mid].At < at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// groupEnd is the index after the last touch of the millisecond of touch i.
func groupEnd(touches []Touch, i int) int {
	at := touches[i].At
	for i++; i < len(touches) && touches[i].At == at; i++ {
	}
	return i
}

func (e *Evaluator) firstAttempt(touches []Touch) Attempt {
	for i := range touches {
		if touches[i].At >= e.closes {
			break
		}
		if touches[i].Steps&1 != 0 {
			depth := e.follow(touches, i, e.steps)
			return e.attempt(depth, touches[i].At)
		}
	}
	return Attempt{}
}

// attempt says what became of the attempt whose times are at hand, where newest is the latest
// entry of those that may count.
func (e *Evaluator) attempt(depth int, newest int64) Attempt {
	a := Attempt{
		Depth: depth, Filled: 1<<depth - 1, Times: e.times[:depth], Converted: depth == e.steps,
	}
	deadline := newest + e.window
	if e.all {
		deadline = min(deadline, e.to)
	}
	a.InWindow = !a.Converted && deadline > e.asOf
	return a
}

// follow fills the steps after the entry, each as early as can be, until depth most is reached,
// and says how many are filled. Filling as many steps as can be in each millisecond leaves no
// later choice worse, so the earliest times of all steps are found together.
func (e *Evaluator) follow(touches []Touch, entry, most int) int {
	at := touches[entry].At
	begin := lowerBound(touches[:entry], at)
	end := groupEnd(touches, entry)
	e.times[0] = at
	depth := e.fill(touches[begin:end], entry-begin, 1)
	for i := end; i < len(touches) && depth < most; i = end {
		if touches[i].At-at > e.window {
			break
		}
		end = groupEnd(touches, i)
		depth = e.fill(touches[i:end], -1, depth)
	}
	return depth
}

// fill fills as many steps as can be from a group, without the touch at index without.
func (e *Evaluator) fill(group []Touch, without, depth int) int {
	reached := e.match.reach(group, without, depth, e.steps)
	for k := depth; k < reached; k++ {
		e.times[k] = group[0].At
	}
	return reached
}

// summit is where the best attempts end: their depth, when it was first reached, and the latest
// entry that had reached it then.
type summit struct {
	depth     int
	at, entry int64
}

func (e *Evaluator) bestAttempt(touches []Touch) Attempt {
	s := e.climb(touches)
	if s.depth == 0 {
		return Attempt{}
	}
	newest := e.latest[1]
	depth := e.follow(touches, e.entryOf(touches, s), s.depth)
	return e.attempt(depth, newest)
}

// climb finds the summit, and leaves the latest entry in latest[1] unless all steps were filled.
func (e *Evaluator) climb(touches []Touch) summit {
	for k := range e.steps + 1 {
		e.latest[k] = never
	}
	var s summit
	for i := 0; i < len(touches) && s.depth < e.steps; {
		at, steps := touches[i].At, touches[i].Steps
		if at >= e.closes && at-e.latest[1] > e.window {
			break
		}
		end := i + 1
		if end < len(touches) && touches[end].At == at {
			end = groupEnd(touches, end)
			e.raiseGroup(touches[i:end], &s)
		} else {
			e.raise(at, steps, &s)
		}
		i = end
	}
	return s
}

// raise lets every attempt use a touch that is alone in its millisecond, the deep ones first, so
// that none uses it twice.
func (e *Evaluator) raise(at int64, steps uint32, s *summit) {
	e.latest[0] = e.opening(at)
	for steps &= e.mask; steps != 0; {
		k := bits.Len32(steps) - 1
		steps &^= 1 << k
		e.advance(k, k+1, at, s)
	}
}

// raiseGroup does the same with all touches of a millisecond: depth j is reached from the
// shallowest depth from which the steps between can be filled with distinct touches, since the
// attempts there have the latest entries.
func (e *Evaluator) raiseGroup(group []Touch, s *summit) {
	at := group[0].At
	e.latest[0] = e.opening(at)
	least := 0
	if e.latest[0] == never {
		least = 1
	}
	origins := e.match.origins(group, least, e.steps)
	for j := e.steps; j > 0; j-- {
		if k := int(origins[j]); k < j {
			e.advance(k, j, at, s)
		}
	}
}

// opening is the entry of attempts opened now, or never.
func (e *Evaluator) opening(at int64) int64 {
	if at < e.closes {
		return at
	}
	return never
}

// advance brings the attempts at depth k to depth j, if their window is open.
func (e *Evaluator) advance(k, j int, at int64, s *summit) {
	entry := e.latest[k]
	if at-entry > e.window || entry <= e.latest[j] {
		return
	}
	e.latest[j] = entry
	if j > s.depth {
		*s = summit{depth: j, at: at, entry: entry}
	}
}

// entryOf is the index of the latest entry, in shown order, that reaches the summit in time. All
// candidates lie in one millisecond; they differ only where later steps want one of them. Fewer
// than there are steps can fail: any that the fullest choice does not want leaves it whole.
func (e *Evaluator) entryOf(touches []Touch, s summit) int {
	begin := lowerBound(touches, s.entry)
	end := groupEnd(touches, begin)
	i := previousEntry(touches, end)
	for before := previousEntry(touches, i); before >= begin; before = previousEntry(touches, i) {
		needed := e.needed(touches[end:], s)
		if e.match.reach(touches[begin:end], i-begin, 1, e.steps) >= needed {
			break
		}
		i = before
	}
	return i
}

// previousEntry is the index of the last touch before i that may fill the first step, or -1.
func previousEntry(touches []Touch, i int) int {
	for i--; i >= 0 && touches[i].Steps&1 == 0; i-- {
	}
	return i
}

// needed is the least depth from which the touches after the entry's millisecond lead to the
// summit in time.
func (e *Evaluator) needed(after []Touch, s summit) int {
	depth := s.depth
	for end := lowerBound(after, s.at+1); end > 0; {
		begin := lowerBound(after[:end], after[end-1].At)
		depth = e.match.retreat(after[begin:end], depth)
		end = begin
	}
	return depth
}
