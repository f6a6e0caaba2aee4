package funnel

import "math/bits"

// anyTrier tries attempts of order Any: the k-th different step filled is the k-th in time. Sets of
// touches that can fill different steps are a matroid (Edmonds and Fulkerson, "Transversals and
// matroid partition", 1965), so taking each touch that leaves a choice, the entry first and then in
// order of time, fills the most steps, each as early as can be.
type anyTrier struct {
	rules *rules
	*lane
	best, void choice
	open       bool
	*meter

	// masks are those of the touches taken; holder is which of them fills each step, -1 for none.
	masks  [MaxSteps]uint32
	taken  [MaxSteps]int32
	count  int
	holder [MaxSteps]int8
	tried  uint32
}

// try finds what the attempt of an entry takes: best, or void if that is void; and open.
func (a *anyTrier) try(l *lane, entry int32, until int64) {
	a.lane, a.count, a.open = l, 0, false
	a.best.depth, a.void.depth = 0, 0
	for k := range a.holder {
		a.holder[k] = -1
	}
	opened := l.touches[entry].At
	a.take(entry)
	first := entry
	for first > 0 && l.touches[first-1].At == opened {
		first--
	}
	last := min(opened+a.rules.window, until)
	for i := first; int(i) < len(l.touches) && a.count < a.rules.steps; i++ {
		if l.touches[i].At > last || !a.spend(tryWork) {
			break
		}
		if i != entry {
			a.take(i)
		}
	}
	a.judge(opened)
}

// take takes a touch if it finds a step beside those taken.
func (a *anyTrier) take(i int32) {
	a.masks[a.count] = a.touches[i].Steps & a.rules.mask()
	a.tried = 0
	a.spend(tryWork)
	if a.augment(int8(a.count)) {
		a.taken[a.count] = i
		a.count++
	}
}

// augment gives a touch a step, others changing theirs where they must.
func (a *anyTrier) augment(touch int8) bool {
	for rest := a.masks[touch] &^ a.tried; rest != 0; rest = a.masks[touch] &^ a.tried {
		k := bits.TrailingZeros32(rest)
		a.tried |= 1 << k
		if held := a.holder[k]; held < 0 || a.augment(held) {
			a.holder[k] = touch
			return true
		}
	}
	return false
}

// judge finds what ends the attempt.
func (a *anyTrier) judge(opened int64) {
	c := &a.best
	c.depth, c.by = a.count, -1
	converted := a.count == a.rules.steps
	if converted {
		c.at, c.end = a.touches[a.taken[a.count-1]].At, EndConverted
	} else {
		c.at, c.end = a.rules.deadline(a.lane, opened, opened, 0)
	}
	mark, effect := a.firstMark(opened)
	switch at := a.markAt(mark); {
	case mark >= 0 && (at < c.at || at == c.at && !converted):
		c.at, c.by, c.end = at, mark, EndDropped
		if effect == Remove {
			c.end = EndRemoved
		}
		for c.depth > 1 && a.touches[a.taken[c.depth-1]].At > at {
			c.depth--
		}
	case !converted && c.at > a.rules.asOf:
		c.end, a.open = EndOpen, true
	}
	a.settle(c)
}

// settle lays the steps out.
func (a *anyTrier) settle(c *choice) {
	c.filled, c.steps = 1<<c.depth-1, [MaxSteps]int8{}
	copy(c.touches[:], a.taken[:c.depth])
	for k, touch := range a.holder[:a.rules.steps] {
		if touch >= 0 {
			c.steps[touch] = int8(k)
		}
	}
	if c.void() {
		a.void = *c
		c.depth = 0
	}
}

// firstMark is the first exclusion after the entry's instant, of effect Remove where several come
// at once.
func (a *anyTrier) firstMark(opened int64) (mark int32, effect Effect) {
	mark = -1
	for j := range a.rules.fences {
		m := a.nextMark(j, opened)
		x, y := a.markAt(m), a.markAt(mark)
		if m >= 0 && (mark < 0 || x < y || x == y && a.rules.fences[j].effect > effect) {
			mark, effect = m, a.rules.fences[j].effect
		}
	}
	return mark, effect
}
