package spinetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine/enginetest"
)

// monday is what the times of worked cases count from, unless they are instants.
var monday = time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC)

// UnmarshalJSON reads an event as an object, or as a list: its time (an instant, or the time since
// monday: 1h30m, 2d12h), its name, its properties and other members of the message.
func (e *caseEvent) UnmarshalJSON(text []byte) error {
	if !bytes.HasPrefix(text, []byte("[")) {
		type object caseEvent
		return json.Unmarshal(text, (*object)(e)) //nolint:wrapcheck // for encoding/json
	}
	list := []any{&e.Time, &e.Event, &e.Props, &e.Message}
	if err := json.Unmarshal(text, &list); err != nil {
		return err //nolint:wrapcheck // for encoding/json
	}
	if strings.Contains(e.Time, "T") {
		return nil
	}
	since, err := sinceMonday(e.Time)
	e.Time = monday.Add(since).Format(time.RFC3339Nano)
	return err
}

func sinceMonday(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		days, rest = "0", text
	}
	n, err := strconv.Atoi(days)
	if err != nil || rest == "" {
		return time.Duration(n) * 24 * time.Hour, err //nolint:wrapcheck // for encoding/json
	}
	since, err := time.ParseDuration(rest)
	return time.Duration(n)*24*time.Hour + since, err //nolint:wrapcheck // for encoding/json
}

// TestWorkedExamples sends small worlds through ingest, Kafka and the processor, asks a question about
// each by gRPC and JSON, and compares with numbers and lists worked out by hand from the rules of
// docs/semantics.md. Each file of testdata/worked is a list of cases; their notes say why.
func TestWorkedExamples(t *testing.T) {
	t.Parallel()
	cases := workedCases(t)
	s := newSystem(t, enginetest.Kafka(t))
	s.process()
	tokens := make([]string, len(cases))
	for i := range cases {
		tokens[i] = s.deliverCase(i, cases[i])
	}
	s.settle(nil)
	for i, c := range cases {
		t.Run(c.ID, func(t *testing.T) { s.in(t).checkCase(i, c, tokens[i]) })
	}
}

func workedCases(t *testing.T) (cases []funnelCase) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "worked", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of worked cases, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var list []funnelCase
		reader := json.NewDecoder(bytes.NewReader(text))
		reader.DisallowUnknownFields()
		if err := reader.Decode(&list); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", name, err))
		}
		cases = append(cases, list...)
	}
	return cases
}
