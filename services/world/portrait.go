package world

import "github.com/waystage/waystage/services/journey"

// portrait is what a site knows of a person, in the world's own words.
type portrait struct {
	// told is the persona that the traits tell alone; empty for one who has told nothing.
	told journey.PersonaID
	// groupType is that of the group joined.
	groupType string
	// did counts acts by their id, repeats included; done counts touchpoints.
	did  map[string]int
	done int
	// spent is the money of all sales.
	spent float64
	// first is the channel of the first touchpoint that has one.
	first journey.ChannelID
}

// persona is who somebody is who did just that.
func (p *person) persona(deeds []deed) journey.PersonaID {
	known := p.portrait(deeds)
	for _, r := range p.company.personas {
		if r.holds(&known) {
			return r.persona
		}
	}
	return journey.Unassigned
}

func (p *person) portrait(deeds []deed) portrait {
	known := portrait{did: make(map[string]int)}
	for _, d := range deeds {
		switch {
		case d.act.identify:
			known.told = p.kind.tells
		case d.act.group:
			known.groupType = p.kind.groupType
		default:
			known.done++
			known.did[d.act.name()]++
			if known.first == "" {
				known.first = d.channel
			}
		}
		if d.act.name() == p.company.sale {
			known.spent += p.money(d.ordinal)
		}
	}
	return known
}

// money is the amount of a beat; 0 for those without.
func (p *person) money(ordinal int) float64 {
	dice := p.dice(ordinal)
	dice.Uint64()
	dice.Uint64()
	amount, _ := p.values(ordinal, dice)[p.company.money].(float64)
	return amount
}

// tells makes a rule of what somebody tells, or else does.
func tells(persona journey.PersonaID, or func(*portrait) bool) recognition {
	return recognition{persona, func(p *portrait) bool {
		return p.told == persona || or != nil && or(p)
	}}
}
