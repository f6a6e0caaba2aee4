package funnel

import "slices"

// Selection names a number of a step, so that the persons behind it can be listed: the number is
// the length of the list.
type Selection struct {
	// Step is its number, from 1.
	Step int
	Part Part
	// Bucket keeps the attempts that count in a bucket of the trend, by its number from 1. 0 keeps
	// what counts without a trend.
	Bucket int
	// Group keeps the units of one group, by a value per breakdown. nil keeps all.
	Group []GroupValue
	// Except, in its place, keeps the units of all groups but these, once for each that they stand
	// in. nil keeps all.
	Except []Key
}

// Found is an attempt with which a unit is counted in a number.
type Found struct {
	Attempt

	// Group is the one that the unit stands in with it, where the Selection has Except.
	Group Key
}

// Part is one of the numbers of a step.
type Part uint8

// The parts. Reached is StepNumbers.Count; Dropped is Lost and InWindow together.
const (
	Reached Part = iota
	PartLost
	PartInWindow
	Dropped
)

// Find adds to a list the attempts with which a unit is counted in a number of the question: none
// where it is not. Those of Except come by group, in the order of values.
func (q Question) Find(s Selection, c *Counted, list []Found) []Found {
	switch {
	case s.Except != nil:
		for _, g := range c.groupsExcept(s.Except) {
			list = q.find(s, &g.Standing, g.Key, list)
		}
		return list
	case s.Group != nil:
		key := KeyOf(s.Group...)
		i := slices.IndexFunc(c.Groups, func(g Grouped) bool { return g.Key == key })
		if i < 0 {
			return list
		}
		return q.find(s, &c.Groups[i].Standing, Key{}, list)
	default:
		return q.find(s, &c.Standing, Key{}, list)
	}
}

// groupsExcept are the groups that a unit stands in but for some, in the order of values.
func (c *Counted) groupsExcept(except []Key) []*Grouped {
	var groups []*Grouped
	for i := range c.Groups {
		if g := &c.Groups[i]; !slices.Contains(except, g.Key) {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b *Grouped) int { return compareKeys(a.Key, b.Key) })
	return groups
}

// find adds the attempts of a standing.
func (q Question) find(s Selection, standing *Standing, group Key, list []Found) []Found {
	if s.Bucket == 0 {
		for i := range standing.Attempts {
			if a := &standing.Attempts[i]; q.holds(s, a) {
				list = append(list, Found{*a, group})
			}
		}
		return list
	}
	for i := range standing.Buckets {
		if b := &standing.Buckets[i]; b.Bucket == s.Bucket-1 && q.holds(s, &b.Attempt) {
			list = append(list, Found{b.Attempt, group})
		}
	}
	return list
}

// holds tells whether an attempt is counted in a number.
func (q Question) holds(s Selection, a *Attempt) bool {
	if s.Step < 1 || a.Filled>>(s.Step-1)&1 == 0 {
		return false
	}
	ended := !a.Converted && !q.optional(s.Step-1) && a.Depth == q.required(s.Step-1)
	switch s.Part {
	case PartLost:
		return ended && !a.InWindow
	case PartInWindow:
		return ended && a.InWindow
	case Dropped:
		return ended
	default:
		return true
	}
}

// optional tells whether a step, from 0, may be left out. Under Any none may.
func (q Question) optional(step int) bool { return q.Steps[step].Optional }

// required is how many required steps there are up to a step, from 0.
func (q Question) required(step int) int {
	n := 0
	for _, s := range q.Steps[:step+1] {
		if !s.Optional {
			n++
		}
	}
	return n
}
