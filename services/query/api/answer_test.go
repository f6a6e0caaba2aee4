package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// numbers of three steps: 8 persons, 4 went on, 1 of these converted.
func numbers() []funnel.StepNumbers {
	return []funnel.StepNumbers{
		{Count: 8, FromFirst: &funnel.Share{Value: 1, Low: 0.5, High: 1}, Lost: 1, InWindow: 3},
		{
			Count: 4, FromPrevious: &funnel.Share{Value: 0.5, Low: 0.25, High: 0.75},
			FromFirst: &funnel.Share{Value: 0.5, Low: 0.25, High: 0.75}, Lost: 3,
			SincePrevious: &funnel.Spans{MeanSeconds: 1.5, MedianSeconds: 1, P90Seconds: 0},
			SinceEntry:    &funnel.Spans{MeanSeconds: 2.5, MedianSeconds: 2, P90Seconds: 9},
		},
		{Count: 1},
	}
}

func answered(h *house) {
	h.oracle.answer = api.Funnel{
		Answer: funnel.Answer{
			Steps: numbers(),
			Groups: []funnel.Group{
				{Values: []funnel.GroupValue{{Value: "dealer"}}, Steps: numbers()},
				{Values: []funnel.GroupValue{{Missing: true}}, Steps: make([]funnel.StepNumbers, 3)},
				{Other: true, Steps: make([]funnel.StepNumbers, 3)},
			},
		},
		Facts: api.Facts{
			FreshUntil: now.Add(-time.Minute), MapVersion: 3, TouchpointsRead: 5_000_000_000,
			Warnings: []string{"a link was too large"}, Way: "by hand", Cached: true,
		},
	}
	h.oracle.meanwhile = func(context.Context) error {
		h.clock.advance(1500 * time.Millisecond)
		return nil
	}
}

const threeSteps = `{"range":{"fromDate":"2026-01-01","toDate":"2026-02-01"},
	"breakdowns":[{"persona":true}],
	"steps":[{"stage":"search"},{"event":"Ordered","label":"Orders"},{"anyEvent":true}]}`

