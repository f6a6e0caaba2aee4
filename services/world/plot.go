package world

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Acts that every company has.
const (
	identify = "identify"
	group    = "group"
	exposure = "exposure"
	account  = "account"
)

// common are those acts. None is a touchpoint of the map.
func common() []act {
	return []act{
		{id: identify, identify: true},
		{id: group, group: true},
		{id: exposure, track: "Experiment Viewed"},
		{id: account, page: "Account"},
	}
}

const (
	betweenActs = 70 * time.Second
	// visitIdle is how long nothing is done before the next act opens a visit.
	visitIdle    = 30 * time.Minute
	otherDevice  = 0.25
	accountShare = 0.3
	tieChance    = 0.02
	mostRepeats  = 4
)

// plot writes a person's life.
type plot struct {
	*Live

	person *person
	kind   *kind
	dice   *rand.Rand
	now    int64
	end    int64
	beats  []beat

	device   uint8
	known    bool
	troubled bool
	// shown tells that the experiment was seen.
	shown bool
	// online is when something was last done on a device; visits counts from 1.
	online int64
	visits int
	// source is that of the visit, until its first touchpoint.
	source uint8
}

func newPlot(l *Live, of *person, dice *rand.Rand, start int64) *plot {
	p := &plot{
		Live: l, person: of, kind: of.kind, dice: dice,
		now: start, end: start + Lifetime.Milliseconds(),
	}
	of.clients[0] = p.firstClient()
	of.clients[1] = p.otherClient()
	return p
}

// travel goes through the stages of the route until the person drops off.
func (p *plot) travel() {
	for i, stage := range p.kind.route {
		s := p.scene(stage)
		p.reach(s, i)
		if !p.play(s) || !p.chance(s.onward*p.kind.onward*p.onward(s)) {
			return
		}
	}
}

// reach lets the time pass before a scene that is not the first.
func (p *plot) reach(s *scene, place int) {
	if place > 0 && !p.chance(s.sameVisit) {
		p.wait(s.after)
	}
}

func (p *plot) scene(stage journey.StageID) *scene {
	i := slices.IndexFunc(p.company.scenes, func(s scene) bool { return s.stage == stage })
	return &p.company.scenes[i]
}

// play says whether the person is still there at its end.
func (p *plot) play(s *scene) bool {
	if s.must {
		p.introduce()
	}
	if s.shows {
		p.do(exposure)
		p.shown = true
	}
	if !p.follow(s.script) || !p.linger(s) {
		return false
	}
	for range mostRepeats {
		if len(s.repeats) == 0 || !p.chance(p.kind.again) {
			break
		}
		p.wait(s.repeatAfter)
		p.repeat(s.repeats)
	}
	return true
}

func (p *plot) repeat(stages []journey.StageID) {
	for i, stage := range stages {
		s := p.scene(stage)
		p.reach(s, i)
		if !p.follow(s.script) || !p.linger(s) {
			return
		}
	}
}

// follow plays a script and says whether the person is still there.
func (p *plot) follow(script []line) bool {
	for i := range script {
		if !p.line(&script[i]) {
			return false
		}
	}
	return true
}

func (p *plot) line(l *line) bool {
	if share := l.chance(p.troubled); share > 0 && !p.chance(share) {
		return true
	}
	p.wait(l.after)
	if l.obstacle != "" && p.chance(l.risk*p.kind.risk) {
		p.do(l.obstacle)
		if p.chance(l.leave * p.leaving()) {
			return false
		}
		if l.instead {
			return true
		}
	}
	p.do(l.do)
	return l.quit == 0 || !p.chance(l.quit*p.leaving())
}

func (l *line) chance(troubled bool) float64 {
	if troubled && l.troubled > 0 {
		return l.troubled
	}
	return l.share
}

// linger does one thing, and perhaps more, and says whether the person is still there.
func (p *plot) linger(s *scene) bool {
	for len(s.linger) > 0 {
		what := p.pick(s)
		p.do(what)
		if p.acts[what].barrier && p.chance(s.giveUp) {
			return false
		}
		if s.offersKnown && p.chance(p.kind.known) {
			p.introduce()
		}
		if !p.chance(s.more) {
			break
		}
	}
	return true
}

// pick chooses something to do.
func (p *plot) pick(s *scene) string {
	weights := make([]float64, len(s.linger))
	for i, each := range s.linger {
		weights[i] = each.weight
		if favour, ok := p.kind.favours[each.act]; ok {
			weights[i] *= favour
		}
	}
	return s.linger[choose(p.dice, weights)].act
}

// introduce lets the person be known.
func (p *plot) introduce() {
	if p.known {
		return
	}
	p.do(identify)
	if p.person.group != "" {
		p.do(group)
	}
	if p.company.signUp != "" {
		p.do(p.company.signUp)
	}
}

// onward and leaving are what the experiment does to those who see it.
func (p *plot) onward(s *scene) float64 {
	if !s.shows {
		return 1
	}
	return p.company.trial.variations[p.person.variation].onward
}

func (p *plot) leaving() float64 {
	if !p.shown {
		return 1
	}
	return p.company.trial.variations[p.person.variation].leave
}

// do does something, a little later; now and then in the same millisecond.
func (p *plot) do(what string) {
	a := p.acts[what]
	tie := p.chance(tieChance)
	if !tie {
		p.wait(betweenActs)
	}
	if !a.offline {
		p.visit()
	}
	p.known = p.known || a.identify
	b := beat{at: p.now, act: a, device: p.device, known: p.known, troubled: p.troubled}
	if !a.offline && a.isTouchpoint() {
		b.source, p.source = p.source, 0
	}
	p.add(b)
	p.troubled = p.troubled || a.barrier
}

// add keeps a beat. Only beats of one channel share a millisecond, so that nobody has to say
// which of them was first.
func (p *plot) add(b beat) {
	if n := len(p.beats); n > 0 && p.beats[n-1].at == b.at &&
		p.person.channel(p.beats[n-1]) != p.person.channel(b) {
		b.at++
		p.now++
	}
	if b.at < p.end {
		p.beats = append(p.beats, b)
	}
}

// visit opens a visit where nothing was done for long: those who are known may come with
// another device, which then knows them.
func (p *plot) visit() {
	idle := p.visits == 0 || p.now-p.online > visitIdle.Milliseconds()
	p.online = p.now
	if !idle {
		return
	}
	weights := p.kind.returns
	if p.visits == 0 {
		weights = p.kind.sources
	}
	p.visits++
	p.source = uint8(1 + choose(p.dice, weights))
	if !p.known {
		return
	}
	if p.device == 0 && p.chance(otherDevice) {
		p.device = 1
		p.do(identify)
	}
	if p.chance(accountShare) {
		p.do(account)
	}
}

// wait lets a random time of a given mean pass, by the pace of the person.
func (p *plot) wait(mean time.Duration) {
	pace := p.kind.pace
	if mean <= betweenActs {
		pace = 1
	}
	p.now += int64(p.dice.ExpFloat64() * float64(mean.Milliseconds()) * pace)
}

func (p *plot) chance(share float64) bool { return p.dice.Float64() < share }
