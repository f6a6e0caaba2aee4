package world

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Lifetime is the longest that a person of a live world is heard of.
const Lifetime = 45 * 24 * time.Hour

// Live is a small company to which people come day and night, and travel as its journey map says.
// Who comes when and does what is decided by the seed, so that the same interval of time always
// has the same messages, with the same ids. Make one with NewLive. Not safe for concurrent use:
// it remembers the people of the time it was last asked for.
type Live struct {
	seed     uint64
	company  *company
	acts     map[string]*act
	arrivals map[int64][]person
}

// NewLive makes a live world of one of Scenarios.
func NewLive(scenario Scenario, seed uint64) *Live {
	l := &Live{
		seed: seed, company: companies[scenario](), acts: make(map[string]*act),
		arrivals: make(map[int64][]person),
	}
	for i := range l.company.acts {
		l.acts[l.company.acts[i].id] = &l.company.acts[i]
	}
	return l
}

// Stages gives the stages in the order of the map.
func (l *Live) Stages() []journey.StageID {
	ids := make([]journey.StageID, 0, len(l.company.scenes))
	for i := range l.company.scenes {
		ids = append(ids, l.company.scenes[i].stage)
	}
	return ids
}

// Experiment is the name of the one that runs in the world.
func (l *Live) Experiment() string { return l.company.trial.name }

// due is a beat of a person that falls into an interval.
type due struct {
	person  *person
	ordinal int
}

// Between gives the messages that occur at from or later and before to, in time order. Thirty
// days have about 20,000. Intervals may be asked for in any order; going forward in small steps
// is cheap.
func (l *Live) Between(from, to time.Time) []Message {
	var all []due
	l.each(from, to, func(p *person) {
		for i, b := range p.beats {
			if b.at >= from.UnixMilli() && b.at < to.UnixMilli() {
				all = append(all, due{p, i})
			}
		}
	})
	slices.SortFunc(all, func(a, b due) int {
		return cmp.Or(
			cmp.Compare(a.person.beats[a.ordinal].at, b.person.beats[b.ordinal].at),
			cmp.Compare(a.person.number, b.person.number),
			cmp.Compare(a.ordinal, b.ordinal),
		)
	})
	messages := make([]Message, 0, len(all))
	for _, d := range all {
		messages = append(messages, d.person.message(d.ordinal))
	}
	return messages
}

// each calls do for the people who may do something in an interval, in the order of their
// arrival, and forgets those who left long before it.
func (l *Live) each(from, to time.Time, do func(*person)) {
	first, last := hourOf(from.Add(-Lifetime)), hourOf(to)
	for hour := first; hour <= last; hour++ {
		people, ok := l.arrivals[hour]
		if !ok {
			people = l.arrive(hour)
			l.arrivals[hour] = people
		}
		for i := range people {
			do(&people[i])
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

// arrive draws the people who come in an hour since 1970.
func (l *Live) arrive(hour int64) []person {
	dice := rand.New(rand.NewPCG(l.seed, uint64(hour)))
	of := ((hour % 24) + 24) % 24
	n := poisson(dice, float64(busy[of])/1000*l.company.perDay)
	people := make([]person, n)
	for i := range people {
		start := hour*time.Hour.Milliseconds() + dice.Int64N(time.Hour.Milliseconds())
		people[i] = l.newPerson(uint64(hour)<<8|uint64(i), start)
	}
	return people
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
