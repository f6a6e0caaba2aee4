package api

import (
	"cmp"
	"fmt"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

// breakdowns reads the ways to split, and the limit of groups, which the first one has.
func (r *reader) breakdowns(list []*funnelv1.Breakdown, out *funnel.Question) {
	if n := len(list); n > funnel.MaxBreakdowns {
		r.bad("question.breakdowns", "are %d: give at most %d", n, funnel.MaxBreakdowns)
	}
	for i, m := range list[:min(len(list), funnel.MaxBreakdowns)] {
		field := fmt.Sprintf("question.breakdowns[%d]", i)
		out.Breakdowns = append(out.Breakdowns, r.breakdown(field, m))
		if limit := m.GetLimit(); limit > funnel.MaxLimit {
			r.bad(field+".limit", "is %d: give 1 to %d, or 0 for %d", limit, funnel.MaxLimit,
				funnel.DefaultLimit)
		} else if limit > 0 && i == 0 {
			out.Limit = int(limit)
		}
	}
}

func (r *reader) breakdown(field string, m *funnelv1.Breakdown) funnel.Breakdown {
	b := funnel.Breakdown{}
	flag := func(name string, by funnel.Subject, stated bool) {
		if !stated {
			r.bad(field+"."+name, "is true or not stated")
		}
		b.By = by
	}
	switch by := m.GetBy().(type) {
	case *funnelv1.Breakdown_Persona:
		flag("persona", funnel.Persona, by.Persona)
	case *funnelv1.Breakdown_Channel:
		flag("channel", funnel.OfChannel, by.Channel)
	case *funnelv1.Breakdown_Device:
		flag("device", funnel.OfDevice, by.Device)
	case *funnelv1.Breakdown_Browser:
		flag("browser", funnel.OfBrowser, by.Browser)
	case *funnelv1.Breakdown_Os:
		flag("os", funnel.OfOS, by.Os)
	case *funnelv1.Breakdown_Trait:
		b.By, b.Name = funnel.Trait, by.Trait
	case *funnelv1.Breakdown_Property:
		b.By, b.Name = funnel.Property, by.Property
	case *funnelv1.Breakdown_Variant:
		b.By, b.Name = funnel.Variant, by.Variant
	case *funnelv1.Breakdown_Campaign:
		b.By, b.Name = funnel.OfCampaign, cmp.Or(by.Campaign, funnel.CampaignName)
	case *funnelv1.Breakdown_GroupType:
		b.By, b.Name = funnel.OfGroup, cmp.Or(by.GroupType, funnel.DefaultGroupType)
	default:
		b.By = funnel.OfChannel // so that nothing more is wrong with it
		r.bad(field, "needs one of persona, channel, trait, property, variant, campaign, device, "+
			"browser, os and group_type")
	}
	r.attribution(field, m, &b)
	return b
}

var attributions = map[funnelv1.Attribution]funnel.Attribution{
	funnelv1.Attribution_ATTRIBUTION_FIRST_TOUCH: funnel.FirstTouch,
	funnelv1.Attribution_ATTRIBUTION_LAST_TOUCH:  funnel.LastTouch,
	funnelv1.Attribution_ATTRIBUTION_PERSON:      funnel.OfPerson,
	funnelv1.Attribution_ATTRIBUTION_ALL:         funnel.EveryTouch,
	funnelv1.Attribution_ATTRIBUTION_STEP:        funnel.StepTouch,
}

// attribution reads whose value counts.
func (r *reader) attribution(field string, m *funnelv1.Breakdown, b *funnel.Breakdown) {
	if !r.enum(field+".attribution", m.GetAttribution()) {
		return
	}
	stated, ok := attributions[m.GetAttribution()]
	switch {
	case ok:
		b.Attribution = stated
	case b.By.OfPerson() || b.By == funnel.Variant:
		b.Attribution = funnel.OfPerson
	}
	switch {
	case b.Attribution == funnel.StepTouch:
		b.Step = int(m.GetStep()) - 1
	case m.GetStep() > 0:
		r.bad(field+".step", "goes with attribution STEP only")
	}
}

// unit reads whose journey it is.
func (r *reader) unit(m *funnelv1.Unit) funnel.Unit {
	switch by := m.GetBy().(type) {
	case *funnelv1.Unit_Person:
		if !by.Person {
			r.bad("question.unit.person", "is true or not stated")
		}
	case *funnelv1.Unit_GroupType:
		return funnel.Unit{
			Kind: funnel.GroupUnit, Name: cmp.Or(by.GroupType, funnel.DefaultGroupType),
		}
	case *funnelv1.Unit_Trait:
		return funnel.Unit{Kind: funnel.TraitUnit, Name: by.Trait}
	case *funnelv1.Unit_Property:
		return funnel.Unit{Kind: funnel.PropertyUnit, Name: by.Property}
	}
	return funnel.Unit{}
}
