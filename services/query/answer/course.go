package answer

import (
	"errors"
	"fmt"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// person evaluates a person whose strips begin with the first, or sets what they did aside for
// their units.
func (w *worker) person(person journey.PersonID, first int32) {
	switch {
	case w.masks != nil:
		if w.packedTouches(person, first) {
			w.countPlain(person)
		}
	case w.views == nil && w.order == plan.NoOrder:
		if w.plainTouches(person, first) {
			w.countPlain(person)
		}
	default:
		w.seen(person, first)
	}
}

// plainTouches are the touches of a person where the targets alone decide and no touchpoint can
// fill two steps: the order within a millisecond does not matter then, nor whether a receipt is
// stored twice. False if none opens an attempt.
func (w *worker) plainTouches(person journey.PersonID, first int32) bool {
	w.touches, w.hasBegun = w.touches[:0], false
	var steps uint32
	sorted, last := true, int64(0)
	for i := first; i >= 0; i = w.strips[i].next {
		s := w.strips[i]
		b := &w.blocks[s.block]
		names := b.names[s.from:s.to]
		for row, at := range b.at[s.from:s.to] {
			mask := names[row]
			if b.bases != nil && b.bases[int(s.from)+row] != 0 {
				if rule := w.repeatAt(person, b.bases[int(s.from)+row], at); rule != nil {
					mask = mask&w.byEvent | rule.steps
				}
			}
			sorted = sorted && at >= last
			last = at
			steps |= mask
			w.touches = append(w.touches, funnel.Touch{At: at, Steps: mask})
		}
	}
	return w.ordered(steps, sorted)
}

// ordered brings the touches at hand into order of time, unless they are. False if none of their
// steps opens an attempt, or something is not known.
func (w *worker) ordered(steps uint32, sorted bool) bool {
	if steps&1 == 0 || w.unsure {
		return false
	}
	if !sorted {
		sortByTime(w.touches)
	}
	return true
}

// countPlain counts a person by the touches at hand.
func (w *worker) countPlain(person journey.PersonID) {
	w.course = funnel.Course{Touches: w.touches}
	if w.asksPersons {
		view := w.viewOf(person, 0)
		w.values = w.counter.PersonValues(&view)
		w.course.Person = &w.values
	}
	w.count(result{person: person})
}

// viewOf is what the question sees of a person; at as of people.viewAt.
func (k *kernel) viewOf(person journey.PersonID, at spot) funnel.PersonView {
	view := k.people.viewAt(person, at)
	if variants := k.variants[person]; variants != nil {
		view.Variants = variants
	}
	return view
}

// count counts the unit whose course is at hand.
func (w *worker) count(r result) {
	if w.explaining != nil {
		w.explain(r)
		return
	}
	if len(w.course.Touches) == 0 {
		return
	}
	counted, err := w.counter.Count(&w.course)
	switch {
	case errors.Is(err, funnel.ErrTooBig):
		w.err = tooBig(err, r)
		return
	case err != nil:
		w.err = fmt.Errorf("counting a unit: %w", err)
		return
	case len(counted.Attempts) == 0 && len(counted.Groups) == 0:
		return
	}
	r.counted = counted
	w.err = w.yield(w.number, r)
}

func tooBig(err error, r result) error {
	return fault.Wrap(fault.TooLarge, err, "%s has too many touchpoints and values of a "+
		"breakdown; ask about a shorter range, or split by something with fewer values", name(r))
}

func name(r result) string {
	if r.person != 0 {
		return "person " + r.person.String()
	}
	return fmt.Sprintf("the unit %q", r.unit)
}

// repeatAt is the rule by which the next touchpoint of a base at an instant is a repeat, nil if it
// is none. It leaves the worker unsure where the order within the millisecond decides.
func (w *worker) repeatAt(person journey.PersonID, base uint32, at int64) *repeatRule {
	w.begin(person)
	before := 0
	if w.repeats.splits(w.begun, base, at) {
		if w.order == plan.NoOrder {
			w.unsure = true
			return nil
		}
		before = w.atOnce.next(base, at)
	}
	return w.repeats.ruleOf(w.begun, base, at, before)
}

// atOnce counts touchpoints of bases at one instant.
type atOnce struct {
	at     int64
	counts map[uint32]int
}

// next is how many of a base there were at the instant.
func (a *atOnce) next(base uint32, at int64) int {
	if a.counts == nil {
		a.counts = make(map[uint32]int)
	}
	if a.at != at {
		a.at = at
		clear(a.counts)
	}
	n := a.counts[base]
	a.counts[base]++
	return n
}

func (a *atOnce) reset() { a.at = -1 }
