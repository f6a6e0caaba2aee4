package funnel

import "math"

// fourfold is a table of units by whether they met something, and by whether they were lost.
type fourfold struct{ lostWith, lost, wentOnWith, wentOn int }

// oddsRatio is the odds of being lost with it over those without it, and the 95 % interval. Where a
// number is 0, 1/2 is added to each. Sources: B. Woolf, "On estimating the relation between blood
// group and disease", 1955; J. B. S. Haldane, "The estimation and significance of the logarithm of
// a ratio of frequencies", 1956; F. J. Anscombe, "On estimating binomial response relations", 1956.
func (f fourfold) oddsRatio() (ratio, low, high float64) {
	a, b := float64(f.lostWith), float64(f.lost-f.lostWith)
	c, d := float64(f.wentOnWith), float64(f.wentOn-f.wentOnWith)
	if a == 0 || b == 0 || c == 0 || d == 0 {
		a, b, c, d = a+0.5, b+0.5, c+0.5, d+0.5
	}
	ratio = a * d / (b * c)
	factor := math.Exp(z95 * math.Sqrt(1/a+1/b+1/c+1/d))
	return ratio, ratio / factor, ratio * factor
}

// likely is by how much a table may seem likelier than the one at hand and still count as no
// likelier: rounding makes as much.
const likely = 1 + 1e-7

// fisher is the two-sided p-value of the exact test: the probability, given all sums of the table,
// of those tables that are no likelier than it is. Source: R. A. Fisher, "Statistical Methods for
// Research Workers", 1934, section 21.02.
func (f fourfold) fisher() float64 {
	h := hypergeometric{
		drawn: f.lostWith + f.wentOnWith, marked: f.lost, all: f.lost + f.wentOn,
	}
	least, most := h.bounds()
	observed := h.logarithm(f.lostWith)
	bound := observed + math.Log(likely)
	// Likelihood rises up to the mode and falls after it.
	mode := min(most, max(least, h.mode()))
	left := lastWhere(least, mode, func(x int) bool { return h.logarithm(x) <= bound })
	right := most + least - lastWhere(least, most+least-mode, func(x int) bool {
		return h.logarithm(most+least-x) <= bound
	})
	if left >= right {
		return 1
	}
	sum := 0.0
	if left >= least {
		sum += h.tail(left, -1, least)
	}
	if right <= most {
		sum += h.tail(right, 1, most)
	}
	return min(1, sum)
}

// lastWhere is the last number from low to high for which something holds that holds up to some
// number and no further; low - 1 if for none.
func lastWhere(low, high int, holds func(int) bool) int {
	low--
	for low < high {
		middle := high - (high-low)/2
		if holds(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// hypergeometric is the number of marked ones among those drawn from all.
type hypergeometric struct{ drawn, marked, all int }

func (h hypergeometric) bounds() (least, most int) {
	return max(0, h.drawn+h.marked-h.all), min(h.drawn, h.marked)
}

func (h hypergeometric) mode() int {
	return int((float64(h.drawn) + 1) * (float64(h.marked) + 1) / (float64(h.all) + 2))
}

// logarithm is that of a probability.
func (h hypergeometric) logarithm(x int) float64 {
	return choose(h.marked, x) + choose(h.all-h.marked, h.drawn-x) - choose(h.all, h.drawn)
}

// choose is the logarithm of a binomial coefficient.
func choose(n, k int) float64 {
	of, _ := math.Lgamma(float64(n) + 1)
	in, _ := math.Lgamma(float64(k) + 1)
	out, _ := math.Lgamma(float64(n-k) + 1)
	return of - in - out
}

// tail sums up the probabilities from a number on, in steps of 1 or -1, up to the last.
func (h hypergeometric) tail(from, step, last int) float64 {
	term := math.Exp(h.logarithm(from))
	sum := term
	for x := from; x != last && term > sum*1e-17; x += step {
		term *= h.ratio(x, step)
		sum += term
	}
	return sum
}

// ratio is the probability of the next number as a multiple of that of x.
func (h hypergeometric) ratio(x, step int) float64 {
	if step < 0 {
		return 1 / h.ratio(x-1, 1)
	}
	up := float64(h.marked-x) * float64(h.drawn-x)
	return up / (float64(x+1) * float64(h.all-h.marked-h.drawn+x+1))
}
