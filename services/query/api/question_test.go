package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/codes"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// base is a good question without its closing brace; more fields may follow.
const base = `{"range":{"fromTime":"2026-01-01T00:00:00Z","toTime":"2026-02-01T00:00:00Z"},
	"steps":[{"event":"Landed"},{"event":"Ordered"}]`

// stepped is a good question with these steps.
func stepped(steps string) string {
	return `{"range":{"fromTime":"2026-01-01T00:00:00Z","toTime":"2026-02-01T00:00:00Z"},
		"steps":[` + steps + `]}`
}

// conditioned is a good question with this condition on its first step.
func conditioned(c string) string {
	return stepped(`{"event":"Landed","conditions":[` + c + `]},{"event":"Ordered"}`)
}

// ranged is a good question with this range.
func ranged(r string) string {
	return `{"range":` + r + `,"steps":[{"event":"Landed"},{"event":"Ordered"}]}`
}

// filtered is a good question with this filter.
func filtered(f string) string { return base + `,"filter":` + f + `}` }

// plain is what base means.
func plain() funnel.Question {
	return funnel.Question{
		From:   time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		To:     time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
		AsOf:   time.Date(2026, 3, 4, 5, 6, 7, 891_000_000, time.UTC),
		Window: 14 * 24 * time.Hour,
		Steps: []funnel.Step{
			{Target: funnel.Target{Kind: funnel.Event, Name: "Landed"}},
			{Target: funnel.Target{Kind: funnel.Event, Name: "Ordered"}},
		},
		Limit: 25,
	}
}

