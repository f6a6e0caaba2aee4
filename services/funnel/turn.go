package funnel

import (
	"cmp"
	"math/bits"
)

// turn goes on to a later instant: drafts that cannot grow any more are given up, as are shallower
// ones where the earliest choice is the best; those whose futures have become the same are merged.
func (a *assigner) turn(now int64) {
	a.now = now
	a.settle()
	least := int8(0)
	if a.rules.direct {
		for k := range a.live {
			least = max(least, a.live[k].depth)
		}
	}
	live, merge := a.live, false
	a.live = a.live[:0]
	for k := range live {
		d := &live[k]
		if !a.spend(1) || d.depth < least || !a.grows(d) {
			continue
		}
		if d.used.from < d.used.to {
			merge = a.forget(d) || merge
		}
		a.live = append(a.live, *d)
	}
	if merge {
		a.merge(a.lane, a.rules)
	}
}

// grows tells whether a draft may still fill a step.
func (a *assigner) grows(d *draft) bool {
	least := a.now - a.rules.slack
	if d.fate >= 0 && a.markAt(d.fate) < least || a.barred(d, least) {
		return false
	}
	if a.rules.hurried>>d.step&1 == 0 {
		return true
	}
	for rest := a.rules.ahead[d.step]; rest != 0; rest &= rest - 1 {
		if least-d.required <= a.rules.within[bits.TrailingZeros32(rest)] {
			return true
		}
	}
	return false
}

// forget takes the touches from a draft's list that are too early to be used again.
func (a *assigner) forget(d *draft) bool {
	from := d.used.from
	for d.used.from < d.used.to && a.touches[a.used[d.used.from]].At < a.now-a.rules.slack {
		d.used.from++
	}
	return d.used.from > from
}

// settle gives up the drafts that cannot become better than the conversion found: those whose
// required steps are later, in turn, and, once no touch of the conversion may be used any more,
// those whose steps are the same so far.
func (a *assigner) settle() {
	if a.settled || a.best.depth == 0 || a.best.end != EndConverted {
		return
	}
	a.settled = true
	for rest := a.best.filled; rest != 0; rest &= rest - 1 {
		at := a.touches[a.best.touches[bits.TrailingZeros32(rest)]].At
		a.settled = a.settled && at < a.now-a.rules.slack
	}
	kept := a.live[:0]
	for k := range a.live {
		if c := a.compareBest(&a.live[k]); c < 0 || c == 0 && !a.settled {
			kept = append(kept, a.live[k])
		}
	}
	a.live = kept
}

// compareBest orders a draft's required steps by time, in turn, against those of the best.
func (a *assigner) compareBest(d *draft) int {
	a.read(d.last, &a.a)
	for rest := a.a.filled &^ a.rules.optional; rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros32(rest)
		c := cmp.Compare(a.touches[a.a.touches[k]].At, a.touches[a.best.touches[k]].At)
		if c != 0 {
			return c
		}
	}
	return 0
}
