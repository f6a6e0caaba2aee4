package command

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/tools/waystage/instance"
)

func TestEveryCommandHasHelpWorthReading(t *testing.T) {
	t.Parallel()
	for _, c := range allOf(newRoot(&World{Environment: func(string) string { return "" }})) {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if c.Short == "" || !strings.Contains(c.Example, "waystage ") {
			t.Errorf("%s lacks a short text or examples", c.CommandPath())
		}
		for line := range strings.Lines(c.Long) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 95 {
				t.Errorf("%s: %d columns: %s", c.CommandPath(), n, line)
			}
		}
	}
}

// TestExamplesCanBeTyped parses the flags of every example.
func TestExamplesCanBeTyped(t *testing.T) {
	t.Parallel()
	for _, c := range allOf(newRoot(&World{Environment: func(string) string { return "" }})) {
		for line := range strings.Lines(c.Example) {
			_, command, found := strings.Cut(line, "waystage ")
			if !found {
				continue
			}
			command, _, _ = strings.Cut(command, " > ")
			root := newRoot(&World{Environment: func(string) string { return "" }})
			called, rest, err := root.Find(words(command))
			if err == nil {
				err = called.ParseFlags(rest)
			}
			if err == nil && called.Args != nil {
				err = called.Args(called, called.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: example %q: %v", c.CommandPath(), strings.TrimSpace(line), err)
			}
		}
	}
}

// words splits as a shell does where quotes are double ones.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(strings.TrimSpace(line), `"`) {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{args: "version", code: ExitDone},
		{args: "", code: ExitDone},
		{args: "--help", code: ExitDone},
		{args: "ask", code: ExitDone},
		{args: "asc", code: ExitUsage, says: `unknown command "asc"`},
		{args: "ask fnnel", code: ExitUsage, says: `unknown command "fnnel"`},
		{args: "ask funnel --setp x", code: ExitUsage, says: "unknown flag: --setp"},
		{args: "version now", code: ExitUsage, says: "now"},
		{args: "map publish", code: ExitUsage, says: "accepts 1 arg"},
		{args: "up --demo x", code: ExitUsage, says: "there are grocery, airline, tiles and none"},
		{args: "send", code: ExitUsage, says: "name the event"},
		{args: "send x --type y", code: ExitUsage, says: "there are track"},
		{args: "send --property x y", code: ExitUsage, says: "write NAME=VALUE"},
		{args: "send x --type identify", code: ExitUsage, says: "has no event name"},
		{args: "import x --from-line 0", code: ExitUsage, says: "1 or more"},
		{args: "site key create x", code: ExitUsage, says: "write, read and admin"},
		{args: "ask persons --part x", code: ExitUsage, says: "--part"},
		{args: "ask funnel --data " + nowhere, code: ExitFailed, says: "start one with `waystage up`"},
		{args: "rebuild --data " + nowhere, code: ExitFailed, says: "--clickhouse"},
		{args: "send x --data " + nowhere, code: ExitFailed, says: "--ingest"},
		{args: "ask funnel --server 127.0.0.1:1", code: ExitFailed, says: "Is the server there?"},
		{args: "map publish " + nowhere, code: ExitFailed, says: "no such file"},
		{args: "send x --ingest http://127.0.0.1:1", code: ExitUsage, says: "no write key"},
		{args: "send x --ingest http://127.0.0.1:1 --write-key k", code: ExitFailed, says: "Is ingest there?"},
	} {
		got := run(t, "", nil, strings.Fields(c.args)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%s: exit %d, stderr %q; want %d and %q", c.args, got.code, got.stderr, c.code, c.says)
		}
		if c.code != ExitDone && got.stdout != "" {
			t.Errorf("%s: an error writes to stdout: %q", c.args, got.stdout)
		}
	}
}

