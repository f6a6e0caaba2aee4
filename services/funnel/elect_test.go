package funnel

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestElectLeavesNothingOut: the entries that are not tried could not have won, nor made the unit
// leave, nor kept it in window: the same comes of trying all of them to their ends.
func TestElectLeavesNothingOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := drawing{T: rt, scale: 1}
		q := d.question()
		q.Count, q.Reentry, q.Buckets = Once, Best, nil
		q.Window = d.span("long window", 40)
		q.To = q.From.Add(d.span("wide range", 120) + time.Millisecond)
		q.AsOf = q.From.Add(d.span("late as_of", 150))
		course := d.course(q, d.number("touches", 10, 60))
		s := newSeeker(&q, &meter{most: maxWork})
		if !s.seek(&scene{course: course, touches: course.Touches}) {
			return
		}
		var all election
		all.reset(0)
		for _, e := range s.entries {
			s.stand(&all, e, forever)
		}
		want, got := all.counts(s.rules), len(s.winners) > 0
		if want != got {
			rt.Fatalf("%v: counts %t, want %t", life{Question: q}, got, want)
		}
		if !got {
			return
		}
		w := s.winners[0].tried
		w.open = w.open && w.end != EndConverted
		best := all.best
		best.open = all.open && best.end != EndConverted
		w.entry.prospect, best.entry.prospect = prospect{}, prospect{}
		if w != best {
			rt.Fatalf("%v %v:\nwant %+v\ngot  %+v", life{Question: q}, course.Touches, best, w)
		}
	})
}

// course draws more touches than every assignment of them could be tried.
func (d drawing) course(q Question, touches int) *Course {
	course := &Course{}
	at := int64(0)
	for range touches {
		if d.chance("later", 2) {
			at += int64(d.number("gap", 1, 3))
		}
		t := Touch{At: at, Steps: 1 << d.number("step", 0, len(q.Steps)-1)}
		if d.chance("two steps", 4) {
			t.Steps |= 1 << d.number("other step", 0, len(q.Steps)-1)
		}
		if d.chance("excluded", 8) {
			t.Steps, t.Exclusions = 0, uint8(d.number("exclusions", 1, 7))
		}
		course.Touches = append(course.Touches, t)
		if len(q.Hold) > 0 {
			course.Holds = append(course.Holds, int32(d.number("held", 0, 1)))
		}
	}
	return course
}
