package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// drawnExample is an example that docs/semantics.md draws: what people did, the question, and the
// numbers that it states there.
//
// Done is "ann: A 9:00, B 9:05; bob: A 9:00": events with their times of day since 2 March 2026, UTC;
// a letter behind an = is the property p, several are an array. Steps are events, ? behind one that
// is optional. Fields are more of the question, with # before the name of an event.
//
// Drawn are the counts of steps, then those of each group or bucket, in order.
type drawnExample struct{ name, section, done, steps, fields, drawn string }

const (
	drawnDrop   = `"exclusions":[{"touchpoint":{"event":"#x"},"fromStep":1,"toStep":3}]`
	drawnRemove = `"exclusions":[{"touchpoint":{"event":"#x"},"fromStep":1,"toStep":3,
		"effect":"EXCLUSION_EFFECT_REMOVE"}]`
	drawnHours = `"asOf":"2026-03-02T10:30:00Z",`
	aWhile     = "u: A 9:00, x 9:01, B 9:02, C 9:03; v: C 9:00, A 9:05, B 9:10"
	aSplit     = "u: view 9:00=x, buy 9:05=y, buy 9:10=xz"
	aReentry   = "u: A 9:00, A 10:30, B 10:45, A 15:00"
)

// ofLargeOrders matches orders above 100 of which the first ever counts.
func ofLargeOrders(first string) string {
	return `"steps":[{"event":"#order","firstTime":"` + first + `","conditions":[{"name":"p",
		"operator":"OPERATOR_EQ","values":["large"]}]},{"event":"#pay"}],
		"range":{"fromTime":"2026-03-02T12:00:00Z","toTime":"2026-03-05T00:00:00Z"}`
}

var drawnExamples = []drawnExample{
	{"ties", "Attempts", "u: B 12:00, A 12:00, C 12:00:05", "A B C", ``, "1 1 1"},
	{"same-step", "Attempts", "one: A 12:00; two: A 12:00, A 12:00", "A A", ``, "2 1"},
	{"edge", "Attempts", "u: A 12:00, B 13:00; v: A 12:00, B 13:00:00.001", "A B", ``, "2 1"},
	{
		"no-greed", "Optional steps and within", "u: A 9:00, B 9:05, B 9:30, C 9:35", "A B C",
		`"steps":[{"event":"#A"},{"event":"#B"},{"event":"#C","withinSeconds":600}]`, "1 1 1",
	},
	{
		"left-out", "Optional steps and within", "u: A 9:00, C 9:10, B 9:20; v: A 9:00, B 9:05, C 9:10",
		"A B? C", ``, "2 1 2",
	},
	{"ordered", "Order", aWhile, "A B C", ``, "2 2 1"},
	{"strict", "Order", aWhile, "A B C", `"order":"ORDER_STRICT"`, "2 1 0"},
	{"any", "Order", aWhile, "A B C", `"order":"ORDER_ANY"`, "2 2 2"},
	{
		"swapped", "Simultaneity", "u: A 12:00, C 12:00:04, B 12:00:05", "A B C",
		`"simultaneitySeconds":2`, "1 1 1",
	},
	{"not-swapped", "Simultaneity", "u: A 12:00, C 12:00:04, B 12:00:05", "A B C", ``, "1 1 0"},
	{
		"held", "Hold", "u: cart 9:00=o, cart 9:05=p, pay 9:10=o, pay 9:20", "cart pay", `"hold":["p"]`,
		"1 1",
	},
	{
		"first-event", "First time", "u: order 6:00=small, order 13:00=large", "order pay",
		ofLargeOrders("FIRST_TIME_EVENT"), "0 0",
	},
	{
		"first-matching", "First time", "u: order 6:00=small, order 13:00=large", "order pay",
		ofLargeOrders("FIRST_TIME_MATCHING"), "1 0",
	},
	{"dropped", "Exclusions", "u: A 9:00, B 9:10, x 9:20, C 9:30", "A B C", drawnDrop, "1 1 0"},
	{"void", "Exclusions", "u: A 9:00, B 9:10, x 9:20, C 9:30", "A B C", drawnRemove, "0 0 0"},
	{"clean", "Exclusions", "u: A 9:00, x 9:10, A 9:15, B 9:20, C 9:30", "A B C", drawnDrop, "1 1 1"},
	{"at-once", "Exclusions", "u: A 9:00, B 9:10, x 9:10, C 9:30", "A B C", drawnDrop, "1 1 0"},
	{"too-late", "Exclusions", "u: A 9:00, B 9:10, x 10:05", "A B C", drawnRemove, "1 1 0"},
	{
		"ended-before", "Exclusions", "u: A 9:00, B 9:10, x 9:40", "A B C",
		`"steps":[{"event":"#A"},{"event":"#B"},{"event":"#C","withinSeconds":900}],` + drawnRemove, "1 1 0",
	},
	{"leaves", "Exclusions", "u: A 9:00, B 9:10, x 9:20, A 14:00", "A B C", drawnRemove, "0 0 0"},
	{"stays", "Exclusions", "u: A 9:00, x 9:10, A 14:00, B 14:10", "A B C", drawnRemove, "1 1 0"},
	{"first", "Which attempt counts", aReentry, "A B", `"reentry":"REENTRY_FIRST"`, "1 0"},
	{"best", "Which attempt counts", aReentry, "A B", ``, "1 1"},
	{
		"attempts", "Which attempt counts", "u: A 9:00, A 9:10, B 9:20, B 9:30, A 9:40", "A B",
		drawnHours + `"count":"COUNT_ATTEMPT"`, "2 1",
	},
	{
		"sessions", "Which attempt counts", "u: A 9:00, A 9:20, B 9:51, A 9:55, B 10:00", "A B",
		`"count":"COUNT_SESSION"`, "2 1",
	},
	{
		"steps", "Numbers per step",
		"ann: view 8:00, help 8:04, buy 8:10; bob: view 8:00, buy 8:02; cem: view 8:00", "view help? buy",
		``, "3 1 2",
	},
	{
		"first-touch", "Breakdown", aSplit, "view buy", `"breakdowns":[{"property":"p"}]`, "1 1; x 1 1",
	},
	{
		"last-touch", "Breakdown", aSplit, "view buy",
		`"breakdowns":[{"property":"p","attribution":"ATTRIBUTION_LAST_TOUCH"}]`, "1 1; x 1 1; z 1 1",
	},
	{
		"all-values", "Breakdown", aSplit, "view buy",
		`"breakdowns":[{"property":"p","attribution":"ATTRIBUTION_ALL"}]`, "1 1; x 1 1",
	},
	{
		"step-values", "Breakdown", aSplit, "view buy",
		`"breakdowns":[{"property":"p","attribution":"ATTRIBUTION_STEP","step":2}]`,
		"1 1; x 1 1; y 1 1; z 1 1",
	},
	{
		"trend", "Trend", "ann: view 9:00, view 35:00, buy 35:30; bob: view 14:00, buy 37:00",
		"view buy", `"windowSeconds":86400,"trend":{"interval":"INTERVAL_DAY"}`,
		"2 2; day 2 1; day 1 1; day 0 0",
	},
	{
		"convert", "Time to convert", "u: A 9:00, B 9:01; v: A 9:00, B 9:06", "A B",
		`"timeToConvert":{"fromStep":1,"toStep":2}`, "2 2; 60 … 210: 1; 210 … 360: 0; 360 … 510: 1",
	},
}

