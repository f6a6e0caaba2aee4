package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

// oddMap has a rule that is never reached, an event that the stream of the tests has, and one that
// it has not.
const oddMap = `title: T
stages: [{id: a}, {id: b}]
touchpoints:
  - {id: t, stage: a, events: ["event 0003"], feedback: {kind: nps}}
  - {id: u, stage: b, events: ["event 0003"], when: properties.x}
  - {id: v, stage: b, events: [Fax], feedback: {kind: csat}}
`

func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMapLint(t *testing.T) {
	t.Parallel()
	_, environment := serve(t)
	file := written(t, "map.yaml", oddMap)
	dead := file + `:5:5: error: touchpoints[1]: "u" is never recognised: "t" stands before it without ` +
		"a condition; put this one first, or narrow the other\n"

	got := run(t, "", nil, "map", "lint", file, "--offline")
	want := result{code: ExitFailed, stdout: dead + "1 error, 0 warnings, 0 notes.\n"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("--offline (-want +got):\n%s", diff)
	}

	got = run(t, "", nil, "map", "lint", file, "--data", t.TempDir())
	if got.stdout != want.stdout || !strings.Contains(got.stderr, "no server is known here") {
		t.Errorf("without a server: %+v", got)
	}

	got = run(t, "", environment, "map", "lint", file)
	for _, part := range []string{
		dead, `:6:23: warning: touchpoints[2].events: "v" has never been seen: no "Fax" has come`,
		`:3:1: note: touchpoints: the event "event 0000" is no touchpoint of the map; it came 7 times`,
		`1399 more events are no touchpoint of the map`, "1 error, 1 warning, 101 notes.\n",
	} {
		if !strings.Contains(got.stdout, part) || got.code != ExitFailed {
			t.Errorf("%d with a stream, %q is missing in:\n%.2000s", got.code, part, got.stdout)
		}
	}

	clean := strings.Replace(oddMap, ", when: properties.x", "", 1)
	clean = strings.Replace(clean, `events: ["event 0003"]}`, "events: [e]}", 1)
	got = run(t, clean, nil, "map", "lint", "-", "--offline")
	want = result{stdout: "-: nothing to mend.\n"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("a clean map (-want +got):\n%s", diff)
	}
}

func TestMapLintAsJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source string
		want   []finding
	}{
		"finding": {oddMap, []finding{{
			Severity: journey.LintError, Line: 5, Column: 5, Path: "touchpoints[1]",
			Message: `"u" is never recognised: "t" stands before it without a condition; put this one ` +
				"first, or narrow the other",
		}}},
		"mistake": {strings.Replace(oddMap, "stage: a", "stage: c", 1), []finding{{
			Severity: journey.LintError, Line: 4, Column: 20, Path: "touchpoints[0].stage",
			Message: `unknown stage "c"; known: a, b`,
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, c.source, nil, "map", "lint", "-", "--offline", "--json")
			var answer struct{ Findings []finding }
			if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil || got.code != ExitFailed {
				t.Fatalf("%v, %+v", err, got)
			}
			if diff := cmp.Diff(c.want, answer.Findings); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	text := run(t, strings.Replace(oddMap, "stage: a", "stage: c", 1), nil, "map", "lint", "-", "--offline")
	if want := "-:4:20: touchpoints[0].stage: unknown stage"; !strings.HasPrefix(text.stderr, want) ||
		text.code != ExitFailed {
		t.Errorf("a mistake gives %+v", text)
	}
}

func TestMapDiff(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	s.published = goodMap
	changed := strings.Replace(goodMap, "[page]", "[page, screen]\n, task: More", 1)
	changed = "lost_after: 30d\n" + changed
	file, old := written(t, "map.yaml", changed), written(t, "old.yaml", goodMap)
	want := `For messages received after publishing:
  touchpoints[t].events
    - [page]
    + [page, screen]
At once, for everything past and future:
  lost_after
    - 90d
    + 30d
On paper only:
  touchpoints[t].task
    + More
`
	for name, args := range map[string][]string{
		"against the latest": {file}, "two files": {old, file}, "a version": {"1", file},
		"standard input": {"latest", "-"},
	} {
		got := run(t, changed, environment, append([]string{"map", "diff"}, args...)...)
		if diff := cmp.Diff(result{stdout: want}, got, cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, c := range map[string]struct {
		args []string
		want result
	}{
		"the same": {[]string{old, old, "--exit-code"}, result{stdout: "Both mean the same.\n"}},
		"exit code": {
			[]string{old, file, "--exit-code"}, result{code: ExitFailed, stdout: want},
		},
		"a mistake":            {[]string{old, written(t, "none.yaml", "title: x\n")}, result{code: ExitFailed}},
		"twice standard input": {[]string{"-", "-"}, result{code: ExitUsage}},
	} {
		got := run(t, changed, nil, append([]string{"map", "diff"}, c.args...)...)
		got.stderr = ""
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	got := run(t, "", environment, "map", "diff", old, file, "--json")
	var answer struct{ Changes []change }
	if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil {
		t.Fatal(err)
	}
	first := change{Effect: journey.ForPersons, Path: "lost_after", Old: "90d", New: "30d"}
	if len(answer.Changes) != 3 || answer.Changes[0] != first {
		t.Errorf("as JSON %+v", answer.Changes)
	}
}

func TestMapShowsParts(t *testing.T) {
	t.Parallel()
	_, environment := serve(t)
	for args, want := range map[string]string{
		"--persona pro": "T: Professionals", "--rules": "touchpoints, in the order in which they are tried",
		"--json": `"title": "T"`, "": "1 Interest",
	} {
		got := run(t, "", environment, append([]string{"map", "show"}, strings.Fields(args)...)...)
		if got.code != ExitDone || !strings.Contains(got.stdout, want) {
			t.Errorf("%q gives %+v, want %q", args, got, want)
		}
	}
	for args, want := range map[string]string{
		"--persona no":         "--persona no: the map has no such persona; it has pro",
		"--persona pro --json": "give --json or --persona, not both",
		"--yaml --rules":       "give --yaml or --rules, not both",
	} {
		got := run(t, "", environment, append([]string{"map", "show"}, strings.Fields(args)...)...)
		if got.code != ExitUsage || !strings.Contains(got.stderr, want) {
			t.Errorf("%q gives %+v, want %q", args, got, want)
		}
	}
}

// TestMapShowsFile: a file needs no server, and looks as it will when it is published.
func TestMapShowsFile(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	s.published = goodMap
	file := written(t, "map.yaml", goodMap)
	for _, flags := range []string{"", "--rules", "--yaml"} {
		args := append([]string{"map", "show"}, strings.Fields(flags)...)
		got := run(t, "", nil, append(args, file)...)
		if piped := run(t, goodMap, nil, append(args, "-")...); got.code != ExitDone || got != piped {
			t.Errorf("%q gives %+v, and %+v from standard input", flags, got, piped)
		}
		if want := run(t, "", environment, args...); flags == "--yaml" && got != want {
			t.Errorf("%q gives %+v, of a server %+v", flags, got, want)
		}
	}
	got := run(t, strings.Replace(oddMap, "stage: a", "stage: c", 1), nil, "map", "show", "-")
	if want := "-:4:20: touchpoints[0].stage: unknown stage"; !strings.HasPrefix(got.stderr, want) ||
		got.code != ExitFailed {
		t.Errorf("a mistake gives %+v", got)
	}
}

func TestMapSchema(t *testing.T) {
	t.Parallel()
	got := run(t, "", nil, "map", "schema")
	if got.code != ExitDone || !json.Valid([]byte(got.stdout)) ||
		got.stdout != string(journey.MapSchema()) {
		t.Errorf("got %+v", got)
	}
}
