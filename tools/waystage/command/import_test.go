package command

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/tools/waystage/archive"
	"github.com/waystage/waystage/tools/waystage/collect"
)

// selfVariable makes the test binary the command itself.
const selfVariable = "IMPORT_TEST_SELF"

func TestMain(m *testing.M) {
	if os.Getenv(selfVariable) != "" {
		os.Exit(Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// taker is an ingest that keeps the messages it takes by their id, and refuses those with REFUSE.
type taker struct {
	mutex    sync.Mutex
	messages map[string]string
	// copies is how many messages came again; requests how many requests came.
	copies, requests int
	// onRequest hears of each before it is answered.
	onRequest func(n int)
}

func newTaker(t *testing.T) (*taker, []string) {
	t.Helper()
	s := &taker{messages: make(map[string]string)}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, []string{"WAYSTAGE_INGEST=" + server.URL, "WAYSTAGE_WRITE_KEY=wk_1"}
}

func (s *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct{ Batch []json.RawMessage }
	text, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(text, &body)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	answer := collect.Answer{Refused: []collect.Refusal{}}
	for i, m := range body.Batch {
		if bytes.Contains(m, []byte("REFUSE")) {
			answer.Refused = append(answer.Refused, collect.Refusal{
				Index: i, Reason: "too_deep", Detail: "d",
			})
			continue
		}
		var of struct{ MessageID string }
		_ = json.Unmarshal(m, &of)
		if s.messages[of.MessageID] != "" {
			s.copies++
		}
		s.messages[of.MessageID] = string(m)
		answer.Accepted++
	}
	s.requests++
	if s.onRequest != nil {
		s.onRequest(s.requests)
	}
	_ = json.NewEncoder(w).Encode(struct {
		collect.Answer
		Success bool `json:"success"`
	}{answer, true})
}

// visits is a table of many rows of which some are refused here and some there, and what must be
// told of it.
func visits(rows int) (text string, good, here, there int) {
	var file strings.Builder
	file.WriteString("who,when,note\n")
	for n := range rows {
		at, note := fmt.Sprintf("2026-11-%02d", n%20+1), fmt.Sprintf("%d", n)
		switch n % 97 {
		case 13:
			at = "soon"
			here++
		case 14:
			note += " REFUSE"
			there++
		case 15:
			note += "\nsecond line"
			good++
		default:
			good++
		}
		fmt.Fprintf(&file, "u%d,%s,\"%s\"\n", n%500, at, note)
	}
	return file.String(), good, here, there
}

var visitFlags = []string{
	"--event", "Visited", "--column", "userId=who", "--column", "timestamp=when", "--rest",
	"properties",
}

func put(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKilledImportGoesOn kills a process that imports, twice, and lets a third go on.
func TestKilledImportGoesOn(t *testing.T) {
	t.Parallel()
	s, environment := newTaker(t)
	text, good, here, there := visits(30_000)
	path := put(t, "visits.csv", text)
	report := filepath.Join(filepath.Dir(path), "refused.ndjson")
	command := func(flags ...string) *exec.Cmd {
		args := slices.Concat([]string{
			"import", path, "--json", "--report", report, "--checkpoint-every", "1ms",
		}, visitFlags, flags)
		c := exec.CommandContext(t.Context(), os.Args[0], args...)
		c.Env = append(append(os.Environ(), selfVariable+"=1"), environment...)
		return c
	}
	for n := range 2 {
		var flags []string
		if n > 0 {
			flags = []string{"--resume"}
		}
		c := command(flags...)
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		killed := make(chan struct{})
		s.mutex.Lock()
		first := s.requests
		s.onRequest = func(requests int) {
			_, err := os.Stat(archive.CheckpointPath(path))
			if requests < first+10 || err != nil && requests < first+25 {
				return
			}
			select {
			case <-killed:
			default:
				if err := c.Process.Kill(); err != nil {
					t.Error(err)
				}
				close(killed)
			}
		}
		err := c.Start()
		s.mutex.Unlock()
		if err == nil {
			err = c.Wait()
		}
		if err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("run %d: %v\n%s", n, err, &out)
		}
	}
	s.mutex.Lock()
	s.onRequest = nil
	s.mutex.Unlock()
	c := command("--resume")
	out, err := c.Output()
	if c.ProcessState.ExitCode() != ExitRefused {
		t.Fatalf("the last run: %v\n%s", err, out)
	}
	var sum archive.Report
	if err := json.Unmarshal(out, &sum); err != nil {
		t.Fatal(err)
	}
	if sum.Accepted != good || sum.RefusedLines != here+there || sum.Lines != 30_000 ||
		len(s.messages) != good {
		t.Errorf("%d messages of %d rows, and the report is %+v", len(s.messages), good, sum)
	}
	if s.copies > good/2 {
		t.Errorf("%d messages of %d were sent again", s.copies, good)
	}
	lines := make(map[int]int)
	written, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(written)) {
		var r archive.Refusal
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		lines[r.Line]++
	}
	if len(lines) != here+there || slices.Max(slices.Collect(maps.Values(lines))) != 1 {
		t.Errorf("%d lines are in the report, want each of %d once", len(lines), here+there)
	}
	if _, err := os.Stat(archive.CheckpointPath(path)); !os.IsNotExist(err) {
		t.Errorf("the checkpoint is left: %v", err)
	}
}

func TestResumeRefusesWhatHasChanged(t *testing.T) {
	t.Parallel()
	s, environment := newTaker(t)
	text, _, _, _ := visits(2000)
	path := put(t, "visits.csv", text)
	flags := append([]string{"import", path}, visitFlags...)
	got := run(t, "", environment, append(flags, "--resume")...)
	if got.code != ExitFailed || !strings.Contains(got.stderr, "there is no checkpoint") {
		t.Errorf("without a checkpoint: %+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.onRequest = func(int) { cancel() }
	got = runContext(ctx, "", environment, append(flags, "--workers", "1")...)
	if got.code != ExitStopped || !strings.Contains(got.stderr, "--resume") {
		t.Fatalf("stopped: %+v", got)
	}
	for _, c := range []struct{ more, says string }{
		{"--event=Other", "the mapping, or a flag"},
		{"--write-key=other", "the checkpoint is of an import into"},
		{"--from-line=9", "leave --from-line"},
	} {
		got = run(t, "", environment, append(flags, "--resume", c.more)...)
		if got.code == ExitDone || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%s: %+v", c.more, got)
		}
	}
	if err := os.WriteFile(path, []byte(text+text), 0o600); err != nil {
		t.Fatal(err)
	}
	got = run(t, "", environment, append(flags, "--resume")...)
	if got.code != ExitFailed || !strings.Contains(got.stderr, "the file has changed") {
		t.Errorf("another file: %+v", got)
	}
	got = run(t, "", environment, flags...)
	if got.code != ExitRefused || !strings.Contains(got.stderr, "this one begins anew") {
		t.Errorf("without --resume: %+v", got)
	}
	if _, err := os.Stat(archive.CheckpointPath(path)); !os.IsNotExist(err) {
		t.Errorf("the checkpoint is left: %v", err)
	}
}

func TestFormatsOfImports(t *testing.T) {
	t.Parallel()
	packed := func(text string) string {
		var out bytes.Buffer
		for _, part := range []string{text[:len(text)/2], text[len(text)/2:]} {
			w := gzip.NewWriter(&out)
			_, _ = io.WriteString(w, part)
			_ = w.Close()
		}
		return out.String()
	}
	table, _, _, _ := visits(10)
	tabs := strings.ReplaceAll(table, ",", "\t")
	messages := strings.Repeat(`{"type":"track","timestamp":"2026-11-01","messageId":"m"}`+"\n", 10)
	for _, c := range []struct {
		name, text string
		flags      []string
		code       int
		says       string
	}{
		{name: "a.csv", text: table, flags: visitFlags},
		{name: "a.csv.gz", text: packed(table), flags: visitFlags},
		{name: "a.tsv", text: tabs, flags: visitFlags},
		{name: "a.txt", text: tabs, flags: visitFlags},
		{name: "a.data", text: packed(table), flags: append(visitFlags, "--format", "csv")},
		{name: "a.ndjson", text: messages},
		{name: "a.ndjson.gz", text: packed(messages)},
		{name: "a.txt", text: messages},
		{name: "a.csv", text: messages, flags: []string{"--format", "ndjson"}},
		{name: "a.csv", text: table, code: ExitUsage, says: "by --mapping, or by"},
		{name: "a.txt", text: table, code: ExitUsage, says: "say --format ndjson"},
		{name: "a.ndjson", text: messages, flags: visitFlags, code: ExitUsage, says: "leave --column"},
		{
			name: "a.csv", text: table, flags: []string{"--format", "xml"}, code: ExitUsage,
			says: "there are ndjson and csv",
		},
		{
			name: "a.csv", text: table, flags: append(visitFlags, "--column", "groupId=team"),
			code: ExitFailed, says: "nothing was sent: groupId: there is no column \"team\"\n" +
				"The header has 3 columns: who, when, note",
		},
		{
			name: "a.csv", text: table, flags: visitFlags[:6], code: ExitFailed,
			says: "what becomes of the columns note",
		},
		{
			name: "a.csv", text: table, flags: append(visitFlags, "--column", "who"), code: ExitUsage,
			says: "write NAME=COLUMN",
		},
		{
			name: "a.csv", text: table, flags: append(visitFlags, "--column", "user=who"),
			code: ExitUsage, says: `"user" is no part of a message`,
		},
		{
			name: "a.csv", text: table, flags: append(visitFlags, "--column", "userId=when"),
			code: ExitUsage, says: "userId has two columns",
		},
		{
			name: "a.csv", text: table, flags: append(visitFlags, "--time-zone", "Mars"),
			code: ExitFailed, says: `zone "Mars" is not known`,
		},
	} {
		s, environment := newTaker(t)
		path := put(t, c.name, c.text)
		got := run(t, "", environment, slices.Concat([]string{"import", path}, c.flags)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%s %v: %+v, want exit %d and %q", c.name, c.flags, got, c.code, c.says)
		}
		if c.code == ExitDone && !strings.HasPrefix(got.stdout, "10 lines: 10 accepted") ||
			c.code != ExitDone && s.requests > 0 {
			t.Errorf("%s %v: %+v after %d requests", c.name, c.flags, got, s.requests)
		}
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	t.Parallel()
	text, good, here, _ := visits(300)
	path := put(t, "visits.csv", text)
	got := run(t, "", nil, slices.Concat([]string{"import", path, "--dry-run"}, visitFlags)...)
	if got.code != ExitRefused || strings.Count(got.stdout, `"type": "track"`) != shownMessages ||
		!strings.Contains(got.stdout, fmt.Sprintf("300 lines: %d would be sent, %d refused; nothing",
			300-here, here)) || !strings.Contains(got.stdout, "  bad_time: 3\n") {
		t.Errorf("%d are good: %+v", good, got)
	}
	got = run(t, "{\"type\":\"track\"}\nx\n", nil, "import", "-", "--dry-run", "--json")
	var told struct {
		Messages []json.RawMessage
		Report   archive.Report
	}
	if err := json.Unmarshal([]byte(got.stdout), &told); err != nil || len(told.Messages) != 1 ||
		told.Report.Untimed != 1 || told.Report.RefusedLines != 1 {
		t.Errorf("%v: %+v", err, got)
	}
}

var took = regexp.MustCompile(`, in [^\n]* \([^)]*/s\)\n`)

// TestDocumentedImports runs the commands of docs/importing.md on the examples beside it: what
// they print must stand there, and the mappings shown must be those of the files.
func TestDocumentedImports(t *testing.T) {
	t.Parallel()
	const docs = "../../../docs"
	page, err := os.ReadFile(filepath.Join(docs, "importing.md"))
	if err != nil {
		t.Fatal(err)
	}
	s, environment := newTaker(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(docs, "examples"))); err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, block := range regexp.MustCompile("(?s)```(?:console|csv|text|(yaml))\n(.*?)```").FindAllSubmatch(page, -1) {
		text := string(block[2])
		line, want, _ := strings.Cut(text, "\n")
		command, isCommand := strings.CutPrefix(line, "$ waystage ")
		switch {
		case isCommand:
			commands++
			args := words(command)
			for i, arg := range args {
				if strings.HasSuffix(arg, ".csv") || strings.HasSuffix(arg, ".tsv") ||
					strings.HasSuffix(arg, ".yaml") || strings.HasSuffix(arg, ".ndjson") {
					args[i] = filepath.Join(dir, arg)
				}
			}
			got := run(t, "", environment, args...)
			if diff := cmp.Diff(want, took.ReplaceAllString(got.stdout, "\n")); diff != "" {
				t.Errorf("%s (-documented +printed):\n%s\n%s", command, diff, got.stderr)
			}
		case len(block[1]) > 0:
			if !isExample(t, dir, text) {
				t.Errorf("no mapping of the examples holds:\n%s", text)
			}
		}
	}
	if commands != 4 {
		t.Errorf("%d commands are documented", commands)
	}
	for _, want := range []string{
		`{"anonymousId":"tel:+49 30 1234567","context":{"channel":"phone"},"event":"Support Called",` +
			`"messageId":"call-K-1001","properties":{"duration_seconds":312,"reason":"delivery"},` +
			`"timestamp":"2026-11-20T08:14:00Z","type":"track","userId":"ann"}`,
		`{"event":"Order Delivered","messageId":"delivery-DPD|100235","properties":{"carrier":"DPD",` +
			`"left_with_neighbour":true,"order_id":"100235","parcels":2},` +
			`"timestamp":"2026-11-20T10:22:15Z","type":"track","userId":"bob"}`,
	} {
		if !slices.Contains(slices.Collect(maps.Values(s.messages)), want) {
			t.Errorf("%s was not sent", want)
		}
	}
	if n := len(s.messages); n != 3+5+2+2 {
		t.Errorf("%d messages were sent", n)
	}
}

func isExample(t *testing.T, dir, text string) bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(names, func(name string) bool {
		mapping, err := os.ReadFile(name)
		return err == nil && strings.HasSuffix(string(mapping), text)
	})
}
