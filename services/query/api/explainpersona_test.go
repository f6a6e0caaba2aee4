package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// everybody knows every person and nothing about them.
type everybody struct{}

func (everybody) Person(
	context.Context, journey.SiteID, api.Who, time.Time,
) (api.PersonAsOf, error) {
	return api.PersonAsOf{Persona: journey.Unassigned}, nil
}

const portraitMap = `title: Shop
lost_after: 10d
stages: [{id: search}, {id: purchase}, {id: loyalty}]
touchpoints:
  - {id: landing, stage: search, events: [Landed]}
  - {id: order, stage: purchase, events: [Ordered]}
  - {id: again, stage: loyalty, repeat: {of: order}}
personas:
  - {id: sleeper, title: Sleeping, when: 'days_since(last("Cancelled")) > 3'}
  - {id: firm, when: 'groups.company == "acme" && traits.size > 10'}
  - {id: buyer, title: Buyers, when: 'sum("Ordered", "total") >= 10.0 && touchpoints > 1'}
  - {id: all, when: 'true'}
`

// portrait is a store with ann, a buyer, and the visitor v, of whom nothing is derived.
func portrait(t *testing.T) *answer.Answerer {
	t.Helper()
	st := newShelf(t)
	if _, err := st.Publish(t.Context(), "shop", portraitMap, "Shop"); err != nil {
		t.Fatal(err)
	}
	day := now.Truncate(24 * time.Hour)
	fact := func(n int, kind journey.Kind, at time.Time) *journey.Fact {
		return &journey.Fact{
			Site: "shop", Message: journey.MessageID(fmt.Sprint("m", n)), Kind: kind, User: "ann",
			OccurredAt: at, OriginalAt: at, ReceivedAt: now,
		}
	}
	traits := fact(0, journey.Identify, day.Add(-72*time.Hour))
	traits.Traits = `{"plan":"<pro>","size":3,"tags":["a",1],"vip":true}`
	group := fact(1, journey.Group, day.Add(-71*time.Hour))
	group.Group, group.Traits = "acme", `{"group_type":"company"}`
	rows := []store.Row{{Fact: traits}, {Fact: group}}
	for i, total := range []int{4, 6} {
		ordered := fact(2+i, journey.Track, day.Add(time.Duration(i-3)*24*time.Hour))
		ordered.Event, ordered.Properties = "Ordered", journey.Object(fmt.Sprintf(`{"total":%d}`, total))
		rows = append(rows, store.Row{Fact: ordered, Attribution: journey.Attribution{
			Version: 1, Touchpoint: "order", Stage: "purchase",
		}})
	}
	anonymous := fact(9, journey.Track, day.Add(-20*24*time.Hour))
	anonymous.User, anonymous.Visitor, anonymous.Event = "", "v", "Other"
	if err := st.InsertFacts(t.Context(), append(rows, store.Row{Fact: anonymous})); err != nil {
		t.Fatal(err)
	}
	return answer.New(st, answer.NewNewestMaps(st), 0)
}

