package funnel

import (
	"testing"

	"pgregory.net/rapid"
)

func TestLadderAgainstCounting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		time := rapid.OneOf(
			rapid.Int64Range(0, 5), rapid.Int64Range(2040, 2060), rapid.Int64Range(4000, 1<<20),
			rapid.Int64Range(0, 1<<40))
		parts := []*spans{{}, {}}
		times := rapid.SliceOf(time).Draw(rt, "times")
		for i, ms := range times {
			parts[i%2].add(ms)
		}
		l := ladderOf(parts)
		asked := append(rapid.SliceOfN(time, 1, 20).Draw(rt, "asked"), times...)
		for _, ms := range asked {
			want := 0
			for _, t := range times {
				if t >= ms {
					want++
				}
			}
			if got := l.notBefore(uint64(ms)); got != want {
				rt.Fatalf("%d times are not before %d, want %d", got, ms, want)
			}
		}
	})
}
