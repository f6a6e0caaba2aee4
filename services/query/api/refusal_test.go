package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

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
		"reentry beside attempts": {
			question: base + `,"count":"COUNT_ATTEMPT","reentry":"REENTRY_BEST"}`,
			code:     codes.InvalidArgument, fields: []string{"question.reentry"},
			says: "beside count ATTEMPT",
		},
		"reentry beside sessions": {
			question: base + `,"count":"COUNT_SESSION","reentry":"REENTRY_FIRST"}`,
			code:     codes.InvalidArgument, fields: []string{"question.reentry"},
			says: "leave it out",
		},
		"within less than nothing": {
			question: stepped(`{"event":"A"},{"event":"B","withinSeconds":-0.5}`),
			code:     codes.InvalidArgument, fields: []string{"question.steps[1].within_seconds"},
		},
		"within on the first": {
			question: stepped(`{"event":"A","withinSeconds":1},{"event":"B"}`),
			code:     codes.InvalidArgument, fields: []string{"question.steps[0].within_seconds"},
		},
		"under any order": {
			question: stepped(`{"event":"A"},{"event":"B","optional":true,"withinSeconds":1},
				{"event":"C"}`)[:len(stepped(`{"event":"A"},{"event":"B","optional":true,"withinSeconds":1},
				{"event":"C"}`))-1] + `,"order":"ORDER_ANY"}`,
			code: codes.InvalidArgument,
			fields: []string{
				"question.steps[1].optional", "question.steps[1].within_seconds",
			},
		},
		"simultaneity over the window": {
			question: base + `,"windowSeconds":60,"simultaneitySeconds":61}`,
			code:     codes.InvalidArgument, fields: []string{"question.simultaneity_seconds"},
			says: "give at most the window",
		},
		"simultaneity of a preset over the window": {
			question: base + `,"compat":"COMPAT_MIXPANEL","windowSeconds":1}`,
			code:     codes.InvalidArgument, fields: []string{"question.simultaneity_seconds"},
		},
		"holds": {
			question: base + `,"hold":["a","","a"]}`,
			code:     codes.InvalidArgument, fields: []string{"question.hold[1]", "question.hold[2]"},
		},
		"exclusions of no steps": {
			question: base + `,"exclusions":[{"touchpoint":{"event":"X"}},
				{"touchpoint":{"event":"X"},"fromStep":2,"toStep":1},
				{"touchpoint":{"event":"X"},"fromStep":1,"toStep":3},
				{"touchpoint":{"event":"X"},"fromStep":4294967295,"toStep":1}]}`,
			code: codes.InvalidArgument,
			fields: []string{
				"question.exclusions[0].from_step", "question.exclusions[1].to_step",
				"question.exclusions[2].to_step", "question.exclusions[3].from_step",
			},
			says: "is 3: give 1 to the number of steps, 2",
		},
		"exclusions of nothing": {
			question: base + `,"exclusions":[{"fromStep":1,"toStep":2},
				{"touchpoint":{"stage":"serach"},"fromStep":1,"toStep":2}]}`,
			code: codes.InvalidArgument,
			fields: []string{
				"question.exclusions[0].touchpoint", "question.exclusions[1].touchpoint.stage",
			},
			says: `did you mean "search"`,
		},
		"exclusions with what only steps have": {
			question: base + `,"exclusions":[{"touchpoint":{"event":"X","optional":true,
				"withinSeconds":0,"firstTime":"FIRST_TIME_EVENT","label":"x"},"fromStep":1,"toStep":2,
				"effect":9}]}`,
			code: codes.InvalidArgument,
			fields: []string{
				"question.exclusions[0].effect", "question.exclusions[0].touchpoint.optional",
				"question.exclusions[0].touchpoint.within_seconds",
				"question.exclusions[0].touchpoint.first_time", "question.exclusions[0].touchpoint.label",
			},
		},
		"an exclusion that is a step": {
			question: base + `,"exclusions":[{"touchpoint":{"event":"Ordered"},"fromStep":1,
				"toStep":2}]}`,
			code: codes.InvalidArgument, fields: []string{"question.exclusions[0].touchpoint"},
			says: "is the same as step 2",
		},
		"trend of no interval": {
			question: base + `,"trend":{}}`,
			code:     codes.InvalidArgument, fields: []string{"question.trend.interval"},
			says: "HOUR, DAY, WEEK or MONTH",
		},
		"trend of unknown words": {
			question: base + `,"trend":{"interval":9,"weekStart":9}}`,
			code:     codes.InvalidArgument,
			fields:   []string{"question.trend.week_start", "question.trend.interval"},
		},
		"trend of too many buckets": {
			question: ranged(`{"fromDate":"2020-01-01","toDate":"2026-01-01"}`)[:len(
				ranged(`{"fromDate":"2020-01-01","toDate":"2026-01-01"}`))-1] +
				`,"trend":{"interval":"INTERVAL_HOUR"}}`,
			code: codes.InvalidArgument, fields: []string{"question.trend"},
			says: "more than 10000 buckets",
		},
		"trend of too many buckets, compared": {
			question: base + `,"trend":{"interval":"INTERVAL_HOUR"},"compare":{"range":
				{"fromDate":"2020-01-01","toDate":"2026-01-01"}}}`,
			code: codes.InvalidArgument, fields: []string{"question.compare"},
			says: "its trend would have more than 10000 buckets",
		},
		"time to convert between no steps": {
			question: base + `,"timeToConvert":{"fromStep":2,"toStep":2,"bins":0}}`,
			code:     codes.InvalidArgument,
			fields: []string{
				"question.time_to_convert.bins", "question.time_to_convert.to_step",
			},
		},
		"time to convert in too many bins": {
			question: base + `,"timeToConvert":{"bins":61}}`,
			code:     codes.InvalidArgument,
			fields: []string{
				"question.time_to_convert.bins", "question.time_to_convert.from_step",
			},
			says: "are 61: give 1 to 60",
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
		"units without a name": {
			question: base + `,"unit":{"trait":""}}`,
			code:     codes.InvalidArgument, fields: []string{"question.unit.trait"},
		},
		"breakdown by the persona of a touchpoint": {
			question: base + `,"breakdowns":[{"persona":true,"attribution":"ATTRIBUTION_ALL"}]}`,
			code:     codes.InvalidArgument, fields: []string{"question.breakdowns[0].attribution"},
		},
		"breakdown by a step that is none": {
			question: base + `,"breakdowns":[{"os":true,"attribution":"ATTRIBUTION_STEP"},
				{"channel":true,"attribution":"ATTRIBUTION_STEP","step":3}]}`,
			code:   codes.InvalidArgument,
			fields: []string{"question.breakdowns[0].step", "question.breakdowns[1].step"},
		},
		"breakdown twice": {
			question: base + `,"breakdowns":[{"campaign":""},{"campaign":"name"}]}`,
			code:     codes.InvalidArgument, fields: []string{"question.breakdowns[1]"},
		},
		"breakdown by a part of a campaign that is none": {
			question: base + `,"breakdowns":[{"campaign":"term"}]}`,
			code:     codes.InvalidArgument, fields: []string{"question.breakdowns[0].campaign"},
		},
		"compare with nothing": {
			question: base + `,"compare":{}}`,
			code:     codes.InvalidArgument, fields: []string{"question.compare"},
		},
		"compare with an empty range": {
			question: base + `,"compare":{"range":{"fromDate":"2026-02-01","toDate":"2026-01-01"}}}`,
			code:     codes.InvalidArgument, fields: []string{"question.compare.range"},
		},
		"compare with half a range": {
			question: base + `,"compare":{"range":{"fromDate":"2026-02-01"}}}`,
			code:     codes.InvalidArgument, fields: []string{"question.compare.range.to_time"},
		},
		"compare with a filter of nothing": {
			question: base + `,"compare":{"filter":{"condition":{"name":"p","operator":"OPERATOR_EQ"}}}}`,
			code:     codes.InvalidArgument, fields: []string{"question.compare.filter.condition.values"},
		},
		"compare with the time before time": {
			question: ranged(`{"fromDate":"0001-01-03","toDate":"0001-02-01"}`)[:len(
				ranged(`{"fromDate":"0001-01-03","toDate":"0001-02-01"}`))-1] +
				`,"compare":{"previousPeriod":true}}`,
			code: codes.InvalidArgument, fields: []string{"question.compare.previous_period"},
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
				strings.Repeat(`{"touchpoint":{"event":"X"},"fromStep":1,"toStep":2},`, 8) + `{}]}`,
			code: codes.InvalidArgument, fields: []string{"question.exclusions", "question.hold"},
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