func TestExplainPersona(t *testing.T) {
	t.Parallel()
	people := portrait(t)
	h := open(t, func(s *settings) { s.people = people })
	id := fmt.Sprintf("%016x", uint64(journey.UserIdentity("shop", "ann")))
	for _, path := range []string{
		"userId=ann", "user_id=ann&asOf=2026-03-04T05:06:07.891Z", "person_id=" + id,
	} {
		got := h.send(t, http.MethodGet, "/v1/sites/shop/persons:explainPersona?"+path, readToken, "")
		if got.status != http.StatusOK {
			t.Fatalf("%s: status %d: %s", path, got.status, got.body)
		}
		m, _ := parsed(t, got.body).(map[string]any)
		rules, _ := m["rules"].([]any)
		delete(m, "rules")
		want := `{"personId":"` + id + `","userIds":["ann"],"anonymousIds":[],
			"traits":{"plan":"<pro>","size":3,"tags":["a",1],"vip":true},"groups":{"company":"acme"},
			"persona":"buyer","mapVersion":1,"asOf":"2026-03-04T05:06:07.891Z",
			"firstAt":"2026-03-01T00:00:00Z","lastAt":"2026-03-02T00:00:00Z","touchpoints":2,
			"currentStage":"loyalty","lost":false}`
		if diff := cmp.Diff(parsed(t, want), any(m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if diff := cmp.Diff([]any{
			"sleeper RULE_OUTCOME_NOT_EVALUATED", "firm RULE_OUTCOME_FAILED",
			"buyer RULE_OUTCOME_CHOSEN", "all RULE_OUTCOME_LATER",
		}, outcomesOf(rules)); diff != "" {
			t.Errorf("%s: rules (-want +got):\n%s", path, diff)
		}
		for rule, says := range map[int]string{
			1: `traits.size=3 groups.company="acme"`, 2: `sum("Ordered", "total")=10 touchpoints=2`,
			0: `last("Cancelled")=missing`,
		} {
			checkInputs(t, rules[rule], says)
		}
	}
}

func outcomesOf(rules []any) []any {
	var out []any
	for _, r := range rules {
		m, _ := r.(map[string]any)
		out = append(out, fmt.Sprint(m["persona"], " ", m["outcome"]))
	}
	return out
}

// checkInputs looks for each of some inputs, written as expression=value.
func checkInputs(t *testing.T, rule any, says string) {
	t.Helper()
	m, _ := rule.(map[string]any)
	var read []string
	inputs, _ := m["inputs"].([]any)
	for _, in := range inputs {
		i, _ := in.(map[string]any)
		value := fmt.Sprint(i["value"])
		if i["missing"] == true {
			value += "missing"
		}
		read = append(read, fmt.Sprint(i["expression"], "=", value))
	}
	for _, want := range strings.Split(strings.ReplaceAll(says, `", "`, `",_"`), " ") {
		want = strings.ReplaceAll(want, `",_"`, `", "`)
		if !strings.Contains("|"+strings.Join(read, "|")+"|", "|"+want+"|") {
			t.Errorf("inputs of %v are %q, want %q among them", m["persona"], read, want)
		}
	}
}

// TestExplainPersonaAsOf: what came later is not seen, the person is lost in time, and a person
// without a profile is known.
func TestExplainPersonaAsOf(t *testing.T) {
	t.Parallel()
	people := portrait(t)
	h := open(t, func(s *settings) { s.people = people })
	for _, c := range []struct {
		name, query        string
		persona, stage, at string
		touchpoints        float64
		lost, traits       bool
		firstAt            any
	}{
		{
			name: "before everything", query: "userId=ann&asOf=2026-01-01T00:00:00Z",
			persona: "all", at: "2026-01-01T00:00:00Z",
		},
		{
			name: "at the first order", query: "userId=ann&asOf=2026-03-01T01:00:00.0009Z",
			persona: "all", stage: "purchase", at: "2026-03-01T01:00:00Z", touchpoints: 1, traits: true,
			firstAt: "2026-03-01T00:00:00Z",
		},
		{
			name: "10 days after the last", query: "userId=ann&asOf=2026-03-12T00:00:00Z",
			persona: "buyer", stage: "loyalty", at: "2026-03-12T00:00:00Z", touchpoints: 2,
			traits: true, firstAt: "2026-03-01T00:00:00Z",
		},
		{
			name: "a moment later", query: "userId=ann&as_of=2026-03-12T00:00:00.001Z",
			persona: "buyer", stage: "loyalty", at: "2026-03-12T00:00:00.001Z", touchpoints: 2,
			traits: true, firstAt: "2026-03-01T00:00:00Z", lost: true,
		},
		{
			name: "a visitor", query: "anonymousId=v", persona: "all", at: "2026-03-04T05:06:07.891Z",
			touchpoints: 1, firstAt: "2026-02-12T00:00:00Z", lost: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := h.send(t, http.MethodGet, "/v1/sites/shop/persons:explainPersona?"+c.query,
				readToken, "")
			m, _ := parsed(t, got.body).(map[string]any)
			want := map[string]any{
				"persona": c.persona, "currentStage": c.stage, "asOf": c.at, "lost": c.lost,
				"touchpoints": c.touchpoints, "firstAt": c.firstAt,
			}
			for name, v := range want {
				if diff := cmp.Diff(v, m[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if traits, _ := m["traits"].(map[string]any); len(traits) > 0 != c.traits {
				t.Errorf("traits %v", traits)
			}
		})
	}
}

func TestExplainPersonaRefusals(t *testing.T) {
	t.Parallel()
	people := portrait(t)
	h := open(t, func(s *settings) { s.people = people })
	for _, c := range []struct {
		name, path string
		code       codes.Code
		fields     []string
	}{
		{name: "no id", path: "shop/persons:explainPersona", fields: []string{"by"}},
		{name: "no user id", path: "shop/persons:explainPersona?userId=", fields: []string{"user_id"}},
		{
			name: "no anonymous id", path: "shop/persons:explainPersona?anonymousId=",
			fields: []string{"anonymous_id"},
		},
		{
			name: "person id of 15 digits", path: "shop/persons:explainPersona?personId=7eb68071ff6b850",
			fields: []string{"person_id"},
		},
		{
			name: "person id of no digits", path: "shop/persons:explainPersona?personId=zzzzzzzzzzzzzzzz",
			fields: []string{"person_id"},
		},
		{
			name: "two ids", path: "shop/persons:explainPersona?userId=ann&anonymousId=v",
		},
		{name: "no time", path: "shop/persons:explainPersona?userId=ann&asOf=yesterday"},
		{name: "unknown parameter", path: "shop/persons:explainPersona?user=ann"},
		{name: "no site", path: "S/persons:explainPersona?userId=ann", fields: []string{"parent"}},
		{name: "absent site", path: "absent/persons:explainPersona?userId=ann", code: codes.NotFound},
		{name: "unknown user", path: "shop/persons:explainPersona?userId=Ann", code: codes.NotFound},
		{
			name: "a user as a visitor", path: "shop/persons:explainPersona?anonymousId=ann",
			code: codes.NotFound,
		},
		{
			name: "another site's person", path: "other/persons:explainPersona?personId=" +
				journey.PersonID(journey.UserIdentity("shop", "ann")).String(), code: codes.NotFound,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.code == codes.OK {
				c.code = codes.InvalidArgument
			}
			got := h.send(t, http.MethodGet, "/v1/sites/"+c.path, rootToken, "").refusal(t)
			if got.Code != c.code {
				t.Errorf("code %v, want %v: %s", got.Code, c.code, got.Message)
			}
			if c.fields != nil {
				if diff := cmp.Diff(c.fields, got.fields()); diff != "" {
					t.Errorf("fields (-want +got):\n%s", diff)
				}
			}
		})
	}
}
