package funnel

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

var day0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// validQuestion has two steps, the events "view" and "buy", and nothing else of note.
func validQuestion() Question {
	return Question{
		From: day0, To: day0.AddDate(0, 1, 0), AsOf: day0.AddDate(0, 2, 0), Window: DefaultWindow,
		Steps: []Step{event("view"), event("buy")}, Limit: DefaultLimit,
	}
}

func event(name string, conditions ...Condition) Step {
	return Step{Target: Target{Kind: Event, Name: name}, Conditions: conditions}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	first := func(c Condition) func(*Question) {
		return func(q *Question) { q.Steps[0].Conditions = []Condition{c} }
	}
	tests := []struct {
		name   string
		change func(*Question)
		fields []string
	}{
		{name: "valid", change: func(*Question) {}},
		{
			name:   "from at to",
			change: func(q *Question) { q.To = q.From.Add(999 * time.Microsecond) },
			fields: []string{"question.range"},
		},
		{
			name: "unknown words and no as_of",
			change: func(q *Question) {
				q.Mode, q.Reentry, q.AsOf = 2, 2, time.Time{}
			},
			fields: []string{"question.range_mode", "question.as_of", "question.reentry"},
		},
		{
			name:   "window too short",
			change: func(q *Question) { q.Window = time.Second - 1 },
			fields: []string{"question.window_seconds"},
		},
		{
			name:   "one step",
			change: func(q *Question) { q.Steps = q.Steps[:1] },
			fields: []string{"question.steps"},
		},
		{
			name: "31 steps",
			change: func(q *Question) {
				for len(q.Steps) < 31 {
					q.Steps = append(q.Steps, event("view"))
				}
			},
			fields: []string{"question.steps"},
		},
		{
			name: "empty and unknown targets",
			change: func(q *Question) {
				q.Steps = []Step{
					{Target: Target{Kind: Stage}},
					{Target: Target{Kind: Touchpoint}},
					event(""),
					{Target: Target{Kind: AnyEvent}},
					{Target: Target{Kind: 9}},
				}
			},
			fields: []string{
				"question.steps[0].stage", "question.steps[1].touchpoint",
				"question.steps[2].event", "question.steps[4].target",
			},
		},
		{
			name:   "limit 0",
			change: func(q *Question) { q.Breakdowns, q.Limit = byPersona, 0 },
			fields: []string{"question.breakdowns[0].limit"},
		},
		{name: "limit without a breakdown", change: func(q *Question) { q.Limit = 0 }},
		{
			name:   "no operator, no name",
			change: first(Condition{}),
			fields: []string{
				"question.steps[0].conditions[0].name", "question.steps[0].conditions[0].operator",
			},
		},
		{
			name: "unknown operator and subject",
			change: first(Condition{
				Subject: Variant, Operator: IsNotSet + 1, Values: values(text("x")),
			}),
			fields: []string{
				"question.steps[0].conditions[0].subject",
				"question.steps[0].conditions[0].operator",
			},
		},
		{
			name:   "a name where there is none",
			change: first(Condition{Subject: Persona, Name: "x", Operator: IsSet}),
			fields: []string{"question.steps[0].conditions[0].name"},
		},
		{
			name:   "no value",
			change: first(Condition{Name: "p", Operator: Equal}),
			fields: []string{"question.steps[0].conditions[0].values"},
		},
		{
			name: "two values for one",
			change: first(Condition{
				Name: "p", Operator: Greater, Values: values(number(1), number(2)),
			}),
			fields: []string{"question.steps[0].conditions[0].values"},
		},
		{
			name:   "a value for none",
			change: first(Condition{Name: "p", Operator: IsSet, Values: values(number(1))}),
			fields: []string{"question.steps[0].conditions[0].values"},
		},
		{
			name:   "in nothing",
			change: first(Condition{Name: "p", Operator: NotIn}),
			fields: []string{"question.steps[0].conditions[0].values"},
		},
		{
			name:   "half a between",
			change: first(Condition{Name: "p", Operator: Between, Values: values(number(1))}),
			fields: []string{"question.steps[0].conditions[0].values"},
		},
		{
			name: "between backwards",
			change: first(Condition{
				Name: "p", Operator: Between, Values: values(number(10), number(9)),
			}),
			fields: []string{"question.steps[0].conditions[0].values"},
		},
		{
			name: "values that cannot be compared with",
			change: first(Condition{Name: "p", Operator: In, Values: values(
				missing, composite("[]"), number(math.NaN()), text("fine"), number(math.Inf(1)),
			)}),
			fields: []string{
				"question.steps[0].conditions[0].values[0]",
				"question.steps[0].conditions[0].values[1]",
				"question.steps[0].conditions[0].values[2]",
				"question.steps[0].conditions[0].values[4]",
			},
		},
		{
			name:   "bad regular expression",
			change: first(Condition{Name: "p", Operator: Regex, Values: values(text("(?<=a)b"))}),
			fields: []string{"question.steps[0].conditions[0].values[0]"},
		},
		{
			name: "holes in a filter",
			change: func(q *Question) {
				q.Filter = AllOf{
					AnyOf{},
					Not{},
					nil,
					Not{Of: Condition{Name: "p", Operator: Equal}},
					AnyOf{Condition{Subject: Trait, Operator: IsSet}},
				}
			},
			fields: []string{
				"question.filter.all.filters[0].any.filters",
				"question.filter.all.filters[1].not",
				"question.filter.all.filters[2]",
				"question.filter.all.filters[3].not.condition.values",
				"question.filter.all.filters[4].any.filters[0].condition.name",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			test.change(&q)
			var fields []string
			for _, v := range q.Check() {
				fields = append(fields, v.Field)
				if !strings.Contains(v.Message, ": ") {
					t.Errorf("message of %s does not say what to do: %q", v.Field, v.Message)
				}
			}
			if diff := gocmp.Diff(test.fields, fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			_, err := Compile(q)
			var violations Violations
			if (err != nil) != (len(test.fields) > 0) || err != nil && !errors.As(err, &violations) {
				t.Errorf("Compile: %v", err)
			}
		})
	}
}

func TestViolationsError(t *testing.T) {
	t.Parallel()
	v := Violations{{Field: "a", Message: "b"}, {Field: "c", Message: "d"}}
	if got, want := v.Error(), "a: b; c: d"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
