package admit

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

func assembled(t interface{ Fatalf(string, ...any) }, p Pieces) (journey.Fact, *Refusal, []byte) {
	body := Assemble([]Pieces{p})
	if len(body.Messages) != 1 {
		t.Fatalf("%d messages", len(body.Messages))
	}
	body.Envelope.ReceivedAt = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	fact, refusal := Rules{SkewTolerance: DefaultSkewTolerance}.
		Admit(&body.Envelope, 0, body.Messages[0])
	return fact, refusal, body.Messages[0]
}

func TestAssemble(t *testing.T) {
	t.Parallel()
	body := Assemble([]Pieces{
		{},
		{
			Kind: journey.Track, Message: "m", User: "u\"\\\n", Visitor: "v", Previous: "p", Group: "g",
			Event: "e", Name: "n", Timestamp: "2026-01-02T03:04:05.123456789Z",
			Properties: ` {"a" : 1}`, Traits: `{}`, Context: `{"b":"\u00e9"}`,
		},
	})
	want := []string{
		`{}`,
		`{"anonymousId":"v","context":{"b":"\u00e9"},"event":"e","groupId":"g","messageId":"m",` +
			`"name":"n","previousId":"p","properties": {"a" : 1},` +
			`"timestamp":"2026-01-02T03:04:05.123456789Z","traits":{},"type":"track",` +
			`"userId":"u\"\\\n"}`,
	}
	got := []string{string(body.Messages[0]), string(body.Messages[1])}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAssembleRefusesWhatIsNoObject(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text   string
		reason Reason
	}{
		{`{"a":1},"userId":"evil"`, MalformedJSON},
		{`{"a":1}}`, MalformedJSON},
		{`{"a":1},"userId":"evil","x":{}`, MalformedJSON},
		{`{"a":`, MalformedJSON},
		{` `, MalformedJSON},
		{`{} {}`, MalformedJSON},
		{`{'a':1}`, MalformedJSON},
		{strings.Repeat("[", 5000), MalformedJSON},
		{`[1]`, WrongType},
		{`null`, WrongType},
		{` "text" `, WrongType},
		{`5`, WrongType},
		{`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, TooDeep},
		{`{"a":1e999}`, NumberOutOfRange},
	}
	for _, tt := range tests {
		for _, field := range []string{"properties", "traits", "context"} {
			p := Pieces{Kind: journey.Track, Message: "m", User: "u", Event: "e"}
			*map[string]*string{
				"properties": &p.Properties, "traits": &p.Traits, "context": &p.Context,
			}[field] = tt.text
			_, refusal, message := assembled(t, p)
			texts := tt.reason == MalformedJSON || tt.reason == WrongType
			if refusal == nil || refusal.Reason != tt.reason || texts && refusal.Message != "m" {
				t.Errorf("%s %.40q: %v", field, tt.text, refusal)
			}
			if !json.Valid(message) {
				t.Errorf("%s %.40q: the message is no JSON: %s", field, tt.text, message)
			}
		}
	}
}

func TestRefusedPiecesWithoutAnID(t *testing.T) {
	t.Parallel()
	for _, id := range []journey.MessageID{
		"", "null", "a\x00", journey.MessageID(strings.Repeat("x", MaxIDBytes+1)),
	} {
		_, refusal, _ := assembled(t, Pieces{Message: id, Properties: "x"})
		if refusal == nil || refusal.Message != "" {
			t.Errorf("%.20q: %+v", id, refusal)
		}
	}
}

// TestPiecesCannotReachOthers: whatever texts are sent as properties, traits and context, the
// message has the ids that it was given, or is refused.
func TestPiecesCannotReachOthers(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "{}", `{"a":{"userId":"evil"}}`, `{"a":1},"userId":"evil"`, `{},"userId":"evil","b":{}`,
			`"}`, `\`, `{"a":"\"}`, "\x00", `{"userId":"evil"}`,
		}),
		rapid.StringOf(rapid.SampledFrom([]rune(`{}[]",:\ausrIde1 `))),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		p := Pieces{
			Kind: journey.Track, Message: "m", User: "u", Visitor: "v", Event: "e",
			Properties: text.Draw(t, "properties"), Traits: text.Draw(t, "traits"),
			Context: text.Draw(t, "context"),
		}
		f, refusal, message := assembled(t, p)
		if !json.Valid(message) {
			t.Fatalf("no JSON: %s", message)
		}
		if refusal == nil && (f.User != "u" || f.Visitor != "v" || f.Event != "e" ||
			f.Message != "m" || f.Kind != journey.Track) {
			t.Fatalf("%s became %+v", message, f)
		}
	})
}
