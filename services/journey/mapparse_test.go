package journey_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
)

// small is a map without mistakes to which tests add some.
const small = `title: A small map
stages:
  - id: search
  - id: purchase
    title: Purchase
channels:
  - {id: seo, when: context.page.referrer.contains("google")}
personas:
  - {id: pro, when: traits.plan == "pro"}
touchpoints:
  - id: order
    stage: purchase
    channel: seo
    importance: 5
    events: [Order Completed]
    when: properties.total > 100
`

func parse(t *testing.T, source string) *journey.Map {
	t.Helper()
	m, err := journey.ParseMap(source)
	if err != nil {
		t.Fatalf("ParseMap: %v", err)
	}
	return m
}

func TestParseMapReadsAnyFile(t *testing.T) {
	t.Parallel()
	want := &journey.Map{
		Title: "A small map", LostAfter: journey.DefaultLostAfter,
		Stages: []journey.Stage{
			{ID: "search", Title: "search"}, {ID: "purchase", Title: "Purchase"},
		},
		Channels: []journey.Channel{
			{ID: "seo", Title: "seo", When: `context.page.referrer.contains("google")`},
		},
		Personas: []journey.Persona{{ID: "pro", Title: "pro", When: `traits.plan == "pro"`}},
		Touchpoints: []journey.Touchpoint{{
			ID: "order", Title: "order", Stage: "purchase", Channel: "seo", Importance: 5,
			Events: []string{"Order Completed"}, When: "properties.total > 100", Status: journey.Live,
		}},
	}
	for name, source := range map[string]string{
		"unix lines":      small,
		"windows lines":   strings.ReplaceAll(small, "\n", "\r\n"),
		"byte order mark": "\ufeff" + small,
		"document start":  "---\n" + small,
		"comments":        "# a\n" + strings.ReplaceAll(small, "\n", " # b\n\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, source)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(journey.Map{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseMapReadsDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90d": 90 * 24 * time.Hour, "36h": 36 * time.Hour, "90m": 90 * time.Minute,
		"3600s": time.Hour, "3650d": journey.MaxLostAfter, `"7d"`: 7 * 24 * time.Hour,
	} {
		if got := parse(t, "lost_after: "+text+"\n"+small).LostAfter; got != want {
			t.Errorf("lost_after: %s = %v, want %v", text, got, want)
		}
	}
}

func TestParseMapExamples(t *testing.T) {
	t.Parallel()
	m := parse(t, maps.Grocery())
	if len(m.Stages) != 9 || len(m.Personas) != 4 {
		t.Errorf("%d stages, %d personas; want 9 and 4", len(m.Stages), len(m.Personas))
	}
}

// mistake is one case: a text, or a replacement in the small map, and all errors it gives.
type mistake struct {
	name     string
	old, new string
	want     []string
}

func checkMistakes(t *testing.T, cases []mistake) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source := c.new
			if c.old != "" {
				source = strings.Replace(small, c.old, c.new, 1)
			}
			if source == small {
				t.Fatal("the case changes nothing")
			}
			if diff := cmp.Diff(c.want, errorsOf(t, source)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func errorsOf(t *testing.T, source string) []string {
	t.Helper()
	m, err := journey.ParseMap(source)
	var mistakes journey.MapErrors
	if !errors.As(err, &mistakes) || len(mistakes) == 0 || m != nil {
		t.Fatalf("ParseMap = %v, %v; want MapErrors", m, err)
	}
	lines := make([]string, len(mistakes))
	for i, e := range mistakes {
		path := ""
		if e.Path != "" {
			path = e.Path + ": "
		}
		lines[i] = fmt.Sprintf("%d:%d %s%s", e.Line, e.Column, path, e.Message)
	}
	return lines
}

func TestParseMapBoundsConditions(t *testing.T) {
	t.Parallel()
	padding := strings.Repeat(" ", 991)
	got := errorsOf(t, manyTouchpoints(110, "'true &&"+padding+"true'"))
	want := []string{"102:42 touchpoints[99].when: the conditions of the map have more than 100000 " +
		"bytes together; shorten them"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParseMapBoundsErrors(t *testing.T) {
	t.Parallel()
	got := errorsOf(t, manyTouchpoints(110, "foo"))
	if len(got) != 101 {
		t.Fatalf("%d errors, want 100 and a last one", len(got))
	}
	if want := "103:42 10 more mistakes from here on; mend the ones above first"; got[100] != want {
		t.Errorf("last error %q, want %q", got[100], want)
	}
}

// manyTouchpoints is a map with one touchpoint per line, from line 3 on.
func manyTouchpoints(n int, when string) string {
	var b strings.Builder
	b.WriteString("{title: x, stages: [{id: a}, {id: b}], touchpoints: [\n\n")
	for i := range n {
		fmt.Fprintf(&b, " {id: t%03d, stage: a, events: [e], when: %s},\n", i, when)
	}
	return b.String() + "]}"
}

func TestParseMapTellsEverythingInFileOrder(t *testing.T) {
	t.Parallel()
	got := errorsOf(t, `touchpoints:
  - {id: A, stage: nowhere, events: []}
stages: [{id: a}, {id: a}]
personas: [{id: p}]
title: 1
`)
	want := []string{"2:10", "2:20", "2:37", "3:24", "4:12", "5:8"}
	for i, line := range got {
		if i >= len(want) || !strings.HasPrefix(line, want[i]+" ") {
			t.Errorf("error %d is %q, want places %v", i, line, want)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d errors, want %d", len(got), len(want))
	}
}

func TestMapErrorsReadAsLines(t *testing.T) {
	t.Parallel()
	_, err := journey.ParseMap("stages: x\ntouchpoints: []\n")
	const want = "line 1, column 1: title: missing; name the map\n" +
		"line 1, column 9: stages: this is a text; it must be a list"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// TestParseMapReadsTheDocumentation: every map shown in the documentation is one.
func TestParseMapReadsTheDocumentation(t *testing.T) {
	t.Parallel()
	for _, source := range documented(t) {
		parse(t, source)
	}
}

// documented are the maps shown in the documentation.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/journey-map.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("no map is shown")
	}
	for i := range blocks {
		blocks[i], _, _ = strings.Cut(blocks[i], "```")
	}
	return blocks
}
