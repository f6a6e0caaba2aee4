package spinetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// funnelCase is a worked example: a small world, one question, and the numbers it must give.
type funnelCase struct {
	ID      string       `json:"id"`
	Mode    string       `json:"mode"`
	Note    any          `json:"note"`
	People  []casePerson `json:"people"`
	Aliases [][]string   `json:"aliases"`
	Query   caseQuery    `json:"query"`
	Expect  caseExpect   `json:"expect"`
	Quirk   any          `json:"quirk"`
}

type casePerson struct {
	ID     string         `json:"id"`
	Traits map[string]any `json:"traits"`
	Events []caseEvent    `json:"events"`
}

type caseEvent struct {
	Event string         `json:"event"`
	Time  string         `json:"time"`
	Props map[string]any `json:"props"`
	// Message has members of the message that are not the usual ones; null takes one away.
	Message map[string]any `json:"message"`
}

// message is what the person sends.
func (e *caseEvent) message(user string) map[string]any {
	m := map[string]any{
		"type": "track", "userId": user, "event": e.Event, "properties": e.Props, "timestamp": e.Time,
	}
	maps.Copy(m, e.Message)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

type caseQuery struct {
	From       time.Time       `json:"from"`
	To         time.Time       `json:"to"`
	Window     float64         `json:"window_seconds"`
	Steps      []caseStep      `json:"steps"`
	Exclusions []caseExclusion `json:"exclusions"`
	Breakdown  *caseBreakdown  `json:"breakdown"`
	Filter     json.RawMessage `json:"filter"`
	Unit       *caseBreakdown  `json:"unit"`
	Convert    *caseConvert    `json:"time_to_convert"`
	Trend      *caseTrend      `json:"trend"`
	Timezone   string          `json:"timezone"`
	// Fields are what the question states beside, as the API's JSON.
	Fields json.RawMessage `json:"fields"`
}

type caseStep struct {
	Event     *string     `json:"event"`
	Where     []caseWhere `json:"where"`
	Optional  bool        `json:"optional"`
	FirstTime string      `json:"first_time"`
}

type caseWhere struct {
	Prop  string `json:"prop"`
	Op    string `json:"op"`
	Value any    `json:"value"`
	On    string `json:"on"`
}

type caseExclusion struct {
	Event    string      `json:"event"`
	Where    []caseWhere `json:"where"`
	FromStep uint32      `json:"from_step"`
	ToStep   uint32      `json:"to_step"`
}

// caseBreakdown is also the unit, which has a kind and a property.
type caseBreakdown struct {
	Kind        string   `json:"kind"`
	Prop        string   `json:"prop"`
	Props       []string `json:"props"`
	Attribution string   `json:"attribution"`
	Step        uint32   `json:"step"`
	Limit       uint32   `json:"limit"`
}

type caseExpect struct {
	Steps []struct {
		Count    *uint32  `json:"count"`
		Lost     *uint32  `json:"lost"`
		InWindow *uint32  `json:"in_window"`
		Average  *float64 `json:"avg_seconds"`
		Median   *float64 `json:"median_seconds"`
	} `json:"steps"`
	PeopleAtStep  map[string][]string `json:"people_at_step"`
	DroppedAtStep map[string][]string `json:"dropped_at_step"`
	// Breakdown holds the counts by value, and which values there are; null is not stated.
	Breakdown        map[string][]*uint32           `json:"breakdown"`
	BreakdownValues  []string                       `json:"breakdown_values"`
	BreakdownAverage map[string][]*float64          `json:"breakdown_avg_seconds"`
	BreakdownPeople  map[string]map[string][]string `json:"breakdown_people_at_step"`
	Error            any                            `json:"error"`

	caseDistribution
	caseTrendExpect
}

func caseSite(i int) string { return fmt.Sprintf("case-%d", i) }

func (s *system) deliverCase(i int, c funnelCase) (token string) {
	s.t.Helper()
	write, read := s.siteIn(c.Query.Timezone, caseSite(i), "")
	var messages []json.RawMessage
	add := func(m map[string]any) {
		if m["messageId"] == nil {
			m["messageId"] = fmt.Sprintf("%s-%d", c.ID, len(messages))
		}
		text, err := json.Marshal(m)
		if err != nil {
			s.t.Fatal(err)
		}
		messages = append(messages, text)
	}
	for _, p := range c.People {
		if len(p.Traits) > 0 {
			add(map[string]any{
				"type": "identify", "userId": p.ID, "traits": p.Traits,
				"timestamp": c.Query.From.AddDate(0, 0, -1),
			})
		}
		for _, e := range p.Events {
			add(e.message(p.ID))
		}
	}
	for _, pair := range c.Aliases {
		add(map[string]any{
			"type": "alias", "userId": pair[0], "previousId": pair[1], "timestamp": c.Query.From,
		})
	}
	if len(messages) > 0 {
		s.send(write, messages)
	}
	return read
}

// checkCase fails unless the answer is right.
func (s *system) checkCase(i int, c funnelCase, token string) {
	s.t.Helper()
	q := c.question(s.t)
	got, byJSON, err := s.ask(caseSite(i), token, q)
	if c.Expect.Error != nil {
		if status.Code(err) != codes.InvalidArgument {
			s.t.Errorf("got %v, want a refusal", err)
		}
		return
	}
	if err != nil {
		s.t.Fatalf("asking: %v", err)
	}
	for _, answer := range []*funnelv1.AskFunnelResponse{got, byJSON} {
		for k, want := range c.Expect.Steps {
			step := answer.GetSteps()[k]
			checkCaseStep(s.t, k, step, want.Count, want.Average, want.Median)
			checkOutcome(s.t, k, step, want.Lost, want.InWindow)
		}
		checkCaseGroups(s.t, c, answer.GetGroups())
		c.checkDistribution(s.t, answer.GetTimeToConvert())
		c.checkTrend(s.t, answer)
	}
	s.checkPeople(i, c, q, token)
	s.checkGroupPeople(i, c, q, token, got.GetGroups())
	s.checkTrendPeople(i, c, q, token, got.GetTrend())
}

func checkCaseStep(
	t *testing.T, k int, got *funnelv1.StepResult, count *uint32, average, median *float64,
) {
	t.Helper()
	if count != nil && got.GetCount() != *count {
		t.Errorf("step %d: count %d, want %d", k+1, got.GetCount(), *count)
	}
	near := func(what string, got float64, want *float64) {
		if want != nil && math.Abs(got-*want) > 1e-6 {
			t.Errorf("step %d: %s %f, want %f", k+1, what, got, *want)
		}
	}
	near("mean", got.GetFromPrevious().GetMeanSeconds(), average)
	near("median", got.GetFromPrevious().GetMedianSeconds(), median)
}

func checkOutcome(t *testing.T, k int, got *funnelv1.StepResult, lost, inWindow *uint32) {
	t.Helper()
	if lost != nil && got.GetLost() != *lost {
		t.Errorf("step %d: %d lost, want %d", k+1, got.GetLost(), *lost)
	}
	if inWindow != nil && got.GetInWindow() != *inWindow {
		t.Errorf("step %d: %d in window, want %d", k+1, got.GetInWindow(), *inWindow)
	}
}

// otherGroup is what cases call the groups past the limit.
const otherGroup = "Other"

// caseGroup is what a case calls a group: its values joined by |, a missing one empty.
func caseGroup(g *funnelv1.GroupResult) string {
	if g.GetOther() {
		return otherGroup
	}
	var values []string
	for _, v := range g.GetValues() {
		values = append(values, v.GetValue())
	}
	return strings.Join(values, "|")
}

func checkCaseGroups(t *testing.T, c funnelCase, groups []*funnelv1.GroupResult) {
	t.Helper()
	byName := map[string]*funnelv1.GroupResult{}
	var names []string
	for _, g := range groups {
		byName[caseGroup(g)] = g
		// "A trend drops the values past the limit": here they are one group in trends, too.
		if c.Query.Trend == nil || !g.GetOther() {
			names = append(names, caseGroup(g))
		}
	}
	slices.Sort(names)
	if want := c.Expect.BreakdownValues; want != nil {
		if want = slices.Sorted(slices.Values(want)); !slices.Equal(want, names) {
			t.Errorf("groups %q, want %q", names, want)
		}
	}
	for name, counts := range c.Expect.Breakdown {
		averages := c.Expect.BreakdownAverage[name]
		for k, count := range counts {
			if k >= len(byName[name].GetSteps()) {
				t.Errorf("group %q has no step %d; there are %q", name, k+1, names)
				break
			}
			var average *float64
			if k < len(averages) {
				average = averages[k]
			}
			checkCaseStep(t, k, byName[name].GetSteps()[k], count, average, nil)
		}
	}
	if c.Expect.Breakdown != nil && len(c.Expect.Breakdown) > len(names) {
		t.Errorf("groups %q, want at least those of %v", names, c.Expect.Breakdown)
	}
}

// checkGroupPeople lists the persons of every group that the case names.
func (s *system) checkGroupPeople(
	i int, c funnelCase, q *funnelv1.FunnelQuestion, token string, groups []*funnelv1.GroupResult,
) {
	s.t.Helper()
	for _, g := range groups {
		for step, want := range c.Expect.BreakdownPeople[caseGroup(g)] {
			request := listing(q, step, reached, g.GetValues()...)
			request.Other = g.GetOther()
			s.checkList(i, token, request, want)
		}
	}
}

func (s *system) checkPeople(i int, c funnelCase, q *funnelv1.FunnelQuestion, token string) {
	s.t.Helper()
	for step, want := range c.Expect.PeopleAtStep {
		s.checkList(i, token, listing(q, step, reached), want)
	}
	// A drop-off is named by the step that was not reached.
	for step, want := range c.Expect.DroppedAtStep {
		var n int
		if _, err := fmt.Sscan(step, &n); err != nil {
			s.t.Fatal(err)
		}
		s.checkList(i, token, listing(q, fmt.Sprint(n-1),
			funnelv1.PersonSelection_PERSON_SELECTION_DROPPED), want)
	}
}

const reached = funnelv1.PersonSelection_PERSON_SELECTION_REACHED

// listing asks for what is behind a number of a step.
func listing(
	q *funnelv1.FunnelQuestion, step string, part funnelv1.PersonSelection,
	group ...*funnelv1.GroupValue,
) *funnelv1.ListFunnelPersonsRequest {
	n, err := strconv.ParseUint(step, 10, 32)
	if err != nil {
		panic(err)
	}
	return &funnelv1.ListFunnelPersonsRequest{
		Question: q, Step: uint32(n), Selection: part, PageSize: 1000, Group: group,
	}
}

func (s *system) list(
	i int, token string, request *funnelv1.ListFunnelPersonsRequest,
) *funnelv1.ListFunnelPersonsResponse {
	s.t.Helper()
	request.Parent = "sites/" + caseSite(i)
	got, err := funnelv1.NewFunnelServiceClient(s.grpc).ListFunnelPersons(
		auth(s.t.Context(), token), request)
	if err != nil {
		s.t.Fatalf("listing persons: %v", err)
	}
	return got
}

func (s *system) checkList(
	i int, token string, request *funnelv1.ListFunnelPersonsRequest, want []string,
) {
	s.t.Helper()
	got := s.list(i, token, request)
	for _, p := range got.GetPersons() {
		if !slices.ContainsFunc(want, func(id string) bool {
			return slices.Contains(p.GetUserIds(), id)
		}) {
			s.t.Errorf("step %d: %v is listed, want %v", request.GetStep(), p.GetUserIds(), want)
		}
	}
	if len(got.GetPersons()) != len(want) || got.GetTotalSize() != uint32(len(want)) {
		s.t.Errorf("step %d, %v, %v: %d persons, want %v", request.GetStep(),
			request.GetSelection(), request.GetGroup(), len(got.GetPersons()), want)
	}
}
