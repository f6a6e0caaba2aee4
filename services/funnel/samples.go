package funnel

import (
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// mismatchBelow is the p-value below which samples are not what was drawn. Source: R. Kohavi,
// D. Tang, Y. Xu, "Trustworthy Online Controlled Experiments", 2020, chapter 21.
const mismatchBelow = 0.001

// SampleRatio tests whether variants have as many units as if each had been drawn as often.
type SampleRatio struct {
	// ChiSquared is Pearson's statistic, with one degree of freedom fewer than there are variants.
	ChiSquared float64
	// P is the probability of such a difference or a larger one by chance, in [0, 1].
	P float64
	// Mismatch: P is below 0.001, so that the experiment should not be trusted.
	Mismatch bool
}

// compareVariants tests the variants of an answer that do not overlap, beyond the limit too. Units
// that saw none are left out. Whether attempts are as many says nothing of how variants were drawn.
func (t *Tally) compareVariants(a *Answer) {
	keys, samples := t.variants()
	if len(samples) < 2 {
		return
	}
	if t.question.Count == Once {
		a.SampleRatio = sampleRatio(samples)
	}
	best := make(map[Key]float64, len(keys))
	for i, share := range bestOf(samples) {
		best[keys[i]] = share
	}
	for i := range a.Groups {
		g := &a.Groups[i]
		if share, ok := best[KeyOf(g.Values...)]; ok && g.Test != nil {
			g.Test.Best = &share
		}
	}
}

// variants are the groups of units that saw one, by name.
func (t *Tally) variants() (keys []Key, samples []sample) {
	for key := range t.groups {
		if !key[0].Missing {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	for _, key := range keys {
		counts := t.shape.counts(t.groups[key].parts())
		samples = append(samples, sample{converted: counts[len(counts)-1], units: counts[0]})
	}
	return keys, samples
}

// sampleRatio is Pearson's chi-squared test of equal shares. Source: K. Pearson, "On the
// criterion …", 1900; for experiments A. Fabijan et al., "Diagnosing sample ratio mismatch", 2019.
func sampleRatio(samples []sample) *SampleRatio {
	total := 0
	for _, t := range samples {
		total += t.units
	}
	expected := float64(total) / float64(len(samples))
	r := &SampleRatio{}
	for _, t := range samples {
		d := float64(t.units) - expected
		r.ChiSquared += d * d / expected
	}
	r.P = mathext.GammaIncRegComp(float64(len(samples)-1)/2, r.ChiSquared/2)
	r.Mismatch = r.P < mismatchBelow
	return r
}
