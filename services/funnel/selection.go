package funnel

// Selection names a number of a step, so that the persons behind it can be listed: the number is
// the length of the list.
type Selection struct {
	// Step is its number, from 1.
	Step int
	Part Part
	// Group keeps the persons with one value of the breakdown. nil keeps all.
	Group *GroupValue
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

// Holds tells whether a person is counted in the number.
func (s Selection) Holds(a Attempt, value GroupValue) bool {
	if s.Step < 1 || a.Depth < s.Step || s.Group != nil && *s.Group != value {
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
