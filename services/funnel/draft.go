package funnel

import "slices"

// draft is an assignment that is still growing. What it can still become depends on all of its
// fields but last and depth alone.
type draft struct {
	// last is the node of the last step filled, newest the greatest touch used.
	last, newest int32
	step, depth  int8
	// required is the instant of the last required step.
	required int64
	// acting has the bits of the exclusions whose first step is filled and whose second is not, marks
	// the place in the lane where each would hit, -1 for nowhere.
	acting uint8
	marks  [MaxExclusions]int32
	// fate is the place of the exclusion that has hit, -1 for none; by is which.
	fate int32
	by   int8
	// used are the touches that later steps could fill but for this draft, as a part of the drafts'
	// list: see lane.twins.
	used span
	// cuts are, of each acting exclusion, then of fate, the node where a hit would cut: uncut where
	// no required step came after the exclusion.
	cuts [MaxExclusions + 1]int32
}

// uncut is the node of no cut.
const uncut = -1

type span struct{ from, to int32 }

// filling is a step of a draft, and the node of the step before, -1 at the entry.
type filling struct {
	touch, before int32
	step          int8
}

// drafts are those of one entry that may still grow.
type drafts struct {
	nodes []filling
	live  []draft
	// used are the touches of all drafts, each draft's ascending.
	used []int32
	// old is how many of the live ones do not use the touch at hand but may yet; clash tells that one
	// of the others has the same future as one of them otherwise.
	old   int
	clash bool
	a, b  choice
}

func (d *drafts) reset() {
	d.nodes, d.live, d.used = d.nodes[:0], d.live[:0], d.used[:0]
}

// push makes a node.
func (d *drafts) push(n filling) int32 {
	d.nodes = append(d.nodes, n)
	return int32(len(d.nodes) - 1)
}

// uses tells whether the steps up to a node use a touch.
func (d *drafts) uses(last, touch int32) bool {
	for i := last; i >= 0; i = d.nodes[i].before {
		if d.nodes[i].touch == touch {
			return true
		}
	}
	return false
}

// read lays the steps up to a node out.
func (d *drafts) read(last int32, c *choice) {
	c.filled = 0
	for i := last; i >= 0; i = d.nodes[i].before {
		n := &d.nodes[i]
		c.filled |= 1 << n.step
		c.touches[n.step] = n.touch
	}
}

// admit keeps a draft unless another one has the same future and fills its steps at least as well:
// of two with the same future only the better is kept. The draft's node is the last made; it is
// unmade if the draft is not kept.
func (d *drafts) admit(l *lane, r *rules, n *draft) bool {
	for i := range d.live {
		o := &d.live[i]
		switch {
		case !d.same(l, r, o, n):
			continue
		case !d.better(l, r, n, o):
			d.nodes = d.nodes[:n.last]
			return false
		case i < d.old:
			d.clash = true
			continue
		}
		*o = *n
		return true
	}
	d.live = append(d.live, *n)
	return true
}

// merge keeps of drafts with the same future the best.
func (d *drafts) merge(l *lane, r *rules) {
	live := d.live
	d.live, d.clash = d.live[:0], false
next:
	for k := range live {
		for i := range d.live {
			if o := &d.live[i]; d.same(l, r, o, &live[k]) {
				if d.better(l, r, &live[k], o) {
					*o = live[k]
				}
				continue next
			}
		}
		d.live = append(d.live, live[k])
	}
}

// better tells whether a draft fills the same required steps better than another.
func (d *drafts) better(l *lane, r *rules, n, o *draft) bool {
	x, y := &d.nodes[n.last], &d.nodes[o.last]
	if x.before == y.before {
		return x.touch < y.touch
	}
	d.read(n.last, &d.a)
	d.read(o.last, &d.b)
	return l.preferSteps(&d.a, &d.b, r.optional) < 0
}

// same tells whether two drafts have the same future.
func (d *drafts) same(l *lane, r *rules, a, b *draft) bool {
	if a.step != b.step || a.acting != b.acting || a.fate != b.fate || a.by != b.by ||
		r.hurried>>a.step&1 != 0 && a.required != b.required ||
		r.order == Strict && a.newest != b.newest {
		return false
	}
	for j := range r.fences {
		if a.acting>>j&1 != 0 && !d.sameFence(l, r, a, b, j) {
			return false
		}
	}
	if a.fate >= 0 && (a.cuts[MaxExclusions] != b.cuts[MaxExclusions] ||
		a.cuts[MaxExclusions] == uncut) {
		return false
	}
	return slices.Equal(d.used[a.used.from:a.used.to], d.used[b.used.from:b.used.to])
}

// sameFence tells whether an acting exclusion would hit two drafts alike: where they are past it,
// it must cut them at the same node.
func (d *drafts) sameFence(l *lane, r *rules, a, b *draft, j int) bool {
	if a.marks[j] != b.marks[j] {
		return false
	}
	if r.slack == 0 {
		return true
	}
	mark := l.markAt(a.marks[j])
	past := max(l.touches[a.newest].At, l.touches[b.newest].At) > mark
	return !past || a.cuts[j] == b.cuts[j] && a.cuts[j] != uncut
}
