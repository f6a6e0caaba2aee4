package api_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

const explain = "/v1/sites/shop/funnels:explain"

// twice is a person who searched twice and ordered once, among 1,500 other touchpoints.
func twice() api.Explained {
	touch := func(minute int, event string, steps uint32, exclusions uint8) api.SeenTouchpoint {
		return api.SeenTouchpoint{
			At:    time.Date(2026, 1, 2, 0, minute, 0, 0, time.UTC),
			Event: event, Message: journey.MessageID(event), Steps: steps, Exclusions: exclusions,
		}
	}
	e := api.Explained{
		Person:      0xab,
		Touchpoints: []api.SeenTouchpoint{touch(0, "Landed", 1, 0)},
		Facts:       api.Facts{MapVersion: 1, Way: "from rows"},
	}
	for range 1500 {
		e.Touchpoints = append(e.Touchpoints, touch(1, "Clicked", 0, 0))
	}
	e.Touchpoints = append(e.Touchpoints, touch(2, "Cancelled", 0, 1), touch(3, "Landed", 1, 0),
		touch(4, "Ordered", 2, 0))
	at := func(minute int) int64 {
		return time.Date(2026, 1, 2, 0, minute, 0, 0, time.UTC).UnixMilli()
	}
	e.Attempts = []funnel.ExplainedAttempt{
		{
			Attempt: funnel.Attempt{Depth: 1, Filled: 1}, Places: []int32{0}, Steps: []int32{0},
			End: funnel.EndRemoved, EndedAt: at(2), EndedBy: 1501, Why: funnel.WhyVoid,
		},
		{
			Attempt: funnel.Attempt{Depth: 2, Filled: 3, Converted: true}, Places: []int32{1502, 1503},
			Steps: []int32{0, 1}, End: funnel.EndConverted, EndedAt: at(4), EndedBy: -1,
			Counted: true, Why: funnel.WhyDeepest, Bucket: 2,
		},
	}
	e.Reason = funnel.WhyDeepest
	return e
}

func TestExplainFunnel(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.oracle.explained = twice()
	body := `{"userId":"ann","words":{"step":["event:Landed","event:Ordered"],"from":"2026-01-01",
		"exclude":["event:Cancelled between 1 and 2 remove"],"trend":"day"}}`
	got := h.send(t, "POST", explain, readToken, body)
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	answer, _ := parsed(t, got.body).(map[string]any)
	touches, _ := answer["touchpoints"].([]any)
	if len(touches) != 1004 {
		t.Errorf("%d touchpoints", len(touches))
	}
	cancelled, _ := touches[1001].(map[string]any)
	want := `{"occurredAt":"2026-01-02T00:02:00Z","event":"Cancelled","touchpoint":"","stage":"",
		"messageId":"Cancelled","steps":[],"exclusions":[1]}`
	if diff := cmp.Diff(parsed(t, want), any(cancelled)); diff != "" {
		t.Errorf("touchpoint (-want +got):\n%s", diff)
	}
	delete(answer, "touchpoints")
	delete(answer, "facts")
	want = `{"personId":"00000000000000ab","unit":"","labels":["Landed","Ordered"],
		"touchpointsLeftOut":500,"reason":"counts with attempt 2 of 2: the deepest of 2 attempts",
		"attempts":[
		{"steps":[{"step":1,"touchpoint":0}],"depth":1,"outcome":"OUTCOME_LOST",
			"end":"ATTEMPT_END_REMOVED","endedAt":"2026-01-02T00:02:00Z","endedBy":1001,"counted":false,
			"reason":"void: Cancelled came at 2026-01-02 00:02:00 UTC between steps 1 and 2","bucket":0},
		{"steps":[{"step":1,"touchpoint":1002},{"step":2,"touchpoint":1003}],"depth":2,
			"outcome":"OUTCOME_CONVERTED","end":"ATTEMPT_END_CONVERTED",
			"endedAt":"2026-01-02T00:04:00Z","counted":true,"bucket":2,
			"reason":"counts: the deepest of 2 attempts; it converted at 2026-01-02 00:04:00 UTC"}]}`
	if diff := cmp.Diff(parsed(t, want), any(answer)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if asked := h.oracle.last(); len(asked.Buckets) == 0 || asked.Exclusions[0].Effect != funnel.Remove {
		t.Errorf("asked %+v", asked)
	}
	query := url.Values{
		"step": {"event:Landed", "event:Ordered"}, "from": {"2026-01-01"}, "userId": {"ann"},
		"exclude": {"event:Cancelled between 1 and 2 remove"}, "trend": {"day"},
	}
	byGet := h.send(t, "GET", explain+"?"+query.Encode(), readToken, "")
	if diff := cmp.Diff(parsed(t, got.body), parsed(t, byGet.body)); diff != "" {
		t.Errorf("POST and GET differ (-POST +GET):\n%s", diff)
	}
	if diff := cmp.Diff(h.oracle.named[0], h.oracle.named[1]); diff != "" ||
		h.oracle.named[0].Who.User != "ann" {
		t.Errorf("asked for %+v", h.oracle.named)
	}
}

// TestWhoIsExplained: one name, of the kind that the question is about.
func TestWhoIsExplained(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, c := range []struct {
		name, body string
		fields     []string
		says       string
	}{
		{"nobody", `"words":{}`, []string{"who"}, "user_id, anonymous_id, person_id and unit"},
		{"empty", `"userId":"","words":{}`, []string{"user_id"}, "is empty"},
		{"no person id", `"personId":"x","words":{}`, []string{"person_id"}, "16 hexadecimal"},
		{"a unit of persons", `"unit":"x","words":{}`, []string{"unit"}, "about persons"},
		{
			"a person of units", `"anonymousId":"x","words":{"unit":"group:company"}`,
			[]string{"anonymous_id"},
			"give unit",
		},
		{
			"a question that is wrong too", `"unit":"x","words":{"from":"x"}`,
			[]string{"words.from"},
			"is no time",
		},
	} {
		got := h.send(t, "POST", explain, readToken, "{"+c.body+"}")
		checkRefusal(t, got.refusal(t), codes.InvalidArgument, c.fields, c.says)
		if t.Failed() {
			t.Fatalf("%s: %s", c.name, got.body)
		}
	}
	got := h.send(t, "GET", explain+"?unit=group:company&unitValue=acme&by=channel&compare=previous",
		readToken, "")
	if got.status != http.StatusOK || h.oracle.named[0] != (api.UnitName{Unit: "acme"}) {
		t.Errorf("%d %s: asked for %+v", got.status, got.body, h.oracle.named)
	}
	twice := h.send(t, "GET", explain+"?userId=ann&personId=00000000000000ab", readToken, "")
	checkRefusal(t, twice.refusal(t), codes.InvalidArgument, []string{"userId"}, "personId too")
}
