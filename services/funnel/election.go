package funnel

import "cmp"

// tried is an attempt with the assignment that it takes.
type tried struct {
	entry entry
	end   AttemptEnd
	// depth, filled and hit as of Attempt; deepest is the instant of the step that makes the depth.
	depth   int
	filled  uint32
	deepest int64
	endsAt  int64
	// times and places in what the unit did of the touches, by step: 0 and -1 where one is left out.
	times  [MaxSteps]int64
	places [MaxSteps]int32
	steps  [MaxSteps]int8
	// by is the place of what ended it, -1 where no touch did.
	by int32
	// open tells that some assignment of it can still convert.
	open bool
}

// take notes an assignment of an entry.
func (t *tried) take(r *rules, l *lane, e entry, c *choice) {
	t.entry, t.end, t.endsAt, t.by = e, c.end, c.at, -1
	t.depth, t.filled, t.steps = c.depth, c.filled, c.steps
	if c.by >= 0 {
		t.by = l.places[c.by]
	}
	for k := range r.steps {
		t.times[k], t.places[k] = 0, -1
		if c.filled>>k&1 != 0 {
			t.times[k], t.places[k] = l.touches[c.touches[k]].At, l.places[c.touches[k]]
		}
	}
	if c.depth > 0 {
		t.deepest = t.times[c.deepest(r)]
	}
}

func (t *tried) hit() bool { return t.end == EndDropped || t.end == EndRemoved }

// compare orders attempts of a unit, the better one first: by depth, clean before hit, then the one
// whose deepest step came first, then the one that started latest.
func (t *tried) compare(o *tried) int {
	return cmp.Or(
		cmp.Compare(o.depth, t.depth), compareHits(t.hit(), o.hit()),
		cmp.Compare(t.deepest, o.deepest), cmp.Compare(o.entry.place, t.entry.place),
	)
}

func compareHits(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// election finds which of the attempts of a unit, a session or a bucket counts.
type election struct {
	bucket int
	// best is the best attempt that is not void: of depth 0 if there is none.
	best tried
	// void is the depth of the deepest void assignment.
	void int
	// open tells that an attempt can still convert.
	open bool
}

func (e *election) reset(bucket int) {
	e.bucket, e.best.depth, e.void, e.open = bucket, 0, 0, false
}

// add lets an attempt stand.
func (e *election) add(t *tried) {
	if t.depth > 0 && (e.best.depth == 0 || t.compare(&e.best) < 0) {
		e.best = *t
	}
}

// join adds what another election found.
func (e *election) join(o *election) {
	e.add(&o.best)
	e.void, e.open = max(e.void, o.void), e.open || o.open
}

// counts tells whether anything counts: under Remove the best must be as deep as any void one.
func (e *election) counts(r *rules) bool {
	return e.best.depth > 0 && (r.order == Any || e.best.depth >= e.void)
}

// attempt is what counts, with its times in a list that they are appended to.
func (t *tried) attempt(r *rules, times []int64) (Attempt, []int64) {
	a := Attempt{Depth: t.depth, Filled: t.filled, Converted: t.end == EndConverted}
	a.InWindow = t.open && !a.Converted
	a.Hit = t.hit()
	from, n := len(times), 0
	for k := range r.steps {
		if t.filled>>k&1 != 0 {
			n = k + 1
		}
	}
	times = append(times, t.times[:n]...)
	a.Times = times[from:len(times):len(times)]
	for k := range a.Times {
		if t.filled>>k&1 == 0 {
			a.Times[k] = 0
		}
	}
	return a, times
}
