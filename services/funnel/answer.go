package funnel

import "time"

// Answer holds the numbers of a question.
type Answer struct {
	// Steps are the numbers of all units together, in the question's order.
	Steps []StepNumbers
	// Groups are the units by the breakdowns' values, ranked by the last step's count, then the
	// earlier ones', then the values; past the limit the rest is one. Empty without a breakdown.
	Groups []Group
	// Overlap tells that a unit may stand in several groups, so that they need not sum to Steps.
	Overlap bool
	// Trend has every bucket of the question, in order, empty ones too. nil where no trend is
	// asked.
	Trend []Bucket
	// TimeToConvert is nil where it is not asked.
	TimeToConvert *Distribution
	// SampleRatio is nil unless the only breakdown is by variant, two variants or more were seen
	// and groups do not overlap.
	SampleRatio *SampleRatio
}

// Group holds the numbers of the units with one value, or one pair of them.
type Group struct {
	// Values are one per breakdown of the question.
	Values []GroupValue
	// Other tells the group of all values past the limit, added up. It has no Values.
	Other bool
	Steps []StepNumbers
	// Trend and TimeToConvert as of Answer, of the group's units.
	Trend         []Bucket
	TimeToConvert *Distribution
	// Test is nil for the rest past the limit, where groups overlap, and where the group or all
	// other ones together have no unit.
	Test *GroupTest
}

// KeysOf are the keys of groups but for the rest past the limit. Never nil.
func KeysOf(groups []Group) []Key {
	keys := make([]Key, 0, len(groups))
	for _, g := range groups {
		if !g.Other {
			keys = append(keys, KeyOf(g.Values...))
		}
	}
	return keys
}

// Bucket holds the numbers of the attempts that entered in a bucket of the trend.
type Bucket struct {
	// From (inside) and To (outside) bound it.
	From, To time.Time
	// Steps as of Answer.
	Steps []StepNumbers
}

// StepNumbers are the numbers of one step. Of consecutive required steps,
// Count = (Count of the next) + Lost + InWindow. An optional step has its Count and times only.
type StepNumbers struct {
	// Optional steps may be left out.
	Optional bool
	// Count of units that filled it; under PerAttempt and PerSession of attempts, here and below.
	Count int
	// FromPrevious and FromFirst are the count as a share of the previous required and of the first
	// step's. nil where that is 0; FromPrevious also at the first step.
	FromPrevious, FromFirst *Share
	// Lost and InWindow are those who filled it and not the next required one, and can no longer or
	// still can. 0 at the last step.
	Lost, InWindow int
	// SincePrevious and SinceEntry are the times since the previous filled step and since the
	// entry, of those who filled it. nil at the first step and where there are none.
	SincePrevious, SinceEntry *Spans
	// Departures are what those did who filled it and not the next required one: the lost ones,
	// then those in window, each only where there are any. Empty unless the question asks.
	Departures []Departure
	// Reasons separate the lost from those who filled the next required step, by p-value,
	// ascending, at most MaxReasons. Empty unless the question asks.
	Reasons []Reason
}

// DropOff is what happened between a step and the next required one.
type DropOff struct {
	// From and To are numbers of steps, from 1.
	From, To int
	// Reached filled From, WentOn also To. Lost can no longer fill To, InWindow still can.
	Reached, WentOn, Lost, InWindow int
	// Dropped and LostShare are Lost + InWindow and Lost as shares of Reached. nil where it is 0.
	Dropped, LostShare *Share
	// Worst tells that somebody is lost here and no other pair loses a larger share.
	Worst bool
	// Departures and Reasons as of StepNumbers.
	Departures []Departure
	Reasons    []Reason
}

// DropOffs are the required steps seen as what each loses to the next: one fewer than there are,
// in order.
func DropOffs(steps []StepNumbers) []DropOff {
	var drops []DropOff
	worst, from := DropOff{Reached: 1}, 0
	for i := 1; i < len(steps); i++ {
		if steps[i].Optional {
			continue
		}
		d := dropOff(steps, from, i)
		if d.losesMore(worst) {
			worst = d
		}
		drops, from = append(drops, d), i
	}
	for i := range drops {
		drops[i].Worst = drops[i].Lost > 0 && !worst.losesMore(drops[i])
	}
	return drops
}

// dropOff is between two required steps, from 0.
func dropOff(steps []StepNumbers, from, to int) DropOff {
	s := &steps[from]
	return DropOff{
		From: from + 1, To: to + 1,
		Reached: s.Count, WentOn: steps[to].Count, Lost: s.Lost, InWindow: s.InWindow,
		Dropped: ShareOf(s.Lost+s.InWindow, s.Count), LostShare: ShareOf(s.Lost, s.Count),
		Departures: s.Departures, Reasons: s.Reasons,
	}
}

// losesMore compares shares exactly.
func (d DropOff) losesMore(than DropOff) bool {
	return int64(d.Lost)*int64(than.Reached) > int64(than.Lost)*int64(d.Reached)
}
