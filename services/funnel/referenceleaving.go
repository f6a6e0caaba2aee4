package funnel

import (
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// leaving follows the unit after the last step that an attempt filled, by docs/semantics.md,
// "Departures". seen is what was looked at for it. nil if it converted.
func (u *knownUnit) leaving(q Question, seen []seenTouch, w *winner, a Attempt) *Leaving {
	if a.Converted {
		return nil
	}
	k := a.Depth - 1
	if q.Order != Any {
		for q.required(k) < a.Depth || q.optional(k) {
			k++
		}
	}
	entry, at, end := a.Times[0], a.Times[k], u.endOf(q, w)
	first := &seen[w.entry.place]
	var step *seenTouch
	for i := range seen {
		t := &seen[i]
		fills := t.Steps>>k&1 != 0 || q.Order == Any && t.Steps != 0
		together := t.hold == first.hold && t.held == first.held &&
			(q.Count != PerSession || u.sessionOf(t.At) == u.sessionOf(first.At))
		if t.At == at && fills && together {
			step = t
		}
	}
	l := &Leaving{Last: placeOf(&step.view)}
	for i := range u.seen {
		t := &u.seen[i]
		if t.At >= entry && t.At <= at && t.fact.Channel != "" {
			l.Channel = t.fact.Channel
		}
		if t.At >= at && t.At <= end && u.isBarrier(t.fact.Touchpoint) &&
			!slices.Contains(l.Barriers, t.fact.Touchpoint) {
			l.Barriers = append(l.Barriers, t.fact.Touchpoint)
		}
		if t.At <= at || t.At > end {
			continue
		}
		l.Last = placeOf(&t.view)
		if l.Manner != Silent {
			continue
		}
		l.Next, l.Manner = l.Last, Diverted
		if from, to := u.stage(step.fact.Stage), u.stage(t.fact.Stage); 0 <= to && to < from {
			l.Manner = WentBack
		}
	}
	return l
}

// stage is the place of a stage in the newest map, -1 where it has none.
func (u *knownUnit) stage(id journey.StageID) int {
	if u.newest == nil {
		return -1
	}
	return slices.IndexFunc(u.newest.Stages, func(s journey.Stage) bool { return s.ID == id })
}

func (u *knownUnit) isBarrier(id journey.TouchpointID) bool {
	marks := func(t journey.Touchpoint) bool { return t.ID == id && t.Barrier }
	return u.newest != nil && slices.ContainsFunc(u.newest.Touchpoints, marks)
}
