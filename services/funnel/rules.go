package funnel

import "math/bits"

// forever is an instant that no deadline reaches.
const forever = -never

// rules are what a question asks of attempts: instants and spans in whole milliseconds, steps from
// 0.
type rules struct {
	from, to, asOf, window int64
	// slack is the simultaneity where it has an effect.
	slack   int64
	order   Order
	reentry Reentry
	all     bool
	steps   int
	// optional has the bits of the steps that may be left out.
	optional uint32
	// within is the most time since the previous filled required step.
	within [MaxSteps]int64
	// next is the next required step after each, ahead has the bits of those up to it.
	next  [MaxSteps]int8
	ahead [MaxSteps]uint32
	// hurried has the bit of each step after which the instant of the last required one matters.
	hurried uint32
	fences  []fence
	// direct: the earliest choice of each required step is always the best.
	direct bool
	// swaps: of two touches that may fill the same steps the earlier one may as well go to the earlier
	// step.
	swaps bool
}

// fence is an exclusion: between which steps it acts.
type fence struct {
	from, to int
	effect   Effect
}

func rulesOf(q *Question) *rules {
	r := &rules{
		from: q.From.UnixMilli(), to: q.To.UnixMilli(), asOf: q.AsOf.UnixMilli(),
		window: q.Window.Milliseconds(), order: q.Order, reentry: q.Reentry, all: q.Mode == All,
		steps: len(q.Steps),
	}
	if q.Order == Ordered {
		r.slack = q.Simultaneity.Milliseconds()
	}
	for k := range q.Steps {
		r.within[k] = forever
		if w := q.Steps[k].Within; w != nil && k > 0 && q.Order != Any {
			r.within[k] = w.Milliseconds()
		}
		if q.Steps[k].Optional && q.Order != Any {
			r.optional |= 1 << k
		}
	}
	for k := r.steps - 1; k >= 0; k-- {
		r.lookAhead(k)
	}
	for _, x := range q.Exclusions {
		r.fences = append(r.fences, fence{x.From, x.To, x.Effect})
	}
	r.direct = r.order != Strict && r.slack == 0 && len(r.fences) == 0 && r.hurried == 0
	r.swaps = r.slack > 0 && len(r.fences) == 0 && r.hurried == 0
	return r
}

// lookAhead finds what may follow a step.
func (r *rules) lookAhead(step int) {
	next := step + 1
	for next < r.steps && r.optional>>next&1 != 0 {
		next++
	}
	r.next[step] = int8(next)
	r.ahead[step] = (1<<min(next+1, r.steps) - 1) &^ (1<<(step+1) - 1)
	for rest := r.ahead[step]; rest != 0; rest &= rest - 1 {
		if r.within[bits.TrailingZeros32(rest)] < forever {
			r.hurried |= 1 << step
		}
	}
}

// mask has the bits of all steps.
func (r *rules) mask() uint32 { return 1<<r.steps - 1 }

func (r *rules) required(step int) bool { return r.optional>>step&1 == 0 }

// opens tells whether a touch opens an attempt.
func (r *rules) opens(t *Touch) bool {
	if t.At < r.from || t.At >= r.to {
		return false
	}
	return t.Steps&1 != 0 || r.order == Any && t.Steps&r.mask() != 0
}

// deadline is that of an attempt which can still fill the next required step, by what it is.
func (r *rules) deadline(l *lane, entry, required int64, next int8) (int64, AttemptEnd) {
	at, end := entry+r.window, EndWindow
	if within := required + r.within[next]; within < at {
		at, end = within, EndWithin
	}
	if r.all && r.to < at {
		at, end = r.to, EndRange
	}
	if l.ends < at {
		at, end = l.ends, EndSession
	}
	return at, end
}

// sees are the touches that some attempt may see: from begin to end.
func (r *rules) sees(touches []Touch) (begin, end int) {
	from, last := r.from-r.slack, r.to-1
	if r.all {
		from = r.from
	} else {
		last += r.window
	}
	begin = lowerBound(touches, from)
	return begin, max(begin, lowerBound(touches, min(r.asOf, last)+1))
}

// mayBeOpen tells whether the time for the next required step may last beyond as_of after some
// touch.
func (r *rules) mayBeOpen(l *lane) bool {
	for k := range r.steps - 1 {
		within := r.within[r.next[k]]
		if within == forever {
			return true
		}
		for i := len(l.touches) - 1; i >= 0 && l.touches[i].At+within > r.asOf; i-- {
			if l.touches[i].Steps>>k&1 != 0 {
				return true
			}
		}
	}
	return false
}

// barrier is the first instant after an entry's at which an exclusion ends every attempt that has
// not converted: forever if there is none.
func (r *rules) barrier(l *lane, opened int64) int64 {
	at := int64(forever)
	for j := range r.fences {
		if f := &r.fences[j]; r.order == Any || f.from == 0 && f.to == r.steps-1 {
			at = min(at, l.markAt(l.nextMark(j, opened)))
		}
	}
	return at
}

// fixed tells that the end of an attempt that does not convert follows from its entry, and that
// exclusions may hit it before.
func (r *rules) fixed() bool {
	return len(r.fences) > 0 && r.hurried == 0 && r.order != Strict
}

// worst is how an attempt ends that is sure to be hit by any of the exclusions.
func (r *rules) worst() AttemptEnd {
	for j := range r.fences {
		if r.fences[j].effect != Remove {
			return EndDropped
		}
	}
	return EndRemoved
}
