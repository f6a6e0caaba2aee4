package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// TestCrowdCountsWhatItWrites holds the arithmetic to the messages themselves.
func TestCrowdCountsWhatItWrites(t *testing.T) {
	t.Parallel()
	c := newCrowd()
	persons, touchpoints := make(map[string]bool), 0
	users := make(map[string]string)
	for n := 1; n <= groupMessages+groupPersons+groupPersons/2; n++ {
		var body bytes.Buffer
		c.write(&body, time.Unix(1, 0).UTC())
		var m struct{ Type, AnonymousID, UserID string }
		if err := json.Unmarshal(body.Bytes(), &m); err != nil {
			t.Fatalf("%v: %s", err, &body)
		}
		persons[m.AnonymousID] = true
		if m.Type != "identify" {
			touchpoints++
		}
		if other, known := users[m.UserID]; known && m.UserID != "" && other != m.AnonymousID {
			t.Fatalf("%s is %s and %s", m.UserID, other, m.AnonymousID)
		}
		users[m.UserID] = m.AnonymousID
		if c.touchpoints() != touchpoints || c.persons() != len(persons) {
			t.Fatalf("after %d messages: %d touchpoints and %d persons, want %d and %d", n,
				c.touchpoints(), c.persons(), touchpoints, len(persons))
		}
		if n%997 == 0 && (body.Len() < 600 || body.Len() > 850) {
			t.Errorf("a message has %d bytes: %s", body.Len(), &body)
		}
	}
}

func TestMillisIsTheNearestRank(t *testing.T) {
	t.Parallel()
	spans := []time.Duration{4, 1, 3, 2}
	for i := range spans {
		spans[i] *= time.Millisecond
	}
	for _, c := range []struct {
		share float64
		want  string
	}{{0, "1.0"}, {0.25, "1.0"}, {0.5, "2.0"}, {0.51, "3.0"}, {0.99, "4.0"}, {1, "4.0"}} {
		if got := millis(spans, c.share); got != c.want {
			t.Errorf("quantile %g is %s, want %s", c.share, got, c.want)
		}
	}
	if got := millis(nil, 0.5); got != "–" {
		t.Errorf("of nothing: %s", got)
	}
}

func TestFlowOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		ok   bool
	}{
		{nil, true},
		{[]string{"-rate", "20", "-steady-time", "1s"}, true},
		{[]string{"-rate", "19"}, false},
		{[]string{"-connections", "0"}, false},
		{[]string{"-ingest-time", "999ms"}, false},
	} {
		if _, err := readFlowOptions(c.args); (err == nil) != c.ok {
			t.Errorf("%v gives %v", c.args, err)
		}
	}
}
