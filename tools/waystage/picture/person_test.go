package picture

import (
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	personv1 "github.com/waystage/waystage/proto/gen/waystage/person/v1"
)

// portrait is a person with a rule of every outcome, and texts that do not fit.
func portrait(t *testing.T) *personv1.ExplainPersonaResponse {
	t.Helper()
	traits, err := structpb.NewStruct(map[string]any{
		"plan": "pro", "children": 2, "vip": true, "tags": []any{"a", "b"},
		"note": strings.Repeat("a long note ", 20), "odd\x1b[2J": "\u009b2J",
	})
	if err != nil {
		t.Fatal(err)
	}
	return &personv1.ExplainPersonaResponse{
		PersonId: "07eb68071ff6b850", Persona: "families", MapVersion: 3, AsOf: at(0),
		UserIds: []string{"ann", "ann@old.example"}, AnonymousIds: []string{"2614bd4f"},
		Traits: traits, Groups: map[string]string{"group": "acme", "company": "tiles ltd"},
		FirstAt: at(-200 * 24 * time.Hour), LastAt: at(-100 * 24 * time.Hour), Touchpoints: 1234,
		CurrentStage: "purchase", Lost: true,
		Rules: []*personv1.PersonaRule{
			{
				Persona: "sleepers", Title: "Sleeping customers",
				Condition: `touchpoints > 0 && days_since(last("Order Completed")) > 60`,
				Outcome:   personv1.RuleOutcome_RULE_OUTCOME_NOT_EVALUATED,
				Reason:    `there is no touchpoint of event "Order Completed"`,
				Inputs: []*personv1.RuleInput{
					{Expression: "touchpoints", Value: "1234"},
					{Expression: `last("Order Completed")`, Missing: true},
				},
			},
			{
				Persona: "students", Title: "students", Condition: `traits.plan == "student"`,
				Outcome: personv1.RuleOutcome_RULE_OUTCOME_FAILED,
				Inputs:  []*personv1.RuleInput{{Expression: "traits.plan", Value: `"pro"`}},
			},
			{
				Persona: "families", Title: "Families with children",
				Condition: "traits.children > 0 && (" +
					strings.Repeat(`count("Order Completed") >= 1 || `, 4) + "true)",
				Outcome: personv1.RuleOutcome_RULE_OUTCOME_CHOSEN,
				Inputs: []*personv1.RuleInput{
					{Expression: "traits.children", Value: "2"},
					{Expression: `count("Order Completed")`, Value: "0"},
				},
			},
			{
				Persona: "everybody", Condition: "true",
				Outcome: personv1.RuleOutcome_RULE_OUTCOME_LATER,
			},
		},
	}
}

func TestPicturesOfPersons(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		paper  Paper
		person *personv1.ExplainPersonaResponse
	}{
		{"person", Paper{}, portrait(t)},
		{"person-color", Paper{Width: 110, Color: true}, portrait(t)},
		{"person-unknown", Paper{}, &personv1.ExplainPersonaResponse{
			PersonId: "07eb68071ff6b850", Persona: "unassigned", AsOf: at(0),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := c.paper.Person(io.Writer(&out), c.person); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, out.String())
			if !c.paper.Color {
				fits(t, out.String(), c.paper.width())
			}
		})
	}
}
