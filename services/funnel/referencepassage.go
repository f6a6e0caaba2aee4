package funnel

import (
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// passed are what the unit met after the required steps of an attempt that could go on up to an
// instant, by docs/semantics.md, "Reasons".
func (u *knownUnit) passed(q Question, a Attempt, end int64) []Passage {
	var passages []Passage
	for k := range q.Steps {
		if a.Filled>>k&1 == 0 || q.Steps[k].Optional || k == len(q.Steps)-1 {
			continue
		}
		next := k + 1
		for q.Steps[next].Optional {
			next++
		}
		p := Passage{Depth: q.required(k)}
		switch {
		case a.Depth > p.Depth:
			p.Length = max(0, a.Times[next]-a.Times[k])
			p.Met = u.met(q, next, a.Times[k]+1, a.Times[next])
		case a.Outcome() == Lost:
			p.Lost, p.Length = true, max(0, end-a.Times[k])
			p.Met = u.met(q, next, a.Times[k]+1, end+1)
		default:
			continue
		}
		passages = append(passages, p)
	}
	return passages
}

// met are the candidates from one instant, inside, to another, outside, but for touchpoints that
// are the target of the first step or of the next one; under Any of one of all.
func (u *knownUnit) met(q Question, next int, from, to int64) (met []Meeting) {
	add := func(c Candidate, at int64) {
		if !slices.ContainsFunc(met, func(m Meeting) bool { return m.Candidate == c }) {
			met = append(met, Meeting{c, at - from + 1})
		}
	}
	for i := range u.seen {
		t := &u.seen[i]
		if t.At < from || t.At >= to || t.isTarget(q, 0, next) {
			continue
		}
		switch {
		case t.fact.Touchpoint == "":
			add(Candidate{Kind: ByEvent, Name: t.fact.Event}, t.At)
		case u.isBarrier(t.fact.Touchpoint):
			add(Candidate{Kind: ByBarrier, Name: string(t.fact.Touchpoint)}, t.At)
		default:
			add(Candidate{Kind: ByTouchpoint, Name: string(t.fact.Touchpoint)}, t.At)
		}
		for _, name := range q.Reasons.Properties {
			for _, v := range ValuesOf(t.fact.Properties.Value(name)) {
				if v != (GroupValue{Missing: true}) {
					add(Candidate{Kind: ByProperty, Name: name, Value: v.Value}, t.At)
				}
			}
		}
	}
	return met
}

// isTarget tells whether it is the target of one of two steps, of any step under Any; AnyEvent only
// where it may fill the step.
func (t *seenTouch) isTarget(q Question, steps ...int) bool {
	for k, s := range q.Steps {
		asked := q.Order == Any || slices.Contains(steps, k)
		a := journey.Attribution{Stage: t.fact.Stage, Touchpoint: t.fact.Touchpoint}
		is := s.Target.Matches(t.fact.Event, a)
		if s.Target.Kind == AnyEvent {
			is = t.Steps>>k&1 != 0
		}
		if asked && is {
			return true
		}
	}
	return false
}
