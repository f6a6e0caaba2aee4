package world

import (
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Ask is a question about the stages of a live world: how many persons enter at From or later and
// before To, and get how deep within Window, by the best of their attempts.
type Ask struct {
	// Since is when the site began to be listened to: what occurred before was never sent.
	Since    time.Time
	From, To time.Time
	// AsOf hides what occurs after it.
	AsOf   time.Time
	Window time.Duration
	// Stages are different stages, in the order of the steps.
	Stages []journey.StageID
	By     Dimension
}

// Dimension is what an answer is split by.
type Dimension uint8

// The dimensions. Personas are those of the persons as of AsOf, and so are variants: of the first
// exposure. The others are those of the first touchpoint of the range at one of the stages that
// has any.
const (
	ByPersona Dimension = iota
	ByVariant
	ByFirstChannel
	ByFirstCampaign
	ByFirstDevice
)

// True counts, per value of the dimension, the persons who reach each step; the value "" is that
// of those who have none. It looks at the people themselves and at every attempt of each, so that
// it shares nothing with what it is compared with.
func (l *Live) True(ask Ask) map[string][]int {
	counts := make(map[string][]int)
	l.each(ask.Since, ask.AsOf, func(p *person) {
		deeds := p.deeds(ask.Since, ask.AsOf)
		best := ask.best(deeds)
		if best.depth == 0 {
			return
		}
		value := p.value(ask, deeds)
		if counts[value] == nil {
			counts[value] = make([]int, len(ask.Stages))
		}
		for k := range best.depth {
			counts[value][k]++
		}
	})
	return counts
}

// deed is something that a person did as the site was told of it.
type deed struct {
	beat

	ordinal int
	// touchpoint and stage are those of the map, repeats included; empty off the map.
	touchpoint journey.TouchpointID
	stage      journey.StageID
	channel    journey.ChannelID
}

// deeds are the person's from since on up to asOf, that instant included, in shown order.
func (p *person) deeds(since, asOf time.Time) []deed {
	var deeds []deed
	sales := 0
	for i, b := range p.beats {
		if b.at < since.UnixMilli() || b.at > asOf.UnixMilli() {
			continue
		}
		d := deed{beat: b, ordinal: i, stage: b.act.at, channel: p.channel(b)}
		if d.stage != "" {
			d.touchpoint = journey.TouchpointID(b.act.name())
		}
		if b.act.name() == p.company.sale {
			sales++
			d.repeated(p.company.repeats, sales)
		}
		deeds = append(deeds, d)
	}
	return deeds
}

// repeated makes the n-th sale of a person what it is.
func (d *deed) repeated(by []repetition, n int) {
	for _, r := range by {
		if n >= r.from {
			d.touchpoint, d.stage = r.touchpoint, r.at
		}
	}
}

// attempt is how deep somebody came: when it began, and when its last step was.
type attempt struct {
	depth       int
	start, last int64
}

// better tells whether a counts before b: the deeper one, the one whose deepest step came first,
// the one that started later.
func (a attempt) better(b attempt) bool {
	switch {
	case a.depth != b.depth:
		return a.depth > b.depth
	case a.last != b.last:
		return a.last < b.last
	default:
		return a.start > b.start
	}
}

// best is the attempt that counts; its depth is 0 for those who do not enter.
func (ask Ask) best(deeds []deed) attempt {
	var best attempt
	for _, d := range deeds {
		if d.stage != ask.Stages[0] || !ask.inRange(d) {
			continue
		}
		if a := ask.attempt(deeds, d.at); a.better(best) {
			best = a
		}
	}
	return best
}

func (ask Ask) inRange(d deed) bool {
	return d.at >= ask.From.UnixMilli() && d.at < ask.To.UnixMilli()
}

// attempt follows one attempt: each next step takes the earliest deed of its stage that is not
// before the one of the last step.
func (ask Ask) attempt(deeds []deed, start int64) attempt {
	a := attempt{depth: 1, start: start, last: start}
	for _, stage := range ask.Stages[1:] {
		found := false
		for _, d := range deeds {
			if d.stage == stage && d.at >= a.last && d.at-start <= ask.Window.Milliseconds() {
				a.last, found = d.at, true
				break
			}
		}
		if !found {
			break
		}
		a.depth++
	}
	return a
}

// value is the person's in the dimension asked by.
func (p *person) value(ask Ask, deeds []deed) string {
	switch ask.By {
	case ByPersona:
		return string(p.persona(deeds))
	case ByVariant:
		return p.variant(deeds)
	}
	for _, d := range deeds {
		if !ask.inRange(d) || !ask.asks(d.stage) {
			continue
		}
		value := ""
		switch ask.By {
		case ByFirstChannel:
			value = string(d.channel)
		case ByFirstCampaign:
			value = p.campaign(d.beat)
		case ByFirstDevice:
			value = p.device(d.beat)
		}
		if value != "" {
			return value
		}
	}
	return ""
}

func (ask Ask) asks(stage journey.StageID) bool {
	for _, s := range ask.Stages {
		if s == stage {
			return true
		}
	}
	return false
}

// variant is that of the first exposure; empty where the person has seen none.
func (p *person) variant(deeds []deed) string {
	for _, d := range deeds {
		if d.act.id == exposure {
			return p.company.trial.variations[p.variation].name
		}
	}
	return ""
}
