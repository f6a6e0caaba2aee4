package funnel

import "math"

// Levels of tests: significantBelow for a corrected p-value, reliableFrom for the conversions and
// the failures of each side.
const (
	significantBelow = 0.05
	reliableFrom     = 10
)

// GroupTest sets a group's conversion from the first to the last step beside that of all other
// groups together.
type GroupTest struct {
	// Difference is the group's share less that of the others, Low and High bound its 95 %
	// interval. All in [-1, 1].
	Difference, Low, High float64
	// P is the probability of such a difference or a larger one by chance, Q the same, corrected
	// for the number of groups tested. Both in [0, 1].
	P, Q float64
	// Significant: Q is below 0.05.
	Significant bool
	// SmallSample: either side has fewer than 10 units that converted, or that did not, so that P
	// should not be relied on.
	SmallSample bool
	// Best is the probability that no other variant converts better. nil unless the only breakdown
	// is by variant, two variants or more were seen and the group is one.
	Best *float64
}

// sample is how many of some units converted.
type sample struct{ converted, units int }

// sampleOf is from the first step to the last.
func sampleOf(steps []StepNumbers) sample {
	return sample{converted: steps[len(steps)-1].Count, units: steps[0].Count}
}

func (t sample) without(o sample) sample {
	return sample{converted: t.converted - o.converted, units: t.units - o.units}
}

func (t sample) reliable() bool {
	return t.converted >= reliableFrom && t.units-t.converted >= reliableFrom
}

// compare tests the groups of an answer that do not overlap, and its variants.
func (t *Tally) compare(a *Answer) {
	if len(a.Groups) == 0 {
		return
	}
	whole := sampleOf(a.Steps)
	var tested []*GroupTest
	var p []float64
	for i := range a.Groups {
		g := &a.Groups[i]
		of := sampleOf(g.Steps)
		if g.Other || of.units == 0 || of.units == whole.units {
			continue
		}
		g.Test = testOf(of, whole.without(of))
		tested, p = append(tested, g.Test), append(p, g.Test.P)
	}
	for i, q := range benjaminiHochberg(p) {
		tested[i].Q, tested[i].Significant = q, q < significantBelow
	}
	if b := t.question.Breakdowns; len(b) == 1 && b[0].By == Variant {
		t.compareVariants(a)
	}
}

// testOf sets one share beside another.
func testOf(a, b sample) *GroupTest {
	low, high := newcombe(a, b)
	return &GroupTest{
		Difference: a.share() - b.share(), Low: low, High: high, P: twoProportions(a, b),
		SmallSample: !a.reliable() || !b.reliable(),
	}
}

func (t sample) share() float64 { return float64(t.converted) / float64(t.units) }

// newcombe is the 95 % interval of the difference of two shares, from their Wilson intervals.
// Source: R. G. Newcombe, "Interval estimation for the difference between independent
// proportions: comparison of eleven methods", 1998, method 10.
func newcombe(a, b sample) (low, high float64) {
	s, t := ShareOf(a.converted, a.units), ShareOf(b.converted, b.units)
	d := s.Value - t.Value
	low = d - math.Hypot(s.Value-s.Low, t.High-t.Value)
	high = d + math.Hypot(s.High-s.Value, t.Value-t.Low)
	return max(-1, low), min(1, high)
}

// twoProportions is the two-sided p-value of the z-test of two shares with their pooled variance,
// without a correction of continuity: 1 where both are the same. Source: A. Agresti, "Categorical
// Data Analysis", 2002, section 3.2 (z² is Pearson's chi-squared).
func twoProportions(a, b sample) float64 {
	n, m := float64(a.units), float64(b.units)
	pooled := float64(a.converted+b.converted) / (n + m)
	difference := a.share() - b.share()
	if difference == 0 {
		return 1
	}
	z := difference / math.Sqrt(pooled*(1-pooled)*(1/n+1/m))
	return math.Erfc(math.Abs(z) / math.Sqrt2)
}
