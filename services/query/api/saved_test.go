package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

const saved = "/v1/sites/shop/questions"

func save(t *testing.T, h *house, question string) reply {
	t.Helper()
	return h.send(t, "POST", saved+":save", adminToken, `{"question":`+question+`}`)
}

// TestSavedQuestions walks through the life of a name.
func TestSavedQuestions(t *testing.T) {
	t.Parallel()
	h := open(t)
	const leaving = `{"name":"sites/shop/questions/leaving","title":"Who leaves",
		"kind":"QUESTION_KIND_DROP_OFF","words":{"from":"-7d","step":["any","event:Ordered"]}}`
	want := `{"question":{"name":"sites/shop/questions/leaving","version":%d,"title":"Who leaves",
		"kind":"QUESTION_KIND_DROP_OFF","savedAt":"2026-03-04T05:06:07.891234567Z","question":null,
		"words":{"step":["any","event:Ordered"],"stages":"","from":"-7d","to":"","asOf":"",
			"window":"","rangeMode":"","reentry":"","filter":[],"customersOnly":false,"by":[],
			"limit":0,"unit":"","compare":"","compat":"","order":"","count":"","simultaneity":"",
			"hold":[],"exclude":[],"trend":"","timeToConvert":""}}}`
	for i, c := range []struct {
		question string
		version  int
	}{{leaving, 1}, {leaving, 1}, {strings.Replace(leaving, "-7d", "-8d", 1), 2}} {
		got := save(t, h, c.question)
		wanted := strings.Replace(fmt.Sprintf(want, c.version), "-7d", fmt.Sprintf("-%dd", 6+c.version), 1)
		if diff := cmp.Diff(parsed(t, wanted), parsed(t, got.body)); diff != "" {
			t.Errorf("save %d (-want +got):\n%s", i, diff)
		}
	}
	got := h.send(t, "GET", saved+"/leaving?version=1", readToken, "")
	if diff := cmp.Diff(parsed(t, fmt.Sprintf(want, 1)), parsed(t, got.body)); diff != "" {
		t.Errorf("version 1 (-want +got):\n%s", diff)
	}
	names := func(path string) string {
		got := h.send(t, "GET", path, readToken, "")
		list, _ := parsed(t, got.body).(map[string]any)["questions"].([]any)
		var names []string
		for _, q := range list {
			q, _ := q.(map[string]any)
			names = append(names, fmt.Sprint(q["name"])[len("sites/shop/questions/"):], fmt.Sprint(q["version"]))
		}
		return strings.Join(names, " ")
	}
	if got := names(saved); got != "leaving 2 weekly 1" {
		t.Errorf("listed %s", got)
	}
	if got := names(saved + "?question=leaving"); got != "leaving 2 leaving 1" {
		t.Errorf("versions %s", got)
	}
	if got := h.send(t, "DELETE", saved+"/leaving", adminToken, ""); got.status != 200 {
		t.Errorf("deleting: %d %s", got.status, got.body)
	}
	if got := names(saved); got != "weekly 1" {
		t.Errorf("listed after the deletion: %s", got)
	}
	if got := h.send(t, "GET", saved+"/leaving", readToken, ""); got.status != 404 {
		t.Errorf("a deleted name: %d %s", got.status, got.body)
	}
	if got := h.send(t, "POST", ask, readToken, `{"saved":"leaving@2"}`); got.status != 200 {
		t.Errorf("a version of a deleted name: %d %s", got.status, got.body)
	}
}

