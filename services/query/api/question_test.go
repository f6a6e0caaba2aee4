package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
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

func TestQuestionsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, c := range map[string]struct {
		question string
		code     codes.Code
		// fields of all violations, in order.
		fields []string
		// says stands in a description.
		says string
	}{
		"order strict": {
			question: base + `,"order":"ORDER_STRICT"}`,
			code:     codes.Unimplemented, fields: []string{"question.order"},
		},
		"order any": {
			question: base + `,"order":"ORDER_ANY"}`,
			code:     codes.Unimplemented, fields: []string{"question.order"},
		},
		"optional step": {
			question: stepped(`{"event":"A"},{"event":"B","optional":true},{"event":"C"}`),
			code:     codes.Unimplemented, fields: []string{"question.steps[1].optional"},
		},
		"within": {
			question: stepped(`{"event":"A"},{"event":"B","withinSeconds":60}`),
			code:     codes.Unimplemented, fields: []string{"question.steps[1].within_seconds"},
		},
		"within of no time": {
			question: stepped(`{"event":"A"},{"event":"B","withinSeconds":0}`),
			code:     codes.Unimplemented, fields: []string{"question.steps[1].within_seconds"},
		},
		"first time": {
			question: stepped(`{"event":"A","firstTime":"FIRST_TIME_EVENT"},
				{"event":"B","firstTime":"FIRST_TIME_MATCHING"}`),
			code: codes.Unimplemented,
			fields: []string{
				"question.steps[0].first_time", "question.steps[1].first_time",
			},
		},
		"unit group type": {
			question: base + `,"unit":{"groupType":"company"}}`,
			code:     codes.Unimplemented, fields: []string{"question.unit.group_type"},
		},
		"unit trait": {
			question: base + `,"unit":{"trait":"household"}}`,
			code:     codes.Unimplemented, fields: []string{"question.unit.trait"},
		},
		"unit property": {
			question: base + `,"unit":{"property":"order_id"}}`,
			code:     codes.Unimplemented, fields: []string{"question.unit.property"},
		},
		"count attempt": {
			question: base + `,"count":"COUNT_ATTEMPT"}`,
			code:     codes.Unimplemented, fields: []string{"question.count"},
		},
		"count session": {
			question: base + `,"count":"COUNT_SESSION"}`,
			code:     codes.Unimplemented, fields: []string{"question.count"},
		},
		"simultaneity": {
			question: base + `,"simultaneitySeconds":0.0001}`,
			code:     codes.Unimplemented, fields: []string{"question.simultaneity_seconds"},
		},
		"simultaneity of a preset": {
			question: base + `,"compat":"COMPAT_MIXPANEL"}`,
			code:     codes.Unimplemented, fields: []string{"question.simultaneity_seconds"},
			says: "COMPAT_MIXPANEL sets it to 2; state 0",
		},
		"simultaneity of another preset": {
			question: base + `,"compat":"COMPAT_AMPLITUDE"}`,
			code:     codes.Unimplemented, fields: []string{"question.simultaneity_seconds"},
			says: "COMPAT_AMPLITUDE sets it to 1; state 0",
		},
		"hold": {
			question: base + `,"hold":["product"]}`,
			code:     codes.Unimplemented, fields: []string{"question.hold"},
		},
		"exclusions": {
			question: base + `,"exclusions":[{"touchpoint":{"event":"X"},"fromStep":1,"toStep":2}]}`,
			code:     codes.Unimplemented, fields: []string{"question.exclusions"},
		},
		"breakdowns by other things": {
			question: base + `,"breakdowns":[{"channel":true},{"trait":"plan"}]}`,
			code:     codes.Unimplemented,
			fields: []string{
				"question.breakdowns[0].channel", "question.breakdowns[1].trait",
				"question.breakdowns[1]",
			},
		},
		"breakdowns by the rest": {
			question: base + `,"breakdowns":[{"property":"p"},{"variant":"v"}]}`,
			code:     codes.Unimplemented,
			fields: []string{
				"question.breakdowns[0].property", "question.breakdowns[1].variant",
				"question.breakdowns[1]",
			},
		},
		"breakdown by the persona of a touchpoint": {
			question: base + `,"breakdowns":[{"persona":true,"attribution":"ATTRIBUTION_ALL"}]}`,
			code:     codes.Unimplemented, fields: []string{"question.breakdowns[0].attribution"},
		},
		"compare": {
			question: base + `,"compare":{}}`,
			code:     codes.Unimplemented, fields: []string{"question.compare"},
		},
		"trend": {
			question: base + `,"trend":{"interval":"INTERVAL_DAY"}}`,
			code:     codes.Unimplemented, fields: []string{"question.trend"},
		},
		"time to convert": {
			question: base + `,"timeToConvert":{"fromStep":1,"toStep":2}}`,
			code:     codes.Unimplemented, fields: []string{"question.time_to_convert"},
		},
		"several not answered yet": {
			question: base + `,"order":"ORDER_ANY","count":"COUNT_SESSION","hold":["a"],"trend":{}}`,
			code:     codes.Unimplemented,
			fields: []string{
				"question.order", "question.count", "question.hold", "question.trend",
			},
		},
		"wrong comes before not answered yet": {
			question: base + `,"order":"ORDER_ANY","windowSeconds":0}`,
			code:     codes.InvalidArgument, fields: []string{"question.window_seconds"},
		},

		"none": {question: `null`, code: codes.InvalidArgument, fields: []string{"question"}},
		"empty": {
			question: `{}`, code: codes.InvalidArgument,
			fields: []string{"question.range", "question.steps"},
		},
		"from after to": {
			question: ranged(`{"fromDate":"2026-02-01","toDate":"2026-01-01"}`),
			code:     codes.InvalidArgument, fields: []string{"question.range"},
		},
		"from equals to": {
			question: ranged(`{"fromDate":"2026-02-01","toDate":"2026-02-01"}`),
			code:     codes.InvalidArgument, fields: []string{"question.range"},
		},
		"half a range": {
			question: ranged(`{"fromDate":"2026-02-01"}`),
			code:     codes.InvalidArgument, fields: []string{"question.range.to_time"},
		},
		"the other half": {
			question: ranged(`{"toDate":"2026-02-01"}`),
			code:     codes.InvalidArgument, fields: []string{"question.range.from_time"},
		},
		"no days": {
			question: ranged(`{"fromDate":"2026-02-30","toDate":"01.03.2026"}`),
			code:     codes.InvalidArgument,
			fields:   []string{"question.range.from_date", "question.range.to_date"},
			says:     "YYYY-MM-DD",
		},
		"year 0": {
			question: ranged(`{"fromDate":"0000-02-01","toDate":"2026-03-01"}`),
			code:     codes.InvalidArgument, fields: []string{"question.range.from_date"},
		},
		"window 0": {
			question: base + `,"windowSeconds":0}`,
			code:     codes.InvalidArgument, fields: []string{"question.window_seconds"},
			says: "is 0: give 1 to",
		},
		"window below a second": {
			question: base + `,"windowSeconds":0.9999}`,
			code:     codes.InvalidArgument, fields: []string{"question.window_seconds"},
		},
		"window negative": {
			question: base + `,"windowSeconds":-1}`,
			code:     codes.InvalidArgument, fields: []string{"question.window_seconds"},
		},
		"window no number": {
			question: base + `,"windowSeconds":"NaN"}`,
			code:     codes.InvalidArgument, fields: []string{"question.window_seconds"},
		},
		"window endless": {
			question: base + `,"windowSeconds":"Infinity"}`,
			code:     codes.InvalidArgument, fields: []string{"question.window_seconds"},
		},
		"window too long": {
			question: base + `,"windowSeconds":1e12}`,
			code:     codes.InvalidArgument, fields: []string{"question.window_seconds"},
		},
		"one step": {
			question: stepped(`{"event":"A"}`),
			code:     codes.InvalidArgument, fields: []string{"question.steps"},
		},
		"31 steps": {
			question: stepped(strings.Repeat(`{"event":"A"},`, 30) + `{"event":"A"}`),
			code:     codes.InvalidArgument, fields: []string{"question.steps"},
		},
		"unknown stage": {
			question: stepped(`{"stage":"purchse"},{"stage":"purchase"}`),
			code:     codes.InvalidArgument, fields: []string{"question.steps[0].stage"},
			says: `no "purchse" (did you mean "purchase"?); its stages are: search, purchase`,
		},
		"unknown touchpoint": {
			question: stepped(`{"touchpoint":"landing"},{"touchpoint":"checkout"}`),
			code:     codes.InvalidArgument, fields: []string{"question.steps[1].touchpoint"},
			says: `no "checkout"; its touchpoints are: landing, order`,
		},
		"empty targets": {
			question: stepped(`{"event":""},{"stage":""},{"touchpoint":""},{"anyEvent":false},{}`),
			code:     codes.InvalidArgument,
			fields: []string{
				"question.steps[3].any_event", "question.steps[4]", "question.steps[0].event",
				"question.steps[1].stage", "question.steps[2].touchpoint",
			},
		},
		"outer steps optional": {
			question: stepped(`{"event":"A","optional":true},{"event":"B","optional":true}`),
			code:     codes.InvalidArgument,
			fields:   []string{"question.steps[0].optional", "question.steps[1].optional"},
		},
		"no operator": {
			question: conditioned(`{"name":"price","values":[1]}`),
			code:     codes.InvalidArgument,
			fields:   []string{"question.steps[0].conditions[0].operator"},
			says:     "EQ, NEQ, CONTAINS",
		},
		"no name": {
			question: conditioned(`{"operator":"OPERATOR_EQ","values":[1]}`),
			code:     codes.InvalidArgument, fields: []string{"question.steps[0].conditions[0].name"},
		},
		"a name too many": {
			question: conditioned(
				`{"subject":"SUBJECT_CHANNEL","name":"x","operator":"OPERATOR_IS_SET"}`),
			code: codes.InvalidArgument, fields: []string{"question.steps[0].conditions[0].name"},
		},
		"values missing": {
			question: conditioned(`{"name":"p","operator":"OPERATOR_EQ"}`),
			code:     codes.InvalidArgument,
			fields:   []string{"question.steps[0].conditions[0].values"},
		},
		"values too many": {
			question: conditioned(`{"name":"p","operator":"OPERATOR_IS_SET","values":[1]}`),
			code:     codes.InvalidArgument,
			fields:   []string{"question.steps[0].conditions[0].values"},
		},
		"between upside down": {
			question: conditioned(`{"name":"p","operator":"OPERATOR_BETWEEN","values":[2,1]}`),
			code:     codes.InvalidArgument,
			fields:   []string{"question.steps[0].conditions[0].values"},
		},
		"values of other kinds": {
			question: conditioned(`{"name":"p","operator":"OPERATOR_IN","values":[null,[1],{"a":1}]}`),
			code:     codes.InvalidArgument,
			fields: []string{
				"question.steps[0].conditions[0].values[0]",
				"question.steps[0].conditions[0].values[1]",
				"question.steps[0].conditions[0].values[2]",
			},
		},
		"regular expression broken": {
			question: conditioned(`{"name":"p","operator":"OPERATOR_REGEX","values":["(a"]}`),
			code:     codes.InvalidArgument,
			fields:   []string{"question.steps[0].conditions[0].values[0]"},
		},
		"regular expression no text": {
			question: conditioned(`{"name":"p","operator":"OPERATOR_REGEX","values":[7]}`),
			code:     codes.InvalidArgument,
			fields:   []string{"question.steps[0].conditions[0].values[0]"},
		},
		"regular expression long": {
			question: conditioned(`{"name":"p","operator":"OPERATOR_REGEX","values":["` +
				strings.Repeat("a", 1001) + `"]}`),
			code:   codes.InvalidArgument,
			fields: []string{"question.steps[0].conditions[0].values[0]"},
		},
		"numbers that no enum has": {
			question: base + `,"rangeMode":9,"order":9,"reentry":9,"count":9,"compat":9}`,
			code:     codes.InvalidArgument,
			fields: []string{
				"question.compat", "question.range_mode", "question.reentry",
				"question.order", "question.count",
			},
		},
		"numbers that no enum of a step has": {
			question: stepped(`{"event":"A","firstTime":9,
				"conditions":[{"name":"p","subject":77,"operator":88}]},{"event":"B"}`),
			code: codes.InvalidArgument,
			fields: []string{
				"question.steps[0].conditions[0].subject",
				"question.steps[0].conditions[0].operator",
				"question.steps[0].first_time",
			},
		},
		"filter of nothing": {
			question: filtered(`{}`),
			code:     codes.InvalidArgument, fields: []string{"question.filter"},
		},
		"filter lists of nothing": {
			question: filtered(`{"any":{"filters":[{"all":{}},{"not":{}}]}}`),
			code:     codes.InvalidArgument,
			fields: []string{
				"question.filter.any.filters[1].not", "question.filter.any.filters[0].all.filters",
			},
		},
		"filter too deep": {
			question: filtered(strings.Repeat(`{"not":`, 40) + `{}` + strings.Repeat(`}`, 40)),
			code:     codes.InvalidArgument,
			fields:   []string{"question.filter" + strings.Repeat(".not", 32)},
			says:     "32 levels",
		},
		"filter too wide": {
			question: filtered(`{"any":{"filters":[` + strings.Repeat(`{"all":{}},`, 5000) +
				`{"all":{}}]}}`),
			code:   codes.InvalidArgument,
			fields: []string{"question.filter.any.filters[499]"},
			says:   "500",
		},
		"unit person not": {
			question: base + `,"unit":{"person":false}}`,
			code:     codes.InvalidArgument, fields: []string{"question.unit.person"},
		},
		"breakdowns wrong": {
			question: base + `,"breakdowns":[{},{"persona":false,"step":1,"limit":1001},{"persona":true}]}`,
			code:     codes.InvalidArgument,
			fields: []string{
				"question.breakdowns", "question.breakdowns[0]", "question.breakdowns[1].persona",
				"question.breakdowns[1].step", "question.breakdowns[1].limit",
			},
		},
		"too many holds and exclusions": {
			question: base + `,"hold":["a","b","c","d"],"exclusions":[` +
				strings.Repeat(`{},`, 8) + `{}]}`,
			code: codes.InvalidArgument, fields: []string{"question.hold", "question.exclusions"},
		},
		"simultaneity negative": {
			question: base + `,"simultaneitySeconds":-1}`,
			code:     codes.InvalidArgument, fields: []string{"question.simultaneity_seconds"},
		},
		"all mistakes at once": {
			question: `{"range":{"fromDate":"x"},"windowSeconds":0,
				"steps":[{"stage":"nope"},{"event":"B","conditions":[{}]}]}`,
			code: codes.InvalidArgument,
			fields: []string{
				"question.window_seconds", "question.range.from_date", "question.range.to_time",
				"question.steps[0].stage", "question.steps[1].conditions[0].operator",
				"question.steps[1].conditions[0].name",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			byJSON := h.send(t, "POST", "/v1/sites/shop/funnels:ask", readToken,
				`{"question":`+c.question+`}`)
			got := byJSON.refusal(t)
			checkRefusal(t, got, c.code, c.fields, c.says)
			want := map[codes.Code]int{
				codes.InvalidArgument: http.StatusBadRequest,
				codes.Unimplemented:   http.StatusNotImplemented,
			}
			if byJSON.status != want[c.code] {
				t.Errorf("HTTP status %d, want %d", byJSON.status, want[c.code])
			}
			request := &funnelv1.AskFunnelRequest{Parent: "sites/shop"}
			text := `{"parent":"sites/shop","question":` + c.question + `}`
			if err := protojson.Unmarshal([]byte(text), request); err != nil {
				t.Fatal(err)
			}
			_, err := funnelv1.NewFunnelServiceClient(h.conn).AskFunnel(
				as(t.Context(), readToken), request)
			if diff := cmp.Diff(got, refusalOf(err)); diff != "" {
				t.Errorf("JSON and gRPC differ (-JSON +gRPC):\n%s", diff)
			}
		})
	}
}

