package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/codes"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// askedNow is the beginning of a call, as it counts.
var askedNow = now.Truncate(time.Millisecond)

// worded is what the words of the saved question "weekly" mean.
func worded() funnel.Question {
	stage := func(name string) funnel.Step {
		return funnel.Step{Target: funnel.Target{Kind: funnel.Stage, Name: name}}
	}
	return funnel.Question{
		From: askedNow.AddDate(0, 0, -7), To: askedNow, AsOf: askedNow,
		Window: funnel.DefaultWindow, Steps: []funnel.Step{stage("search"), stage("purchase")},
		Breakdowns: byPersona, Limit: funnel.DefaultLimit,
	}
}

// TestStatements: the same question in all the ways in which it can be stated.
func TestStatements(t *testing.T) {
	t.Parallel()
	h := open(t)
	later := journey.SavedQuestion{
		Name: "whole", Kind: "funnel", Content: `{"words":{"window":"1d"},"question":` + base + `}}`,
	}
	if _, err := h.store.SaveQuestion(t.Context(), "shop", later); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, body string
		want       func() funnel.Question
	}{
		{
			name: "words", want: worded,
			body: `{"words":{"stages":"all","from":"-7d","by":["persona"]}}`,
		},
		{name: "saved", body: `{"saved":"weekly"}`, want: worded},
		{name: "a version", body: `{"saved":"weekly@1"}`, want: worded},
		{
			name: "words over saved", body: `{"saved":"weekly","words":{"by":["os@last"],"limit":3,
				"unit":"group:company","from":"2026-03-01"}}`,
			want: func() funnel.Question {
				q := worded()
				q.From = time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC) // a day in Berlin
				q.Breakdowns = []funnel.Breakdown{{By: funnel.OfOS, Attribution: funnel.LastTouch}}
				q.Unit = funnel.Unit{Kind: funnel.GroupUnit, Name: "company"}
				q.Limit = 3
				return q
			},
		},
		{
			name: "no words", body: `{"words":{}}`,
			want: func() funnel.Question {
				q := worded()
				q.From, q.Breakdowns = askedNow.AddDate(0, 0, -30), nil
				return q
			},
		},
		{
			name: "saved words over a saved whole one", body: `{"saved":"whole","words":{"reentry":"first"}}`,
			want: func() funnel.Question {
				q := plain()
				q.Window, q.Reentry = 24*time.Hour, funnel.First
				return q
			},
		},
	} {
		got := h.send(t, "POST", ask, readToken, c.body)
		if got.status != 200 {
			t.Errorf("%s: status %d: %s", c.name, got.status, got.body)
			continue
		}
		if diff := cmp.Diff(c.want(), h.oracle.last()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestStatementsThatAreRefused: every mistake has the place where the caller wrote it.
func TestStatementsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, q := range []journey.SavedQuestion{
		{Name: "gone", Kind: "funnel", Content: `{"words":{"step":["stage:gone","any"]}}`},
		{Name: "lost", Kind: "funnel", Content: `{"words":{"stages":"gone.."}}`},
		{Name: "later", Kind: "funnel", Content: `{"question":` + base + `,"trend":{"interval":0}}}`},
	} {
		if _, err := h.store.SaveQuestion(t.Context(), "shop", q); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, body string
		code       codes.Code
		fields     []string
		says       string
	}{
		{"nothing", `{}`, codes.InvalidArgument, []string{"question"}, "question, words or saved"},
		{
			"a question and words", `{"question":` + base + `},"words":{}}`,
			codes.InvalidArgument,
			[]string{"question"},
			"beside words or saved",
		},
		{
			"a question and a saved one", `{"question":` + base + `},"saved":"weekly"}`,
			codes.InvalidArgument,
			[]string{"question"},
			"beside words or saved",
		},
		{
			"no words of ours", `{"words":{"step":["any","stage"],"from":"x","by":["a","b"],"limit":2000}}`,
			codes.InvalidArgument,
			[]string{"words.step[1]", "words.from", "words.by[0]", "words.by[1]"},
			"is no time",
		},
		{
			"a stage that is none", `{"words":{"step":["any","stage:serach"]}}`,
			codes.InvalidArgument,
			[]string{"words.step[1]"},
			`did you mean "search"`,
		},
		{
			"stages that are none", `{"words":{"stages":"search..serach"}}`,
			codes.InvalidArgument,
			[]string{"words.stages"},
			"search, purchase",
		},
		{
			"backwards", `{"words":{"from":"-1d","to":"-2d"}}`,
			codes.InvalidArgument,
			[]string{"words.to"},
			"is empty",
		},
		{
			"one step", `{"words":{"step":["any"]}}`,
			codes.InvalidArgument,
			[]string{"words.step"},
			"give 2 to 30",
		},
		{
			"too many groups", `{"words":{"by":["persona@all","os"],"limit":2000}}`,
			codes.InvalidArgument,
			[]string{"words.limit", "words.by[0]"},
			"must be PERSON",
		},
		{
			"a tolerance that is set", `{"words":{"compat":"mixpanel","window":"1s"}}`,
			codes.InvalidArgument,
			[]string{"words.compat"},
			"more than the window",
		},
		{
			"options", `{"words":{"step":["any","any optional"],"count":"session","reentry":"best",
				"simultaneity":"99w","hold":["a","a"],"exclude":["any between 1 and 2",
				"event:x between 1 and 3"],"trend":"hour","time_to_convert":"2..1","from":"-900d"}}`,
			codes.InvalidArgument,
			[]string{
				"words.reentry", "words.step[1]", "words.simultaneity", "words.hold[1]",
				"words.exclude[0]", "words.exclude[1]", "words.trend", "words.time_to_convert",
			},
			"is the same as step 1",
		},
		{"no such saved one", `{"saved":"wekly"}`, codes.InvalidArgument, []string{"saved"}, `"weekly"?`},
		{"no name", `{"saved":"Weekly"}`, codes.InvalidArgument, []string{"saved"}, "is no name"},
		{"no version", `{"saved":"weekly@x"}`, codes.InvalidArgument, []string{"saved"}, "NAME@VERSION"},
		{"no such version", `{"saved":"weekly@9"}`, codes.InvalidArgument, []string{"saved"}, "weekly@9"},
		{
			"a saved step that the map has no more", `{"saved":"gone"}`,
			codes.InvalidArgument,
			[]string{"saved"},
			"gone@1: steps[0].stage",
		},
		{
			"saved stages that the map has no more", `{"saved":"lost"}`,
			codes.InvalidArgument,
			[]string{"saved"},
			`lost@1: stages the map has no stage "gone"`,
		},
		{
			"a saved field that is wrong", `{"saved":"later"}`,
			codes.InvalidArgument,
			[]string{"saved"},
			"later@1: trend.interval is required",
		},
		{
			"a word over a saved one", `{"saved":"weekly","words":{"window":"0s"}}`,
			codes.InvalidArgument,
			[]string{"words.window"},
			"3153600000",
		},
	} {
		got := h.send(t, "POST", ask, readToken, c.body)
		checkRefusal(t, got.refusal(t), c.code, c.fields, c.says)
		if t.Failed() {
			t.Fatalf("%s: %s", c.name, got.body)
		}
	}
	got := h.send(t, "POST", "/v1/sites/other/funnels:ask", otherToken, `{"words":{}}`).refusal(t)
	checkRefusal(t, got, codes.InvalidArgument, []string{"words.stages"}, "no journey map is published")
}

// TestWordsAreSettledOnce: all pages of a list are of the instant and the version of the first one,
// whatever time it is by then and whatever was saved meanwhile.
func TestWordsAreSettledOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	for i := range 3 {
		h.oracle.persons = append(h.oracle.persons, person(i+1))
	}
	client := funnelv1.NewFunnelServiceClient(h.conn)
	request := &funnelv1.ListFunnelPersonsRequest{
		Parent: "sites/shop", Saved: "weekly", Step: 1, PageSize: 1,
		Words: &funnelv1.QuestionWords{To: "-1h"},
	}
	pages := 0
	for {
		page, err := client.ListFunnelPersons(as(t.Context(), readToken), request)
		if err != nil {
			t.Fatal(err)
		}
		want := worded()
		want.To = askedNow.Add(-time.Hour)
		if diff := cmp.Diff(want, h.oracle.last()); diff != "" {
			t.Errorf("page %d (-want +got):\n%s", pages, diff)
		}
		pages++
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			break
		}
		h.clock.advance(26 * time.Hour)
		next := weekly
		next.Content = `{"words":{"stages":"all","window":"1h"}}`
		if _, err := h.store.SaveQuestion(t.Context(), "shop", next); err != nil {
			t.Fatal(err)
		}
	}
	if pages != 3 {
		t.Errorf("%d pages", pages)
	}
}

