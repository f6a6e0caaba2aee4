package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestAllCandidatesCountAlike runs the whole comparison on a small world: it fails if a candidate
// counts other persons than the reference.
func TestAllCandidatesCountAlike(t *testing.T) {
	var out, progress bytes.Buffer
	o := options{
		touchpoints: 20_000, rounds: 1, batches: 3, batchRows: 500, merged: true,
		dir: t.TempDir(),
	}
	if err := compareLayouts(context.Background(), o, &out, &progress); err != nil {
		t.Fatalf("comparing layouts: %v\n%s", err, &progress)
	}
	for _, c := range candidates() {
		if n := strings.Count(out.String(), "| "+c.key+" |"); n != 10 {
			t.Errorf("%s stands in %d tables, want 10", c.key, n)
		}
	}
	if !strings.Contains(out.String(), "| narrow_month | merged |") {
		t.Errorf("the size of narrow_month is missing:\n%s", &out)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"too small", "-touchpoints must be 10000 or more", []string{"-touchpoints", "10"}},
		{"no rounds", "-rounds must be 1 or more", []string{"-rounds", "0"}},
		{
			"no state", "-merged=false needs -batches of 1 or more",
			[]string{"-merged=false", "-batches", "0"},
		},
		{"keep nowhere", "-keep needs -dir", []string{"-keep"}},
		{"unknown", `there is no candidate "Z"`, []string{"-only", "C,Z"}},
		{"good", "", []string{"-only", "C,B"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := layoutOptions(c.args)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got error %q, want %q", got, c.want)
			}
		})
	}
	o, err := layoutOptions([]string{"-only", "C"})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, each := range o.wanted() {
		keys = append(keys, each.key)
	}
	if diff := cmp.Diff([]string{"A", "C"}, keys); diff != "" {
		t.Errorf("other candidates are wanted (-want +got):\n%s", diff)
	}
}

func TestCellHoldsMedianAndRatio(t *testing.T) {
	t.Parallel()
	wall := func(s sample) time.Duration { return s.wall }
	of := func(ms ...int) (samples []sample) {
		for _, each := range ms {
			samples = append(samples, sample{wall: time.Duration(each) * time.Millisecond})
		}
		return samples
	}
	if got, want := cellOf(of(10, 40, 20), of(30, 40, 80), wall), "0.020 (3.0 ×)"; got != want {
		t.Errorf("the cell is %q, want %q", got, want)
	}
}

func TestPrintTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	printTable(&out, "Times", []string{"a", "b"}, [][]string{{"1", "2"}, {"3", "4"}})
	want := "**Times**\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}
