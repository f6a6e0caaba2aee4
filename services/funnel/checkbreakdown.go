package funnel

import (
	"fmt"
	"slices"
)

// breakdownFields are the subjects that a breakdown may be by, and their fields in the message.
var breakdownFields = map[Subject]string{
	Persona: "persona", OfChannel: "channel", Trait: "trait", Property: "property",
	Variant: "variant", OfCampaign: "campaign", OfDevice: "device", OfBrowser: "browser",
	OfOS: "os", OfGroup: "group_type",
}

func (q Question) checkBreakdowns(v *Violations) {
	if n := len(q.Breakdowns); n > MaxBreakdowns {
		v.add("question.breakdowns", "are %d: give at most %d", n, MaxBreakdowns)
	}
	for i, b := range q.Breakdowns {
		field := fmt.Sprintf("question.breakdowns[%d]", i)
		b.check(field, len(q.Steps), v)
		if slices.Contains(q.Breakdowns[:i], b) {
			v.add(field, "is the same as another one: leave it out")
		}
	}
	if len(q.Breakdowns) > 0 && (q.Limit < 1 || q.Limit > MaxLimit) {
		v.add("question.breakdowns[0].limit", "is %d: give 1 to %d", q.Limit, MaxLimit)
	}
}

func (b Breakdown) check(field string, steps int, v *Violations) {
	name, known := breakdownFields[b.By]
	if !known {
		v.add(field, "is by something unknown: give one of persona, channel, trait, property, "+
			"variant, campaign, device, browser, os and group_type")
		return
	}
	b.By.checkName(field+"."+name, b.Name, v)
	switch {
	case b.Attribution > StepTouch:
		v.add(field+".attribution", "is unknown: give FIRST_TOUCH, LAST_TOUCH, PERSON, ALL or STEP")
	case b.By.OfPerson() && b.Attribution != OfPerson:
		v.add(field+".attribution", "must be PERSON with %s: only persons have one", name)
	case b.Attribution == OfPerson && !b.By.OfPerson() && b.By != Variant && b.By != OfGroup:
		v.add(field+".attribution", "is PERSON: that goes with persona, trait, variant and "+
			"group_type only; give FIRST_TOUCH, LAST_TOUCH, ALL or STEP")
	case b.Attribution != StepTouch && b.Step != 0:
		v.add(field+".step", "goes with attribution STEP only")
	case b.Attribution == StepTouch && (b.Step < 0 || b.Step >= steps):
		v.add(field+".step", "is %d: give 1 to the number of steps, %d", b.Step+1, steps)
	}
}

// checkName checks the name that goes with a subject.
func (s Subject) checkName(field, name string, v *Violations) {
	switch s {
	case Property, Trait, Variant:
		if name == "" {
			v.add(field, "is empty: give the name of the %s", nouns[s])
		}
	case OfCampaign:
		switch name {
		case "", CampaignName, CampaignSource, CampaignMedium:
		default:
			v.add(field, "is %q: give %s, %s or %s", name, CampaignName, CampaignSource,
				CampaignMedium)
		}
	case OfGroup:
	default:
		if name != "" {
			v.add(field, "is %q: leave it empty, only properties, traits, campaigns and groups "+
				"have names", name)
		}
	}
}

var nouns = map[Subject]string{Property: "property", Trait: "trait", Variant: "experiment"}

func (u Unit) check(v *Violations) {
	switch u.Kind {
	case PersonUnit:
		if u.Name != "" {
			v.add("question.unit", "is the person and has the name %q: leave the name out", u.Name)
		}
	case GroupUnit:
	case TraitUnit:
		Trait.checkName("question.unit.trait", u.Name, v)
	case PropertyUnit:
		Property.checkName("question.unit.property", u.Name, v)
	default:
		v.add("question.unit", "is unknown: give one of person, group_type, trait and property")
	}
}
