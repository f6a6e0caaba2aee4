package world

import (
	"cmp"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// The shape of a benchmark world.
const (
	// TouchpointsPerPerson is about how many touchpoints on the map a person has on average.
	TouchpointsPerPerson = 20
	// MedianLife and HighLife are the median and the 99th percentile of a person's touchpoints,
	// on the map or not.
	MedianLife = 6
	HighLife   = 300
	// LargestLife is the number of touchpoints of the one person who has more than anybody.
	LargestLife = 200_000
	// SeveralShare is the share of persons with two identities or more.
	SeveralShare = 0.3
)

// A benchmark world lasts for three years. Its end is the first instant of a quarter.
var (
	BenchmarkStart = time.Date(2023, time.April, 1, 0, 0, 0, 0, time.UTC)
	BenchmarkEnd   = time.Date(2026, time.April, 1, 0, 0, 0, 0, time.UTC)
)

// BenchmarkSite is the site of a benchmark world.
const BenchmarkSite journey.SiteID = "bench"

// Benchmark is a closed world for measuring. Make one with NewBenchmark. It may be used by
// several goroutines.
type Benchmark struct {
	seed       uint64
	persons    int
	largest    int
	identities []journey.IdentityID
	// first is, per person, the place of its first identity; one element more than persons.
	first []uint32
}

// NewBenchmark makes the world of a number of persons, at least 1. A million persons have some
// 20 million touchpoints on the map and 5 million beside it. In worlds of less than a million
// persons the largest life is at most a fifth of their number.
func NewBenchmark(seed uint64, persons int) *Benchmark {
	b := &Benchmark{
		seed: seed, persons: persons,
		largest: max(1, min(LargestLife, persons/5)),
		first:   make([]uint32, 1, persons+1),
	}
	for p := range persons {
		for i := range identityCount(b.dice(p, 'i')) {
			b.identities = append(b.identities, b.identity(p, i))
		}
		b.first = append(b.first, uint32(len(b.identities)))
	}
	return b
}

// dice are the person's own random numbers for one purpose.
func (b *Benchmark) dice(person int, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(b.seed, uint64(person)<<8|purpose))
}

// identityCount draws how many identities a person has.
func identityCount(dice *rand.Rand) int {
	u := dice.Float64()
	switch {
	case u >= SeveralShare:
		return 1
	case u >= SeveralShare/3:
		return 2
	case u >= SeveralShare/10:
		return 3
	default:
		return 4
	}
}

// identity computes the i-th identity of a person. Of several, the first is a user's.
func (b *Benchmark) identity(person, i int) journey.IdentityID {
	if user := b.userOf(person); i == 0 && user != "" {
		return journey.UserIdentity(BenchmarkSite, user)
	}
	return journey.VisitorIdentity(BenchmarkSite, visitorOf(person, i))
}

func (b *Benchmark) userOf(person int) journey.UserID {
	if identityCount(b.dice(person, 'i')) == 1 {
		return ""
	}
	return journey.UserID("user-" + strconv.Itoa(person))
}

func visitorOf(person, i int) journey.VisitorID {
	return journey.VisitorID("visitor-" + strconv.Itoa(person) + "-" + strconv.Itoa(i))
}

// Persons is the number of persons.
func (b *Benchmark) Persons() int { return b.persons }

// Identities gives the identities of a person, numbered from 0; of several, the first is a
// user's and the others are visitors linked to it. Do not change the slice.
func (b *Benchmark) Identities(person int) []journey.IdentityID {
	return b.identities[b.first[person]:b.first[person+1]]
}

// Touchpoints gives all touchpoints in the order of (At, Number). It holds 16 bytes for each
// while it runs.
func (b *Benchmark) Touchpoints() iter.Seq[Touchpoint] {
	return func(yield func(Touchpoint) bool) {
		moments := make([]moment, 0, b.persons*TouchpointsPerPerson*5/4)
		l := life{}
		for p := range b.persons {
			moments = l.append(moments, b, p)
		}
		slices.SortFunc(moments, compareMoments)
		for _, m := range moments {
			if !yield(b.touchpoint(m)) {
				return
			}
		}
	}
}

func compareMoments(a, b moment) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.packed, b.packed))
}

// lifeLength draws the number of a person's touchpoints: lognormal.
func (b *Benchmark) lifeLength(person int, dice *rand.Rand) int {
	if person == b.persons/2 {
		return b.largest
	}
	const z99 = 2.3263478740408408
	sigma := math.Log(HighLife/MedianLife) / z99
	n := int(math.Round(MedianLife * math.Exp(sigma*dice.NormFloat64())))
	return max(1, min(n, b.largest))
}