func TestAskFunnelAsksWhatWasTyped(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	got := run(t, "", environment, "ask", "funnel", "--stages", "search..", "--by", "persona",
		"--by", "channel@last", "--from", "-7d", "--as-of", "now", "--limit", "3", "--unit",
		"group:company", "--compare", "previous", "--customers-only", "--site", "shop")
	if got.code != ExitDone || !strings.Contains(got.stdout, "2 purchase") ||
		!strings.Contains(got.stdout, "60.0 % [50.0–70.0]") {
		t.Fatalf("got %+v", got)
	}
	want := &funnelv1.AskFunnelRequest{}
	if err := protojson.Unmarshal([]byte(`{"parent": "sites/shop", "words": {
		"stages": "search..", "from": "-7d", "as_of": "now", "by": ["persona", "channel@last"],
		"limit": 3, "unit": "group:company", "compare": "previous", "customers_only": true}}`),
		want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, s.asked[0], protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.tokens[0] != "Bearer rt_1" {
		t.Errorf("the token is %q", s.tokens[0])
	}
}

func TestStagesInAllSpellings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		want string
	}{
		{args: "", want: ""},
		{args: "--stages", want: "all"},
		{args: "--stages=search..purchase", want: "search..purchase"},
		{args: "--stages search..purchase", want: "search..purchase"},
		{args: "--stages interest,purchase --window 1d", want: "interest,purchase"},
	} {
		s, environment := serve(t)
		got := run(t, "", environment, strings.Fields("ask funnel "+c.args)...)
		if got.code != ExitDone {
			t.Errorf("%q: %+v", c.args, got)
			continue
		}
		if words := s.asked[0].GetWords(); words == nil || words.GetStages() != c.want {
			t.Errorf("%q asks about %v, want %s", c.args, words, c.want)
		}
	}
	_, environment := serve(t)
	for _, args := range []string{
		"ask funnel search..purchase", "ask funnel --stages --step any", "ask funnel --step any x",
		"ask funnel --by stage", "ask funnel --title T", "ask funnel @weekly@x",
		"ask funnel @weekly --question x", "ask persons --persona a --group b",
		"ask persons --by os --group b --other", "ask persons --persona a --other",
	} {
		if got := run(t, "", environment, strings.Fields(args)...); got.code != ExitUsage {
			t.Errorf("%q: %+v, want exit %d", args, got, ExitUsage)
		}
	}
}

func TestQuestionFromAFile(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	const file = `{"steps": [{"event": "a"}, {"any_event": true}], "windowSeconds": 60,
		"range": {"fromDate": "2026-01-01", "toDate": "2026-02-01"}}`
	got := run(t, file, environment, "ask", "funnel", "--question", "-", "--window", "1d", "--json")
	if got.code != ExitDone || !strings.Contains(got.stdout, `"conversionFromPrevious": {`) {
		t.Fatalf("got %+v", got)
	}
	q := s.asked[0].GetQuestion()
	if q.GetWindowSeconds() != 86400 || len(q.GetSteps()) != 2 ||
		q.GetRange().GetToDate() != "2026-02-01" {
		t.Errorf("asked %v", q)
	}
	got = run(t, `{"range": {"fromDate": "2026-01-01"}}`, environment, "ask", "funnel", "--question",
		"-", "--to", "2026-02-01")
	if q := s.asked[1].GetQuestion(); got.code != ExitDone || len(q.GetSteps()) != 3 ||
		q.GetRange().GetFromDate() != "2026-01-01" || q.GetSteps()[1].GetStage() != "search" {
		t.Errorf("stages of the map go into a question without steps: %+v, asked %v", got, q)
	}
	got = run(t, `{"stepz": []}`, environment, "ask", "funnel", "--question", "-")
	if got.code != ExitFailed || !strings.Contains(got.stderr, `unknown field "stepz"`) {
		t.Errorf("a wrong file gives %+v", got)
	}
}

func TestMistakesAreListed(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	for _, c := range []struct {
		refusal error
		want    string
	}{
		{
			violated(codes.InvalidArgument, "question.steps[0].stage", "no such stage"),
			"waystage: the request is wrong:\n  question.steps[0].stage: no such stage\n",
		},
		{
			violated(codes.InvalidArgument, "words.range_mode", "give another"),
			"waystage: the request is wrong:\n  --range-mode: give another\n",
		},
		{
			violated(codes.Unimplemented, "question.trend", "leave it out"),
			"waystage: this is not answered yet:\n  question.trend: leave it out\n",
		},
		{
			status.Error(codes.Unauthenticated, "unknown token"),
			"waystage: unknown token\nGive a token with --token or WAYSTAGE_TOKEN.\n",
		},
	} {
		s.mutex.Lock()
		s.refusal = c.refusal
		s.mutex.Unlock()
		got := run(t, "", environment, "ask", "dropoff", "--step", "any", "--step", "any")
		if got.code != ExitFailed || got.stderr != c.want {
			t.Errorf("got %+v, want %q", got, c.want)
		}
	}
}

func TestPersonsAreGatheredOverPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit string
		want  int
		pages int
	}{{"0", persons, 3}, {"3", 3, 1}, {"12000", 12_000, 2}} {
		s, environment := serve(t)
		got := run(t, "", environment, "ask", "persons", "--step-number", "2", "--part", "lost",
			"--persona", "families", "--limit", c.limit, "--json")
		if got.code != ExitDone {
			t.Fatalf("got %+v", got)
		}
		answer := &funnelv1.ListFunnelPersonsResponse{}
		if err := protojson.Unmarshal([]byte(got.stdout), answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.GetPersons()) != c.want || len(s.listed) != c.pages {
			t.Errorf("--limit %s gives %d persons in %d pages, want %d in %d", c.limit,
				len(answer.GetPersons()), len(s.listed), c.want, c.pages)
		}
		first := s.listed[0]
		if first.GetStep() != 2 || first.GetGroup()[0].GetValue() != "families" ||
			first.GetWords().GetBy()[0] != "persona" ||
			first.GetSelection() != funnelv1.PersonSelection_PERSON_SELECTION_LOST {
			t.Errorf("asked %v", first)
		}
	}
}

func TestPersonsOfOtherGroups(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	got := run(t, "", environment, "ask", "persons", "--by", "os", "--groups", "2", "--other")
	if got.code != ExitDone {
		t.Fatalf("got %+v", got)
	}
	if m := s.listed[0]; !m.GetOther() || len(m.GetGroup()) > 0 || m.GetWords().GetLimit() != 2 {
		t.Errorf("asked %v", m)
	}
}

const goodMap = `title: T
stages: [{id: a}, {id: b}]
touchpoints: [{id: t, stage: a, events: [page]}]
`

func TestMapMistakesHaveTheirPlace(t *testing.T) {
	t.Parallel()
	_, environment := serve(t)
	file := filepath.Join(t.TempDir(), "map.yaml")
	for _, c := range []struct {
		name, source, want string
		code               int
	}{
		{
			name: "here", source: strings.Replace(goodMap, "stage: a", "stage: zz", 1),
			want: file + ":3:30: touchpoints[0].stage: unknown stage \"zz\"; known: a, b\n",
			code: ExitFailed,
		},
		{
			name: "there", source: strings.Replace(goodMap, "title: T", "title: unloved", 1),
			want: file + ":3:7: stages[0].id: unloved\n", code: ExitFailed,
		},
		{name: "none", source: goodMap},
	} {
		if err := os.WriteFile(file, []byte(c.source), 0o600); err != nil {
			t.Fatal(err)
		}
		got := run(t, "", environment, "map", "publish", file)
		if got.code != c.code || got.stderr != c.want {
			t.Errorf("%s: %+v, want exit %d and %q", c.name, got, c.code, c.want)
		}
	}
	if got := run(t, goodMap, nil, "map", "publish", "-", "--check"); got.code != ExitDone {
		t.Errorf("--check without a server gives %+v", got)
	}
}

func TestMapShow(t *testing.T) {
	t.Parallel()
	_, environment := serve(t)
	if got := run(t, "", environment, "map", "show", "--yaml"); got.stdout != "title: T\n" {
		t.Errorf("--yaml gives %+v", got)
	}
	if got := run(t, "", environment, "map", "show"); !strings.Contains(got.stdout, "2 Search") {
		t.Errorf("got %+v", got)
	}
}

