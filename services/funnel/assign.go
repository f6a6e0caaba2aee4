package funnel

import (
	"math/bits"
	"slices"
)

// assigner tries all assignments of one entry at once, by dynamic programming over the touches in
// shown order. A draft that fills a step with a touch leaves the draft as it was beside it; of
// drafts that have the same future only the best is kept, so their number stays small: one per step
// where no option of the question makes a later choice the better one.
//
// With simultaneity a step may be filled by a touch that came before the latest used one. Every
// assignment is found once: in the order of its steps each touch is either later than all used
// before, and found when its turn comes, or earlier, and found right after the one that is later.
type assigner struct {
	drafts

	rules *rules
	*lane

	// entry is its place and opened its instant.
	entry  int32
	opened int64
	// now is the instant of the touch at hand, wanted has the steps that may come next.
	now    int64
	wanted uint32
	// best and void are the best assignments that are not void and that are.
	best, void choice
	// open tells that some assignment can still convert after as_of.
	open bool
	// settled tells that drafts which cannot win any more were given up.
	settled bool
	draft   choice
	*meter
}

// try finds what the attempt of an entry may take: best, void and open. until is the last instant
// at which a step may be filled, beside its window.
func (a *assigner) try(l *lane, entry int32, until int64) {
	a.reset()
	a.lane, a.entry, a.opened = l, entry, l.touches[entry].At
	a.now = a.opened
	a.best.depth, a.void.depth, a.open, a.settled = 0, 0, false, false
	a.old, a.clash = 0, false
	a.begin()
	a.want()
	last := min(a.opened+a.rules.window, until)
	for i := entry + 1; int(i) < len(l.touches) && len(a.live) > 0; i++ {
		if l.touches[i].At > last || !a.spend(tryWork) {
			break
		}
		if l.touches[i].Steps&a.wanted == 0 && a.rules.order != Strict {
			continue
		}
		if at := l.touches[i].At; at > a.now {
			a.turn(at)
		}
		a.arrive(i)
		a.want()
	}
}

// want notes which steps may come next.
func (a *assigner) want() {
	a.wanted = 0
	for k := range a.live {
		a.wanted |= a.rules.ahead[a.live[k].step]
	}
}

// begin makes the draft of the entry alone.
func (a *assigner) begin() {
	n := draft{
		last: a.push(filling{touch: a.entry, before: -1}), newest: a.entry,
		depth: 1, required: a.opened, fate: -1,
	}
	for j := range n.cuts {
		n.cuts[j] = uncut
	}
	a.fence(&n, 0, a.opened)
	a.live = append(a.live, n)
	a.judge(&n)
	a.fillBack(&n)
}

// arrive lets every draft use a touch that is later than all it has used.
func (a *assigner) arrive(i int32) {
	steps := a.touches[i].Steps
	a.old = len(a.live)
	for k := range a.old {
		if d := a.live[k]; steps&a.rules.ahead[d.step] != 0 {
			a.fill(&d, i)
		}
	}
	if a.rules.order == Strict {
		a.live = slices.Delete(a.live, 0, a.old)
	}
	if a.old = 0; a.clash {
		a.merge(a.lane, a.rules)
	}
}

// fill lets a draft use a touch for each step that it may fill.
func (a *assigner) fill(d *draft, i int32) {
	for rest := a.touches[i].Steps & a.rules.ahead[d.step]; rest != 0; rest &= rest - 1 {
		step := bits.TrailingZeros32(rest)
		if a.spend(4*tryWork) && a.fits(d, step, i) {
			a.grow(d, step, i)
		}
	}
}

// fits tells whether a draft may fill a step with a touch that it does not use, which is no
// earlier than the latest used one by more than the simultaneity.
func (a *assigner) fits(d *draft, step int, i int32) bool {
	at := a.touches[i].At
	if at < a.opened-a.rules.slack || at-d.required > a.rules.within[step] {
		return false
	}
	if a.rules.slack > 0 {
		return !a.rules.swaps || !a.rules.required(step) || !a.earlier(d, step, i)
	}
	return d.acting == 0 || a.passes(d, step, at)
}

// earlier tells whether an earlier touch, no use of the draft's, may fill the step and the later
// ones just as well: then nothing is lost without the one at hand.
func (a *assigner) earlier(d *draft, step int, i int32) bool {
	from := ^(uint32(1)<<step - 1) & a.rules.mask()
	least := max(a.touches[d.newest].At, a.touches[i].At, a.opened) - a.rules.slack
	for k := i - 1; k >= 0 && a.touches[k].At >= least && a.spend(1); k-- {
		if (a.touches[k].Steps^a.touches[i].Steps)&from == 0 && !a.uses(d.last, k) {
			return true
		}
	}
	return false
}

// grow makes the draft that fills a step with a touch besides, and whatever it leads to at once.
func (a *assigner) grow(d *draft, step int, i int32) {
	n := *d
	n.last = a.push(filling{touch: i, before: d.last, step: int8(step)})
	n.step, n.newest = int8(step), max(d.newest, i)
	at := a.touches[i].At
	if a.rules.required(step) {
		n.depth++
		n.required = at
	}
	if len(a.rules.fences) > 0 {
		a.fence(&n, step, at)
	}
	if step == a.rules.steps-1 {
		a.judge(&n)
		return
	}
	n.used = a.usedBy(d, step, i)
	if !a.admit(a.lane, a.rules, &n) {
		return
	}
	a.judge(&n)
	a.fillBack(&n)
}

// fillBack lets a draft use touches that came before the latest used one and may take its place in
// time.
func (a *assigner) fillBack(d *draft) {
	if a.rules.order == Strict {
		return
	}
	least := a.touches[d.newest].At - a.rules.slack
	from := d.newest
	for from > 0 && a.touches[from-1].At >= least {
		from--
	}
	for i := from; i < d.newest && a.spend(1); i++ {
		if a.touches[i].Steps&a.rules.ahead[d.step] != 0 && !a.uses(d.last, i) {
			a.fill(d, i)
		}
	}
}

// usedBy lists the touches of a draft, now with one more for a step, that later steps could have
// used.
func (a *assigner) usedBy(d *draft, step int, i int32) span {
	from := int32(len(a.used))
	later := a.rules.mask() &^ (1<<(step+1) - 1)
	added := int32(-1)
	if a.touches[i].Steps&later != 0 && !a.alone(i, a.rules.slack) && a.rules.order != Strict {
		added = a.twins[i]
	}
	for k := d.used.from; k < d.used.to; k++ {
		u := a.used[k]
		if added >= 0 && added <= u {
			a.used, added = append(a.used, added), -1
		}
		if a.touches[u].Steps&later != 0 {
			a.used = append(a.used, u)
		}
	}
	if added >= 0 {
		a.used = append(a.used, added)
	}
	return span{from, int32(len(a.used))}
}