// TestPagesOfAnotherMap: a list whose steps have become others is not gone on with.
func TestPagesOfAnotherMap(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.oracle.persons = []api.Person{person(1), person(2)}
	client := funnelv1.NewFunnelServiceClient(h.conn)
	request := &funnelv1.ListFunnelPersonsRequest{
		Parent: "sites/shop", Words: &funnelv1.QuestionWords{Stages: "all"}, Step: 1, PageSize: 1,
	}
	page, err := client.ListFunnelPersons(as(t.Context(), readToken), request)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(shopMap, "  - id: purchase\n", "  - id: purchase\n  - id: loyalty\n", 1)
	if _, err := h.store.Publish(t.Context(), "shop", other, "Shop"); err != nil {
		t.Fatal(err)
	}
	request.PageToken = page.GetNextPageToken()
	_, err = client.ListFunnelPersons(as(t.Context(), readToken), request)
	checkRefusal(t, refusalOf(err), codes.InvalidArgument, []string{"page_token"}, "begin again")
}

// TestPagesOfUnits: units are named by their value, and a list goes on behind the last one.
func TestPagesOfUnits(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, unit := range []string{"", "acme", "ünit"} {
		h.oracle.persons = append(h.oracle.persons, api.Person{Unit: unit, Outcome: funnel.Lost})
	}
	client := funnelv1.NewFunnelServiceClient(h.conn)
	request := &funnelv1.ListFunnelPersonsRequest{
		Parent: "sites/shop", Step: 1, PageSize: 2,
		Words: &funnelv1.QuestionWords{Step: []string{"any", "any"}, Unit: "property:account"},
	}
	first, err := client.ListFunnelPersons(as(t.Context(), readToken), request)
	if err != nil {
		t.Fatal(err)
	}
	for i, unit := range []string{"", "acme"} {
		p := first.GetPersons()[i]
		if p.GetUnit() != unit || p.GetPersonId() != "" || p.GetPersona() != "" {
			t.Errorf("unit %q is %v", unit, p)
		}
	}
	request.PageToken = first.GetNextPageToken()
	if _, err := client.ListFunnelPersons(as(t.Context(), readToken), request); err != nil {
		t.Fatal(err)
	}
	if after := h.oracle.pages[1].AfterUnit; after == nil || *after != "acme" {
		t.Errorf("the second page goes on after %v", after)
	}
}

