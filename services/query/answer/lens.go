package answer

import "github.com/waystage/waystage/services/funnel"

// lens says which touchpoints of a unit a question looks at.
type lens struct {
	funnel.Scope

	// openers are the steps whose touchpoints may open attempts.
	openers uint32
	// byEvent has the bits of the exclusions that a touchpoint's event alone decides.
	byEvent uint8
	// holds tells that values are held.
	holds bool
	// counts tells that it matters how often the same touchpoint is there.
	counts bool
}

func newLens(k *kernel) lens {
	p := k.program
	q := p.Question()
	l := lens{
		Scope: p.Scope(), openers: 1, holds: len(q.Hold) > 0,
		counts: p.Overlaps() || q.Order == funnel.Strict ||
			q.Count == funnel.PerAttempt && q.Simultaneity > 0,
	}
	l.Everything = l.Everything || k.explaining != nil
	if q.Order == funnel.Any {
		l.openers = ^uint32(0)
	}
	for i, x := range q.Exclusions {
		if x.Target.Kind == funnel.Event || x.Target.Kind == funnel.AnyEvent {
			l.byEvent |= 1 << i
		}
	}
	return l
}

// look is a touchpoint as the matcher's person sees it; false if the question does not look at it.
func (w *worker) look(s sight) (sight, bool) {
	s.named = s.steps & w.lens.FirstTime
	if w.views == nil {
		return s, s.steps != 0
	}
	view := w.viewAt(s.view)
	s.steps = w.matcher.Steps(s.steps, view)
	s.exclusions = w.matcher.Exclusions(s.exclusions, view)
	if s.steps != 0 || s.exclusions != 0 {
		return s, true
	}
	asked := s.named != 0 || w.lens.Everything
	s.bare = !asked || !w.matcher.Sees(view)
	return s, !s.bare || w.lens.Unfiltered
}

// scratch is room for what a course holds beside its touches.
type scratch struct {
	views           []*funnel.TouchView
	named           []uint32
	holds, sessions []int32
	ends            []int64
}

// compose makes the course of a unit of what it sees.
func (w *worker) compose() {
	c := &w.scratch
	w.touches, c.views, c.named = w.touches[:0], c.views[:0], c.named[:0]
	c.holds, c.sessions, c.ends = c.holds[:0], c.sessions[:0], c.ends[:0]
	for i := range w.sights {
		s := &w.sights[i]
		if c.session(s.at); s.bare {
			continue
		}
		w.touches = append(w.touches,
			funnel.Touch{At: s.at, Steps: s.steps, Exclusions: s.exclusions})
		c.views = append(c.views, w.viewAt(s.view))
		if w.lens.FirstTime != 0 {
			c.named = append(c.named, s.named)
		}
		if w.lens.holds {
			c.holds = append(c.holds, w.views.holds[s.view])
		}
		if w.lens.Unfiltered {
			c.sessions = append(c.sessions, int32(len(c.ends)-1))
		}
	}
	w.course = funnel.Course{
		Touches: w.touches, Views: c.views, Named: given(c.named), Holds: given(c.holds),
		Sessions: given(c.sessions),
	}
	if w.lens.Unfiltered {
		w.course.SessionEnds = c.ends
	}
}

// given is a list, nil where it is empty.
func given[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// session takes a touchpoint into the last session, or begins another.
func (c *scratch) session(at int64) {
	last := len(c.ends) - 1
	if last < 0 || at-c.ends[last] > funnel.SessionGap.Milliseconds() {
		c.ends = append(c.ends, at)
		return
	}
	c.ends[last] = at
}
