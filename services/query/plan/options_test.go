package plan_test

import (
	"testing"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// TestOptions plans the reading of what options look at beside the touchpoints of steps.
func TestOptions(t *testing.T) {
	t.Parallel()
	first := question(step(funnel.Event, "A"), step(funnel.Stage, "buy"), step(funnel.Event, "B"))
	first.Steps[1].FirstTime, first.Steps[2].FirstTime = funnel.FirstMatching, funnel.FirstOfTarget
	ever := question(step(funnel.Event, "A"), step(funnel.AnyEvent, ""))
	ever.Steps[1].FirstTime, ever.Simultaneity = funnel.FirstOfTarget, time.Second
	sessions := question(step(funnel.Event, "A"), step(funnel.Event, "B"))
	sessions.Count, sessions.Simultaneity = funnel.PerSession, time.Second
	for _, c := range []struct {
		name  string
		q     funnel.Question
		needs plan.Needs
	}{
		{
			name: "exclusions", q: excluding(funnel.Target{Kind: funnel.Event, Name: "C"},
				funnel.Target{Kind: funnel.Touchpoint, Name: "again"}),
			needs: plan.Needs{
				Order: plan.Near, Bases: []plan.Base{{Touchpoint: "order", Counted: true}},
			},
		},
		{
			name:  "excluding_any_event",
			q:     excluding(funnel.Target{Kind: funnel.AnyEvent}),
			needs: plan.Needs{Order: plan.Near},
		},
		{
			name: "first_time", q: first,
			needs: plan.Needs{Order: plan.Shown, Values: []plan.Value{{Source: plan.Event}}},
		},
		{
			name: "first_time_of_one", q: first,
			needs: plan.Needs{
				Order: plan.Near, Bases: []plan.Base{{Touchpoint: "order", Counted: true}},
				Only: &plan.Only{Identities: []journey.IdentityID{7, 1 << 63}},
			},
		},
		{name: "first_time_of_any_event", q: ever, needs: plan.Needs{Order: plan.Near}},
		{
			name: "one_group", q: of(funnel.GroupUnit, ""),
			needs: plan.Needs{Only: &plan.Only{Identities: []journey.IdentityID{7}, Unit: "acme"}},
		},
		{
			name: "one_trait", q: of(funnel.TraitUnit, "plan"),
			needs: plan.Needs{Only: &plan.Only{Identities: []journey.IdentityID{}, Unit: "pro"}},
		},
		{
			name: "one_property", q: of(funnel.PropertyUnit, "size"),
			needs: plan.Needs{Only: &plan.Only{Unit: "S"}},
		},
		{name: "sessions", q: sessions, needs: plan.Needs{Order: plan.Near}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.needs.Scope = scopeOf(t, c.q)
			got := text(plan.Touchpoints("shop", c.q, c.needs))
			golden(t, c.name, got)
		})
	}
}

// of asks from A to B of units that are no persons.
func of(unit funnel.UnitKind, name string) funnel.Question {
	q := question(step(funnel.Event, "A"), step(funnel.Event, "B"))
	q.Unit = funnel.Unit{Kind: unit, Name: name}
	return q
}

// excluding asks from A to B with exclusions between the two.
func excluding(targets ...funnel.Target) funnel.Question {
	q := question(step(funnel.Event, "A"), step(funnel.Event, "B"))
	for _, t := range targets {
		q.Exclusions = append(q.Exclusions, funnel.Exclusion{Target: t, From: 0, To: 1})
	}
	return q
}
