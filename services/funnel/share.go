package funnel

import "math"

// Share is a part of a whole, with the Wilson 95 % interval of the share behind it. All in [0, 1].
type Share struct {
	Value, Low, High float64
}

// z95 is the 97.5th percentile of the standard normal distribution.
const z95 = 1.959963984540054

// ShareOf is part / whole. nil if the whole is 0. Source: E. B. Wilson, "Probable inference, the
// law of succession, and statistical inference", 1927.
func ShareOf(part, whole int) *Share {
	if whole == 0 {
		return nil
	}
	n := float64(whole)
	p := float64(part) / n
	scale := 1 + z95*z95/n
	center := (p + z95*z95/(2*n)) / scale
	half := z95 / scale * math.Sqrt(p*(1-p)/n+z95*z95/(4*n*n))
	s := &Share{Value: p, Low: max(0, center-half), High: min(1, center+half)}
	if part == 0 {
		s.Low = 0
	}
	if part == whole {
		s.High = 1
	}
	return s
}
