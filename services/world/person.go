package world

import (
	"fmt"
	"math/rand/v2"

	"github.com/waystage/waystage/services/journey"
)

// person is one of a live world, with all that this person will ever do.
type person struct {
	seed, number uint64
	company      *company
	kind         *kind
	// variation is the place of that of the experiment; group is empty for those of none.
	variation int
	group     string
	clients   [2]uint8
	beats     []beat
}

// beat is one message of a person.
type beat struct {
	// at in milliseconds since 1970, not before the beat before it.
	at  int64
	act *act
	// device is 0 for the one the person came with, 1 for the one taken up later.
	device uint8
	// known tells that the person is known, so that the message carries the user id.
	known bool
	// source counts from 1 among the company's where a visit begins; 0 elsewhere.
	source uint8
	// troubled tells that a barrier was met before.
	troubled bool
}

// newPerson draws a person who arrives at start, in milliseconds since 1970.
func (l *Live) newPerson(number uint64, start int64) person {
	dice := rand.New(rand.NewPCG(l.seed, number<<1|1))
	c := l.company
	weights := make([]float64, len(c.kinds))
	for i := range c.kinds {
		weights[i] = c.kinds[i].weight
	}
	kind := &c.kinds[choose(dice, weights)]
	p := person{
		seed: l.seed, number: number, company: c, kind: kind,
		variation: dice.IntN(len(c.trial.variations)),
	}
	if dice.Float64() < kind.groupShare {
		p.group = fmt.Sprintf("%s-%d", kind.groupType, dice.IntN(kind.groups))
	}
	plot := newPlot(l, &p, dice, start)
	plot.travel()
	p.beats = plot.beats
	return p
}

func (p *person) user() string { return fmt.Sprintf("person-%x", p.number) }

func (p *person) visitor(device uint8) string {
	return dashed(mix(p.seed^p.number<<2|uint64(device)), mix(p.number+uint64(device)<<60))
}

func dashed(high, low uint64) string {
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x",
		high>>32, high>>16&0xffff, high&0xffff, low>>48, low&(1<<48-1))
}

// client is what a beat was done with; nil for what is done without.
func (p *person) client(b beat) *client {
	if b.act.offline {
		return nil
	}
	return &clients[p.clients[b.device]]
}

// device is what a site sees of it; empty for nothing.
func (p *person) device(b beat) string {
	if c := p.client(b); c != nil {
		return c.device
	}
	return ""
}

// sourceOf is where a beat comes from; nil for those that are no arrival.
func (p *person) sourceOf(b beat) *source {
	if c := p.client(b); b.source == 0 || c == nil || c.app {
		return nil
	}
	return &p.company.sources[b.source-1]
}

// channel of a touchpoint; empty for other beats, and where none is known.
func (p *person) channel(b beat) journey.ChannelID {
	switch c, s := p.client(b), p.sourceOf(b); {
	case !b.act.isTouchpoint():
		return ""
	case b.act.channel != "" || c == nil:
		return b.act.channel
	case c.app:
		return "app"
	case s != nil:
		return s.channel
	default:
		return "site"
	}
}

// campaign is the name of the one that brought somebody; empty for none.
func (p *person) campaign(b beat) string {
	if s := p.sourceOf(b); s != nil {
		return s.campaign
	}
	return ""
}

// values are the properties of a beat or, of an identify, the traits.
func (p *person) values(ordinal int, dice *rand.Rand) map[string]any {
	b := p.beats[ordinal]
	m := mood(p.kind.happy)
	if b.troubled {
		m -= 0.9
	}
	values := drawn(b.act.has, dice, m)
	if paid, is := values[p.company.money].(float64); is && p.kind.purse > 0 {
		values[p.company.money] = float64(cents(paid*p.kind.purse)) / 100
	}
	if b.act.page != "" {
		values["name"] = b.act.page
	}
	if b.act.id == exposure {
		values["experiment_name"] = p.company.trial.name
		values["variation_name"] = p.company.trial.variations[p.variation].name
	}
	if s := p.sourceOf(b); s != nil && s.invites {
		values["referral_code"] = code("friend-", 500)(dice, m)
	}
	return values
}

// dice are those of one beat.
func (p *person) dice(ordinal int) *rand.Rand {
	return rand.New(rand.NewPCG(p.seed^mix(p.number), uint64(ordinal)))
}
