//go:build cases

package spinetest

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// funnelCase is a worked example: a small world, one question, and the numbers it must give.
type funnelCase struct {
	ID      string       `json:"id"`
	Mode    string       `json:"mode"`
	Note    string       `json:"note"`
	People  []casePerson `json:"people"`
	Aliases [][]string   `json:"aliases"`
	Query   caseQuery    `json:"query"`
	Expect  caseExpect   `json:"expect"`
	Quirk   any          `json:"quirk"`
}

type casePerson struct {
	ID     string         `json:"id"`
	Traits map[string]any `json:"traits"`
	Events []struct {
		Event string         `json:"event"`
		Time  string         `json:"time"`
		Props map[string]any `json:"props"`
	} `json:"events"`
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
		Count   *uint32  `json:"count"`
		Average *float64 `json:"avg_seconds"`
		Median  *float64 `json:"median_seconds"`
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

var caseOperators = map[string]funnelv1.Operator{
	"eq": funnelv1.Operator_OPERATOR_EQ, "neq": funnelv1.Operator_OPERATOR_NEQ,
	"contains":     funnelv1.Operator_OPERATOR_CONTAINS,
	"not_contains": funnelv1.Operator_OPERATOR_NOT_CONTAINS,
	"is_set":       funnelv1.Operator_OPERATOR_IS_SET,
	"is_not_set":   funnelv1.Operator_OPERATOR_IS_NOT_SET,
}

// TestCases answers the worked examples of WAYSTAGE_FUNNEL_CASES through the public API.
func TestCases(t *testing.T) {
	path := os.Getenv("WAYSTAGE_FUNNEL_CASES")
	if path == "" {
		t.Fatal("WAYSTAGE_FUNNEL_CASES: name the file of the worked examples, " +
			"or leave the build tag cases out")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []funnelCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	s := newStack(t, startKafka(t))
	tokens := make([]string, len(cases))
	for i := range cases {
		cases[i].unquirk()
		tokens[i] = s.deliverCase(i, cases[i])
	}
	s.settle()
	for i, c := range cases {
		t.Run(c.ID, func(t *testing.T) { s.in(t).checkCase(i, c, tokens[i]) })
	}
}

func caseSite(i int) string { return fmt.Sprintf("case-%d", i) }

func (s *stack) deliverCase(i int, c funnelCase) (token string) {
	s.t.Helper()
	write, read := s.siteIn(c.Query.Timezone, caseSite(i), "")
	var messages []json.RawMessage
	add := func(m map[string]any) {
		m["messageId"] = fmt.Sprintf("%s-%d", c.ID, len(messages))
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
			add(map[string]any{
				"type": "track", "userId": p.ID, "event": e.Event, "properties": e.Props,
				"timestamp": e.Time,
			})
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
func (s *stack) checkCase(i int, c funnelCase, token string) {
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
			checkCaseStep(s.t, k, answer.GetSteps()[k], want.Count, want.Average, want.Median)
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

// checkGroupPeople lists the persons of every group that the case names; those past the limit have
// no name to be listed by.
func (s *stack) checkGroupPeople(
	i int, c funnelCase, q *funnelv1.FunnelQuestion, token string, groups []*funnelv1.GroupResult,
) {
	s.t.Helper()
	for _, g := range groups {
		if g.GetOther() {
			continue
		}
		for step, want := range c.Expect.BreakdownPeople[caseGroup(g)] {
			s.checkList(i, token, listing(q, step, reached, g.GetValues()...), want)
		}
	}
}

func (s *stack) checkPeople(i int, c funnelCase, q *funnelv1.FunnelQuestion, token string) {
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

func (s *stack) list(
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

func (s *stack) checkList(
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

var caseOrders = map[string]funnelv1.Order{
	"ordered": funnelv1.Order_ORDER_ORDERED, "strict": funnelv1.Order_ORDER_STRICT,
	"unordered": funnelv1.Order_ORDER_ANY,
}

func (c funnelCase) question(t *testing.T) *funnelv1.FunnelQuestion {
	t.Helper()
	q := &funnelv1.FunnelQuestion{
		Compat: funnelv1.Compat_COMPAT_POSTHOG, Order: caseOrders[c.Mode],
		Range: &funnelv1.TimeRange{
			From: &funnelv1.TimeRange_FromTime{FromTime: timestamppb.New(c.Query.From)},
			// The case's end is inside, ours is outside.
			To: &funnelv1.TimeRange_ToTime{
				ToTime: timestamppb.New(c.Query.To.Truncate(time.Millisecond).Add(time.Millisecond)),
			},
		},
		WindowSeconds: proto.Float64(c.Query.Window),
		TimeToConvert: c.Query.Convert.message(), Trend: c.Query.Trend.message(t),
	}
	if c.Query.Window == 0 {
		q.WindowSeconds = nil
	}
	for _, st := range c.Query.Steps {
		q.Steps = append(q.Steps, st.message(t))
	}
	for _, x := range c.Query.Exclusions {
		touchpoint := caseStep{Event: &x.Event, Where: x.Where}
		q.Exclusions = append(q.Exclusions, &funnelv1.Exclusion{
			Touchpoint: touchpoint.message(t), FromStep: x.FromStep + 1, ToStep: x.ToStep + 1,
		})
	}
	if b := c.Query.Breakdown; b != nil {
		q.Breakdowns = b.messages(t)
	}
	if u := c.Query.Unit; u != nil {
		q.Unit = u.unit(t)
	}
	if len(c.Query.Filter) > 0 {
		q.Filter = caseFilter(t, c.Query.Filter)
	}
	return q
}

var caseAttributions = map[string]funnelv1.Attribution{
	"first_touch": funnelv1.Attribution_ATTRIBUTION_FIRST_TOUCH,
	"last_touch":  funnelv1.Attribution_ATTRIBUTION_LAST_TOUCH,
	"all":         funnelv1.Attribution_ATTRIBUTION_ALL,
	"step":        funnelv1.Attribution_ATTRIBUTION_STEP,
	"":            funnelv1.Attribution_ATTRIBUTION_UNSPECIFIED,
}

// messages are one breakdown per property. Traits are those of persons as of as_of, whatever the
// attribution says.
func (b *caseBreakdown) messages(t *testing.T) []*funnelv1.Breakdown {
	t.Helper()
	props := b.Props
	if len(props) == 0 {
		props = []string{b.Prop}
	}
	var list []*funnelv1.Breakdown
	for _, prop := range props {
		m := &funnelv1.Breakdown{Limit: b.Limit}
		attribution, known := caseAttributions[b.Attribution]
		switch {
		case b.Kind == "person_trait":
			m.By = &funnelv1.Breakdown_Trait{Trait: prop}
		case b.Kind != "event_property" || !known:
			t.Fatalf("unknown breakdown %+v", b)
		default:
			m.By = &funnelv1.Breakdown_Property{Property: prop}
			m.Attribution = attribution
		}
		if m.Attribution == funnelv1.Attribution_ATTRIBUTION_STEP {
			m.Step = b.Step + 1
		}
		list = append(list, m)
	}
	return list
}

func (b *caseBreakdown) unit(t *testing.T) *funnelv1.Unit {
	t.Helper()
	switch b.Kind {
	case "person_trait":
		return &funnelv1.Unit{By: &funnelv1.Unit_Trait{Trait: b.Prop}}
	case "event_property":
		return &funnelv1.Unit{By: &funnelv1.Unit_Property{Property: b.Prop}}
	}
	t.Fatalf("unknown unit %+v", b)
	return nil
}

var caseFirstTimes = map[string]funnelv1.FirstTime{
	"":         funnelv1.FirstTime_FIRST_TIME_UNSPECIFIED,
	"event":    funnelv1.FirstTime_FIRST_TIME_EVENT,
	"matching": funnelv1.FirstTime_FIRST_TIME_MATCHING,
}

func (st caseStep) message(t *testing.T) *funnelv1.Step {
	t.Helper()
	first, known := caseFirstTimes[st.FirstTime]
	if !known {
		t.Fatalf("unknown first_time %q", st.FirstTime)
	}
	step := &funnelv1.Step{
		Target: &funnelv1.Step_AnyEvent{AnyEvent: true}, Optional: st.Optional, FirstTime: first,
	}
	if st.Event != nil {
		step.Target = &funnelv1.Step_Event{Event: *st.Event}
	}
	for _, w := range st.Where {
		step.Conditions = append(step.Conditions, w.message(t))
	}
	return step
}

func (w caseWhere) message(t *testing.T) *funnelv1.Condition {
	t.Helper()
	c := &funnelv1.Condition{Name: w.Prop, Operator: caseOperators[w.Op]}
	if w.On == "person" {
		c.Subject = funnelv1.Subject_SUBJECT_TRAIT
	}
	if w.Value != nil {
		value, err := structpb.NewValue(w.Value)
		if err != nil {
			t.Fatal(err)
		}
		c.Values = []*structpb.Value{value}
	}
	if list := c.GetValues(); len(list) == 1 && list[0].GetListValue() != nil {
		c.Values = list[0].GetListValue().GetValues()
		if c.GetOperator() == funnelv1.Operator_OPERATOR_EQ {
			c.Operator = funnelv1.Operator_OPERATOR_IN
		}
	}
	return c
}

func caseFilter(t *testing.T, text json.RawMessage) *funnelv1.Filter {
	t.Helper()
	var tree struct {
		All []json.RawMessage `json:"all"`
		Any []json.RawMessage `json:"any"`
		caseWhere
	}
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	list := func(of []json.RawMessage) *funnelv1.FilterList {
		var filters []*funnelv1.Filter
		for _, f := range of {
			filters = append(filters, caseFilter(t, f))
		}
		return &funnelv1.FilterList{Filters: filters}
	}
	switch {
	case len(tree.All) > 0:
		return &funnelv1.Filter{Is: &funnelv1.Filter_All{All: list(tree.All)}}
	case len(tree.Any) > 0:
		return &funnelv1.Filter{Is: &funnelv1.Filter_Any{Any: list(tree.Any)}}
	default:
		return &funnelv1.Filter{Is: &funnelv1.Filter_Condition{Condition: tree.message(t)}}
	}
}
