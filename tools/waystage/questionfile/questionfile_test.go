package questionfile

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const good = `# Asked on Mondays.
questions:
  weekly:
    title: 'The week: "so far"'
    stages: search..purchase
    from: -7d
    to: 2026-11-21
    by: channel@last
    limit: 5
    customers_only: true
  leaving:
    kind: dropoff
    step:
      - touchpoint:cart
      - "event:Order Completed[total>100,currency=EUR]"
    filter: [trait:plan=pro, "100 % ?"]
  whole:
    window: 36h
    question:
      steps: [{event: a}, {anyEvent: true}]
      range: {fromDate: "2026-01-01", toDate: 2026-02-01}
  plain:
`

func TestRead(t *testing.T) {
	t.Parallel()
	entries, mistakes := Read(good, noon)
	if len(mistakes) > 0 {
		t.Fatalf("mistakes %v", mistakes)
	}
	want := []string{
		`{"name": "weekly", "title": "The week: \"so far\"", "kind": 1, "words": {
			"stages": "search..purchase", "from": "-7d", "to": "2026-11-21", "by": ["channel@last"],
			"limit": 5, "customersOnly": true}}`,
		`{"name": "leaving", "kind": 2, "words": {
			"step": ["touchpoint:cart", "event:Order Completed[total>100,currency=EUR]"],
			"filter": ["trait:plan=pro", "100 % ?"]}}`,
		`{"name": "whole", "kind": 1, "words": {"window": "36h"}, "question": {
			"steps": [{"event": "a"}, {"anyEvent": true}],
			"range": {"fromDate": "2026-01-01", "toDate": "2026-02-01"}}}`,
		`{"name": "plain", "kind": 1, "words": {}}`,
	}
	if len(entries) != len(want) {
		t.Fatalf("%d questions", len(entries))
	}
	for i, e := range entries {
		q := &funnelv1.SavedQuestion{}
		if err := protojson.Unmarshal([]byte(want[i]), q); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(q, e.Question, protocmp.Transform()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestMistakesHaveTheirPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"empty":     {"", "1:1 the file is empty; it holds questions: and each by its name"},
		"no YAML":   {"questions: [", "1:12 this is no YAML: sequence end token ']' not found"},
		"a list":    {"- a", "1:1 must be a mapping with questions: and each by its name"},
		"misspelt":  {"question:\n  a:", `1:1 unknown name "question"; there is questions`},
		"no name":   {"questions:\n  Weekly: {}", `2:3 "Weekly" is no name; write 1 to 63 of a-z, 0-9, _ and -, beginning with a letter`},
		"twice":     {"questions:\n  a: {}\n  a: {}", `3:3 this is no YAML: mapping key "a" already defined at [2:3]`},
		"no kind":   {"questions:\n  a: {kind: trend}", `2:13 "trend" is no kind; there are funnel and dropoff`},
		"no word":   {"questions:\n  a:\n    form: x", `3:5 unknown name "form"; there are title, kind, question, ` + wordNames()},
		"no text":   {"questions:\n  a:\n    from: [x]", "3:11 from must be a text"},
		"no number": {"questions:\n  a:\n    by: persona\n    limit: many", "4:12 limit must be a whole number"},
		"no choice": {"questions:\n  a:\n    customers_only: yes", "3:21 customers_only must be true or false"},
		"a step": {
			"questions:\n  a:\n    step:\n      - any\n      - stage",
			`5:9 step "stage" at character 1: a step begins with stage:, touchpoint: or event: and a name, or is any`,
		},
		"a time": {
			"questions:\n  a: {}\n  b: {to: soon}",
			`3:11 to "soon" is no time: write a day as 2026-11-21, an instant as 2026-11-21T09:30:00Z, now, or a distance from now such as -30d`,
		},
		"no question": {
			"questions:\n  a:\n    question: {stepz: []}",
			`3:15 question must be a FunnelQuestion as JSON has it: (line 1:2): unknown field "stepz"`,
		},
	} {
		_, mistakes := Read(c.text, noon)
		var got string
		for _, m := range mistakes {
			got += fmt.Sprintf("%d:%d %s\n", m.Line, m.Column, m.Message)
		}
		if diff := cmp.Diff(c.want+"\n", got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestPlacesOfFields: what a server finds wrong has the place of what is in the file.
func TestPlacesOfFields(t *testing.T) {
	t.Parallel()
	entries, _ := Read(good, noon)
	for _, c := range []struct {
		entry int
		field string
		want  string
	}{
		{0, "words.stages", "5:13"},
		{0, "words.by[0]", "8:9"},
		{0, "words.window", "3:3"},
		{1, "words.step[1]", "15:9"},
		{1, "words.filter[1]", "16:30"},
		{2, "question.steps[0].stage", "19:5"},
		{2, "title", "17:3"},
	} {
		line, column := entries[c.entry].At(c.field)
		if got := fmt.Sprintf("%d:%d", line, column); got != c.want {
			t.Errorf("%s stands at %s, want %s", c.field, got, c.want)
		}
	}
}

// TestOptionsOfAFile: the words of options need no quotes.
func TestOptionsOfAFile(t *testing.T) {
	t.Parallel()
	entries, mistakes := Read(`questions:
  carts:
    step:
      - event:Cart
      - event:Coupon Used optional
      - event:Order Completed[total>100] within 2h first
    order: ordered
    count: session
    simultaneity: 2s
    hold: cart_id
    exclude: event:Order Cancelled between 1 and 3 remove
    trend: week:sunday
    time_to_convert: 1..3/20
`, noon)
	want := &funnelv1.SavedQuestion{
		Name: "carts", Kind: funnelv1.QuestionKind_QUESTION_KIND_FUNNEL,
		Words: &funnelv1.QuestionWords{
			Step: []string{
				"event:Cart", "event:Coupon Used optional",
				"event:Order Completed[total>100] within 2h first",
			},
			Order: "ordered", Count: "session", Simultaneity: "2s", Hold: []string{"cart_id"},
			Exclude: []string{"event:Order Cancelled between 1 and 3 remove"}, Trend: "week:sunday",
			TimeToConvert: "1..3/20",
		},
	}
	if len(mistakes) > 0 || len(entries) != 1 {
		t.Fatalf("%v", mistakes)
	}
	if diff := cmp.Diff(want, entries[0].Question, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, mistakes = Read("questions:\n  a:\n    exclude: [any between 1 and 2, any]\n    order: loose\n", noon)
	if len(mistakes) != 2 || mistakes[0].Line != 3 || mistakes[0].Column != 36 {
		t.Errorf("%v", mistakes)
	}
}

// TestWhatIsWrittenIsRead: any texts come back as they were.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"-30d", "2026-11-21", "null", "true", "~", "1e3", "0x1", "a: b", "# a", "- a", "[a]", "{a}",
			"'", `"`, " a ", "a\nb", "\n", "@last", "`", "%", "&a", "*a", "!a", "|", ">", "a #b", "::",
			"=", "<<", "?", ",", "\u0085", "\u2028", "\ufeff", "\t", "12:30:45", "0o7", ".inf", "a\\b",
			"1..3", "1..3/20", "2..2", "week:sunday", "2s", "event:A b between 1 and 2 remove",
		}))
		q := &funnelv1.SavedQuestion{
			Name: "sites/shop/questions/weekly", Title: texts.Draw(t, "title"),
			Kind: funnelv1.QuestionKind_QUESTION_KIND_DROP_OFF,
			Words: &funnelv1.QuestionWords{
				Step: rapid.SliceOf(texts).Draw(t, "step"), From: texts.Draw(t, "from"),
				Filter: rapid.SliceOf(texts).Draw(t, "filter"),
				Limit:  rapid.Uint32().Draw(t, "limit"), CustomersOnly: rapid.Bool().Draw(t, "only"),
				Order: texts.Draw(t, "order"), Hold: rapid.SliceOf(texts).Draw(t, "hold"),
				Exclude: rapid.SliceOf(texts).Draw(t, "exclude"), TimeToConvert: texts.Draw(t, "time"),
			},
			Question: &funnelv1.FunnelQuestion{
				Steps: []*funnelv1.Step{{Label: texts.Draw(t, "label")}}, WindowSeconds: new(1.5),
			},
		}
		text, err := Write([]*funnelv1.SavedQuestion{q})
		if err != nil {
			t.Fatal(err)
		}
		entries, mistakes := Read(text, noon)
		if len(entries) != 1 {
			t.Fatalf("%d questions, %v in\n%s", len(entries), mistakes, text)
		}
		q.Name = "weekly"
		if diff := cmp.Diff(q, entries[0].Question, protocmp.Transform()); diff != "" {
			t.Errorf("(-want +got):\n%s\nin\n%s", diff, text)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add("questions: {a: {step: [&a x, *a]}}")
	f.Add("questions:\n  a:\n    ? b\n    : c\n--- x")
	f.Fuzz(func(t *testing.T, text string) {
		entries, mistakes := Read(text, noon)
		for _, m := range mistakes {
			if m.Line < 1 || m.Column < 1 || m.Message == "" {
				t.Errorf("%+v has no place", m)
			}
		}
		if len(mistakes) == 0 && text == "" {
			t.Errorf("nothing is wrong with nothing: %v", entries)
		}
	})
}
