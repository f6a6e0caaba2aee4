package api

import (
	"fmt"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

// exclusions reads touchpoints that must not come between two steps.
func (r *reader) exclusions(list []*funnelv1.Exclusion, p preset) []funnel.Exclusion {
	if n := len(list); n > funnel.MaxExclusions {
		r.bad("question.exclusions", "are %d: give at most %d", n, funnel.MaxExclusions)
	}
	var exclusions []funnel.Exclusion
	for i, m := range list[:min(len(list), funnel.MaxExclusions)] {
		field := fmt.Sprintf("question.exclusions[%d]", i)
		exclusions = append(exclusions, funnel.Exclusion{
			Target:     r.target(field+".touchpoint", m.GetTouchpoint()),
			Conditions: r.stepConditions(field+".touchpoint", m.GetTouchpoint().GetConditions()),
			From:       int(m.GetFromStep()) - 1,
			To:         int(m.GetToStep()) - 1,
			Effect:     r.effect(field+".effect", m.GetEffect(), p),
		})
		r.onlyTarget(field+".touchpoint", m.GetTouchpoint())
	}
	return exclusions
}

func (r *reader) effect(
	field string, e funnelv1.ExclusionEffect, p preset,
) funnel.Effect {
	r.enum(field, e)
	switch e {
	case funnelv1.ExclusionEffect_EXCLUSION_EFFECT_DROP:
		return funnel.Drop
	case funnelv1.ExclusionEffect_EXCLUSION_EFFECT_REMOVE:
		return funnel.Remove
	}
	return p.effect
}

// onlyTarget refuses what only steps may state.
func (r *reader) onlyTarget(field string, m *funnelv1.Step) {
	for _, part := range []struct {
		name   string
		stated bool
	}{
		{"optional", m.GetOptional()},
		{"within_seconds", m != nil && m.WithinSeconds != nil},
		{"first_time", m.GetFirstTime() > funnelv1.FirstTime_FIRST_TIME_NONE},
		{"label", m.GetLabel() != ""},
	} {
		if part.stated {
			r.bad(field+"."+part.name, "is stated of an exclusion, which has a target and conditions "+
				"only: leave it out")
		}
	}
}
