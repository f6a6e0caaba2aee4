package command

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

func message[M proto.Message](t *testing.T, into M, text string) M {
	t.Helper()
	if err := protojson.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
	return into
}

// TestAskSaved: the kind decides what is asked, and flags go over the saved words.
func TestAskSaved(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	got := run(t, "", environment, "ask", "@leaving", "--from", "-1d", "--site", "shop")
	if got.code != ExitDone || !strings.Contains(got.stdout, "search → purchase") {
		t.Fatalf("got %+v", got)
	}
	want := message(t, &funnelv1.AskDropOffRequest{},
		`{"parent": "sites/shop", "saved": "leaving", "words": {"from": "-1d"}}`)
	if diff := cmp.Diff(want, s.dropped[0], protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = run(t, "", environment, "ask", "--json", "@weekly", "--site", "shop")
	if got.code != ExitDone || s.asked[0].GetSaved() != "weekly" {
		t.Errorf("got %+v, asked %v", got, s.asked)
	}
	got = run(t, "", environment, "ask", "funnel", "@leaving@2", "--site", "shop")
	if got.code != ExitDone || s.asked[1].GetSaved() != "leaving@2" ||
		!strings.Contains(got.stdout, "units") {
		t.Errorf("got %+v, asked %v", got, s.asked)
	}
	got = run(t, "", environment, "ask", "persons", "@weekly", "--group", "(none)", "--site", "shop",
		"--limit", "1")
	if got.code != ExitDone || s.listed[0].GetSaved() != "weekly" ||
		!s.listed[0].GetGroup()[0].GetMissing() {
		t.Errorf("got %+v, listed %v", got, s.listed)
	}
	got = run(t, "", environment, "ask", "@nobody", "--site", "shop")
	if got.code != ExitFailed || !strings.Contains(got.stderr, "no such question") {
		t.Errorf("got %+v", got)
	}
}

// TestSave keeps what was typed, words over those of the saved question that was asked.
func TestSave(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	got := run(t, "", environment, "ask", "dropoff", "--from", "-7d", "--save", "new", "--title", "T",
		"--site", "shop", "--summary-only")
	if got.code != ExitDone || got.stderr != "Saved as version 1 of new.\n" {
		t.Fatalf("got %+v", got)
	}
	want := message(t, &funnelv1.SavedQuestion{}, `{"name": "sites/shop/questions/new", "title": "T",
		"kind": "QUESTION_KIND_DROP_OFF", "words": {"from": "-7d"}}`)
	if diff := cmp.Diff(want, s.saved[0], protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !s.dropped[0].GetSummaryOnly() || s.dropped[0].GetWords().GetFrom() != "-7d" {
		t.Errorf("asked %v", s.dropped[0])
	}
	got = run(t, "", environment, "ask", "funnel", "@weekly", "--by", "os", "--save", "weekly",
		"--site", "shop")
	want = message(t, &funnelv1.SavedQuestion{}, `{"name": "sites/shop/questions/weekly",
		"title": "The week", "kind": "QUESTION_KIND_FUNNEL", "words": {"from": "-7d", "by": ["os"]}}`)
	if diff := cmp.Diff(want, s.saved[1], protocmp.Transform()); got.code != ExitDone || diff != "" {
		t.Errorf("got %+v (-want +got):\n%s", got, diff)
	}
}

func TestQuestionCommands(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	const week = `  weekly:
    title: The week
    kind: funnel
    from: -7d
    by:
      - persona
`
	const file = `questions:
  leaving:
    kind: dropoff
    from: -2d
    unit: group:company
` + week
	for _, c := range []struct{ args, want string }{
		{"question pull --site shop", file},
		{"question show weekly --yaml --site shop", "questions:\n" + week},
		{"question delete @weekly --site shop", "weekly: deleted\n"},
	} {
		if got := run(t, "", environment, strings.Fields(c.args)...); got.stdout != c.want {
			t.Errorf("%s gives %+v", c.args, got)
		}
	}
	if len(s.deleted) != 1 || s.deleted[0] != "sites/shop/questions/weekly" {
		t.Errorf("deleted %v", s.deleted)
	}
	for args, says := range map[string]string{
		"question list":            "The week",
		"question versions weekly": "dropoff",
		"question show weekly":     "-7d",
		"question list --json":     `"nextPageToken": ""`,
	} {
		got := run(t, "", environment, append(strings.Fields(args), "--site", "shop")...)
		if got.code != ExitDone || !strings.Contains(got.stdout, says) {
			t.Errorf("%s gives %+v", args, got)
		}
	}
}

func TestQuestionPush(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, args string
		code       int
		stdout     string
		stderr     string
		saved      int
		deleted    int
	}{
		"changed, new and left over": {
			file:   "questions: {weekly: {from: -8d}, fresh: {stages: all}}",
			stdout: "weekly: saved as version 4\nfresh: saved as version 1\nleaving: not in the file; --prune deletes it\n",
			saved:  2,
		},
		"pruned": {
			file: "questions: {leaving: {kind: dropoff}}", args: "--prune",
			stdout: "leaving: unchanged, version 2\nweekly: deleted\n", saved: 1, deleted: 1,
		},
		"mistakes here keep everything": {
			file: "questions:\n  weekly: {from: x}\n  fresh: {}", code: ExitFailed,
			stderr: "-:2:18: from \"x\" is no time: write a day as 2026-11-21, an instant as " +
				"2026-11-21T09:30:00Z, now, or a distance from now such as -30d\n",
		},
		"mistakes there keep their question": {
			file: "questions:\n  weekly:\n    step: [any, stage:gone]\n  fresh: {}", args: "--prune",
			code: ExitFailed, stdout: "fresh: saved as version 1\n", saved: 1,
			stderr: "-:3:17: words.step[1]: no such stage\n",
		},
		"checked here": {file: "questions:", args: "--check", stdout: "- has no mistakes.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, environment := serve(t)
			args := append(strings.Fields("question push - --site shop"), strings.Fields(c.args)...)
			if strings.Contains(c.args, "--check") {
				environment = nil
			}
			got := run(t, c.file, environment, args...)
			want := result{c.code, c.stdout, c.stderr}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(s.saved) != c.saved || len(s.deleted) != c.deleted {
				t.Errorf("saved %v, deleted %v", s.saved, s.deleted)
			}
		})
	}
}

// TestMistakesNameFlags: what can be seen here is told by the flags, all at once.
func TestMistakesNameFlags(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	got := run(t, "", environment, "ask", "funnel", "--range-mode", "x", "--as-of", "x", "--by", "x")
	for _, flag := range []string{"--range-mode \"x\": there are all, entry", "--as-of", "--by"} {
		if got.code != ExitUsage || !strings.Contains(got.stderr, flag) {
			t.Errorf("no %s in %+v", flag, got)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("asked %v", s.asked)
	}
}
