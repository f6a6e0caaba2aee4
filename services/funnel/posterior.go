package funnel

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// posterior is what is known of a conversion rate: the distribution Beta(a, b), with its mean and
// standard deviation.
type posterior struct {
	a, b, mean, sd float64
	// peak is the logarithm of the density at the mean.
	peak float64
}

// posteriorOf is that of a sample, with the uniform prior Beta(1, 1).
func posteriorOf(t sample) posterior {
	p := posterior{a: 1 + float64(t.converted), b: 1 + float64(t.units-t.converted)}
	n := p.a + p.b
	p.mean, p.sd = p.a/n, math.Sqrt(p.a*p.b/(n+1))/n
	p.peak = math.Log(n*n*n/(2*math.Pi*p.a*p.b))/2 + stirling(n) - stirling(p.a) - stirling(p.b)
	return p
}

// stirling is what Stirling's formula lacks of ln Γ(z), z ≥ 1. Put into the density of Beta(a, b)
// at its mean, the formula leaves no large numbers that cancel. Source: M. Abramowitz, I. A.
// Stegun, "Handbook of Mathematical Functions", 1964, 6.1.41.
func stirling(z float64) float64 {
	if z < 32 {
		gamma, _ := math.Lgamma(z)
		return gamma - (z-0.5)*math.Log(z) + z - math.Log(2*math.Pi)/2
	}
	square := z * z
	return (1.0/12 - (1.0/360-(1.0/1260-1.0/(1680*square))/square)/square) / z
}

// density at a rate between 0 and 1.
func (p *posterior) density(rate float64) float64 {
	d := rate - p.mean
	return math.Exp(p.peak + (p.a-1)*math.Log1p(d/p.mean) + (p.b-1)*math.Log1p(-d/(1-p.mean)))
}

// knots are the ends of panels of a posterior, in standard deviations from its mean: narrow where
// it bends, and as far out as the slowest tail, that of Beta(1, b), is to be told from nothing.
var knots = []float64{
	-30, -22, -16, -12, -9, -7, -5.5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5.5, 7, 9, 12, 16, 22, 30,
}

// panels are the ends of the panels, ascending, from 0 to 1.
func (p *posterior) panels() []float64 {
	ends := []float64{0}
	for _, k := range knots {
		if at := p.mean + k*p.sd; at > ends[len(ends)-1] && at < 1 {
			ends = append(ends, at)
		}
	}
	return append(ends, 1)
}

// panelPoints is the number of points of a panel: polynomials up to degree 31 are integrated
// exactly.
const panelPoints = 16

// Points of a panel from -1 to 1 with their weights; legendreUpTo[i][j] is the weight of point j in
// the integral up to point i.
var legendrePoints, legendreWeights, legendreUpTo = legendre()

func legendre() (x, w []float64, upTo [panelPoints][panelPoints]float64) {
	x, w = make([]float64, panelPoints), make([]float64, panelPoints)
	quad.Legendre{}.FixedLocations(x, w, -1, 1)
	y, v := make([]float64, panelPoints), make([]float64, panelPoints)
	for i, end := range x {
		quad.Legendre{}.FixedLocations(y, v, -1, end)
		for k := range y {
			for j := range x {
				upTo[i][j] += v[k] * lagrange(x, j, y[k])
			}
		}
	}
	return x, w, upTo
}

// lagrange is the polynomial that is 1 at point j and 0 at the others.
func lagrange(x []float64, j int, at float64) float64 {
	value := 1.0
	for i := range x {
		if i != j {
			value *= (at - x[i]) / (x[j] - x[i])
		}
	}
	return value
}

// panel has the density at the points of a panel, and the probability of a lower rate.
type panel struct{ density, below [panelPoints]float64 }

// over is the panel from one rate to another, where below is the probability of a rate lower than
// from. It hands back that of a rate lower than to.
func (p *posterior) over(from, to, below float64, into *panel) float64 {
	half := (to - from) / 2
	after := below
	for i := range panelPoints {
		into.density[i] = p.density(from + half*(1+legendrePoints[i]))
		after += half * legendreWeights[i] * into.density[i]
	}
	for i := range panelPoints {
		into.below[i] = below
		for j := range panelPoints {
			into.below[i] += half * legendreUpTo[i][j] * into.density[j]
		}
		into.below[i] = min(1, max(0, into.below[i]))
	}
	return after
}

// until is the probability of a rate below the one given.
func (p *posterior) until(rate float64) float64 {
	var scratch panel
	below, from := 0.0, 0.0
	for _, to := range p.panels()[1:] {
		if to = min(to, rate); to > from {
			below, from = p.over(from, to, below, &scratch), to
		}
	}
	return below
}
