package archive

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/tools/waystage/collect"
)

// site is an ingest over HTTP that refuses what says so.
type site struct {
	*httptest.Server
	mutex    sync.Mutex
	accepted []string
	failures int // answers 503 that come first
}

func newSite(t interface{ Cleanup(func()) }) *site {
	s := &site{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.failures > 0 {
		s.failures--
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var body struct{ Batch []json.RawMessage }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer := collect.Answer{}
	var accepted []string
	for i, m := range body.Batch {
		switch {
		case bytes.Contains(m, []byte("POISON")):
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"code":"malformed_json","message":"spoilt"}}`)
			return
		case bytes.Contains(m, []byte("REFUSE")):
			answer.Refused = append(answer.Refused,
				collect.Refusal{Index: i, Reason: "unknown_type", Detail: "d"})
		default:
			accepted = append(accepted, string(m))
		}
	}
	s.accepted = append(s.accepted, accepted...)
	answer.Accepted = len(accepted)
	_ = json.NewEncoder(w).Encode(struct {
		collect.Answer
		Success bool `json:"success"`
	}{answer, true})
}

func (s *site) sender() *collect.Client {
	return &collect.Client{Address: s.URL, WriteKey: "k", RetryFor: time.Minute}
}

func TestImport(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.failures = 3
	file := "\uFEFF{\"userId\":\"a\",\"n\":1}\n" + // 1, behind a byte order mark
		"\n" + // 2
		"{broken\r\n" + // 3
		"{\"userId\":\"b\",\"x\":\"REFUSE\"}\r\n" + // 4
		"  {\"anonymousId\":\"c\"}  \n" + // 5
		strings.Repeat("x", 600_000) + "\n" + // 6
		"{\"x\":\"POISON\"}\n" + // 7
		"null" // 8
	var refused []Refusal
	report, err := Import{
		Sender: s.sender(), Endpoint: "import",
		Refused: func(r Refusal) error {
			r.Detail = ""
			r.Message = r.Message[:min(len(r.Message), 10)]
			refused = append(refused, r)
			return nil
		},
	}.Run(t.Context(), strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(s.accepted)
	sent := []string{`null`, `{"anonymousId":"c"}`, `{"userId":"a","n":1}`}
	if diff := cmp.Diff(sent, s.accepted); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
	if report.Lines != 7 || report.Accepted != 3 || report.RefusedLines != 4 ||
		report.Unsettled != 0 || report.ResumeLine != 9 {
		t.Errorf("the report is %+v", report)
	}
	counts := make(map[string]int)
	lines := make(map[string][]int)
	for name, r := range report.Refused {
		counts[name], lines[name] = r.Count, r.FirstLines
	}
	want := map[string][]int{NotJSON: {3}, "unknown_type": {4}, TooLong: {6}, "malformed_json": {7}}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("refused lines (-want +got):\n%s", diff)
	}
	if len(refused) != 4 {
		t.Errorf("heard of %+v", refused)
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var file bytes.Buffer
	for _, member := range []string{"{\"a\":1}\n{\"a\":", "2}\n"} {
		w := gzip.NewWriter(&file)
		_, _ = w.Write([]byte(member))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	whole := file.Bytes()
	run := Import{Sender: s.sender(), Endpoint: "import"}
	report, err := run.Run(t.Context(), bytes.NewReader(whole))
	if err != nil || report.Accepted != 2 {
		t.Errorf("got %+v, %v", report, err)
	}
	report, err = run.Run(t.Context(), bytes.NewReader(whole[:len(whole)-6]))
	if err == nil {
		t.Errorf("a gzip file cut short gives %+v and no error", report)
	}
}

// recorder is a sender that accepts everything and remembers batches.
type recorder struct {
	mutex   sync.Mutex
	batches [][]string
	fail    func(n int) error
}

func (r *recorder) Batch(_ context.Context, _ string, messages [][]byte) (collect.Answer, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.fail != nil {
		if err := r.fail(len(r.batches)); err != nil {
			return collect.Answer{}, err
		}
	}
	var batch []string
	for _, m := range messages {
		batch = append(batch, string(m))
	}
	r.batches = append(r.batches, batch)
	return collect.Answer{Accepted: len(messages)}, nil
}

func TestNothingIsLostAndEveryoneKeepsTheirOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		persons := rapid.IntRange(1, 6).Draw(t, "persons")
		n := rapid.IntRange(0, 1200).Draw(t, "lines")
		padding := strings.Repeat("p", rapid.IntRange(0, 2000).Draw(t, "padding"))
		workers := rapid.IntRange(1, 5).Draw(t, "workers")
		var file strings.Builder
		for i := range n {
			fmt.Fprintf(&file, "{\"userId\":\"u%d\",\"n\":%d,\"p\":%q}\n", i*7%persons, i, padding)
		}
		r := &recorder{}
		report, err := Import{Sender: r, Workers: workers}.Run(
			context.Background(), strings.NewReader(file.String()))
		if err != nil || report.Accepted != n {
			t.Fatalf("accepted %d of %d, %v", report.Accepted, n, err)
		}
		last := make(map[string]int)
		seen := 0
		for _, batch := range r.batches {
			size := 0
			for _, text := range batch {
				size += len(text) + 1
				var m struct {
					UserID string
					N      int
				}
				if err := json.Unmarshal([]byte(text), &m); err != nil {
					t.Fatal(err)
				}
				if before, ok := last[m.UserID]; ok && before >= m.N {
					t.Fatalf("%s: %d after %d", m.UserID, m.N, before)
				}
				last[m.UserID] = m.N
				seen++
			}
			if len(batch) > collect.MaxMessages || size > collect.MaxBodyBytes {
				t.Fatalf("a batch of %d messages and %d bytes", len(batch), size)
			}
		}
		if seen != n {
			t.Fatalf("%d messages were sent of %d", seen, n)
		}
	})
}

func numbered(n int) string {
	var file strings.Builder
	for i := range n {
		fmt.Fprintf(&file, "{\"userId\":\"u%d\",\"line\":%d}\n", i%50, i+1)
	}
	return file.String()
}

func TestAfterAFailureTheRestCanBeSent(t *testing.T) {
	t.Parallel()
	const n = 20_000
	gone := errors.New("gone")
	r := &recorder{fail: func(batches int) error {
		if batches >= 11 {
			return gone
		}
		return nil
	}}
	report, err := Import{Sender: r}.Run(t.Context(), strings.NewReader(numbered(n)))
	if !errors.Is(err, gone) {
		t.Fatalf("got %v, want %v", err, gone)
	}
	if report.Unsettled == 0 || report.ResumeLine <= 1 || report.ResumeLine > n {
		t.Errorf("the report is %+v", report)
	}
	r.fail = nil
	again, err := Import{Sender: r, FromLine: report.ResumeLine}.Run(
		t.Context(), strings.NewReader(numbered(n)))
	if err != nil || again.Lines != n-report.ResumeLine+1 {
		t.Errorf("the second run: %+v, %v", again, err)
	}
	sent := make(map[string]bool)
	for _, batch := range r.batches {
		for _, m := range batch {
			sent[m] = true
		}
	}
	if len(sent) != n {
		t.Errorf("%d different lines were sent in both runs together, want %d", len(sent), n)
	}
}

func TestTheEndOfTheContextEndsTheRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := &recorder{fail: func(batches int) error {
		if batches == 3 {
			cancel()
		}
		return nil
	}}
	report, err := Import{Sender: r, Workers: 1}.Run(ctx, strings.NewReader(numbered(50_000)))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if report.Accepted != len(r.batches)*collect.MaxMessages ||
		report.Accepted+report.Unsettled != report.Lines {
		t.Errorf("%d batches, and the report is %+v", len(r.batches), report)
	}
}

func TestARefusedKeyEndsTheRun(t *testing.T) {
	t.Parallel()
	r := &recorder{fail: func(int) error {
		return &collect.Error{Status: 401, Code: "unknown_write_key"}
	}}
	report, err := Import{Sender: r}.Run(t.Context(), strings.NewReader(numbered(10)))
	if err == nil || report.RefusedLines != 0 || report.ResumeLine != 1 {
		t.Errorf("got %+v, %v", report, err)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a\nb\r\n\n", 3)
	f.Add("\uFEFF{}", 1)
	f.Add(strings.Repeat("x", 100), 1)
	f.Fuzz(func(t *testing.T, text string, _ int) {
		var got []string
		for l, err := range linesOf(strings.NewReader(text)) {
			if err != nil {
				t.Fatal(err)
			}
			if l.number != len(got)+1 {
				t.Fatalf("line %d after %d lines", l.number, len(got))
			}
			got = append(got, string(l.text))
		}
		var want []string
		for line := range strings.Lines(text) {
			want = append(want, strings.TrimRight(line, "\r\n"))
		}
		if len(want) > 0 {
			want[0] = strings.TrimPrefix(want[0], "\uFEFF")
		}
		if len(want) > 0 && want[len(want)-1] == "" && !strings.HasSuffix(text, "\n") {
			want = want[:len(want)-1] // nothing but a mark or carriage returns behind the last end
		}
		if !slices.Equal(want, got) {
			t.Errorf("lines of %q: %q, want %q", text, got, want)
		}
	})
}
