package funnel

import (
	"math"
	"math/bits"
	"slices"
)

// Spans sums up lengths of time, zeros included.
type Spans struct {
	// MeanSeconds, MedianSeconds (the mean of the middle two where there are two) and P90Seconds (by
	// nearest rank).
	MeanSeconds, MedianSeconds, P90Seconds float64
}

// spans are lengths of time in milliseconds, 0 or more, in no order. Those below 2³² ms (49 days)
// take four bytes each, the others eight.
type spans struct {
	short []uint32
	long  []uint64
	sum   int64
}

func (s *spans) add(ms int64) {
	s.sum += ms
	if ms <= math.MaxUint32 {
		s.short = append(s.short, uint32(ms))
	} else {
		s.long = append(s.long, uint64(ms))
	}
}

func (s *spans) count() int { return len(s.short) + len(s.long) }

func (s *spans) each(yield func(ms uint64)) {
	for _, ms := range s.short {
		yield(uint64(ms))
	}
	for _, ms := range s.long {
		yield(ms)
	}
}

func (s *spans) addAll(t *spans) {
	s.sum += t.sum
	s.short = append(s.short, t.short...)
	s.long = append(s.long, t.long...)
}

// pool is the spans of several groups together.
type pool struct {
	short         [][]uint32
	long          [][]uint64
	shorts, longs int
	sum           int64
}

func poolOf(parts []*spans) *pool {
	p := &pool{}
	for _, s := range parts {
		p.short, p.long = append(p.short, s.short), append(p.long, s.long)
		p.shorts, p.longs = p.shorts+len(s.short), p.longs+len(s.long)
		p.sum += s.sum
	}
	return p
}

func (p *pool) count() int { return p.shorts + p.longs }

// at are the values of ranks, from 0, ascending.
func (p *pool) at(ranks ...int) []uint64 {
	values := make([]uint64, len(ranks))
	cut := 0
	for cut < len(ranks) && ranks[cut] < p.shorts {
		cut++
	}
	pickRanks(p.short, ranks[:cut], values[:cut])
	beyond := make([]int, len(ranks)-cut)
	for i := range beyond {
		beyond[i] = ranks[cut+i] - p.shorts
	}
	pickRanks(p.long, beyond, values[cut:])
	return values
}

// nearestRank is the rank, from 0, of a percentile among so many values, by the nearest one.
func nearestRank(percent, count int) int { return (percent*count+99)/100 - 1 }

// summarize sums up the spans of several groups together. nil if there are none.
func summarize(parts []*spans) *Spans {
	p := poolOf(parts)
	n := p.count()
	if n == 0 {
		return nil
	}
	values := p.at((n-1)/2, n/2, nearestRank(90, n))
	return &Spans{
		MeanSeconds:   float64(p.sum) / float64(n) / 1000,
		MedianSeconds: float64(values[0]+values[1]) / 2000,
		P90Seconds:    float64(values[2]) / 1000,
	}
}

// digitBits is the width of a digit of the radix selection.
const digitBits = 11

// pickRanks writes the values of the given ranks (from 0, ascending) among all parts together, by
// radix selection: counting by the leading digit finds the few values worth looking at again.
func pickRanks[T uint32 | uint64](parts [][]T, ranks []int, values []uint64) {
	if len(ranks) == 0 {
		return
	}
	var largest T
	for _, p := range parts {
		if len(p) > 0 {
			largest = max(largest, slices.Max(p))
		}
	}
	shift := max(0, bits.Len64(uint64(largest))-digitBits)
	pickDigit(parts, ranks, values, shift)
}

// pickDigit picks among values that agree above the digit at a shift.
func pickDigit[T uint32 | uint64](parts [][]T, ranks []int, values []uint64, shift int) {
	counts := countDigits(parts, shift)
	below, digit := 0, 0
	for i := 0; i < len(ranks); {
		for below+counts[digit] <= ranks[i] {
			below += counts[digit]
			digit++
		}
		j := i
		var inner []int
		for ; j < len(ranks) && ranks[j] < below+counts[digit]; j++ {
			inner = append(inner, ranks[j]-below)
		}
		bucket := gather(parts, shift, digit, counts[digit])
		pickBucket(bucket, inner, values[i:j], shift)
		i = j
	}
}

// smallBucket is the size from which on sorting is faster than counting again.
const smallBucket = 512

func pickBucket[T uint32 | uint64](bucket []T, ranks []int, values []uint64, shift int) {
	if shift > 0 && len(bucket) > smallBucket {
		pickDigit([][]T{bucket}, ranks, values, max(0, shift-digitBits))
		return
	}
	if shift > 0 {
		slices.Sort(bucket)
	}
	for i, r := range ranks {
		values[i] = uint64(bucket[r])
	}
}

func countDigits[T uint32 | uint64](parts [][]T, shift int) *[1 << digitBits]int {
	var counts [1 << digitBits]int
	for _, p := range parts {
		for _, v := range p {
			counts[v>>shift&(1<<digitBits-1)]++
		}
	}
	return &counts
}

func gather[T uint32 | uint64](parts [][]T, shift, digit, size int) []T {
	bucket := make([]T, 0, size)
	for _, p := range parts {
		for _, v := range p {
			if v>>shift&(1<<digitBits-1) == T(digit) {
				bucket = append(bucket, v)
			}
		}
	}
	return bucket
}