// TestSavedQuestionsThatAreRefused: a question is checked as if it were asked.
func TestSavedQuestionsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	const name = `{"name":"sites/shop/questions/x",`
	for _, c := range []struct {
		question string
		code     codes.Code
		fields   []string
		says     string
	}{
		{`{}`, codes.InvalidArgument, []string{"question.name", "question.words"}, "sites/{site}"},
		{`{"name":"sites/shop/questions/X","words":{}}`, codes.InvalidArgument, []string{"question.name"}, "is no name"},
		{`{"name":"sites/other/questions/x","words":{}}`, codes.InvalidArgument, []string{"question.name"}, "another site"},
		{name + `"words":{},"kind":7}`, codes.InvalidArgument, []string{"question.kind"}, "unknown value 7"},
		{
			name + `"words":{},"title":"` + strings.Repeat("x", 201) + `"}`,
			codes.InvalidArgument,
			[]string{"question.title"},
			"200",
		},
		{
			name + `"words":{"step":["any","stage:x"],"window":"1"}}`,
			codes.InvalidArgument,
			[]string{"question.words.window"},
			"is no length",
		},
		{
			name + `"words":{"step":["any","stage:x"]}}`,
			codes.InvalidArgument,
			[]string{"question.words.step[1]"},
			"search, purchase",
		},
		{
			name + `"question":` + base + `,"windowSeconds":0},"words":{"from":"2026-03-01"}}`,
			codes.InvalidArgument,
			[]string{"question.question.window_seconds", "question.words.from"},
			"is empty",
		},
		{
			name + `"kind":"QUESTION_KIND_DROP_OFF","question":` + base + `,"trend":{"interval":2},
				"timeToConvert":{"fromStep":1,"toStep":2}}}`,
			codes.Unimplemented,
			[]string{"question.question.trend", "question.question.time_to_convert"},
			"drop-offs",
		},
		{
			name + `"kind":"QUESTION_KIND_DROP_OFF","words":{"compare":"previous"}}`,
			codes.Unimplemented,
			[]string{"question.words.compare"},
			"drop-offs",
		},
		{
			name + `"words":{"filter":["a=` + strings.Repeat("x", api.MaxSavedBytes) + `"]}}`,
			codes.InvalidArgument,
			[]string{"question"},
			"give at most 65536",
		},
	} {
		got := save(t, h, c.question).refusal(t)
		checkRefusal(t, got, c.code, c.fields, c.says)
		if t.Failed() {
			t.Fatalf("%.80s", c.question)
		}
	}
}

// TestTooManySavedQuestions: another version of a name that is there finds room.
func TestTooManySavedQuestions(t *testing.T) {
	t.Parallel()
	h := open(t)
	for i := range api.MaxSavedQuestions - 1 {
		h.store.saved = append(h.store.saved, journey.SavedQuestion{
			Name: journey.QuestionName(fmt.Sprint("q", i)), Version: 1, Content: `{"words":{}}`,
		})
	}
	got := save(t, h, `{"name":"sites/shop/questions/more","words":{}}`).refusal(t)
	checkRefusal(t, got, codes.InvalidArgument, []string{"question.name"}, "delete one first")
	again := save(t, h, `{"name":"sites/shop/questions/q5","words":{"from":"-1d"}}`)
	if again.status != 200 || !strings.Contains(again.body, `"version":2`) {
		t.Errorf("another version: %d %s", again.status, again.body)
	}
}

// TestSavedQuestionsThatChangeBetweenPages: what is saved or deleted meanwhile hides no other.
func TestSavedQuestionsThatChangeBetweenPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(t *testing.T, h *house) reply
	}{
		{name: "another version", change: func(t *testing.T, h *house) reply {
			t.Helper()
			return save(t, h, `{"name":"sites/shop/questions/b","words":{"from":"-2d"}}`)
		}},
		{name: "deleted", change: func(t *testing.T, h *house) reply {
			t.Helper()
			return h.send(t, "DELETE", saved+"/b", adminToken, "")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			for _, name := range []string{"a", "b", "c"} {
				save(t, h, `{"name":"sites/shop/questions/`+name+`","words":{"from":"-1d"}}`)
			}
			first, _ := parsed(t, h.send(t, "GET", saved+"?pageSize=2", readToken, "").body).(map[string]any)
			if got := c.change(t, h); got.status != 200 {
				t.Fatalf("changing: %d %s", got.status, got.body)
			}
			second := h.send(t, "GET", saved+"?pageSize=2&pageToken="+
				fmt.Sprint(first["nextPageToken"]), readToken, "")
			for _, name := range []string{"c", "weekly"} {
				if !strings.Contains(second.body, `sites/shop/questions/`+name+`"`) {
					t.Errorf("%s is not on the second page: %d %s", name, second.status, second.body)
				}
			}
			if strings.Contains(second.body, `sites/shop/questions/b"`) {
				t.Errorf("b is on both pages: %s", second.body)
			}
		})
	}
}
