package funnel

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// drawing draws lives whose edges coincide often: few instants, few steps, and every option drawn
// apart from the others, so that they meet in all combinations.
type drawing struct {
	*rapid.T

	// scale is the milliseconds between two instants: 1, or half of the gap that ends a session.
	scale int64
	// latest is the last instant at which deeds are done.
	latest int
}

// number is evenly drawn, unlike rapid's own, which come small: a small as_of shows nothing.
func (d drawing) number(name string, from, to int) int {
	n := to - from + 1
	return from + rapid.Custom(func(rt *rapid.T) int {
		v := 0
		for range bits.Len(uint(n)) + 2 {
			v *= 2
			if rapid.Bool().Draw(rt, "bit") {
				v++
			}
		}
		return v % n
	}).Draw(d.T, name)
}

// pick is one of some, evenly drawn.
func pick[T any](d drawing, name string, of ...T) T { return of[d.number(name, 0, len(of)-1)] }

func (d drawing) chance(name string, of int) bool { return d.number(name, 1, of) == of }

// span is a few instants, or, where there are sessions, one more or less.
func (d drawing) span(name string, most int) time.Duration {
	n := int64(d.number(name, 0, most)) * d.scale
	if d.scale > 1 {
		n = max(0, n+int64(d.number(name+" beside", -1, 1)))
	}
	return time.Duration(n) * time.Millisecond
}

func (d drawing) instant(name string, most int) time.Time {
	return time.UnixMilli(d.span(name, most).Milliseconds())
}