// TestAnswerAsJSON holds the whole answer as a chart gets it: numbers are numbers, what is absent
// is null, zeros are written.
func TestAnswerAsJSON(t *testing.T) {
	t.Parallel()
	h := open(t)
	answered(h)
	got := h.send(t, "POST", "/v1/sites/shop/funnels:ask", readToken, `{"question":`+threeSteps+`}`)
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %s: %s", got.status, got.header.Get("Content-Type"), got.body)
	}
	const zeros = `{"step":1,"optional":false,"label":"search","count":0,"conversionFromPrevious":null,
			"conversionFromFirst":null,"lost":0,"inWindow":0,"fromPrevious":null,"fromEntry":null},
		{"step":2,"optional":false,"label":"Orders","count":0,"conversionFromPrevious":null,
			"conversionFromFirst":null,"lost":0,"inWindow":0,"fromPrevious":null,"fromEntry":null},
		{"step":3,"optional":false,"label":"any event","count":0,"conversionFromPrevious":null,
			"conversionFromFirst":null,"lost":0,"inWindow":0,"fromPrevious":null,"fromEntry":null}`
	const steps = `{"step":1,"optional":false,"label":"search","count":8,"conversionFromPrevious":null,
			"conversionFromFirst":{"value":1,"low":0.5,"high":1},"lost":1,"inWindow":3,
			"fromPrevious":null,"fromEntry":null},
		{"step":2,"optional":false,"label":"Orders","count":4,
			"conversionFromPrevious":{"value":0.5,"low":0.25,"high":0.75},
			"conversionFromFirst":{"value":0.5,"low":0.25,"high":0.75},"lost":3,"inWindow":0,
			"fromPrevious":{"meanSeconds":1.5,"medianSeconds":1,"p90Seconds":0},
			"fromEntry":{"meanSeconds":2.5,"medianSeconds":2,"p90Seconds":9}},
		{"step":3,"optional":false,"label":"any event","count":1,"conversionFromPrevious":null,
			"conversionFromFirst":null,"lost":0,"inWindow":0,"fromPrevious":null,"fromEntry":null}`
	const none = `"test":null,"trend":[],"timeToConvert":null`
	want := `{"steps":[` + steps + `],"groups":[
		{"values":[{"value":"dealer","missing":false}],"other":false,"steps":[` + steps + `],` + none + `},
		{"values":[{"value":"","missing":true}],"other":false,"steps":[` + zeros + `],` + none + `},
		{"values":[],"other":true,"steps":[` + zeros + `],` + none + `}],"comparison":null,
		"trend":[],"timeToConvert":null,"sampleRatio":null,
		"facts":{"asOf":"2026-03-04T05:06:07.891Z","fromTime":"2025-12-31T23:00:00Z",
			"toTime":"2026-01-31T23:00:00Z","freshUntil":"2026-03-04T05:05:07.891234567Z",
			"mapVersion":3,"tookSeconds":1.5,"touchpointsRead":5000000000,"groupsOverlap":false,
			"warnings":["a link was too large"],"way":"by hand","cached":true}}`
	if diff := cmp.Diff(parsed(t, want), parsed(t, got.body)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func TestDropOff(t *testing.T) {
	t.Parallel()
	h := open(t)
	answered(h)
	got, err := funnelv1.NewFunnelServiceClient(h.conn).AskDropOff(as(t.Context(), readToken),
		&funnelv1.AskDropOffRequest{Parent: "sites/shop", Question: question(t, threeSteps)})
	if err != nil {
		t.Fatal(err)
	}
	share := func(part, whole int) *funnelv1.Share {
		s := funnel.ShareOf(part, whole)
		return &funnelv1.Share{Value: s.Value, Low: s.Low, High: s.High}
	}
	want := []*funnelv1.DropOff{
		{
			FromStep: 1, FromLabel: "search", ToStep: 2, ToLabel: "Orders",
			Reached: 8, WentOn: 4, Lost: 1, InWindow: 3,
			DropOff: share(4, 8), LostShare: share(1, 8),
		},
		{
			FromStep: 2, FromLabel: "Orders", ToStep: 3, ToLabel: "any event",
			Reached: 4, WentOn: 1, Lost: 3,
			DropOff: share(3, 4), LostShare: share(3, 4), Worst: true,
		},
	}
	if diff := cmp.Diff(want, got.GetDropOffs(), protocmp.Transform()); diff != "" {
		t.Errorf("drop-offs (-want +got):\n%s", diff)
	}
	groups := got.GetGroups()
	if len(groups) != 3 || !groups[2].GetOther() || len(groups[0].GetValues()) != 1 {
		t.Fatalf("groups %v", groups)
	}
	if diff := cmp.Diff(want, groups[0].GetDropOffs(), protocmp.Transform()); diff != "" {
		t.Errorf("drop-offs of a group (-want +got):\n%s", diff)
	}
	if none := groups[1].GetDropOffs()[0]; none.GetDropOff() != nil || none.GetWorst() {
		t.Errorf("drop-off of nobody: %v", none)
	}
	if got.GetFacts().GetMapVersion() != 3 {
		t.Errorf("facts %v", got.GetFacts())
	}
}

// TestFactsOfNothing: a site without touchpoints has no freshness.
func TestFactsOfNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	got, err := funnelv1.NewFunnelServiceClient(h.conn).AskFunnel(as(t.Context(), readToken),
		&funnelv1.AskFunnelRequest{Parent: "sites/shop", Question: question(t, base+"}")})
	if err != nil {
		t.Fatal(err)
	}
	want := &funnelv1.AnswerFacts{
		AsOf:     timestamppb.New(now.Truncate(time.Millisecond)),
		FromTime: timestamppb.New(plain().From), ToTime: timestamppb.New(plain().To),
	}
	if diff := cmp.Diff(want, got.GetFacts(), protocmp.Transform()); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func person(id int) api.Person {
	return api.Person{
		ID: journey.PersonID(id), Persona: "dealer", Outcome: funnel.Lost,
		StepTimes: []time.Time{now, now.Add(time.Second)},
	}
}

// TestPersonPages walks through a list of 7 in pages of 3.
func TestPersonPages(t *testing.T) {
	t.Parallel()
	h := open(t)
	var want []string
	for i := range 7 {
		h.oracle.persons = append(h.oracle.persons, person(i+1))
		want = append(want, journey.PersonID(i+1).String())
	}
	client := funnelv1.NewFunnelServiceClient(h.conn)
	request := &funnelv1.ListFunnelPersonsRequest{
		Parent: "sites/shop", Question: question(t, base+"}"), Step: 1, PageSize: 3,
	}
	var got []string
	var sizes []int
	for {
		page, err := client.ListFunnelPersons(as(t.Context(), readToken), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.GetPersons() {
			got = append(got, p.GetPersonId())
		}
		sizes = append(sizes, len(page.GetPersons()))
		if page.GetTotalSize() != 7 || page.GetFacts().GetAsOf().AsTime() != plain().AsOf {
			t.Errorf("page of %d as of %v", page.GetTotalSize(), page.GetFacts().GetAsOf())
		}
		if page.GetNextPageToken() == "" {
			break
		}
		request.PageToken = page.GetNextPageToken()
		h.clock.advance(time.Hour)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("persons (-want +got):\n%s", diff)
	}
	if !slices.Equal(sizes, []int{3, 3, 1}) {
		t.Errorf("sizes %v", sizes)
	}
	for _, q := range h.oracle.asked {
		if diff := cmp.Diff(plain(), q); diff != "" {
			t.Errorf("a page asked another question (-want +got):\n%s", diff)
		}
	}
}

func TestPersonAsMessage(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.oracle.persons = []api.Person{{
		ID: 0xab, Persona: "dealer",
		Users: []journey.UserID{"u1", "u2"}, Visitors: []journey.VisitorID{"v"},
		StepTimes: []time.Time{now}, FilledSteps: []int{2}, Outcome: funnel.InWindow,
	}}
	got := h.send(t, "POST", "/v1/sites/shop/funnels:listPersons", readToken,
		`{"step":2,"selection":"PERSON_SELECTION_IN_WINDOW","group":[{"value":"dealer"}],"question":`+
			base+`,"breakdowns":[{"persona":true}]}}`)
	want := `{"persons":[{"personId":"00000000000000ab","userIds":["u1","u2"],
		"anonymousIds":["v"],"persona":"dealer","stepTimes":["2026-03-04T05:06:07.891234567Z"],
		"outcome":"OUTCOME_IN_WINDOW","unit":"","filledSteps":[3],"group":[]}],"nextPageToken":"","totalSize":1,
		"facts":{"asOf":"2026-03-04T05:06:07.891Z","fromTime":"2026-01-01T00:00:00Z",
			"toTime":"2026-02-01T00:00:00Z","freshUntil":null,"mapVersion":0,"tookSeconds":0,
			"touchpointsRead":0,"groupsOverlap":false,"warnings":[],"way":"","cached":false}}`
	if diff := cmp.Diff(parsed(t, want), parsed(t, got.body)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	wanted := api.Page{
		Selection: funnel.Selection{
			Step: 2, Part: funnel.PartInWindow, Group: []funnel.GroupValue{{Value: "dealer"}},
		},
		Limit: 100,
	}
	if diff := cmp.Diff([]api.Page{wanted}, h.oracle.pages); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

// TestPersonsOfOtherGroups: those past the limit are the ones that the answer does not show.
func TestPersonsOfOtherGroups(t *testing.T) {
	t.Parallel()
	h := open(t)
	group := func(values ...funnel.GroupValue) funnel.Group { return funnel.Group{Values: values} }
	paris, missing := funnel.GroupValue{Value: "Paris"}, funnel.GroupValue{Missing: true}
	h.oracle.answer.Groups = []funnel.Group{
		group(paris, paris), group(paris, missing), {Other: true},
	}
	h.oracle.answer.Facts.TouchpointsRead = 3
	rome := person(7)
	rome.Group = funnel.KeyOf(missing, funnel.GroupValue{Value: "Rome"})
	h.oracle.persons = []api.Person{rome}
	got, err := funnelv1.NewFunnelServiceClient(h.conn).ListFunnelPersons(
		as(t.Context(), readToken), &funnelv1.ListFunnelPersonsRequest{
			Parent: "sites/shop", Step: 1, Other: true, Words: &funnelv1.QuestionWords{
				By: []string{"property:city", "property:town"}, Limit: 2,
			},
		})
	if err != nil {
		t.Fatal(err)
	}
	want := []*funnelv1.GroupValue{{Missing: true}, {Value: "Rome"}}
	if diff := cmp.Diff(want, got.GetPersons()[0].GetGroup(), protocmp.Transform()); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	except := []funnel.Key{funnel.KeyOf(paris, paris), funnel.KeyOf(paris, missing)}
	if diff := cmp.Diff(except, h.oracle.pages[0].Except); diff != "" {
		t.Errorf("all but (-want +got):\n%s", diff)
	}
	// The double tells the same of both questions.
	if read := got.GetFacts().GetTouchpointsRead(); read != 6 || len(h.oracle.asked) != 2 {
		t.Errorf("%v touchpoints are read by %d questions", read, len(h.oracle.asked))
	}
}

func TestPersonListsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.oracle.persons = []api.Person{person(1), person(2)}
	first, err := funnelv1.NewFunnelServiceClient(h.conn).ListFunnelPersons(
		as(t.Context(), readToken), &funnelv1.ListFunnelPersonsRequest{
			Parent: "sites/shop", Question: question(t, base+"}"), Step: 1, PageSize: 1,
		})
	if err != nil {
		t.Fatal(err)
	}
	token := first.GetNextPageToken()
	sites := h.send(t, "GET", "/v1/sites?pageSize=1", rootToken, "")
	otherToken, _ := parsed(t, sites.body).(map[string]any)["nextPageToken"].(string)
	paged := func(token string) string { return `"pageToken":"` + token + `",` }
	for name, c := range map[string]struct {
		more   string
		fields []string
	}{
		"no step":           {``, []string{"step"}},
		"step past the end": {`"step":3,`, []string{"step"}},
		"unknown selection": {`"step":1,"selection":9,`, []string{"selection"}},
		"group without breakdown": {
			`"step":1,"group":[{"value":"dealer"}],`, []string{"group"},
		},
		"others without breakdown": {`"step":1,"other":true,`, []string{"other"}},
		"others beside a group": {
			`"step":1,"other":true,"group":[{"value":"dealer"}],`, []string{"other"},
		},
		"page too large":         {`"step":1,"pageSize":10001,`, []string{"page_size"}},
		"token that is none":     {`"step":1,"pageToken":"?",`, []string{"page_token"}},
		"token cut":              {`"step":1,` + paged(token[:len(token)-2]), []string{"page_token"}},
		"token of another step":  {`"step":2,` + paged(token), []string{"page_token"}},
		"token of another list":  {`"step":1,` + paged(otherToken), []string{"page_token"}},
		"token of another group": {`"step":1,"selection":2,` + paged(token), []string{"page_token"}},
		"all at once": {
			`"selection":9,"group":[{"missing":true}],"pageSize":99999,"pageToken":"x",`,
			[]string{"step", "selection", "group", "page_size", "page_token"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := h.send(t, "POST", "/v1/sites/shop/funnels:listPersons", readToken,
				`{`+c.more+`"question":`+base+`}}`).refusal(t)
			checkRefusal(t, got, 3, c.fields, "")
		})
	}
	t.Run("persona missing", func(t *testing.T) {
		t.Parallel()
		got := h.send(t, "POST", "/v1/sites/shop/funnels:listPersons", readToken,
			`{"step":1,"group":[{"missing":true}],"question":`+base+
				`,"breakdowns":[{"persona":true}]}}`).refusal(t)
		checkRefusal(t, got, 3, []string{"group[0]"}, "unassigned")
	})
}

func question(t *testing.T, text string) *funnelv1.FunnelQuestion {
	t.Helper()
	q := &funnelv1.FunnelQuestion{}
	if err := protojson.Unmarshal([]byte(text), q); err != nil {
		t.Fatal(err)
	}
	return q
}
