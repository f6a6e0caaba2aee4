package funnel

import "math/bits"

// passes tells whether a draft may fill a step at an instant without being hit before, where there
// is no simultaneity. An exclusion after the deadline hits nothing: optional steps may follow it.
func (a *assigner) passes(d *draft, step int, at int64) bool {
	for rest := d.acting; rest != 0; rest &= rest - 1 {
		j := bits.TrailingZeros8(rest)
		if a.markAt(d.marks[j]) < at &&
			(a.rules.required(step) || a.rules.fences[j].to == step || a.inTime(d, j)) {
			return false
		}
	}
	return true
}

// inTime tells whether an acting exclusion comes before the deadline of a draft.
func (a *assigner) inTime(d *draft, j int) bool {
	deadline, _ := a.rules.deadline(a.lane, a.opened, d.required, a.rules.next[d.step])
	return a.markAt(d.marks[j]) <= deadline
}

// barred tells whether whatever a draft may fill from an instant on is hit.
func (a *assigner) barred(d *draft, from int64) bool {
	for rest := d.acting; rest != 0; rest &= rest - 1 {
		j := bits.TrailingZeros8(rest)
		if a.markAt(d.marks[j]) < from && a.inTime(d, j) {
			return true
		}
	}
	return false
}

// fence notes what filling a step at an instant does to the exclusions.
func (a *assigner) fence(n *draft, step int, at int64) {
	if a.rules.slack > 0 && a.rules.required(step) {
		a.freeze(n, at)
	}
	for j := range a.rules.fences {
		f := &a.rules.fences[j]
		switch {
		case f.to == step && n.acting>>j&1 != 0:
			n.acting &^= 1 << j
			if a.markAt(n.marks[j]) < at {
				a.doom(n, j)
			}
		case f.from == step:
			n.acting |= 1 << j
			n.marks[j] = a.nextMark(j, at)
			n.cuts[j] = a.cutOf(n, a.markAt(n.marks[j]))
		}
	}
}

// freeze notes where the exclusions that lie before a required step would cut.
func (a *assigner) freeze(n *draft, at int64) {
	before := a.nodes[n.last].before
	for rest := n.acting; rest != 0; rest &= rest - 1 {
		j := bits.TrailingZeros8(rest)
		if n.cuts[j] == uncut && at > a.markAt(n.marks[j]) {
			n.cuts[j] = before
		}
	}
	if n.fate >= 0 && n.cuts[MaxExclusions] == uncut && at > a.markAt(n.fate) {
		n.cuts[MaxExclusions] = before
	}
}

// cutOf is the node where a hit at an instant cuts a draft.
func (a *assigner) cutOf(n *draft, at int64) int32 {
	cut := int32(uncut)
	if a.rules.slack == 0 {
		return cut
	}
	for i := n.last; i >= 0; i = a.nodes[i].before {
		if k := int(a.nodes[i].step); a.rules.required(k) && a.touches[a.nodes[i].touch].At > at {
			cut = a.nodes[i].before
		}
	}
	return cut
}

// doom lets an exclusion hit a draft for good, unless another one does so earlier.
func (a *assigner) doom(n *draft, j int) {
	if n.fate < 0 || a.sooner(n.marks[j], j, n.fate, int(n.by)) {
		n.fate, n.by, n.cuts[MaxExclusions] = n.marks[j], int8(j), n.cuts[j]
	}
}

// sooner tells whether a hit of an exclusion prevails over another one: it is earlier, or at one
// instant of effect Remove.
func (a *assigner) sooner(mark int32, j int, than int32, of int) bool {
	x, y := a.markAt(mark), a.markAt(than)
	return x < y || x == y && a.rules.fences[j].effect > a.rules.fences[of].effect
}
