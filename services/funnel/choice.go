package funnel

import (
	"cmp"
	"math/bits"
)

// choice is an assignment that an attempt may take, with what ends it.
type choice struct {
	// depth is the number of required steps filled one after the other, 0 of no choice; under Any the
	// number of steps filled.
	depth  int
	filled uint32
	// touches fill the steps that are filled, by step; under Any in time. Places in the lane.
	touches [MaxSteps]int32
	// steps are the steps that touches fill under Any.
	steps [MaxSteps]int8
	end   AttemptEnd
	// at is when it ends.
	at int64
	// by is the place in the lane of what ended it, -1 where no touch did.
	by int32
}

// hit tells that an exclusion ended it, void that it was one of effect Remove.
func (c *choice) hit() bool  { return c.end == EndDropped || c.end == EndRemoved }
func (c *choice) void() bool { return c.end == EndRemoved }

// deepest is the step filled last of those that make the depth.
func (c *choice) deepest(r *rules) int {
	if r.order == Any {
		return c.depth - 1
	}
	return r.deepest(c.filled)
}

// deepest is the last required one of some steps.
func (r *rules) deepest(filled uint32) int { return bits.Len32(filled&^r.optional) - 1 }

// prefer orders assignments of one entry, the better one first: by depth, clean before hit, then by
// their steps.
func (l *lane) prefer(a, b *choice, optional uint32) int {
	if c := cmp.Compare(b.depth, a.depth); c != 0 {
		return c
	}
	if a.hit() != b.hit() {
		if a.hit() {
			return 1
		}
		return -1
	}
	return l.preferSteps(a, b, optional)
}

// preferSteps orders assignments of one depth: the one with the earliest time for each required
// step in turn; then the most optional steps, the earlier ones filled first; then by shown order.
func (l *lane) preferSteps(a, b *choice, optional uint32) int {
	for rest := a.filled &^ optional; rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros32(rest)
		if c := cmp.Compare(l.touches[a.touches[k]].At, l.touches[b.touches[k]].At); c != 0 {
			return c
		}
	}
	if a.filled != b.filled {
		return preferFilled(a.filled, b.filled)
	}
	for rest := a.filled; rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros32(rest)
		if c := cmp.Compare(a.touches[k], b.touches[k]); c != 0 {
			return c
		}
	}
	return 0
}

// preferFilled orders two different sets of steps: more first, else the one with the first step in
// which they differ.
func preferFilled(a, b uint32) int {
	if c := bits.OnesCount32(b) - bits.OnesCount32(a); c != 0 {
		return c
	}
	differ := a ^ b
	if a&(differ&-differ) != 0 {
		return -1
	}
	return 1
}
