package admit

import (
	"strings"
	"testing"
	"time"

	"github.com/waystage/waystage/services/journey"
)

func TestDerivedID(t *testing.T) {
	t.Parallel()
	const base = `{"type":"track","event":"e","userId":"u","timestamp":"2026-01-02T10:00:00Z"}`
	id := func(kind journey.Kind, index uint32, at time.Time, message string) journey.MessageID {
		env := single(kind)
		env.ReceivedAt = at
		f, refusal := rules.Admit(&env, index, []byte(message))
		if refusal != nil {
			t.Fatalf("%s: %v", message, refusal)
		}
		return f.Message
	}
	want := id(journey.KindUnknown, 0, received, base)
	if !strings.HasPrefix(string(want), DerivedPrefix) || len(want) != len(DerivedPrefix)+32 {
		t.Errorf("id %q", want)
	}
	with := func(members string) journey.MessageID {
		return id(journey.Track, 0, received, base[:len(base)-1]+","+members+"}")
	}
	changed := func(old, other string) journey.MessageID {
		return id(journey.Track, 0, received, strings.Replace(base, old, other, 1))
	}
	later := received.Add(time.Minute)
	for name, same := range map[string]journey.MessageID{
		"sent again":      id(journey.KindUnknown, 3, later, base),
		"by its endpoint": changed(`"type":"track",`, ""),
		"other order": changed(base,
			`{"timestamp":"2026-01-02T10:00:00Z","userId":"u","event":"\u0065"}`),
		"with sentAt":        with(`"sentAt":"2026-01-02T12:00:00Z"`),
		"with its write key": with(`"writeKey":"k"`),
		"with nulls":         with(`"anonymousId":null,"context":{}`),
		"an id of nobody":    with(`"messageId":"undefined"`),
	} {
		if same != want {
			t.Errorf("%s: another id", name)
		}
	}
	for name, other := range map[string]journey.MessageID{
		"other user":  changed(`"u"`, `"w"`),
		"other time":  changed(`10:00`, `10:01`),
		"other kind":  id(journey.Identify, 0, received, base),
		"other event": changed(`"e"`, `"f"`),
		"context":     with(`"context":{"a":1}`),
		"property":    with(`"properties":{"a":null}`),
	} {
		if other == want {
			t.Errorf("%s: the same id", name)
		}
	}
}

// TestDerivedIDWithoutTime: nothing but receipt and place tells two equal messages apart.
func TestDerivedIDWithoutTime(t *testing.T) {
	t.Parallel()
	id := func(index uint32, at time.Time) journey.MessageID {
		env := single(journey.Track)
		env.ReceivedAt = at
		f, refusal := rules.Admit(&env, index, []byte(`{"event":"e","userId":"u"}`))
		if refusal != nil {
			t.Fatal(refusal)
		}
		return f.Message
	}
	first := id(0, received)
	if first != id(0, received) {
		t.Error("not a function of its arguments")
	}
	if first == id(1, received) || first == id(0, received.Add(1)) {
		t.Error("two messages with one id")
	}
}
