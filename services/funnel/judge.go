package funnel

import "math/bits"

// judge takes the assignment of a draft, as it is, if it is better than those found.
func (a *assigner) judge(n *draft) {
	c := &a.draft
	c.depth, c.by = int(n.depth), -1
	a.endOf(n, c)
	if c.end == EndOpen {
		a.open = true
	}
	to := &a.best
	if c.void() {
		to = &a.void
	}
	if c.depth < to.depth || c.depth == to.depth && c.hit() && !to.hit() {
		return
	}
	a.read(n.last, c)
	if c.hit() && a.rules.slack > 0 {
		a.cut(c)
	}
	if a.prefer(c, to, a.rules.optional) < 0 {
		*to = *c
	}
}

// endOf finds what ends the assignment of a draft, and when.
func (a *assigner) endOf(n *draft, c *choice) {
	converted := int(n.step) == a.rules.steps-1
	if converted {
		c.at, c.end = a.touches[a.nodes[n.last].touch].At, EndConverted
	} else {
		c.at, c.end = a.rules.deadline(a.lane, a.opened, n.required, a.rules.next[n.step])
		a.breakAt(n, c)
	}
	mark, by := n.fate, int(n.by)
	for rest := n.acting; rest != 0; rest &= rest - 1 {
		j := bits.TrailingZeros8(rest)
		at := a.markAt(n.marks[j])
		if at > c.at || converted && at == c.at {
			continue
		}
		if mark < 0 || a.sooner(n.marks[j], j, mark, by) {
			mark, by = n.marks[j], j
		}
	}
	switch {
	case mark >= 0:
		c.at, c.by, c.end = a.markAt(mark), mark, EndDropped
		if a.rules.fences[by].effect == Remove {
			c.end = EndRemoved
		}
	case !converted && c.end != EndBroken && c.at > a.rules.asOf:
		c.end = EndOpen
	}
}

// breakAt ends an assignment at the next touch that is seen, under STRICT.
func (a *assigner) breakAt(n *draft, c *choice) {
	next := n.newest + 1
	if a.rules.order == Strict && int(next) < len(a.touches) && a.touches[next].At <= c.at {
		c.at, c.end, c.by = a.touches[next].At, EndBroken, next
	}
}

// cut takes from an assignment what came after its end: the first required step that did, all after
// that one, and optional steps that did. The entry stays.
func (a *assigner) cut(c *choice) {
	filled := c.filled
	c.filled, c.depth = 1, 1
	for rest := filled &^ 1; rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros32(rest)
		late := a.touches[c.touches[k]].At > c.at
		switch {
		case late && a.rules.required(k):
			return
		case late:
		default:
			c.filled |= 1 << k
			if a.rules.required(k) {
				c.depth++
			}
		}
	}
}
