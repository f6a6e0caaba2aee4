package api

import (
	"fmt"
	"time"

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
			Optional:   m.GetOptional(),
			Within:     r.within(field+".within_seconds", m),
			FirstTime:  r.firstTime(field+".first_time", m.GetFirstTime()),
			Label:      m.GetLabel(),
		})
	}
	return steps
}

// within reads the most time since the step before, nil where none is stated.
func (r *reader) within(field string, m *funnelv1.Step) *time.Duration {
	if m == nil || m.WithinSeconds == nil {
		return nil
	}
	return new(r.span(field, m.GetWithinSeconds(), 0, MaxWindow))
}

func (r *reader) firstTime(field string, f funnelv1.FirstTime) funnel.FirstTime {
	r.enum(field, f)
	switch f {
	case funnelv1.FirstTime_FIRST_TIME_EVENT:
		return funnel.FirstOfTarget
	case funnelv1.FirstTime_FIRST_TIME_MATCHING:
		return funnel.FirstMatching
	}
	return funnel.Always
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
