package question

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
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

func TestApply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		words Words
		over  string
		want  string
	}{
		{
			name: "nothing said means the last 30 days",
			over: `{}`,
			want: `{"range": {"from_time": "2026-10-22T12:00:00Z", "to_time": "2026-11-21T12:00:00Z"}}`,
		},
		{
			name: "all words",
			words: Words{
				Steps: []string{"stage:search", "any"}, From: "2026-11-01", To: "-1d", AsOf: "-1h",
				Window: "36h", RangeMode: "ALL", Reentry: "first", Compat: "posthog",
				By: []string{"persona"}, Filters: []string{"trait:plan=pro", "x>1"},
			},
			over: `{}`,
			want: `{
				"range": {"from_date": "2026-11-01", "to_time": "2026-11-20T12:00:00Z"},
				"range_mode": "RANGE_MODE_ALL", "reentry": "REENTRY_FIRST",
				"compat": "COMPAT_POSTHOG", "as_of": "2026-11-21T11:00:00Z",
				"window_seconds": 129600,
				"steps": [{"stage": "search"}, {"any_event": true}],
				"breakdowns": [{"persona": true}],
				"filter": {"all": {"filters": [
					{"condition": {"subject": "SUBJECT_TRAIT", "name": "plan",
						"operator": "OPERATOR_EQ", "values": ["pro"]}},
					{"condition": {"subject": "SUBJECT_PROPERTY", "name": "x",
						"operator": "OPERATOR_GT", "values": [1]}}]}}
			}`,
		},
		{
			name:  "words go over a question, and nothing else is touched",
			words: Words{To: "2026-02-01", Window: "1d"},
			over: `{"range": {"from_date": "2026-01-01", "to_date": "2026-03-01"},
				"window_seconds": 60, "steps": [{"event": "a"}], "order": "ORDER_STRICT"}`,
			want: `{"range": {"from_date": "2026-01-01", "to_date": "2026-02-01"},
				"window_seconds": 86400, "steps": [{"event": "a"}], "order": "ORDER_STRICT"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := read(t, c.over)
			if err := c.words.Apply(got, noon); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(read(t, c.want), got, protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words Words
		says  string
	}{
		{words: Words{Steps: []string{"x"}}, says: "--step"},
		{words: Words{From: "x"}, says: "--from"},
		{words: Words{To: "x"}, says: "--to"},
		{words: Words{AsOf: "2026-11-21"}, says: "--as-of"},
		{words: Words{Window: "x"}, says: "--window"},
		{words: Words{RangeMode: "x"}, says: "--range-mode \"x\": there are all, entry"},
		{words: Words{Reentry: "x"}, says: "--reentry"},
		{words: Words{Compat: "x"}, says: "--compat"},
		{words: Words{By: []string{"trait:"}}, says: "--by"},
		{words: Words{Filters: []string{"x"}}, says: "--filter"},
	} {
		err := c.words.Apply(&funnelv1.FunnelQuestion{}, noon)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v gives %v, want %q", c.words, err, c.says)
		}
	}
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
		words Words
		file  *funnelv1.Filter
		want  *funnelv1.Filter
	}{
		"alone":     {words: Words{CustomersOnly: true}, want: only(ordinary)},
		"beside":    {words: Words{CustomersOnly: true, Filters: []string{"x=1"}}, want: both},
		"in a file": {words: Words{CustomersOnly: true}, file: only(condition(property, "x", eq, 1.0)), want: both},
	} {
		q := &funnelv1.FunnelQuestion{Filter: c.file}
		if err := c.words.Apply(q, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, q.GetFilter(), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
