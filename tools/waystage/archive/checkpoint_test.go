package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/tools/waystage/collect"
)

// cutter is a sender that counts distinct messages, refuses some, and fails after some batches.
type cutter struct {
	mutex sync.Mutex
	left  int
	cut   func()
	seen  map[string]int
}

func (c *cutter) Batch(_ context.Context, _ string, messages [][]byte) (collect.Answer, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.left--; c.left < 0 {
		c.cut()
		return collect.Answer{}, errors.New("gone")
	}
	var answer collect.Answer
	for i, m := range messages {
		if strings.Contains(string(m), "REFUSE") {
			answer.Refused = append(answer.Refused, collect.Refusal{
				Index: i, Reason: "r" + string(m[len(m)-1]), Detail: "d",
			})
		} else {
			c.seen[string(m)]++
		}
	}
	answer.Accepted = len(messages) - len(answer.Refused)
	return answer, nil
}

// file is entries of one or two messages, some blank, some refused here or there.
func file(persons int, kinds []int) Entries {
	return func(yield func(Entry, error) bool) {
		for n, kind := range kinds {
			e := Entry{Line: n + 1, Text: fmt.Appendf(nil, "%d", n), Person: fmt.Sprint(n % persons)}
			switch kind {
			case 0:
			case 1:
				e = e.Refuse("here", "d")
			case 2:
				e.Messages = [][]byte{fmt.Appendf(nil, "%d a", n), fmt.Appendf(nil, "%d b", n)}
			case 3:
				e.Messages = [][]byte{fmt.Appendf(nil, "%d a", n), fmt.Appendf(nil, "%d REFUSE", n)}
			default:
				e.Messages = [][]byte{fmt.Appendf(nil, "%d", n)}
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// TestGoingOnFromAnyCheckpoint ends runs at any point, goes on from any checkpoint that was
// written, not only the last, and must know in the end exactly what a run in one go knows.
func TestGoingOnFromAnyCheckpoint(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.IntRange(0, 12), 0, 1500).Draw(t, "kinds")
		persons := rapid.IntRange(1, 9).Draw(t, "persons")
		workers := rapid.IntRange(1, 5).Draw(t, "workers")
		want, err := Import{Sender: &cutter{left: 1 << 30, seen: map[string]int{}}}.RunEntries(
			context.Background(), file(persons, kinds))
		if err != nil {
			t.Fatal(err)
		}
		var before Report
		c := &cutter{seen: make(map[string]int)}
		for run := 0; ; run++ {
			ctx, cancel := context.WithCancel(context.Background())
			c.left, c.cut = rapid.IntRange(0, 6).Draw(t, "batches"), cancel
			if run == 100 {
				c.left = 1 << 30 // the last one comes to its end
			}
			var checkpoints []Report
			got, err := Import{
				Sender: c, Workers: workers, Before: before, FromLine: before.ResumeLine,
				CheckpointPause: time.Nanosecond,
				Checkpoint: func(r Report) error {
					checkpoints = append(checkpoints, r.copied())
					return nil
				},
			}.RunEntries(ctx, file(persons, kinds))
			cancel()
			if err == nil {
				for n, kind := range kinds {
					if kind > 3 && c.seen[fmt.Sprint(n)] == 0 {
						t.Fatalf("line %d is lost", n+1)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("the report (-in one go +in parts):\n%s", diff)
				}
				return
			}
			if run == 100 {
				t.Fatalf("a run that nobody cuts ends early: %v", err)
			}
			if len(checkpoints) == 0 {
				t.Fatal("a run ended early without a checkpoint")
			}
			before = rapid.SampledFrom(checkpoints).Draw(t, "checkpoint")
		}
	})
}

// TestTheLineToGoOnFromMovesOn: one that stays alone in its batch does not hold up the line to go on from.
func TestTheLineToGoOnFromMovesOn(t *testing.T) {
	t.Parallel()
	const lines = 3 * maxAhead
	entries := func(yield func(Entry, error) bool) {
		for n := range lines {
			e := Entry{Line: n + 1, Person: "many", Messages: [][]byte{[]byte("m")}}
			if n == 0 {
				e.Person = "one"
			}
			if !yield(e, nil) {
				return
			}
		}
	}
	one, many := -1, -1
	for workers := 2; one == many; workers++ {
		one, many = shard("one", workers), shard("many", workers)
		if one == many {
			continue
		}
		farthest := 0
		_, err := Import{
			Sender: &cutter{left: 1 << 30, seen: map[string]int{}}, Workers: workers,
			CheckpointPause: time.Nanosecond,
			Checkpoint: func(r Report) error {
				if r.ResumeLine < lines-maxAhead {
					farthest = max(farthest, r.ResumeLine)
				}
				return nil
			},
		}.RunEntries(t.Context(), entries)
		if err != nil || farthest < maxAhead {
			t.Errorf("the farthest line before the last ones is %d, %v", farthest, err)
		}
	}
}

// TestLinesThatAreNotSentMoveOnToo: one that is alone in its batch does not wait for the end of a
// file of lines that are refused or blank, and nothing of those is remembered.
func TestLinesThatAreNotSentMoveOnToo(t *testing.T) {
	t.Parallel()
	const lines = 5 * maxAhead
	for name, rest := range map[string]Entry{
		"refused": Entry{Text: []byte("no JSON")}.Refuse(NotJSON, "d"), "blank": {},
	} {
		read, alone := 0, false
		entries := func(yield func(Entry, error) bool) {
			for n := range lines {
				e := rest
				if n == 0 || n == lines/2 {
					e = Entry{Person: "one", Messages: [][]byte{[]byte("m")}}
				}
				e.Line, read = n+1, n+1
				if !yield(e, nil) {
					return
				}
			}
		}
		report, err := Import{
			Sender: &cutter{left: 1 << 30, seen: map[string]int{}}, Workers: 1,
			CheckpointPause: time.Nanosecond,
			Checkpoint: func(r Report) error {
				alone = alone || r.Accepted == 1 && r.ResumeLine > 1
				return nil
			},
		}.RunEntries(t.Context(), entries)
		if err != nil || report.Accepted != 2 || read != lines || report.ResumeLine != lines+1 {
			t.Errorf("%s: %d lines read, %+v, %v", name, read, report, err)
		}
		if !alone {
			t.Errorf("%s: the first message waits for the second, %d lines later", name, lines/2)
		}
	}
}

// TestRefusedLinesWait: those after a line that is not answered are bounded and keep no text.
func TestRefusedLinesWait(t *testing.T) {
	t.Parallel()
	a := newAccount(Import{})
	first, err := a.begin(t.Context(), Entry{Line: 1, Messages: [][]byte{[]byte("m")}})
	if err != nil {
		t.Fatal(err)
	}
	long := Entry{Text: []byte(strings.Repeat("x", 100_000))}
	for n := 2; n <= maxAhead; n++ {
		e := long
		e.Line = n
		if err := a.refuse(t.Context(), e.Refuse(NotJSON, "d")); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range a.line[1:] {
		if p.Text != nil || p.Refusal != nil || p.refusal.Message != "" {
			t.Fatalf("line %d is remembered with its text", p.Line)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	next := Entry{Line: maxAhead + 1}.Refuse(NotJSON, "d")
	if err := a.refuse(ended, next); !errors.Is(err, context.Canceled) {
		t.Errorf("one too many does not wait: %v", err)
	}
	if err := a.settle([]message{{of: first}}, collect.Answer{Accepted: 1}); err != nil {
		t.Fatal(err)
	}
	if err := a.refuse(t.Context(), next); err != nil {
		t.Error(err)
	}
	if got := a.report(); got.ResumeLine != maxAhead+2 || got.RefusedLines != maxAhead {
		t.Errorf("the report is %+v", got)
	}
}

// TestAnUnansweredLineBoundsThoseAfterIt: what must be remembered of lines after one that is not
// answered is bounded.
func TestAnUnansweredLineBoundsThoseAfterIt(t *testing.T) {
	t.Parallel()
	const lines = 3 * maxAhead
	workers := 2
	for shard("one", workers) == shard("many", workers) {
		workers++
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	held := make(chan struct{})
	var answered atomic.Int64
	sender := senderFunc(func(messages [][]byte) {
		if string(messages[0]) == "first" {
			<-held
		}
		// All that may be answered while the first is not.
		if answered.Add(int64(len(messages))) == maxAhead-2*collect.MaxMessages {
			close(held)
		}
	})
	entries := func(yield func(Entry, error) bool) {
		for n := range lines {
			e := Entry{Line: n + 1, Person: "many", Messages: [][]byte{[]byte("m")}}
			if n < collect.MaxMessages {
				e.Person, e.Messages = "one", [][]byte{[]byte("first")}
			}
			select {
			case <-held:
			default:
				if n > maxAhead {
					t.Errorf("line %d is dealt and the first is not answered", n+1)
					cancel()
				}
			}
			if !yield(e, nil) {
				return
			}
		}
	}
	report, err := Import{Sender: sender, Workers: workers}.RunEntries(ctx, entries)
	if err != nil || report.Accepted != lines {
		t.Errorf("got %+v, %v", report, err)
	}
}

type senderFunc func(messages [][]byte)

func (f senderFunc) Batch(_ context.Context, _ string, m [][]byte) (collect.Answer, error) {
	f(m)
	return collect.Answer{Accepted: len(m)}, nil
}

func TestCheckpointOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "a.csv")
	mark := func() Mark {
		f, err := os.Open(data)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		m, err := MarkOf(f)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	write := func(text string) {
		if err := os.WriteFile(data, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	path := CheckpointPath(data)
	if _, err := LoadCheckpoint(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file gives %v", err)
	}
	c := Checkpoint{
		Version: checkpointVersion, File: mark(), Mapping: "m", Target: "here",
		Report: Report{Lines: 3, ResumeLine: 9, Refused: map[string]*Reason{
			"r": {Count: 1, FirstLines: []int{2}, Detail: "d"},
		}},
	}
	for range 2 { // also over itself
		if err := c.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	got, err := LoadCheckpoint(path)
	if diff := cmp.Diff(c, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if names, _ := os.ReadDir(dir); len(names) != 2 {
		t.Errorf("%d files are left, want 2", len(names))
	}
	if err := got.Same(c); err != nil {
		t.Errorf("the same import is refused: %v", err)
	}
	changed := map[string]func(*Checkpoint){
		"mapping":  func(c *Checkpoint) { c.Mapping = "other" },
		"goes int": func(c *Checkpoint) { c.Target = "there" },
		"bytes":    func(c *Checkpoint) { write("three"); c.File = mark() },
		"begins":   func(c *Checkpoint) { write("two"); c.File = mark() },
		"modified": func(c *Checkpoint) { c.File.ModifiedAt = c.File.ModifiedAt.Add(1) },
	}
	for _, says := range slices.Sorted(maps.Keys(changed)) {
		now := c
		changed[says](&now)
		if err := got.Same(now); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	for _, text := range []string{"{", `{"version": 99}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadCheckpoint(path); err == nil || !strings.Contains(err.Error(), "begin anew") {
			t.Errorf("%s gives %v", text, err)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Format{
		"a.csv": CSV, "a.CSV.gz": CSV, "a.tsv": CSV, "b.ndjson": NDJSON, "b.jsonl.GZ": NDJSON,
		"c.gz": "", "c.txt": "", "-": "",
	} {
		if got := FormatOf(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for text, want := range map[string]Format{
		"": NDJSON, "\uFEFF \n{": NDJSON, "a,b\n{": CSV, "[1]": CSV,
	} {
		got, r := Sniff(strings.NewReader(text))
		whole, err := io.ReadAll(r)
		if err != nil || string(whole) != text {
			t.Errorf("%q is given back as %q, %v", text, whole, err)
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
