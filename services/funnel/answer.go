package funnel

// Answer holds the numbers of a question.
type Answer struct {
	// Steps are the numbers of all persons together, in the question's order.
	Steps []StepNumbers
	// Groups are the persons by the breakdown's value, ranked by the last step's count, then the
	// earlier ones', then the value; past the limit the rest is one. Empty without a breakdown.
	Groups []Group
}

// Group holds the numbers of the persons with one value.
type Group struct {
	Value GroupValue
	// Other tells the group of all values past the limit. Its Value is empty.
	Other bool
	Steps []StepNumbers
}

// GroupValue is a value of a breakdown. A missing one is not the empty text.
type GroupValue struct {
	Value   string
	Missing bool
}

// StepNumbers are the numbers of one step. Of consecutive steps,
// Count = (Count of the next) + Lost + InWindow.
type StepNumbers struct {
	// Count of persons who filled it.
	Count int
	// FromPrevious and FromFirst are the count as a share of the previous and of the first step's.
	// nil where that is 0; FromPrevious also at the first step.
	FromPrevious, FromFirst *Share
	// Lost and InWindow are those who filled it and not the next, and can no longer or still can.
	// 0 at the last step.
	Lost, InWindow int
	// SincePrevious and SinceEntry are the times since the step before and since the entry, of those
	// who filled it. nil at the first step and where there are none.
	SincePrevious, SinceEntry *Spans
}

// DropOff is what happened between a step and the next.
type DropOff struct {
	// From and To are numbers of steps, from 1.
	From, To int
	// Reached filled From, WentOn also To. Lost can no longer fill To, InWindow still can.
	Reached, WentOn, Lost, InWindow int
	// Dropped and LostShare are Lost + InWindow and Lost as shares of Reached. nil where it is 0.
	Dropped, LostShare *Share
	// Worst tells that somebody is lost here and no other pair loses a larger share.
	Worst bool
}

// DropOffs are the steps seen as what each loses to the next: one fewer than steps, in order.
func DropOffs(steps []StepNumbers) []DropOff {
	var drops []DropOff
	worst := DropOff{Reached: 1}
	for i := range len(steps) - 1 {
		s := steps[i]
		d := DropOff{
			From: i + 1, To: i + 2,
			Reached: s.Count, WentOn: steps[i+1].Count, Lost: s.Lost, InWindow: s.InWindow,
			Dropped: ShareOf(s.Lost+s.InWindow, s.Count), LostShare: ShareOf(s.Lost, s.Count),
		}
		if d.losesMore(worst) {
			worst = d
		}
		drops = append(drops, d)
	}
	for i := range drops {
		drops[i].Worst = drops[i].Lost > 0 && !worst.losesMore(drops[i])
	}
	return drops
}

// losesMore compares shares exactly.
func (d DropOff) losesMore(than DropOff) bool {
	return int64(d.Lost)*int64(than.Reached) > int64(than.Lost)*int64(d.Reached)
}
