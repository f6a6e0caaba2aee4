package funnel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkReasons: 1 M units, half of them lost, that meet ten of 200 candidates each.
func BenchmarkReasons(b *testing.B) {
	const units = 1_000_000
	rng := rand.New(rand.NewPCG(9, 9))
	candidates := make([]Candidate, 200)
	for i := range candidates {
		candidates[i] = Candidate{Kind: ByEvent, Name: fmt.Sprint("event", i)}
	}
	var tally *Tally
	b.Run("add", func(b *testing.B) {
		for b.Loop() {
			tally = NewTally(reasonsQuestion())
			met := make([]Meeting, 10)
			for i := range units {
				length := rng.Int64N(14 * 24 * 3600 * 1000)
				for j := range met {
					met[j] = Meeting{candidates[(i+17*j)%200], rng.Int64N(length + 1)}
				}
				tally.Add(&Counted{Standing: Standing{
					Attempts: []Attempt{{Depth: 1, Filled: 1, Times: []int64{0}}},
					Passages: []Passage{{Depth: 1, Lost: i%2 == 0, Length: length, Met: met}},
				}})
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*units), "ns/unit")
		b.ReportMetric(float64(tally.shape.witnesses.bytes)/units, "B/unit")
	})
	b.Run("answer", func(b *testing.B) {
		for b.Loop() {
			tally.Answer()
		}
	})
}