func TestSiteCommands(t *testing.T) {
	t.Parallel()
	_, environment := serve(t)
	got := run(t, "", environment, "site", "create", "shop", "--json")
	want := `{
  "site": "shop",
  "write_key": "secret_key_kind_write",
  "read_token": "secret_key_kind_read",
  "admin_token": "secret_key_kind_admin"
}
`
	if diff := cmp.Diff(result{stdout: want}, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = run(t, "", environment, "site", "list")
	if !strings.Contains(got.stdout, "first") || !strings.Contains(got.stdout, "second") {
		t.Errorf("pages are missing: %+v", got)
	}
	got = run(t, "", environment, "site", "key", "create", "read", "--site", "shop")
	if got.stdout != "secret_key_kind_read\n" {
		t.Errorf("got %+v", got)
	}
	got = run(t, "", environment, "site", "key", "revoke", "1f", "--site", "shop")
	if !strings.Contains(got.stdout, "sites/shop/keys/1f") {
		t.Errorf("got %+v", got)
	}
}

func TestTheDataFolderOfARunningInstanceIsFound(t *testing.T) {
	t.Parallel()
	s, _ := serve(t)
	dir := filepath.Join(t.TempDir(), "data")
	f := instance.Folder(dir)
	if err := f.Make(); err != nil {
		t.Fatal(err)
	}
	lock, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if err := f.SaveRun(instance.Run{GRPC: s.address}); err != nil {
		t.Fatal(err)
	}
	root, err := f.MakeRootToken()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"site create shop", "map show --site shop", "map list --site other",
	} {
		run(t, "", nil, append(strings.Fields(args), "--data", dir)...)
	}
	keys, err := f.Keys("shop")
	if err != nil || keys.Write != "secret_key_kind_write" {
		t.Errorf("kept %+v, %v", keys, err)
	}
	last := s.tokens[len(s.tokens)-2:]
	want := []string{"Bearer secret_key_kind_read", "Bearer " + root}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	environment, bodies := ingest(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{
			[]string{"A b", "--user", "ann", "-p", "n=2", "-p", `t="2"`, "-p", "x=a=b", "--at", "-1h"},
			`/v1/track {"event":"A b","properties":{"n":2,"t":"2","x":"a=b"},` +
				`"timestamp":"2026-11-21T11:00:00Z","type":"track","userId":"ann"}`,
		},
		{
			[]string{"Home", "--type", "page"},
			`/v1/page {"anonymousId":"waystage-send","name":"Home","type":"page"}`,
		},
		{
			[]string{"--type", "identify", "--anonymous", "c", "--trait", "age=34"},
			`/v1/identify {"anonymousId":"c","traits":{"age":34},"type":"identify"}`,
		},
		{
			[]string{"--type", "alias", "--previous", "c", "--user", "ann"},
			`/v1/alias {"previousId":"c","type":"alias","userId":"ann"}`,
		},
	} {
		*bodies = nil
		got := run(t, "", environment, append([]string{"send"}, c.args...)...)
		if got.code != ExitDone || !cmp.Equal([]string{c.want}, *bodies) {
			t.Errorf("%v sends %q: %+v; want %s", c.args, *bodies, got, c.want)
		}
	}
	got := run(t, "", environment, "send", "x", "--write-key", "other")
	if got.code != ExitFailed || !strings.Contains(got.stderr, "no such key") {
		t.Errorf("another key gives %+v", got)
	}
}

func TestImportReports(t *testing.T) {
	t.Parallel()
	environment, _ := ingest(t)
	report := filepath.Join(t.TempDir(), "refused.ndjson")
	file := "{\"x\":\"REFUSE\"}\n{bad\n{\"n\":1}\n"
	got := run(t, file, environment, "import", "-", "--report", report, "--workers", "1")
	if got.code != ExitRefused || got.stderr != "" ||
		!strings.HasPrefix(got.stdout, "3 lines: 1 accepted, 2 refused, in ") ||
		!strings.Contains(got.stdout, "  not_json: 1\n") ||
		!strings.Contains(got.stdout, "    lines 2\n") {
		t.Errorf("got %+v", got)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"line":2,"reason":"not_json","detail":"the line is not JSON: ` +
		`write one message a line, as RFC 8259 has it","message":"{bad"}
{"line":1,"reason":"unknown_type","detail":"say what it is","message":"{\"x\":\"REFUSE\"}"}
`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = run(t, "{\"n\":1}\n", environment, "import", "-", "--json")
	if got.code != ExitDone || !strings.Contains(got.stdout, `"accepted": 1,`) {
		t.Errorf("got %+v", got)
	}
	got = run(t, "{\"n\":1}\n", environment, "import", "-", "--write-key", "other")
	if got.code != ExitFailed || !strings.Contains(got.stderr, "--from-line 1") {
		t.Errorf("another key gives %+v", got)
	}
}

func TestImportThatIsStoppedSaysWhereToGoOn(t *testing.T) {
	t.Parallel()
	environment, bodies := ingest(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var file strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&file, "{\"n\":%d}\n", i)
	}
	got := runContext(ctx, file.String(), environment, "import", "-")
	if got.code != ExitStopped || !strings.Contains(got.stderr, "--from-line 1") || len(*bodies) > 0 {
		t.Errorf("got %+v after %d requests", got, len(*bodies))
	}
}
