package question

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

func read(t *testing.T, text string) *funnelv1.FunnelQuestion {
	t.Helper()
	q := &funnelv1.FunnelQuestion{}
	if err := protojson.Unmarshal([]byte(text), q); err != nil {
		t.Fatal(err)
	}
	return q
}

var shopStages = []string{"search", "comparison", "purchase"}

const lastMonth = `"range": {"from_time": "2026-10-22T12:00:00Z", "to_time": "2026-11-21T12:00:00Z"}`

func TestApply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		words *funnelv1.QuestionWords
		over  string
		want  string
	}{
		{
			name:  "nothing said means all stages and the last 30 days",
			words: nil,
			over:  `{}`,
			want: `{` + lastMonth + `,
				"steps": [{"stage": "search"}, {"stage": "comparison"}, {"stage": "purchase"}]}`,
		},
		{
			name: "all words",
			words: &funnelv1.QuestionWords{
				Step: []string{"stage:search", "any"}, From: "2026-11-01", To: "-1d", AsOf: "-1h",
				Window: "36h", RangeMode: "ALL", Reentry: "first", Compat: "posthog",
				By: []string{"persona", "channel@last"}, Limit: 7, Unit: "group:company",
				Filter: []string{"trait:plan=pro", "x>1"}, Compare: "previous",
			},
			over: `{}`,
			want: `{
				"range": {"from_date": "2026-11-01", "to_time": "2026-11-20T12:00:00Z"},
				"range_mode": "RANGE_MODE_ALL", "reentry": "REENTRY_FIRST",
				"compat": "COMPAT_POSTHOG", "as_of": "2026-11-21T11:00:00Z",
				"window_seconds": 129600, "unit": {"group_type": "company"},
				"steps": [{"stage": "search"}, {"any_event": true}],
				"breakdowns": [{"persona": true, "limit": 7},
					{"channel": true, "attribution": "ATTRIBUTION_LAST_TOUCH"}],
				"compare": {"previous_period": true},
				"filter": {"all": {"filters": [
					{"condition": {"subject": "SUBJECT_TRAIT", "name": "plan",
						"operator": "OPERATOR_EQ", "values": ["pro"]}},
					{"condition": {"subject": "SUBJECT_PROPERTY", "name": "x",
						"operator": "OPERATOR_GT", "values": [1]}}]}}
			}`,
		},
		{
			name:  "words go over a question, and nothing else is touched",
			words: &funnelv1.QuestionWords{To: "2026-02-01", Window: "1d", Limit: 3},
			over: `{"range": {"from_date": "2026-01-01", "to_date": "2026-03-01"},
				"window_seconds": 60, "steps": [{"event": "a"}], "order": "ORDER_STRICT",
				"breakdowns": [{"trait": "plan"}]}`,
			want: `{"range": {"from_date": "2026-01-01", "to_date": "2026-02-01"},
				"window_seconds": 86400, "steps": [{"event": "a"}], "order": "ORDER_STRICT",
				"breakdowns": [{"trait": "plan", "limit": 3}]}`,
		},
		{
			name:  "stages go over steps",
			words: &funnelv1.QuestionWords{Stages: "comparison.."},
			over:  `{` + lastMonth + `, "steps": [{"event": "a"}, {"event": "b"}]}`,
			want:  `{` + lastMonth + `, "steps": [{"stage": "comparison"}, {"stage": "purchase"}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := read(t, c.over)
			if err := Apply(c.words, got, noon, shopStages); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(read(t, c.want), got, protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestApplyRefuses: every mistake names its word and its place, and says what to write.
func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words *funnelv1.QuestionWords
		field string
		says  string
	}{
		{&funnelv1.QuestionWords{Step: []string{"any", "x"}}, "words.step[1]", "stage:"},
		{&funnelv1.QuestionWords{Stages: "search..sale"}, "words.stages", `no stage "sale"`},
		{
			&funnelv1.QuestionWords{Step: []string{"any", "any"}, Stages: "all"}, "words.stages",
			"not by both",
		},
		{&funnelv1.QuestionWords{From: "x"}, "words.from", "-30d"},
		{&funnelv1.QuestionWords{To: "x"}, "words.to", "-30d"},
		{&funnelv1.QuestionWords{AsOf: "2026-11-21"}, "words.as_of", "-30d"},
		{&funnelv1.QuestionWords{Window: "x"}, "words.window", "14d"},
		{&funnelv1.QuestionWords{RangeMode: "x"}, "words.range_mode", `"x": there are all, entry`},
		{&funnelv1.QuestionWords{Reentry: "x"}, "words.reentry", "best, first"},
		{&funnelv1.QuestionWords{Compat: "x"}, "words.compat", "mixpanel"},
		{&funnelv1.QuestionWords{By: []string{"persona", "trait:"}}, "words.by[1]", "trait:NAME"},
		{&funnelv1.QuestionWords{Limit: 3}, "words.limit", "by"},
		{&funnelv1.QuestionWords{Unit: "channel"}, "words.unit", "group:TYPE"},
		{&funnelv1.QuestionWords{Filter: []string{"x"}}, "words.filter[0]", "test is missing"},
		{&funnelv1.QuestionWords{Compare: "last"}, "words.compare", "write previous"},
		{&funnelv1.QuestionWords{Compare: "2026..now"}, "words.compare", `"2026" is no time`},
		{&funnelv1.QuestionWords{Compare: "filter:x"}, "words.compare", "test is missing"},
	} {
		err := Apply(c.words, &funnelv1.FunnelQuestion{}, noon, shopStages)
		mistakes, ok := errors.AsType[Mistakes](err)
		if !ok {
			t.Errorf("%v gives %v, want Mistakes", c.words, err)
			continue
		}
		found := slices.ContainsFunc(mistakes, func(m Mistake) bool {
			return m.Field("words") == c.field && strings.Contains(m.Problem, c.says)
		})
		if !found {
			t.Errorf("%v gives %v, want %s: %q", c.words, mistakes, c.field, c.says)
		}
	}
}

// TestApplyTellsAll: no mistake hides another.
func TestApplyTellsAll(t *testing.T) {
	t.Parallel()
	words := &funnelv1.QuestionWords{
		Step: []string{"x", "any", "y"}, From: "x", By: []string{"z@last"}, Window: "1",
	}
	mistakes, _ := errors.AsType[Mistakes](Check(words, noon))
	var fields []string
	for _, m := range mistakes {
		fields = append(fields, m.Field("words"))
	}
	want := []string{
		"words.step[0]", "words.step[2]", "words.from", "words.window", "words.by[0]",
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOver(t *testing.T) {
	t.Parallel()
	words := &funnelv1.QuestionWords{
		Step: []string{"any", "any"}, From: "-7d", Filter: []string{"a=1", "b=2"}, Limit: 5,
		By: []string{"persona"},
	}
	for _, c := range []struct {
		name string
		over *funnelv1.QuestionWords
		want *funnelv1.QuestionWords
	}{
		{name: "nothing", over: nil, want: words},
		{
			name: "likes give way",
			over: &funnelv1.QuestionWords{
				From: "-1d", Filter: []string{"c=3"}, By: []string{"channel", "os"},
			},
			want: &funnelv1.QuestionWords{
				Step: []string{"any", "any"}, From: "-1d", Filter: []string{"c=3"}, Limit: 5,
				By: []string{"channel", "os"},
			},
		},
		{
			name: "stages for steps",
			over: &funnelv1.QuestionWords{Stages: "all", CustomersOnly: true},
			want: &funnelv1.QuestionWords{
				Stages: "all", From: "-7d", Filter: []string{"a=1", "b=2"}, Limit: 5,
				By: []string{"persona"}, CustomersOnly: true,
			},
		},
	} {
		before := proto.CloneOf(words)
		if diff := cmp.Diff(c.want, Over(words, c.over), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if !proto.Equal(before, words) {
			t.Errorf("%s: the words below were changed", c.name)
		}
	}
}

// FuzzApply: whatever is said, the answer is a question or mistakes that name words.
func FuzzApply(f *testing.F) {
	for _, w := range [][]string{
		{"any", "all", "-30d", "14d", "a=1", "channel@last", "group:company", "previous"},
		{"event:a[b=1]", "", "2026-11-21", "", "campaign:source=x", "campaign:medium@step2", "person", "-2d..now"},
		{"", "search..", "now", "1d12h", "group?", `property:"a@b"@all`, "trait:x", "filter:os=iOS"},
		{"\xff", "..", "+1w", "9e9w", "\"", "@", ":", "filter:"},
	} {
		f.Add(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7])
	}
	f.Fuzz(func(t *testing.T, step, stages, at, window, filter, by, unit, compare string) {
		q := &funnelv1.FunnelQuestion{}
		err := Apply(&funnelv1.QuestionWords{
			Step: []string{step}, Stages: stages, From: at, To: at, AsOf: at, Window: window,
			Filter: []string{filter}, By: []string{by}, Unit: unit, Compare: compare,
		}, q, noon, shopStages)
		if mistakes, ok := errors.AsType[Mistakes](err); err != nil && (!ok || len(mistakes) == 0) {
			t.Fatalf("%v is no list of mistakes", err)
		}
		if err != nil {
			return
		}
		if len(q.GetSteps()) == 0 || q.GetRange().From == nil || q.GetRange().To == nil {
			t.Errorf("the question is not whole: %v", q)
		}
		if q.GetAsOf() != nil && !q.GetAsOf().IsValid() {
			t.Errorf("no message can carry %v", q.GetAsOf())
		}
	})
}

func TestStages(t *testing.T) {
	t.Parallel()
	ids := []string{"interest", "search", "purchase", "loyalty"}
	for _, c := range []struct {
		text string
		want string
		says string
	}{
		{text: "all", want: "interest search purchase loyalty"},
		{text: "search..loyalty", want: "search purchase loyalty"},
		{text: "search..", want: "search purchase loyalty"},
		{text: "..search", want: "interest search"},
		{text: "..", want: "interest search purchase loyalty"},
		{text: " purchase , interest ", want: "purchase interest"},
		{text: "search..search", says: "fewer than 2"},
		{text: "search", says: "fewer than 2"},
		{text: "loyalty..search", says: "write search..loyalty"},
		{text: "x..search", says: `no stage "x"`},
		{text: "search,x", says: `no stage "x"`},
	} {
		steps, err := Stages(c.text, ids)
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Stages(%q) gives %v, want %q", c.text, err, c.says)
			}
			continue
		}
		var got []string
		for _, s := range steps {
			got = append(got, s.GetStage())
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("Stages(%q) = %v, %v; want %s", c.text, got, err, c.want)
		}
	}
}

func TestParsePart(t *testing.T) {
	t.Parallel()
	got, err := ParsePart("in-window")
	if err != nil || got != funnelv1.PersonSelection_PERSON_SELECTION_IN_WINDOW {
		t.Errorf("ParsePart(in-window) = %v, %v", got, err)
	}
	if _, err := ParsePart("x"); err == nil {
		t.Error("ParsePart(x) gives no error")
	}
}

// TestCustomersOnly adds to the filter that is there, whoever gave it.
func TestCustomersOnly(t *testing.T) {
	t.Parallel()
	ordinary := condition(funnelv1.Subject_SUBJECT_TRAFFIC, "", funnelv1.Operator_OPERATOR_IS_NOT_SET)
	only := func(c *funnelv1.Condition) *funnelv1.Filter {
		return &funnelv1.Filter{Is: &funnelv1.Filter_Condition{Condition: c}}
	}
	both := &funnelv1.Filter{Is: &funnelv1.Filter_All{All: &funnelv1.FilterList{
		Filters: []*funnelv1.Filter{only(condition(property, "x", eq, 1.0)), only(ordinary)},
	}}}
	for name, c := range map[string]struct {
		words *funnelv1.QuestionWords
		file  *funnelv1.Filter
		want  *funnelv1.Filter
	}{
		"alone":     {words: &funnelv1.QuestionWords{CustomersOnly: true}, want: only(ordinary)},
		"beside":    {words: &funnelv1.QuestionWords{CustomersOnly: true, Filter: []string{"x=1"}}, want: both},
		"in a file": {words: &funnelv1.QuestionWords{CustomersOnly: true}, file: only(condition(property, "x", eq, 1.0)), want: both},
	} {
		q := &funnelv1.FunnelQuestion{Filter: c.file}
		if err := Apply(c.words, q, time.Unix(0, 0), shopStages); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, q.GetFilter(), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
