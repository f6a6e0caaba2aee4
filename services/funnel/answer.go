package funnel

// Answer holds the numbers of a question.
type Answer struct {
	// Steps are the numbers of all units together, in the question's order.
	Steps []StepNumbers
	// Groups are the units by the breakdowns' values, ranked by the last step's count, then the
	// earlier ones', then the values; past the limit the rest is one. Empty without a breakdown.
	Groups []Group
	// Overlap tells that a unit may stand in several groups, so that they need not sum to Steps.
	Overlap bool
}

// Group holds the numbers of the units with one value, or one pair of them.
type Group struct {
	// Values are one per breakdown of the question.
	Values []GroupValue
	// Other tells the group of all values past the limit, added up. It has no Values.
	Other bool
	Steps []StepNumbers
}

// StepNumbers are the numbers of one step. Of consecutive steps,
// Count = (Count of the next) + Lost + InWindow.
type StepNumbers struct {
	// Count of units that filled it.
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
	// Departures are what those did who filled it and not the next: the lost ones, then those in
	// window, each only where there are any. Empty unless the question asks.
	Departures []Departure
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
	// Departures as of StepNumbers.
	Departures []Departure
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
			Departures: s.Departures,
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
