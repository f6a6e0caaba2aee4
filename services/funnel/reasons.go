package funnel

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Limits of reasons. MaxReasons are listed of each step; MinSupport units must have met a
// candidate, or it is not looked at.
const (
	MaxReasons          = 20
	MaxReasonProperties = 5
	MinSupport          = 5
)

// Reasons asks what separates those who went on from those who were lost.
type Reasons struct {
	// Properties whose values may be reasons, each named once, at most MaxReasonProperties.
	// Barriers, touchpoints and events always may.
	Properties []string
}

// Reason is something that units met after a step, and how it goes with being lost before the
// next required one. See docs/semantics.md, "Reasons".
type Reason struct {
	Candidate
	// LostWith of the Lost met it: as many as are to be expected if each had been looked at for as
	// long after the step as those who went on took. WentOnWith of the WentOn met it before the
	// next step.
	LostWith, Lost, WentOnWith, WentOn int
	// OddsRatio is the odds of being lost with it, as a multiple of those without it, Low and High
	// bound its 95 % interval.
	OddsRatio, Low, High float64
	// P is the probability of such a difference or a less likely one by chance; Q the same,
	// corrected for everything that was looked at after this step. Both in [0, 1].
	P, Q float64
	// Significant: Q is below 0.05.
	Significant bool
}

// Candidate is what may be a reason.
type Candidate struct {
	Kind ReasonKind
	// Name of the touchpoint, event or property.
	Name string
	// Value of the property as text, else empty.
	Value string
}

// ReasonKind is what a reason is.
type ReasonKind uint8

// The kinds. ByBarrier and ByTouchpoint: a touchpoint of the newest map, a barrier there or not.
// ByEvent: a touchpoint of no place in the map, by its event. ByProperty: a value of a property of
// a touchpoint.
const (
	ByBarrier ReasonKind = iota + 1
	ByTouchpoint
	ByEvent
	ByProperty
)

// reasons separate those of some totals that were lost at a depth from those who went on. Having
// more time is none: see exposure.
func (s *shape) reasons(of []*totals, depth int) []Reason {
	x, met := gatherAccounts(of, depth)
	if len(x.lost.times) == 0 || len(x.wentOn.times) == 0 {
		return nil
	}
	var reasons []Reason
	var p []float64
	for c, m := range met {
		f := x.table(m)
		if f.lostWith+f.wentOnWith < MinSupport {
			continue
		}
		r := reasonOf(c, f)
		reasons, p = append(reasons, r), append(p, r.P)
	}
	for i, q := range benjaminiHochberg(p) {
		reasons[i].Q, reasons[i].Significant = q, q < significantBelow
	}
	slices.SortFunc(reasons, compareReasons)
	return slices.Clip(reasons[:min(len(reasons), MaxReasons)])
}

func reasonOf(c Candidate, f fourfold) Reason {
	r := Reason{
		Candidate: c, P: f.fisher(),
		LostWith: f.lostWith, Lost: f.lost, WentOnWith: f.wentOnWith, WentOn: f.wentOn,
	}
	r.OddsRatio, r.Low, r.High = f.oddsRatio()
	return r
}

// compareReasons puts the strongest evidence first; where it is too strong for a p-value, the
// interval that is the furthest from 1.
func compareReasons(a, b Reason) int {
	return cmp.Or(
		cmp.Compare(a.P, b.P), cmp.Compare(b.distance(), a.distance()),
		cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name),
		strings.Compare(a.Value, b.Value),
	)
}

// distance is that of the nearer end of the interval from 1, in logarithms.
func (r *Reason) distance() float64 {
	return math.Abs(math.Log(r.OddsRatio)) - math.Log(r.High/r.OddsRatio)
}
