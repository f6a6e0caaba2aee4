package api_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// TestCompare: the second question, and the groups it is asked with.
func TestCompare(t *testing.T) {
	t.Parallel()
	h := open(t)
	answered(h)
	h.oracle.answer.Overlap = true
	h.oracle.beside = api.Funnel{
		Answer: funnel.Answer{
			Steps: []funnel.StepNumbers{{Count: 5}, {Count: 2}, {Count: 0}},
			Groups: []funnel.Group{
				{Values: []funnel.GroupValue{{Value: "dealer"}}, Steps: make([]funnel.StepNumbers, 3)},
			},
		},
		Facts: api.Facts{TouchpointsRead: 7, Warnings: []string{"a link was too large", "another"}},
	}
	got, err := funnelv1.NewFunnelServiceClient(h.conn).AskFunnel(as(t.Context(), readToken),
		&funnelv1.AskFunnelRequest{Parent: "sites/shop", Words: &funnelv1.QuestionWords{
			Step: []string{"any", "any", "any"}, From: "2026-03-02", To: "2026-03-04",
			By: []string{"persona"}, Compare: "previous",
		}})
	if err != nil {
		t.Fatal(err)
	}
	comparison := got.GetComparison()
	want := &funnelv1.Comparison{
		FromTime: timestamppb.New(time.Date(2026, 2, 27, 23, 0, 0, 0, time.UTC)),
		ToTime:   timestamppb.New(time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)),
		AsOf:     timestamppb.New(askedNow.AddDate(0, 0, -2)),
		Steps:    comparison.GetSteps(), Groups: comparison.GetGroups(),
	}
	if diff := cmp.Diff(want, comparison, protocmp.Transform()); diff != "" {
		t.Errorf("comparison (-want +got):\n%s", diff)
	}
	if comparison.GetSteps()[1].GetCount() != 2 || len(comparison.GetGroups()) != 1 ||
		comparison.GetGroups()[0].GetValues()[0].GetValue() != "dealer" {
		t.Errorf("numbers %v", comparison)
	}
	if diff := cmp.Diff(h.oracle.answer.Groups, h.oracle.groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	facts := got.GetFacts()
	if !facts.GetGroupsOverlap() || facts.GetTouchpointsRead() != 5_000_000_007 ||
		len(facts.GetWarnings()) != 2 || facts.GetTookSeconds() != 3 {
		t.Errorf("facts %v", facts)
	}
}

// TestComparedQuestions: what is asked beside, by what it is compared with.
func TestComparedQuestions(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, c := range []struct {
		name, words string
		change      func(*funnel.Question)
	}{
		{
			name:  "30 days before, over a change of the clocks",
			words: `"from":"2026-03-28","to":"2026-03-30","asOf":"2026-04-01T10:00:00Z","compare":"previous"`,
			change: func(q *funnel.Question) {
				q.From = time.Date(2026, 3, 25, 23, 0, 0, 0, time.UTC)
				q.To = time.Date(2026, 3, 27, 23, 0, 0, 0, time.UTC)
				q.AsOf = time.Date(2026, 3, 30, 10, 0, 0, 0, time.UTC)
			},
		},
		{
			name: "a time of the day stays one",
			words: `"from":"2026-03-29T10:00:00+02:00","to":"2026-03-30T11:00:00+02:00",
				"asOf":"2026-04-01T10:00:00Z","compare":"previous"`,
			change: func(q *funnel.Question) {
				q.From = time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)
				q.To = time.Date(2026, 3, 28, 10, 0, 0, 0, time.UTC)
				q.AsOf = time.Date(2026, 3, 30, 10, 0, 0, 0, time.UTC)
			},
		},
		{
			name:  "a range",
			words: `"from":"-2d","asOf":"now","compare":"2026-01-01..-30d"`,
			change: func(q *funnel.Question) {
				q.From = time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC)
				q.To = askedNow.AddDate(0, 0, -30)
			},
		},
		{
			name:  "a filter",
			words: `"from":"-2d","filter":["a=1"],"compare":"filter:channel=email"`,
			change: func(q *funnel.Question) {
				q.Filter = funnel.Condition{
					Subject: funnel.OfChannel, Operator: funnel.Equal,
					Values: []journey.Value{journey.TextValue("email")},
				}
			},
		},
	} {
		got := h.send(t, "POST", ask, readToken,
			`{"words":{"step":["any","any"],`+c.words+`}}`)
		if got.status != 200 {
			t.Errorf("%s: %s", c.name, got.body)
			continue
		}
		n := len(h.oracle.asked)
		want := h.oracle.asked[n-2]
		c.change(&want)
		if diff := cmp.Diff(want, h.oracle.asked[n-1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestDepartures are asked for where nobody says otherwise, and drop-offs have nothing beside them.
func TestDepartures(t *testing.T) {
	t.Parallel()
	h := open(t)
	answered(h)
	half := funnel.Tallied{Count: 1, Share: funnel.ShareOf(1, 2)}
	h.oracle.answer.Steps[0].Departures = []funnel.Departure{{
		Outcome: funnel.Lost, Count: 2, Silent: half, WentBack: half,
		LastPlaces: []funnel.PlaceCount{
			{Place: funnel.Place{Touchpoint: "cart", Stage: "search"}, Tallied: half},
		},
		NextPlaces: []funnel.PlaceCount{{Place: funnel.Place{Event: "page"}, Tallied: half}},
		Channels:   []funnel.NameCount{{GroupValue: funnel.GroupValue{Missing: true}, Tallied: half}},
		Barriers:   []funnel.NameCount{{GroupValue: funnel.GroupValue{Value: "away"}, Tallied: half}},
	}}
	const dropOff = "/v1/sites/shop/funnels:askDropOff"
	got := h.send(t, "POST", dropOff, readToken, `{"question":`+threeSteps+`}`)
	if got.status != 200 || !h.oracle.last().Departures {
		t.Fatalf("status %d, asked %+v", got.status, h.oracle.last())
	}
	const share = `"share":{"value":0.5,"low":0.09453120573423074,"high":0.9054687942657693}`
	const none = `{"name":"","missing":false,"count":0,"share":null}`
	want := `[{"outcome":"OUTCOME_LOST","count":2,
		"silent":{"name":"","missing":false,"count":1,` + share + `},
		"wentBack":{"name":"","missing":false,"count":1,` + share + `},"diverted":` + none + `,
		"lastTouchpoints":[{"touchpoint":"cart","stage":"search","event":"","count":1,` + share + `}],
		"nextTouchpoints":[{"touchpoint":"","stage":"","event":"page","count":1,` + share + `}],
		"channels":[{"name":"","missing":true,"count":1,` + share + `}],
		"barriers":[{"name":"away","missing":false,"count":1,` + share + `}]}]`
	drops, _ := parsed(t, got.body).(map[string]any)["dropOffs"].([]any)
	first, _ := drops[0].(map[string]any)
	if diff := cmp.Diff(parsed(t, want), first["departures"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h.send(t, "POST", dropOff, readToken, `{"summaryOnly":true,"question":`+threeSteps+`}`)
	if h.oracle.last().Departures {
		t.Error("summary_only asks for departures")
	}
	refused := h.send(t, "POST", dropOff, readToken, `{"words":{"compare":"previous"}}`).refusal(t)
	checkRefusal(t, refused, codes.Unimplemented, []string{"words.compare"}, "with drop-offs")
}