func TestQuestionsAsUnderstood(t *testing.T) {
	t.Parallel()
	price := funnel.Condition{
		Name: "price", Operator: funnel.GreaterOrEqual,
		Values: []journey.Value{journey.NumberValue(9.5)},
	}
	vip := funnel.Condition{
		Subject: funnel.Trait, Name: "vip", Operator: funnel.Equal,
		Values: []journey.Value{journey.BoolValue(true)},
	}
	const priceJSON = `{"name":"price","operator":"OPERATOR_GTE","values":[9.5]}`
	const vipJSON = `{"subject":"SUBJECT_TRAIT","name":"vip","operator":"OPERATOR_EQ","values":[true]}`
	for name, c := range map[string]struct {
		question string
		change   func(*funnel.Question)
	}{
		"nothing stated": {question: base + `}`, change: func(*funnel.Question) {}},
		"defaults stated": {
			question: base + `,"rangeMode":"RANGE_MODE_ENTRY","order":"ORDER_ORDERED",
				"reentry":"REENTRY_BEST","count":"COUNT_ONCE","unit":{"person":true},
				"simultaneitySeconds":0,"windowSeconds":1209600}`,
			change: func(*funnel.Question) {},
		},
		"other values": {
			question: base + `,"range_mode":"RANGE_MODE_ALL","reentry":"REENTRY_FIRST",
				"window_seconds":1.0006,"as_of":"2026-02-02T00:00:00.123999Z"}`,
			change: func(q *funnel.Question) {
				q.Mode, q.Reentry, q.Window = funnel.All, funnel.First, 1001*time.Millisecond
				q.AsOf = time.Date(2026, 2, 2, 0, 0, 0, 123_000_000, time.UTC)
			},
		},
		"posthog": {
			question: base + `,"compat":"COMPAT_POSTHOG"}`,
			change:   func(q *funnel.Question) { q.Mode = funnel.All },
		},
		"mixpanel": {
			question: base + `,"compat":"COMPAT_MIXPANEL","exclusions":[` + excluded + `}]}`,
			change: func(q *funnel.Question) {
				q.Reentry, q.Window = funnel.First, 7*24*time.Hour
				q.Simultaneity = 2 * time.Second
				q.Exclusions = cancelled(funnel.Drop)
			},
		},
		"amplitude": {
			question: base + `,"compat":"COMPAT_AMPLITUDE","exclusions":[` + excluded + `}]}`,
			change: func(q *funnel.Question) {
				q.Window, q.Simultaneity = 24*time.Hour, time.Second
				q.Exclusions = cancelled(funnel.Drop)
			},
		},
		"exclusions of posthog": {
			question: base + `,"compat":"COMPAT_POSTHOG","exclusions":[` + excluded + `}]}`,
			change: func(q *funnel.Question) {
				q.Mode, q.Exclusions = funnel.All, cancelled(funnel.Remove)
			},
		},
		"exclusions of posthog, effect stated": {
			question: base + `,"compat":"COMPAT_POSTHOG","exclusions":[` + excluded +
				`,"effect":"EXCLUSION_EFFECT_DROP"}]}`,
			change: func(q *funnel.Question) {
				q.Mode, q.Exclusions = funnel.All, cancelled(funnel.Drop)
			},
		},
		"strict, sessions, tolerance, hold": {
			question: base + `,"order":"ORDER_STRICT","count":"COUNT_SESSION",
				"simultaneitySeconds":1.5006,"hold":["cart","shop"]}`,
			change: func(q *funnel.Question) {
				q.Order, q.Count, q.Hold = funnel.Strict, funnel.PerSession, []string{"cart", "shop"}
				q.Simultaneity = 1501 * time.Millisecond
			},
		},
		"any order, attempts of mixpanel": {
			question: base + `,"order":"ORDER_ANY","count":"COUNT_ATTEMPT","compat":"COMPAT_MIXPANEL"}`,
			change: func(q *funnel.Question) {
				q.Order, q.Count = funnel.Any, funnel.PerAttempt
				q.Window, q.Simultaneity = 7*24*time.Hour, 2*time.Second
			},
		},
		"steps with options": {
			question: stepped(`{"event":"A","firstTime":"FIRST_TIME_EVENT"},
				{"event":"B","optional":true,"withinSeconds":0},
				{"event":"C","withinSeconds":90.5,"firstTime":"FIRST_TIME_MATCHING"}`),
			change: func(q *funnel.Question) {
				event := func(name string) funnel.Target {
					return funnel.Target{Kind: funnel.Event, Name: name}
				}
				q.Steps = []funnel.Step{
					{Target: event("A"), FirstTime: funnel.FirstOfTarget},
					{Target: event("B"), Optional: true, Within: new(time.Duration)},
					{
						Target: event("C"), Within: new(90*time.Second + 500*time.Millisecond),
						FirstTime: funnel.FirstMatching,
					},
				}
			},
		},
		"a trend by months of the site and times": {
			question: ranged(`{"fromDate":"2026-03-15","toDate":"2026-05-01"}`)[:len(
				ranged(`{"fromDate":"2026-03-15","toDate":"2026-05-01"}`))-1] +
				`,"trend":{"interval":"INTERVAL_MONTH"},
				"timeToConvert":{"fromStep":1,"toStep":2,"bins":7}}`,
			change: func(q *funnel.Question) {
				q.From = time.Date(2026, 3, 14, 23, 0, 0, 0, time.UTC)
				q.To = time.Date(2026, 4, 30, 22, 0, 0, 0, time.UTC)
				q.Buckets = []time.Time{
					time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC),
					time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC),
				}
				q.TimeToConvert = &funnel.TimeToConvert{From: 0, To: 1, Bins: 7}
			},
		},
		"posthog, fields stated beside it": {
			question: base + `,"compat":"COMPAT_POSTHOG","rangeMode":"RANGE_MODE_ENTRY",
				"reentry":"REENTRY_FIRST","windowSeconds":60}`,
			change: func(q *funnel.Question) {
				q.Reentry, q.Window = funnel.First, time.Minute
			},
		},
		"mixpanel without tolerance": {
			question: base + `,"compat":"COMPAT_MIXPANEL","simultaneitySeconds":0}`,
			change: func(q *funnel.Question) {
				q.Reentry, q.Window = funnel.First, 7*24*time.Hour
			},
		},
		"amplitude without tolerance": {
			question: base + `,"compat":"COMPAT_AMPLITUDE","simultaneitySeconds":0}`,
			change:   func(q *funnel.Question) { q.Window = 24 * time.Hour },
		},
		"days of the site, one of 23 hours": {
			question: ranged(`{"fromDate":"2026-03-29","toDate":"2026-03-30"}`),
			change: func(q *funnel.Question) {
				q.From = time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC)
				q.To = time.Date(2026, 3, 29, 22, 0, 0, 0, time.UTC)
			},
		},
		"all targets, with labels and conditions": {
			question: stepped(`{"stage":"search","label":"Looks"},
				{"touchpoint":"order","conditions":[` + priceJSON + `,` + vipJSON + `]},{"anyEvent":true}`),
			change: func(q *funnel.Question) {
				q.Steps = []funnel.Step{
					{Target: funnel.Target{Kind: funnel.Stage, Name: "search"}, Label: "Looks"},
					{
						Target:     funnel.Target{Kind: funnel.Touchpoint, Name: "order"},
						Conditions: []funnel.Condition{price, vip},
					},
					{Target: funnel.Target{Kind: funnel.AnyEvent}},
				}
			},
		},
		"filter": {
			question: filtered(`{"all":{"filters":[{"condition":` + priceJSON + `},
				{"any":{"filters":[{"not":{"condition":` + vipJSON + `}}]}}]}}`),
			change: func(q *funnel.Question) {
				q.Filter = funnel.AllOf{price, funnel.AnyOf{funnel.Not{Of: vip}}}
			},
		},
		"every subject and operator": {
			question: filtered(`{"any":{"filters":[
				{"condition":{"subject":"SUBJECT_PERSONA","operator":"OPERATOR_IN","values":["a","b"]}},
				{"condition":{"subject":"SUBJECT_CHANNEL","operator":"OPERATOR_NOT_IN","values":["c"]}},
				{"condition":{"subject":"SUBJECT_EVENT","operator":"OPERATOR_REGEX","values":["^O"]}},
				{"condition":{"subject":"SUBJECT_STAGE","operator":"OPERATOR_IS_SET"}},
				{"condition":{"subject":"SUBJECT_TOUCHPOINT","operator":"OPERATOR_IS_NOT_SET"}},
				{"condition":{"subject":"SUBJECT_DEVICE","operator":"OPERATOR_IS_SET"}},
				{"condition":{"subject":"SUBJECT_BROWSER","operator":"OPERATOR_IS_SET"}},
				{"condition":{"subject":"SUBJECT_OS","operator":"OPERATOR_IS_SET"}},
				{"condition":{"subject":"SUBJECT_TRAFFIC","operator":"OPERATOR_IS_NOT_SET"}},
				{"condition":{"name":"p","operator":"OPERATOR_NEQ","values":[1]}},
				{"condition":{"name":"p","operator":"OPERATOR_CONTAINS","values":["x"]}},
				{"condition":{"name":"p","operator":"OPERATOR_NOT_CONTAINS","values":["x"]}},
				{"condition":{"name":"p","operator":"OPERATOR_GT","values":[1]}},
				{"condition":{"name":"p","operator":"OPERATOR_LT","values":[1]}},
				{"condition":{"name":"p","operator":"OPERATOR_LTE","values":[1]}},
				{"condition":{"name":"p","operator":"OPERATOR_BETWEEN","values":[1,2]}}]}}`),
			change: func(q *funnel.Question) {
				one, x := journey.NumberValue(1), journey.TextValue("x")
				test := func(
					s funnel.Subject, n string, o funnel.Operator, v ...journey.Value,
				) funnel.Condition {
					return funnel.Condition{Subject: s, Name: n, Operator: o, Values: v}
				}
				q.Filter = funnel.AnyOf{
					test(funnel.Persona, "", funnel.In, journey.TextValue("a"), journey.TextValue("b")),
					test(funnel.OfChannel, "", funnel.NotIn, journey.TextValue("c")),
					test(funnel.OfEvent, "", funnel.Regex, journey.TextValue("^O")),
					test(funnel.OfStage, "", funnel.IsSet),
					test(funnel.OfTouchpoint, "", funnel.IsNotSet),
					test(funnel.OfDevice, "", funnel.IsSet),
					test(funnel.OfBrowser, "", funnel.IsSet),
					test(funnel.OfOS, "", funnel.IsSet),
					test(funnel.OfTraffic, "", funnel.IsNotSet),
					test(funnel.Property, "p", funnel.NotEqual, one),
					test(funnel.Property, "p", funnel.Contains, x),
					test(funnel.Property, "p", funnel.NotContains, x),
					test(funnel.Property, "p", funnel.Greater, one),
					test(funnel.Property, "p", funnel.Less, one),
					test(funnel.Property, "p", funnel.LessOrEqual, one),
					test(funnel.Property, "p", funnel.Between, one, journey.NumberValue(2)),
				}
			},
		},
		"by persona": {
			question: base + `,"breakdowns":[{"persona":true}]}`,
			change:   func(q *funnel.Question) { q.Breakdowns = byPersona },
		},
		"by persona, few groups": {
			question: base + `,"breakdowns":[{"persona":true,"limit":3,
				"attribution":"ATTRIBUTION_PERSON"}]}`,
			change: func(q *funnel.Question) { q.Breakdowns, q.Limit = byPersona, 3 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			got := h.send(t, "POST", "/v1/sites/shop/funnels:ask", readToken,
				`{"question":`+c.question+`}`)
			if got.status != http.StatusOK {
				t.Fatalf("status %d: %s", got.status, got.body)
			}
			want := plain()
			c.change(&want)
			if diff := cmp.Diff(want, h.oracle.last(), equalValues, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("question (-want +got):\n%s", diff)
			}
		})
	}
}

// excluded is an exclusion without its closing brace, cancelled what it means.
const excluded = `{"touchpoint":{"event":"Cancelled"},"fromStep":1,"toStep":2`

func cancelled(effect funnel.Effect) []funnel.Exclusion {
	return []funnel.Exclusion{{
		Target: funnel.Target{Kind: funnel.Event, Name: "Cancelled"}, From: 0, To: 1, Effect: effect,
	}}
}

// equalValues compares values by ==; their fields are their own.
var equalValues = cmp.Comparer(func(a, b journey.Value) bool { return a == b })

// TestStagesWithoutMap: a site without a map has no stages; events need none.
func TestStagesWithoutMap(t *testing.T) {
	t.Parallel()
	h := open(t)
	got := h.send(t, "POST", "/v1/sites/other/funnels:ask", otherToken,
		`{"question":`+stepped(`{"stage":"search"},{"event":"B"}`)+`}`)
	checkRefusal(t, got.refusal(t), codes.InvalidArgument,
		[]string{"question.steps[0].stage"}, "no journey map is published")
	got = h.send(t, "POST", "/v1/sites/other/funnels:ask", otherToken, `{"question":`+base+`}}`)
	if got.status != http.StatusOK {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

var byPersona = []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}
