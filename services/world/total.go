package world

import (
	"math"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Totals are what a live world did in a time.
type Totals struct {
	// Persons who did something, and those of them who belong to a group.
	Persons, Members int
	// Personas of those who did a touchpoint.
	Personas map[journey.PersonaID]int
	// Touchpoints of the map, repeats told apart; OffMap are the others.
	Touchpoints map[journey.TouchpointID]int
	OffMap      int
	// IncomeCents and RefundCents are money.
	IncomeCents, RefundCents int64
}

// Totals sums up what is told from since on up to asOf, that instant included.
func (l *Live) Totals(since, asOf time.Time) Totals {
	t := Totals{
		Personas:    make(map[journey.PersonaID]int),
		Touchpoints: make(map[journey.TouchpointID]int),
	}
	l.each(since, asOf, func(p *person) {
		if deeds := p.deeds(since, asOf); len(deeds) > 0 {
			t.add(p, deeds)
		}
	})
	return t
}

func (t *Totals) add(p *person, deeds []deed) {
	t.Persons++
	touched, member := false, false
	for _, d := range deeds {
		touched = touched || d.act.isTouchpoint()
		member = member || d.act.group
		switch {
		case d.stage != "":
			t.Touchpoints[d.touchpoint]++
		case d.act.isTouchpoint():
			t.OffMap++
		}
		switch d.act.name() {
		case p.company.sale:
			t.IncomeCents += cents(p.money(d.ordinal))
		case p.company.refund:
			t.RefundCents += cents(p.money(d.ordinal))
		}
	}
	if touched {
		t.Personas[p.persona(deeds)]++
	}
	if member {
		t.Members++
	}
}

func cents(amount float64) int64 { return int64(math.Round(amount * 100)) }

// Barriers counts, per step from the first on but the last, those who reached it and not the
// next, by the barriers that they met from it on until their attempt's time was over or AsOf:
// each person once per barrier. Most met none.
func (l *Live) Barriers(ask Ask) []map[journey.TouchpointID]int {
	met := make([]map[journey.TouchpointID]int, len(ask.Stages)-1)
	for k := range met {
		met[k] = make(map[journey.TouchpointID]int)
	}
	l.each(ask.Since, ask.AsOf, func(p *person) {
		deeds := p.deeds(ask.Since, ask.AsOf)
		best := ask.best(deeds)
		if best.depth == 0 || best.depth == len(ask.Stages) {
			return
		}
		for touchpoint := range ask.barriersOf(deeds, best) {
			met[best.depth-1][touchpoint]++
		}
	})
	return met
}

// barriersOf are those met from an attempt's last step on, while it lasts.
func (ask Ask) barriersOf(deeds []deed, a attempt) map[journey.TouchpointID]bool {
	met := make(map[journey.TouchpointID]bool)
	end := min(ask.AsOf.UnixMilli(), a.start+ask.Window.Milliseconds())
	for _, d := range deeds {
		if d.act.barrier && d.at >= a.last && d.at <= end {
			met[d.touchpoint] = true
		}
	}
	return met
}
