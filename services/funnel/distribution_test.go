package funnel

import (
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawTimeToConvert(rt *rapid.T, steps int) *TimeToConvert {
	from := rapid.IntRange(0, steps-2).Draw(rt, "from")
	return &TimeToConvert{
		From: from, To: rapid.IntRange(from+1, steps-1).Draw(rt, "to"),
		Bins: rapid.SampledFrom([]int{0, 1, 3, MaxBins}).Draw(rt, "bins"),
	}
}

// naiveDistribution is that of the time between two steps by its definition.
func naiveDistribution(asked *TimeToConvert, attempts []Attempt) *Distribution {
	if asked == nil {
		return nil
	}
	var ms []int64
	for _, a := range attempts {
		if a.Filled>>asked.From&1 == 1 && a.Filled>>asked.To&1 == 1 {
			ms = append(ms, max(0, a.Times[asked.To]-a.Times[asked.From]))
		}
	}
	d := &Distribution{
		From: asked.From + 1, To: asked.To + 1, Count: len(ms), Spans: sortedSpans(ms),
	}
	if len(ms) == 0 {
		return d
	}
	slices.Sort(ms)
	for _, percent := range []float64{1, 5, 10, 25, 50, 75, 90, 95, 99} {
		rank := int(math.Ceil(percent * float64(len(ms)) / 100))
		p := Percentile{Percent: percent, Seconds: float64(ms[rank-1]) / 1000}
		if percent == 50 {
			p.Seconds = d.Spans.MedianSeconds
		}
		d.Percentiles = append(d.Percentiles, p)
	}
	d.Bins = naiveBins(asked.Bins, ms)
	return d
}

func naiveBins(asked int, ms []int64) []Bin {
	if asked == 0 {
		for asked = 1; asked < MaxBins && asked*asked*asked < len(ms); {
			asked++
		}
	}
	least, most := float64(ms[0])/1000, float64(ms[len(ms)-1])/1000
	width := math.Ceil((most - least) / float64(asked))
	if width == 0 {
		width = 60
	}
	var bins []Bin
	for i := range asked + 1 {
		b := Bin{FromSeconds: math.Floor(least) + float64(i)*width}
		b.ToSeconds = b.FromSeconds + width
		for _, v := range ms {
			if s := float64(v) / 1000; b.FromSeconds <= s && s < b.ToSeconds {
				b.Count++
			}
		}
		bins = append(bins, b)
	}
	return bins
}

// distributed is the distribution of some times.
func distributed(bins int, times ...time.Duration) *Distribution {
	s := &spans{}
	for _, t := range times {
		s.add(t.Milliseconds())
	}
	return distribute(TimeToConvert{To: 1, Bins: bins}, []*spans{{}, s})
}

func TestBins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		asked int
		times []time.Duration
		want  []Bin
	}{
		{name: "of nobody"},
		{
			name: "seven asked: eight columns", asked: 7,
			times: []time.Duration{time.Hour, 37 * time.Minute, 23 * time.Hour},
			want: []Bin{
				{2220, 13732, 2},
				{13732, 25244, 0},
				{25244, 36756, 0},
				{36756, 48268, 0},
				{48268, 59780, 0},
				{59780, 71292, 0},
				{71292, 82804, 1},
				{82804, 94316, 0},
			},
		},
		{
			name: "the cube root of two: the longest begins the last", times: []time.Duration{
				time.Minute, 6 * time.Minute,
			},
			want: []Bin{{60, 210, 1}, {210, 360, 0}, {360, 510, 1}},
		},
		{
			name: "all the same: a minute wide", times: []time.Duration{90500 * time.Millisecond},
			want: []Bin{{90, 150, 1}, {150, 210, 0}},
		},
		{
			name: "parts of a second: whole ones from the second below",
			times: []time.Duration{
				1900 * time.Millisecond, 2100 * time.Millisecond, 1900 * time.Millisecond,
			},
			asked: 1, want: []Bin{{1, 2, 2}, {2, 3, 1}},
		},
		{
			name:  "beyond 49 days",
			times: []time.Duration{time.Second, 4_294_968 * time.Second}, asked: 1,
			want: []Bin{{1, 4_294_968, 1}, {4_294_968, 8_589_935, 1}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := gocmp.Diff(c.want, distributed(c.asked, c.times...).Bins); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCubeRoot: rounded up, 60 at most.
func TestCubeRoot(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{
		1: 1, 2: 2, 8: 2, 9: 3, 27: 3, 28: 4, 64: 4, 125: 5, 216: 6, 217: 7, 205379: 59, 205380: 60,
		216000: 60, 216001: 61,
	} {
		if got := cubeRoot(n); got != want {
			t.Errorf("of %d: %d, want %d", n, got, want)
		}
	}
}