func checkRefusal(t *testing.T, got refusal, code codes.Code, fields []string, says string) {
	t.Helper()
	if got.Code != code {
		t.Errorf("code %v, want %v: %s", got.Code, code, got.Message)
	}
	if diff := cmp.Diff(fields, got.fields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if !strings.Contains(fmt.Sprint(got.Violations), says) {
		t.Errorf("no description says %q: %v", says, got.Violations)
	}
}

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
				{"condition":{"name":"p","operator":"OPERATOR_NEQ","values":[1]}},
				{"condition":{"name":"p","operator":"OPERATOR_CONTAINS","values":["x"]}},
				{"condition":{"name":"p","operator":"OPERATOR_NOT_CONTAINS","values":["x"]}},
				{"condition":{"name":"p","operator":"OPERATOR_GT","values":[1]}},
				{"condition":{"name":"p","operator":"OPERATOR_LT","values":[1]}},
				{"condition":{"name":"p","operator":"OPERATOR_LTE","values":[1]}},
				{"condition":{"name":"p","operator":"OPERATOR_BETWEEN","values":[1,2]}}]}}`),
			change: func(q *funnel.Question) {
				one, x := journey.NumberValue(1), journey.TextValue("x")
				test := func(s funnel.Subject, n string, o funnel.Operator, v ...journey.Value) funnel.Condition {
					return funnel.Condition{Subject: s, Name: n, Operator: o, Values: v}
				}
				q.Filter = funnel.AnyOf{
					test(funnel.Persona, "", funnel.In, journey.TextValue("a"), journey.TextValue("b")),
					test(funnel.OfChannel, "", funnel.NotIn, journey.TextValue("c")),
					test(funnel.OfEvent, "", funnel.Regex, journey.TextValue("^O")),
					test(funnel.OfStage, "", funnel.IsSet),
					test(funnel.OfTouchpoint, "", funnel.IsNotSet),
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
			change:   func(q *funnel.Question) { q.ByPersona = true },
		},
		"by persona, few groups": {
			question: base + `,"breakdowns":[{"persona":true,"attribution":"ATTRIBUTION_PERSON","limit":3}]}`,
			change:   func(q *funnel.Question) { q.ByPersona, q.Limit = true, 3 },
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
