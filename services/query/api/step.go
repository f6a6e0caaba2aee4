package api

import (
	"fmt"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

func (r *reader) steps(list []*funnelv1.Step) []funnel.Step {
	if n := len(list); n > funnel.MaxSteps {
		r.bad("question.steps", "are %d: give %d to %d", n, funnel.MinSteps, funnel.MaxSteps)
	}
	steps := make([]funnel.Step, 0, min(len(list), funnel.MaxSteps))
	for i, m := range list[:min(len(list), funnel.MaxSteps)] {
		field := fmt.Sprintf("question.steps[%d]", i)
		steps = append(steps, funnel.Step{
			Target:     r.target(field, m),
			Conditions: r.stepConditions(field, m.GetConditions()),
			Label:      m.GetLabel(),
		})
		r.stepExtras(field, m, i == 0 || i == len(list)-1)
	}
	return steps
}

// stepExtras refuses what no step may have yet.
func (r *reader) stepExtras(field string, m *funnelv1.Step, outer bool) {
	if m.GetOptional() {
		if outer {
			r.bad(field+".optional", "the first and the last step cannot be optional")
		}
		r.later(field+".optional", "optional steps are not answered yet")
	}
	if m != nil && m.WithinSeconds != nil {
		r.span(field+".within_seconds", m.GetWithinSeconds(), 0, MaxWindow)
		r.later(field+".within_seconds", "is not answered yet; leave it out")
	}
	if r.enum(field+".first_time", m.GetFirstTime()) {
		r.laterIf(m.GetFirstTime() > funnelv1.FirstTime_FIRST_TIME_NONE, field+".first_time",
			"only NONE is answered yet")
	}
}

func (r *reader) target(field string, m *funnelv1.Step) funnel.Target {
	switch t := m.GetTarget().(type) {
	case *funnelv1.Step_Stage:
		r.known.check(r, field+".stage", stages, t.Stage)
		return funnel.Target{Kind: funnel.Stage, Name: t.Stage}
	case *funnelv1.Step_Touchpoint:
		r.known.check(r, field+".touchpoint", touchpoints, t.Touchpoint)
		return funnel.Target{Kind: funnel.Touchpoint, Name: t.Touchpoint}
	case *funnelv1.Step_Event:
		return funnel.Target{Kind: funnel.Event, Name: t.Event}
	case *funnelv1.Step_AnyEvent:
		if !t.AnyEvent {
			r.bad(field+".any_event", "is true or not stated")
		}
		return funnel.Target{Kind: funnel.AnyEvent}
	}
	r.bad(field, "needs one of stage, touchpoint, event and any_event")
	return funnel.Target{Kind: funnel.AnyEvent}
}

func (r *reader) stepConditions(field string, list []*funnelv1.Condition) []funnel.Condition {
	var conditions []funnel.Condition
	for i, m := range list {
		if !r.another(field + ".conditions") {
			break
		}
		conditions = append(conditions, r.condition(fmt.Sprintf("%s.conditions[%d]", field, i), m))
	}
	return conditions
}
