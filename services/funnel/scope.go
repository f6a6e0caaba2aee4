package funnel

import (
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// Scope says which touchpoints of a unit a question looks at beside those inside its range that
// may fill a step or be an exclusion.
type Scope struct {
	// Everything: also those that are neither.
	Everything bool
	// Unfiltered: sessions are asked, which those too make that the filter hides.
	Unfiltered bool
	// FirstTime has the bits of the steps, from 0, whose targets are looked at from the beginning of
	// time on: see Course.Named.
	FirstTime uint32
	// Before and After say for how many milliseconds before From and after the last millisecond of
	// the range touchpoints are looked at: never after AsOf.
	Before, After int64
}

// Scope is what the program's question looks at.
func (p *Program) Scope() Scope {
	q := &p.question
	s := Scope{
		Everything: q.Order == Strict || q.follows(),
		Unfiltered: q.Count == PerSession,
	}
	for k := range q.Steps {
		if q.Steps[k].FirstTime != Always {
			s.FirstTime |= 1 << k
		}
	}
	if q.Mode == Entry {
		s.After = q.Window.Milliseconds()
		if q.Order == Ordered {
			s.Before = q.Simultaneity.Milliseconds()
		}
	}
	return s
}

// follows tells that it is asked what units do beside filling steps.
func (q *Question) follows() bool { return q.Departures || q.Reasons != nil }

// plain tells that attempts have no option: ORDERED, counted once, every touchpoint that matches
// a step may fill it, and nothing but the window bounds the time between two.
func (q *Question) plain() bool {
	for k := range q.Steps {
		if s := &q.Steps[k]; s.Optional || s.Within != nil || s.FirstTime != Always {
			return false
		}
	}
	return q.Order == Ordered && q.Count == Once && q.Simultaneity.Milliseconds() == 0 &&
		len(q.Hold) == 0 && len(q.Exclusions) == 0
}

// ExclusionTargets has bit i for every exclusion i, from 0, whose target is a touchpoint of this
// event name and attribution, conditions apart.
func (p *Program) ExclusionTargets(event string, a journey.Attribution) uint8 {
	var mask uint8
	for i := range p.exclusions {
		if p.exclusions[i].target.Matches(event, a) {
			mask |= 1 << i
		}
	}
	return mask
}

// Hold is a text that two touchpoints share if they have the same values of the properties held:
// equal as conditions compare them. False if the touchpoint lacks one: no attempt sees it. Empty
// where nothing is held.
func (p *Program) Hold(view *TouchView) (key string, ok bool) {
	if len(p.held) == 0 {
		return "", true
	}
	var b strings.Builder
	for i := range p.held {
		v := p.held[i].stated(view)
		if v.Kind() == journey.Missing {
			return "", false
		}
		text := v.Text()
		b.WriteString(strconv.Itoa(len(text)))
		b.WriteByte(':')
		b.WriteString(text)
	}
	return b.String(), true
}
