package world

import (
	"math/rand/v2"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// shopper is one person of a live world, with all that this person will ever do.
type shopper struct {
	seed   uint64
	number uint64
	kind   int
	// source is an index into the sources of its visits.
	source int
	beats  []beat
}

// beat is one message of a shopper.
type beat struct {
	at int64
	// act is an index into acts.
	act uint8
	// device is 0 for the one the shopper came with, 1 for the one taken up later.
	device uint8
	// known tells that the shopper has signed in, so that the message carries the user id.
	known bool
}

// kind is a sort of shopper. Those of the last kind fit no persona of the map.
type kind struct {
	persona journey.PersonaID
	weight  float64
	// onward is how much more likely than usual they go on to the next stage.
	onward float64
}

var kinds = [...]kind{
	{"students", 0.22, 0.92},
	{"families", 0.28, 1.10},
	{"seniors", 0.14, 0.96},
	{"professionals", 0.26, 1.04},
	{journey.Unassigned, 0.10, 0.90},
}

// onward is the chance to go on from each stage to the next.
var onward = [stageCount - 1]float64{0.80, 0.80, 0.78, 0.76, 0.72, 0.88, 0.60, 0.45}

// more is the chance to do one thing more at a stage.
var more = [stageCount]float64{0.25, 0.45, 0.35, 0.60, 0.65, 0, 0.35, 0.40, 0.40}

const (
	signInShare       = 0.35
	signUpShare       = 0.6
	otherDevice       = 0.3
	sameVisitShare    = 0.65
	reorderShare      = 0.5
	obstacleShare     = 0.12
	giveUpShare       = 0.4
	betweenActs       = 70 * time.Second
	betweenStoreTrips = 30 * time.Hour
)

// newShopper draws a shopper who arrives at start, in milliseconds since 1970.
func newShopper(seed, number uint64, start int64) shopper {
	dice := rand.New(rand.NewPCG(seed, number<<1|1))
	weights := make([]float64, len(kinds))
	for i, k := range kinds {
		weights[i] = k.weight
	}
	s := shopper{seed: seed, number: number}
	s.kind, s.source = choose(dice, weights), dice.IntN(len(sources))
	p := plot{
		dice: dice, kind: kinds[s.kind], now: start, end: start + Lifetime.Milliseconds(),
	}
	p.travel()
	s.beats = p.beats
	return s
}

// plot writes a shopper's life.
type plot struct {
	dice     *rand.Rand
	kind     kind
	now, end int64
	device   uint8
	known    bool
	beats    []beat
}

// travel goes through the stages until the shopper drops off.
func (p *plot) travel() {
	for stage := range stageCount {
		switch {
		case stage == purchase && !p.buy():
			return
		case stage == satisfaction:
			p.deliver()
		}
		if stage != purchase {
			p.linger(stage)
		}
		if stage == loyalty && p.chance(reorderShare) {
			p.reorder()
		}
		if stage == stageCount-1 || !p.chance(onward[stage]*p.kind.onward) {
			return
		}
		p.leave(stage)
	}
}

// linger does one thing of a stage, and perhaps more.
func (p *plot) linger(stage int) {
	for {
		p.do(p.pick(stage))
		p.introduce(stage)
		if !p.chance(more[stage]) {
			return
		}
	}
}

// introduce lets the shopper sign in, who may have an account already, or sign up.
func (p *plot) introduce(stage int) {
	switch {
	case p.known:
	case stage == interest && p.chance(signInShare):
		p.do(actIdentify)
	case stage == search && p.chance(signUpShare):
		p.do(actIdentify)
		p.do(actSignUp)
	}
}

// pick chooses something to do at a stage.
func (p *plot) pick(stage int) uint8 {
	weights := make([]float64, 0, 8)
	for _, a := range actsByStage[stage] {
		weights = append(weights, acts[a].weight)
	}
	return actsByStage[stage][choose(p.dice, weights)]
}

// buy goes to the checkout and says whether an order came of it.
func (p *plot) buy() bool {
	if !p.known {
		p.do(actIdentify)
		p.do(actSignUp)
	}
	p.do(actCheckout)
	for _, part := range [...]struct{ obstacle, done uint8 }{
		{actNoSlot, actSlot}, {actCouponDenied, actPayment}, {actPaymentFailed, actOrder},
	} {
		if p.chance(obstacleShare) {
			p.do(part.obstacle)
			if p.chance(giveUpShare) {
				return false
			}
		}
		p.do(part.done)
	}
	return true
}

// deliver brings the order within two days.
func (p *plot) deliver() {
	p.wait(24 * time.Hour)
	p.do(actDelivered)
}

// reorder buys once more, weeks later.
func (p *plot) reorder() {
	p.wait(7 * 24 * time.Hour)
	p.visit()
	if p.buy() {
		p.deliver()
	}
}

// leave lets time pass before the next stage: within the visit, or until the next one.
func (p *plot) leave(stage int) {
	if stage < purchase && p.chance(sameVisitShare) {
		return
	}
	p.wait(betweenStoreTrips)
	p.visit()
}

// visit opens a visit: those who are known may come on another device, where they sign in first.
func (p *plot) visit() {
	if !p.known {
		return
	}
	if p.device == 0 && p.chance(otherDevice) {
		p.device = 1
		p.do(actIdentify)
	}
	if p.chance(0.3) {
		p.do(actAccount)
	}
}

// do adds a beat, a little later; now and then in the same millisecond.
func (p *plot) do(what uint8) {
	if !p.chance(0.02) {
		p.wait(betweenActs)
	}
	if what == actIdentify {
		p.known = true
	}
	if p.now < p.end {
		p.beats = append(p.beats, beat{at: p.now, act: what, device: p.device, known: p.known})
	}
}

// wait lets a random time of a given mean pass.
func (p *plot) wait(mean time.Duration) {
	p.now += int64(p.dice.ExpFloat64() * float64(mean.Milliseconds()))
}

func (p *plot) chance(share float64) bool { return p.dice.Float64() < share }

// choose draws an index by weight.
func choose(dice *rand.Rand, weights []float64) int {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	u := dice.Float64() * sum
	for i, w := range weights {
		if u -= w; u < 0 {
			return i
		}
	}
	return len(weights) - 1
}
