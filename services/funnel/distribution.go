package funnel

import "math"

// Distribution is how long units took from one step to another.
type Distribution struct {
	// From and To are numbers of steps, from 1; under Any the k-th in time.
	From, To int
	// Count of units that filled both; under PerAttempt and PerSession of attempts.
	Count int
	// Spans is nil, and Percentiles and Bins are empty, where there are none.
	Spans *Spans
	// Percentiles are the 1st, 5th, 10th, 25th, 50th, 75th, 90th, 95th and 99th, by nearest rank
	// but for the 50th, which is the median.
	Percentiles []Percentile
	// Bins are the histogram, in order: one more than asked, and the last begins where the others
	// end.
	Bins []Bin
}

// Percentile is a length of time that so many percent took at most.
type Percentile struct{ Percent, Seconds float64 }

// Bin is a column of a histogram, from FromSeconds (inside) to ToSeconds (outside).
type Bin struct {
	FromSeconds, ToSeconds float64
	Count                  int
}

// percents are those of a Distribution.
var percents = []int{1, 5, 10, 25, 50, 75, 90, 95, 99}

// distribute is the distribution of some spans together. See docs/semantics.md, "Time to convert".
func distribute(asked TimeToConvert, parts []*spans) *Distribution {
	pool := poolOf(parts)
	d := &Distribution{
		From: asked.From + 1, To: asked.To + 1, Count: pool.count(), Spans: summarize(parts),
	}
	if d.Count == 0 {
		return d
	}
	ranks := []int{0}
	for _, percent := range percents {
		ranks = append(ranks, nearestRank(percent, d.Count))
	}
	values := pool.at(append(ranks, d.Count-1)...)
	for i, percent := range percents {
		d.Percentiles = append(d.Percentiles, Percentile{
			Percent: float64(percent), Seconds: float64(values[1+i]) / 1000,
		})
		if percent == 50 {
			d.Percentiles[i].Seconds = d.Spans.MedianSeconds
		}
	}
	d.Bins = pool.bins(asked.Bins, values[0], values[len(values)-1])
	return d
}

// bins are the histogram of values from the least to the most, in milliseconds.
func (p *pool) bins(asked int, least, most uint64) []Bin {
	if asked == 0 {
		asked = min(cubeRoot(p.count()), MaxBins)
	}
	perBin := 1000 * uint64(asked)
	width := (most - least + perBin - 1) / perBin
	if width == 0 {
		width = 60
	}
	begin := least / 1000
	bins := make([]Bin, asked+1)
	for i := range bins {
		bins[i].FromSeconds = float64(begin + uint64(i)*width)
		bins[i].ToSeconds = float64(begin + uint64(i+1)*width)
	}
	countBins(bins, p.short, begin*1000, width*1000)
	countBins(bins, p.long, begin*1000, width*1000)
	return bins
}

func countBins[T uint32 | uint64](bins []Bin, parts [][]T, begin, width uint64) {
	for _, values := range parts {
		for _, v := range values {
			bins[(uint64(v)-begin)/width].Count++
		}
	}
}

// cubeRoot is the least number whose third power is not below n.
func cubeRoot(n int) int {
	root := int(math.Cbrt(float64(n)))
	for root*root*root < n {
		root++
	}
	for root > 0 && (root-1)*(root-1)*(root-1) >= n {
		root--
	}
	return root
}
