package funnel

import (
	"cmp"
	"slices"
)

// benjaminiHochberg corrects the p-values of tests made together: of those whose corrected value
// is below some share, no larger share is false on the average. They come in the order of p.
// Source: Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", 1995.
func benjaminiHochberg(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	q := make([]float64, len(p))
	least := 1.0
	for rank := len(order); rank > 0; rank-- {
		i := order[rank-1]
		least = min(least, p[i]*float64(len(p))/float64(rank))
		q[i] = least
	}
	return q
}