// TestGroupsOfPairs: a list takes one value per breakdown.
func TestGroupsOfPairs(t *testing.T) {
	t.Parallel()
	h := open(t)
	const list = "/v1/sites/shop/funnels:listPersons"
	const words = `"step":1,"words":{"by":["persona","os"]}`
	got := h.send(t, "POST", list, readToken,
		`{`+words+`,"group":[{"value":"dealer"},{"missing":true}]}`)
	if got.status != 200 {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	want := []funnel.GroupValue{{Value: "dealer"}, {Missing: true}}
	if diff := cmp.Diff(want, h.oracle.pages[0].Group); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		group  string
		fields []string
	}{
		{`[{"value":"dealer"}]`, []string{"group"}},
		{`[{"missing":true},{"value":"iOS"}]`, []string{"group[0]"}},
		{`[{"value":"dealer"},{"value":"iOS","missing":true}]`, []string{"group[1]"}},
	} {
		got := h.send(t, "POST", list, readToken, `{`+words+`,"group":`+c.group+`}`).refusal(t)
		checkRefusal(t, got, codes.InvalidArgument, c.fields, "")
	}
}

// TestBreakdownsAndUnits as they are understood, unstated attributions settled.
func TestBreakdownsAndUnits(t *testing.T) {
	t.Parallel()
	h := open(t)
	by := func(by funnel.Subject, name string, a funnel.Attribution, step int) funnel.Breakdown {
		return funnel.Breakdown{By: by, Name: name, Attribution: a, Step: step}
	}
	for text, want := range map[string]funnel.Breakdown{
		"persona":               by(funnel.Persona, "", funnel.OfPerson, 0),
		"trait:plan":            by(funnel.Trait, "plan", funnel.OfPerson, 0),
		"variant:x":             by(funnel.Variant, "x", funnel.OfPerson, 0),
		"variant:x@last":        by(funnel.Variant, "x", funnel.LastTouch, 0),
		"channel":               by(funnel.OfChannel, "", funnel.FirstTouch, 0),
		"property:sku@all":      by(funnel.Property, "sku", funnel.EveryTouch, 0),
		"campaign":              by(funnel.OfCampaign, "name", funnel.FirstTouch, 0),
		"campaign:source@step2": by(funnel.OfCampaign, "source", funnel.StepTouch, 1),
		"group":                 by(funnel.OfGroup, "group", funnel.FirstTouch, 0),
		"group:company@person":  by(funnel.OfGroup, "company", funnel.OfPerson, 0),
		"device":                by(funnel.OfDevice, "", funnel.FirstTouch, 0),
		"browser":               by(funnel.OfBrowser, "", funnel.FirstTouch, 0),
		"os":                    by(funnel.OfOS, "", funnel.FirstTouch, 0),
	} {
		got := h.send(t, "POST", ask, readToken, `{"words":{"by":["`+text+`"]}}`)
		if got.status != 200 {
			t.Errorf("%s: %s", text, got.body)
		}
		if diff := cmp.Diff([]funnel.Breakdown{want}, h.oracle.last().Breakdowns); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]funnel.Unit{
		"person":      {},
		"group":       {Kind: funnel.GroupUnit, Name: "group"},
		"trait:x":     {Kind: funnel.TraitUnit, Name: "x"},
		"property: y": {Kind: funnel.PropertyUnit, Name: "y"},
	} {
		h.send(t, "POST", ask, readToken, `{"words":{"unit":"`+text+`"}}`)
		if got := h.oracle.last().Unit; got != want {
			t.Errorf("unit %s is %+v", text, got)
		}
	}
	h.send(t, "POST", ask, readToken, `{"words":{"filter":["campaign:medium=cpc","group?"]}}`)
	want := funnel.AllOf{
		funnel.Condition{
			Subject: funnel.OfCampaign, Name: "medium", Operator: funnel.Equal,
			Values: []journey.Value{journey.TextValue("cpc")},
		},
		funnel.Condition{Subject: funnel.OfGroup, Operator: funnel.IsSet},
	}
	if diff := cmp.Diff(want, h.oracle.last().Filter, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("filter (-want +got):\n%s", diff)
	}
}
