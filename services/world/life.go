package world

import (
	"math"
	"math/rand/v2"
	"time"
)

// moment is a touchpoint while the world is being sorted.
type moment struct {
	at int64
	// packed is person (36 bits), ordinal (18), identity (2), event (8).
	packed uint64
}

const (
	eventBits    = 8
	identityBits = 2
	ordinalBits  = 18
	ordinalShift = eventBits + identityBits
	personShift  = ordinalShift + ordinalBits
)

// Habits of the people of a benchmark world.
const (
	offMapShare   = 0.2
	tieShare      = 0.015
	advanceShare  = 0.6
	leaveShare    = 0.17
	withinStage   = 25 * time.Minute
	betweenStages = 14 * time.Hour
	slowStages    = 4 * 24 * time.Hour
	slowShare     = 0.25
	betweenVisits = 40 * 24 * time.Hour
	worldShare    = 0.98
)

// life draws persons one after the other, keeping its buffer.
type life struct {
	dice    *rand.Rand
	offsets []int64
	events  []uint8
	owners  []uint8

	now   float64
	stage int
	pace  time.Duration
	owner int
}

// append draws one person's touchpoints and adds them, in time order.
func (l *life) append(moments []moment, b *Benchmark, person int) []moment {
	l.dice = b.dice(person, 'l')
	l.offsets, l.events, l.owners = l.offsets[:0], l.events[:0], l.owners[:0]
	l.now = 0
	identities := len(b.Identities(person))
	n := b.lifeLength(person, l.dice)
	l.arrive(identities)
	for range n {
		l.touch(identities)
		l.move(identities)
	}
	start, scale := l.place()
	for i, offset := range l.offsets {
		at := start + int64(float64(offset)*scale)
		moments = append(moments, moment{at: at, packed: uint64(person)<<personShift |
			uint64(i)<<ordinalShift | uint64(l.owners[i])<<eventBits | uint64(l.events[i])})
	}
	return moments
}

// arrive begins a new travel through the stages, on a device of its own.
func (l *life) arrive(identities int) {
	l.stage = 0
	for l.stage < 3 && l.dice.Float64() > 0.7 {
		l.stage++
	}
	l.pace = betweenStages
	if l.dice.Float64() < slowShare {
		l.pace = slowStages
	}
	l.owner = l.dice.IntN(identities)
}

// touch adds a touchpoint, now, of the stage or off the map.
func (l *life) touch(identities int) {
	event := mappedCount + l.dice.IntN(len(offMap))
	if l.dice.Float64() >= offMapShare {
		event = l.stageEvent()
	}
	owner := l.owner
	if identities > 1 && l.dice.Float64() < 0.2 {
		owner = 0
	}
	l.offsets = append(l.offsets, int64(l.now))
	l.events = append(l.events, uint8(event))
	l.owners = append(l.owners, uint8(owner))
}

func (l *life) stageEvent() int {
	first := 0
	for _, s := range stageEvents[:l.stage] {
		first += len(s.events)
	}
	n := len(stageEvents[l.stage].events)
	u := l.dice.Float64()
	return first + int(u*u*float64(n))
}

// move lets time pass and decides where the person goes from here.
func (l *life) move(identities int) {
	switch u := l.dice.Float64(); {
	case u < advanceShare && l.stage < stageCount-1:
		l.stage++
		l.pass(l.pace)
	case u < advanceShare || u > 1-leaveShare:
		l.pass(betweenVisits)
		l.arrive(identities)
	default:
		l.pass(withinStage)
	}
}

// pass lets a random time of a given mean go by; sometimes none.
func (l *life) pass(mean time.Duration) {
	if l.dice.Float64() < tieShare {
		return
	}
	l.now += math.Ceil(l.dice.ExpFloat64() * float64(mean.Milliseconds()))
}

// place puts the life into the world's time: where it starts, and by how much it is pressed.
func (l *life) place() (start int64, scale float64) {
	whole := float64(BenchmarkEnd.Sub(BenchmarkStart).Milliseconds())
	length, scale := float64(l.offsets[len(l.offsets)-1]), 1.0
	if length > whole*worldShare {
		scale = whole * worldShare / length
		length *= scale
	}
	free := l.dice.Float64() * (whole - length - 1)
	return BenchmarkStart.UnixMilli() + int64(free), scale
}