// question draws a question, of which 0 to all options are asked.
func (d drawing) question() Question {
	q := Question{
		From: d.instant("from", 3), AsOf: d.instant("as_of", pick(d, "as_of up to", 12, 20, 60)), Window: d.span("window", 12),
		Order: pick(d, "order", Ordered, Ordered, Strict, Any),
		Count: pick(d, "count", Once, Once, PerAttempt),
		Limit: DefaultLimit,
	}
	if d.scale > 1 && !d.chance("no sessions", 4) {
		q.Count = PerSession
	}
	q.To = q.From.Add(d.span("range", pick(d, "range up to", 8, 20)) + time.Millisecond)
	if !d.chance("narrow", 6) {
		wide := q.From.Add(time.Duration(8*d.scale) * time.Millisecond)
		q.To = later(q.To, wide)
		q.AsOf = later(q.AsOf, wide)
	}
	q.Mode = pick(d, "mode", Entry, All)
	if q.Count == Once {
		q.Reentry = pick(d, "reentry", Best, Best, First)
	}
	if d.chance("simultaneous", 3) {
		q.Simultaneity = min(q.Window, d.span("simultaneity", 3))
	}
	if d.chance("held", 4) {
		q.Hold = []string{"held"}
	}
	d.steps(&q)
	if d.chance("excluded", 2) {
		d.exclusions(&q)
	}
	if d.chance("trend", 3) {
		d.buckets(&q)
	}
	return q
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (d drawing) steps(q *Question) {
	n := d.number("steps", 2, 5)
	for k := range n {
		s := Step{Target: Target{Kind: AnyEvent}}
		if d.chance("first time", 8) {
			s.FirstTime = FirstTime(d.number("kind of first time", 1, 2))
		}
		if q.Order != Any {
			s.Optional = k > 0 && k < n-1 && d.chance("optional", 3)
			if k > 0 && d.chance("limited", 5) {
				within := d.span("within", 4)
				s.Within = &within
			}
		}
		q.Steps = append(q.Steps, s)
	}
}

func (d drawing) exclusions(q *Question) {
	for range d.number("exclusions", 1, 3) {
		x := Exclusion{Target: Target{Kind: AnyEvent}}
		x.From = d.number("exclusion from", 0, len(q.Steps)-2)
		x.To = d.number("exclusion to", x.From+1, len(q.Steps)-1)
		if q.Order == Any {
			x.From, x.To = 0, len(q.Steps)-1
		}
		x.Effect = pick(d, "effect", Drop, Remove)
		q.Exclusions = append(q.Exclusions, x)
	}
}

func (d drawing) buckets(q *Question) {
	at := q.From.Add(-d.span("bucket before", 1))
	for at.Before(q.To) {
		q.Buckets = append(q.Buckets, at)
		at = at.Add(d.span("bucket", 4) + time.Millisecond)
	}
}

// deeds draws what one unit did.
func (d drawing) deeds(q Question, masks []uint32) []deed {
	n := d.number("deeds", 5, 13-len(q.Steps))
	deeds := make([]deed, n)
	for i := range deeds {
		e := &deeds[i]
		e.At = d.span("at", d.latest).Milliseconds()
		e.Steps = pick(d, "steps filled", masks...)
		e.Named = e.Steps
		if d.chance("failing", 6) {
			e.Named = pick(d, "steps named", masks...) | e.Steps
		}
		if len(q.Exclusions) > 0 && d.chance("excluding", 3) {
			e.Exclusions = uint8(d.number("exclusions of it", 0, 1<<len(q.Exclusions)-1))
			if d.chance("no step", 2) {
				e.Steps = 0
			}
		}
		if len(q.Hold) > 0 {
			e.Hold = pick[int32](d, "hold", 0, 0, 0, 1, 1, -1)
		}
		e.Hidden = d.chance("hidden", 10)
		e.Values = pick(d, "values", nil, []string{"x"}, []string{"x"}, []string{"y"}, []string{"x", "y"})
	}
	slices.SortStableFunc(deeds, func(x, y deed) int { return cmp.Compare(x.At, y.At) })
	return deeds
}

// masks draws which steps a deed may fill: single ones, several of which are equal, or any.
func (d drawing) masks(steps int) []uint32 {
	masks := []uint32{0}
	switch d.number("masks", 0, 2) {
	case 0:
		masks = append(masks, 1)
		for k := range steps {
			masks = append(masks, 1<<k, 1<<k)
		}
	case 1:
		masks = append(masks, 0, 0)
		for k := range steps {
			masks[d.number("target", 1, 2)] |= 1 << k
		}
	default:
		for m := range uint32(1) << steps {
			masks = append(masks, m)
		}
	}
	return masks
}

// drawLives draws a question and some units, with what they may fill.
func drawLives(rt *rapid.T) (Question, [][]deed) {
	d := drawing{T: rt, scale: 1}
	d.latest = pick(d, "latest", 6, 9, 12)
	if d.chance("sessions", 4) {
		d.scale = SessionGap.Milliseconds() / 2
	}
	q := d.question()
	masks := d.masks(len(q.Steps))
	lives := make([][]deed, d.number("units", 20, 40))
	for i := range lives {
		lives[i] = d.deeds(q, masks)
	}
	return q, lives
}

// String draws the life as rows, so that it can be handed on.
func (l life) String() string {
	var b strings.Builder
	q := l.Question
	fmt.Fprintf(&b, "range [%d, %d) mode %d as_of %d window %d order %d reentry %d count %d"+
		" simultaneity %d hold %v\n", q.From.UnixMilli(), q.To.UnixMilli(), q.Mode,
		q.AsOf.UnixMilli(), q.Window.Milliseconds(), q.Order, q.Reentry, q.Count,
		q.Simultaneity.Milliseconds(), q.Hold)
	for k, s := range q.Steps {
		within := int64(-1)
		if s.Within != nil {
			within = s.Within.Milliseconds()
		}
		fmt.Fprintf(&b, "  step %d: optional %t within %d first_time %d\n", k, s.Optional, within, s.FirstTime)
	}
	for j, x := range q.Exclusions {
		fmt.Fprintf(&b, "  exclusion %d: %d to %d effect %d\n", j, x.From, x.To, x.Effect)
	}
	for _, at := range q.Buckets {
		fmt.Fprintf(&b, "  bucket from %d\n", at.UnixMilli())
	}
	for i, d := range l.Deeds {
		fmt.Fprintf(&b, "  %d: at %d steps %05b named %05b exclusions %03b hold %d hidden %t values %v\n",
			i, d.At, d.Steps, d.Named, d.Exclusions, d.Hold, d.Hidden, d.Values)
	}
	return b.String()
}
