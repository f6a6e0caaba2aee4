package funnel

import (
	"math/bits"
	"slices"
)

// ladder finds a place among many times, ascending, in milliseconds: rungs has the first place of
// each rung, so that few are left to be searched.
type ladder struct {
	times []uint64
	rungs []int32
}

// rungBits is the width of a rung: up to so many leading bits tell it.
const rungBits = 11

func ladderOf(parts []*spans) ladder {
	var l ladder
	for _, p := range parts {
		p.each(func(ms uint64) { l.times = append(l.times, ms) })
	}
	slices.Sort(l.times)
	for i, t := range l.times {
		for r := rungOf(t); len(l.rungs) <= r; {
			l.rungs = append(l.rungs, int32(i))
		}
	}
	return l
}

// rungOf grows with the time.
func rungOf(ms uint64) int {
	if ms < 1<<rungBits {
		return int(ms)
	}
	above := bits.Len64(ms) - rungBits - 1
	return (above+1)<<rungBits | int(ms>>above)&(1<<rungBits-1)
}

// notBefore is how many of the times are not less than one.
func (l *ladder) notBefore(ms uint64) int {
	r := rungOf(ms)
	if r >= len(l.rungs) {
		return 0
	}
	from, to := int(l.rungs[r]), len(l.times)
	if r+1 < len(l.rungs) {
		to = int(l.rungs[r+1])
	}
	i, _ := slices.BinarySearch(l.times[from:to], ms)
	return len(l.times) - from - i
}
