package world

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// Lifetime is the longest that a shopper of a live world is heard of.
	Lifetime = 45 * 24 * time.Hour
	// ShoppersPerDay is how many shoppers arrive in a live world, on average.
	ShoppersPerDay = 66
)

// Live is a small online grocery store in which people shop day and night, as the example map of
// the product sees them. Who comes when and does what is decided by the seed, so that the same
// interval of time always has the same messages, with the same ids. Make one with NewLive. Not
// safe for concurrent use: it remembers the shoppers of the time it was last asked for.
type Live struct {
	seed     uint64
	arrivals map[int64][]shopper
}

// NewLive makes a live world.
func NewLive(seed uint64) *Live {
	return &Live{seed: seed, arrivals: make(map[int64][]shopper)}
}

// due is a beat of a shopper that falls into an interval.
type due struct {
	shopper *shopper
	ordinal int
}

// Between gives the messages that occur at from or later and before to, in time order. Thirty
// days have about 20,000. Intervals may be asked for in any order; going forward in small steps
// is cheap.
func (l *Live) Between(from, to time.Time) []Message {
	var all []due
	l.each(from, to, func(s *shopper) {
		for i, b := range s.beats {
			if b.at >= from.UnixMilli() && b.at < to.UnixMilli() {
				all = append(all, due{s, i})
			}
		}
	})
	slices.SortFunc(all, func(a, b due) int {
		return cmp.Or(
			cmp.Compare(a.shopper.beats[a.ordinal].at, b.shopper.beats[b.ordinal].at),
			cmp.Compare(a.shopper.number, b.shopper.number),
			cmp.Compare(a.ordinal, b.ordinal),
		)
	})
	messages := make([]Message, 0, len(all))
	for _, d := range all {
		messages = append(messages, d.shopper.message(d.ordinal))
	}
	return messages
}

// each calls do for the shoppers who may do something in an interval, and forgets those who left
// long before it.
func (l *Live) each(from, to time.Time, do func(*shopper)) {
	first, last := hourOf(from.Add(-Lifetime)), hourOf(to)
	for hour := first; hour <= last; hour++ {
		shoppers, ok := l.arrivals[hour]
		if !ok {
			shoppers = l.arrive(hour)
			l.arrivals[hour] = shoppers
		}
		for i := range shoppers {
			do(&shoppers[i])
		}
	}
	for hour := range l.arrivals {
		if hour < first {
			delete(l.arrivals, hour)
		}
	}
}

func hourOf(t time.Time) int64 {
	return int64(math.Floor(float64(t.UnixMilli()) / float64(time.Hour.Milliseconds())))
}

// busy is the share of a day's arrivals in each of its hours, in thousandths, UTC.
var busy = [24]int{
	12, 7, 5, 4, 5, 10, 25, 45, 52, 48, 45, 48, 58, 55, 45, 42, 48, 62, 78, 88, 84, 66, 44, 24,
}

// arrive draws the shoppers who come in an hour since 1970.
func (l *Live) arrive(hour int64) []shopper {
	dice := rand.New(rand.NewPCG(l.seed, uint64(hour)))
	of := ((hour % 24) + 24) % 24
	n := poisson(dice, float64(busy[of])/1000*ShoppersPerDay)
	shoppers := make([]shopper, n)
	for i := range shoppers {
		start := hour*time.Hour.Milliseconds() + dice.Int64N(time.Hour.Milliseconds())
		shoppers[i] = newShopper(l.seed, uint64(hour)<<8|uint64(i), start)
	}
	return shoppers
}

// poisson draws a number of arrivals, at most 255 (Knuth's method).
func poisson(dice *rand.Rand, mean float64) int {
	limit, product := math.Exp(-mean), dice.Float64()
	n := 0
	for product > limit && n < 255 {
		product *= dice.Float64()
		n++
	}
	return n
}