// drawnWorld has the people of all examples, each example's with events of their own.
func drawnWorld() goldenWorld {
	s := newScribe("drawn", "The examples that are drawn in What the numbers mean")
	for _, e := range drawnExamples {
		for person := range strings.SplitSeq(e.done, "; ") {
			name, deeds, _ := strings.Cut(person, ": ")
			for deed := range strings.SplitSeq(deeds, ", ") {
				s.write(e.message(name, deed))
			}
		}
	}
	return s.goldenWorld
}

// message is a deed of a person.
func (e drawnExample) message(person, deed string) goldenMessage {
	event, rest, _ := strings.Cut(deed, " ")
	clock, value, has := strings.Cut(rest, "=")
	parts := append(strings.Split(clock, ":"), "0")
	after, err := time.ParseDuration(parts[0] + "h" + parts[1] + "m" + parts[2] + "s")
	if err != nil {
		panic(err)
	}
	m := goldenMessage{
		Type: "track", UserID: e.name + " " + person, Event: e.name + " " + event,
		Timestamp: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).Add(after),
	}
	switch {
	case has && value == "xz":
		m.Properties = map[string]any{"p": []string{"x", "z"}}
	case has:
		m.Properties = map[string]any{"p": value}
	}
	return m
}

// drawnQuestions are the questions of the examples.
func drawnQuestions() []goldenQuestion {
	questions := make([]goldenQuestion, len(drawnExamples))
	for i, e := range drawnExamples {
		var steps []string
		for step := range strings.FieldsSeq(e.steps) {
			event, optional := strings.CutSuffix(step, "?")
			of := `{"event":"#` + event + `"`
			if optional {
				of += `,"optional":true`
			}
			steps = append(steps, of+"}")
		}
		fields := `"steps":[` + strings.Join(steps, ",") + "]"
		if e.fields != "" {
			fields += "," + e.fields
		}
		questions[i] = goldenQuestion{
			"drawn-" + e.name, "drawn", "As drawn under " + e.section,
			strings.ReplaceAll(fields, "#", e.name+" "),
		}
	}
	return questions
}

// TestDrawnExamples holds the published answers to the numbers that the page states, by hand.
func TestDrawnExamples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var published goldenVectors
	if err := json.Unmarshal(text, &published); err != nil {
		t.Fatal(err)
	}
	answers := make(map[string]goldenAnswer)
	for _, v := range published.Vectors {
		answers[v.Name] = v.Answer
	}
	for _, e := range drawnExamples {
		if got := answers["drawn-"+e.name].drawn(); got != e.drawn {
			t.Errorf("%s, under %s: %q is drawn, %q published", e.name, e.section, e.drawn, got)
		}
	}
}

// drawn are the numbers as an example states them.
func (a goldenAnswer) drawn() string {
	parts := []string{countsDrawn(a.Steps)}
	for _, g := range a.Groups {
		parts = append(parts, g.Values[0].Value+" "+countsDrawn(g.Steps))
	}
	for _, b := range a.Trend {
		parts = append(parts, "day "+countsDrawn(b.Steps))
	}
	if d := a.TimeToConvert; d != nil {
		for _, b := range d.Bins {
			parts = append(parts, fmt.Sprintf("%g … %g: %d", b.FromSeconds, b.ToSeconds, b.Count))
		}
	}
	return strings.Join(parts, "; ")
}

func countsDrawn(steps []goldenStep) string {
	var counts []string
	for _, s := range steps {
		counts = append(counts, strconv.Itoa(s.Count))
	}
	return strings.Join(counts, " ")
}
