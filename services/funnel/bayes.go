package funnel

import (
	"math"
	"slices"
)

// negligible is a probability that makes no difference to bestOf.
const negligible = 1e-13

// bestOf are the probabilities that the conversion rate of each of some samples is the highest,
// each rate drawn from its posterior with a uniform prior: the integral of its density times the
// probabilities that the others are lower, by Gauss and Legendre, to within 1e-6. The sum is 1.
// Source: A. Gelman et al., "Bayesian Data Analysis", 2013, section 2.4.
func bestOf(samples []sample) []float64 {
	same := make(map[sample]int)
	for _, t := range samples {
		same[t]++
	}
	r := raceOf(same)
	r.run()
	best := make(map[sample]float64, len(r.runners))
	for i := range r.runners {
		best[r.runners[i].sample] = r.runners[i].best
	}
	shares := make([]float64, len(samples))
	for i, t := range samples {
		shares[i] = best[t]
	}
	return shares
}

// race sets posteriors side by side, from the rate on that the best one of them exceeds for sure.
type race struct {
	runners []runner
	from    float64
}

// runner is one posterior, or several that are the same.
type runner struct {
	posterior
	sample sample
	times  float64
	// below is the probability of a rate lower than that at hand, panel the same of the panel at
	// hand.
	below float64
	panel panel
	best  float64
}

// raceOf leaves out those that cannot be the best.
func raceOf(samples map[sample]int) *race {
	r := &race{}
	for t, times := range samples {
		n := runner{posterior: posteriorOf(t), sample: t, times: float64(times)}
		r.runners = append(r.runners, n)
		r.from = max(r.from, n.least())
	}
	for i := range r.runners {
		r.runners[i].below = r.runners[i].until(r.from)
	}
	r.runners = slices.DeleteFunc(r.runners, func(n runner) bool { return 1-n.below < negligible })
	slices.SortFunc(r.runners, func(a, b runner) int { return a.sample.compare(b.sample) })
	return r
}

// least is a rate that the true one exceeds for sure.
func (n *runner) least() float64 {
	var scratch panel
	ends, below := n.panels(), 0.0
	for i := 1; i < len(ends); i++ {
		if below = n.over(ends[i-1], ends[i], below, &scratch); below > negligible {
			return ends[i-1]
		}
	}
	return 0
}

func (r *race) run() {
	ends := r.panels()
	for k := 1; k < len(ends); k++ {
		for i := range r.runners {
			n := &r.runners[i]
			n.below = n.over(ends[k-1], ends[k], n.below, &n.panel)
		}
		for j := range panelPoints {
			r.meet(j, (ends[k]-ends[k-1])/2*legendreWeights[j])
		}
	}
}

// meet adds what a point of the panel at hand weighs.
func (r *race) meet(point int, weight float64) {
	lower := make([]float64, len(r.runners)+1)
	lower[0] = 1
	for i := range r.runners {
		n := &r.runners[i]
		lower[i+1] = lower[i] * math.Pow(n.panel.below[point], n.times)
	}
	above := 1.0
	for i := len(r.runners) - 1; i >= 0; i-- {
		n := &r.runners[i]
		below := n.panel.below[point]
		n.best += weight * n.panel.density[point] * math.Pow(below, n.times-1) * lower[i] * above
		above *= math.Pow(below, n.times)
	}
}

// panels are the ends of the panels, ascending: those of all posteriors, but none much narrower
// than the narrowest posterior there is wide.
func (r *race) panels() []float64 {
	var all []float64
	for i := range r.runners {
		all = append(all, r.runners[i].panels()...)
	}
	slices.Sort(all)
	ends := []float64{r.from}
	for _, at := range all {
		if last := ends[len(ends)-1]; at > last && (at == 1 || at-last >= r.narrow(last, at)) {
			ends = append(ends, at)
		}
	}
	return ends
}

// narrow is half of the least standard deviation of those that are not negligible between two
// rates.
func (r *race) narrow(from, to float64) float64 {
	least := 1.0
	for i := range r.runners {
		n := &r.runners[i]
		if reach := -knots[0] * n.sd; from < n.mean+reach && to > n.mean-reach {
			least = min(least, n.sd/2)
		}
	}
	return least
}

func (t sample) compare(o sample) int {
	if t.units != o.units {
		return t.units - o.units
	}
	return t.converted - o.converted
}
