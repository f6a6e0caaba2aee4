package funnel

import (
	"cmp"
	"math/bits"
	"slices"
)

// Explain finds every attempt of a unit as a whole, breakdowns apart. It belongs to the caller.
// Errors: ErrTooBig, that of Interrupt.
func (c *Counter) Explain(course *Course) (Explanation, error) {
	c.reset()
	course = c.firsts.only(course)
	if !c.seeker.seek(&scene{course: course, touches: course.Touches}) {
		return Explanation{Reason: WhyNone}, c.err
	}
	x := explainer{
		seeker: c.seeker, seen: course.Touches,
		counted: make(map[int32]*winner), buckets: make(map[int32]int),
	}
	x.recall()
	if x.count == PerAttempt {
		x.trySequence()
	} else {
		x.tryAll()
	}
	if c.err != nil {
		return Explanation{}, c.err
	}
	x.tell()
	return x.explanation(), nil
}

// explainer says why the attempts of a unit count or do not, once its seeker has sought.
type explainer struct {
	*seeker

	// seen are the touches, those too that the sequence has used.
	seen []Touch
	// counted are the winners, buckets the numbers of the buckets, from 1, that attempts count in, by
	// the entry's place.
	counted map[int32]*winner
	buckets map[int32]int
	// told are the attempts by entry.
	told []toldAttempt
}

type toldAttempt struct {
	tried

	session int32
	why     Why
}

func (x *explainer) recall() {
	for i := range x.winners {
		x.counted[x.winners[i].entry.place] = &x.winners[i]
	}
	for i := range x.bucketed {
		x.buckets[x.bucketed[i].entry.place] = x.bucketed[i].bucket + 1
	}
}

// tryAll finds what every attempt takes.
func (x *explainer) tryAll() {
	for _, e := range x.entries {
		best, void, open := x.try(e, forever)
		if void.depth > best.depth {
			best = void
		}
		if x.err != nil {
			return
		}
		t := toldAttempt{session: x.all[e.lane].session}
		t.take(x.rules, &x.all[e.lane], e, best)
		t.open = open
		x.told = append(x.told, t)
	}
}

// trySequence takes the attempts of the sequence, and of the entries inside them the entry alone.
func (x *explainer) trySequence() {
	taken := make(map[int32]bool)
	for i := range x.taken {
		t := toldAttempt{tried: x.taken[i], why: WhyEach}
		if t.end == EndRemoved {
			t.why = WhyVoid
		}
		x.told = append(x.told, t)
		taken[t.entry.place] = true
	}
	for _, e := range x.entries {
		if !taken[e.place] {
			x.told = append(x.told, toldAttempt{tried: x.alone(e), why: WhyUsed})
		}
	}
	slices.SortFunc(x.told, func(a, b toldAttempt) int {
		return cmp.Compare(a.entry.place, b.entry.place)
	})
}

// alone is the attempt of an entry that fills nothing more.
func (x *explainer) alone(e entry) (t tried) {
	l := &x.all[e.lane]
	at := l.touches[e.at].At
	c := &choice{depth: 1, filled: 1, by: -1}
	c.touches[0] = e.at
	if x.rules.order == Any {
		c.steps[0] = int8(bits.TrailingZeros32(x.seen[e.place].Steps & x.rules.mask()))
	}
	if c.at, c.end = x.rules.deadline(l, at, at, x.rules.next[0]); c.at > x.rules.asOf {
		c.end = EndOpen
	}
	t.take(x.rules, l, e, c)
	return t
}

func (x *explainer) explanation() Explanation {
	var e Explanation
	for i := range x.told {
		e.Attempts = append(e.Attempts, x.explained(&x.told[i]))
	}
	e.Reason = x.reason()
	return e
}

func (x *explainer) explained(t *toldAttempt) ExplainedAttempt {
	w := x.counted[t.entry.place]
	if w != nil {
		t.open = w.open
	}
	e := ExplainedAttempt{
		End: t.end, EndedAt: t.endsAt, EndedBy: t.by, Why: t.why,
		Counted: w != nil, Bucket: x.buckets[t.entry.place],
	}
	e.Attempt, _ = t.attempt(x.rules, nil)
	e.Hit = t.end == EndDropped
	for k := range bits.Len32(t.filled) {
		step := int32(k)
		if x.rules.order == Any {
			step = int32(t.steps[k])
		}
		e.Places, e.Steps = append(e.Places, t.places[k]), append(e.Steps, step)
	}
	return e
}
