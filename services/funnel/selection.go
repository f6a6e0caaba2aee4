package funnel

// Selection names a number of a step, so that the persons behind it can be listed: the number is
// the length of the list.
type Selection struct {
	// Step is its number, from 1.
	Step int
	Part Part
	// Group keeps the units of one group, by a value per breakdown. nil keeps all.
	Group []GroupValue
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

// Find gives the attempt with which a unit is counted in the number. False if it is not.
func (s Selection) Find(c *Counted) (Attempt, bool) {
	if s.Group == nil {
		return c.Attempt, s.holds(c.Attempt)
	}
	key := KeyOf(s.Group...)
	for _, g := range c.Groups {
		if g.Key == key {
			return g.Attempt, s.holds(g.Attempt)
		}
	}
	return Attempt{}, false
}

func (s Selection) holds(a Attempt) bool {
	if s.Step < 1 || a.Depth < s.Step {
		return false
	}
	ended := a.Depth == s.Step && !a.Converted
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
