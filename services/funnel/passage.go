package funnel

import (
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// Passage is what a unit met between a required step and the next one, or the end of its attempt.
type Passage struct {
	// Depth is the number of required steps filled at its beginning.
	Depth int
	// Lost: the attempt was lost there; else the next required step was filled.
	Lost bool
	// Length is the time from the step to the next required one, or to the last instant at which the
	// attempt could go on: in milliseconds, 0 or more.
	Length int64
	// Met are what may be a reason, each once.
	Met []Meeting
}

// Meeting is a candidate, and how many milliseconds after the step it was met first.
type Meeting struct {
	Candidate
	After int64
}

// scout finds the passages of attempts. It keeps its scratch space.
type scout struct {
	steps      []Step
	required   []int
	any        bool
	properties []finder
	names      []string
	valuesOf   func(journey.Value) []GroupValue
	barriers   map[journey.TouchpointID]bool

	// passages and meetings of the unit at hand.
	passages []Passage
	meetings []Meeting
	met      map[Candidate]struct{}
	// looked is how many touchpoints were looked at for the attempt at hand.
	looked int
}

func newScout(p *Program, m *journey.Map, valuesOf func(journey.Value) []GroupValue) *scout {
	q := &p.question
	s := &scout{
		steps: q.Steps, required: shapeOf(*q).required, any: q.Order == Any,
		names: q.Reasons.Properties, valuesOf: valuesOf, barriers: make(map[journey.TouchpointID]bool),
		met: make(map[Candidate]struct{}),
	}
	for _, name := range s.names {
		s.properties = append(s.properties, p.needs.finder(Property, name))
	}
	if m != nil {
		for i := range m.Touchpoints {
			s.barriers[m.Touchpoints[i].ID] = m.Touchpoints[i].Barrier
		}
	}
	return s
}

// reset forgets the passages found.
func (s *scout) reset() { s.passages, s.meetings = s.passages[:0], s.meetings[:0] }

// found is how many passages were found since the last reset.
func (s *scout) found() int { return len(s.passages) }

// since are the passages but for the first ones. They hold until the next reset.
func (s *scout) since(first int) []Passage { return slices.Clip(s.passages[first:]) }

// follow finds the passages of an attempt. end is the last instant at which it could go on: it is
// looked at where the attempt is lost.
func (s *scout) follow(course *Course, a Attempt, end int64) {
	s.looked = 0
	for depth := 1; depth <= a.Depth && depth < len(s.required); depth++ {
		begin := a.Times[s.required[depth-1]]
		if depth < a.Depth {
			s.pass(course, Passage{Depth: depth}, begin, a.Times[s.required[depth]])
		} else if a.Outcome() == Lost {
			s.pass(course, Passage{Depth: depth, Lost: true}, begin, end)
		}
	}
}

// pass adds a passage: strictly after begin, and before the next step or up to the end.
func (s *scout) pass(course *Course, p Passage, begin, end int64) {
	p.Length = elapsed(begin, end)
	until := end
	if p.Lost {
		until++
	}
	from := len(s.meetings)
	clear(s.met)
	for i := lowerBound(course.Touches, begin+1); i < len(course.Touches); i++ {
		if course.Touches[i].At >= until {
			break
		}
		s.looked++
		if t := course.Touches[i]; !s.isStep(t, course.Views[i], p.Depth) {
			s.meet(course.Views[i], t.At-begin)
		}
	}
	p.Met = s.meetings[from:len(s.meetings):len(s.meetings)]
	s.passages = append(s.passages, p)
}

// isStep tells whether a touch is the target of the first step or of the one at the end of a
// passage, conditions apart; under Any of a step. Which entry counts depends on those that came
// after it, and which passage ends on the other: they are no signs of what became of it. Any event
// is the target of such a step only where it may fill it.
func (s *scout) isStep(touch Touch, view *TouchView, depth int) bool {
	a := journey.Attribution{Stage: view.Stage, Touchpoint: view.Touchpoint}
	for n, k := range s.required {
		if n != 0 && n != depth && !s.any {
			continue
		}
		t := s.steps[k].Target
		if touch.Steps>>k&1 != 0 || t.Kind != AnyEvent && t.Matches(view.Event, a) {
			return true
		}
	}
	return false
}

// meet adds what a touchpoint is, and its values, unless they were met before.
func (s *scout) meet(view *TouchView, after int64) {
	s.add(s.candidate(view), after)
	for i := range s.properties {
		for _, v := range s.valuesOf(s.properties[i].stated(view)) {
			if !v.Missing {
				s.add(Candidate{Kind: ByProperty, Name: s.names[i], Value: v.Value}, after)
			}
		}
	}
}

// candidate is what a touchpoint itself may be.
func (s *scout) candidate(view *TouchView) Candidate {
	switch {
	case view.Touchpoint == "":
		return Candidate{Kind: ByEvent, Name: view.Event}
	case s.barriers[view.Touchpoint]:
		return Candidate{Kind: ByBarrier, Name: string(view.Touchpoint)}
	default:
		return Candidate{Kind: ByTouchpoint, Name: string(view.Touchpoint)}
	}
}

func (s *scout) add(c Candidate, after int64) {
	if _, ok := s.met[c]; !ok {
		s.met[c] = struct{}{}
		s.meetings = append(s.meetings, Meeting{c, after})
	}
}
