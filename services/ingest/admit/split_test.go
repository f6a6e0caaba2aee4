package admit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

func TestBatchContext(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, context, message string
		want                   journey.Object
		refused                Reason
	}{
		{"only the batch's", `{"library":{"name":"go"}}`, `null`, `{"library":{"name":"go"}}`, ""},
		{"only the message's", `null`, `{"b":1,"a":2}`, `{"a":2,"b":1}`, ""},
		{
			"per key the message's", `{"a":{"x":1},"c":1}`, `{"b":2,"a":{"y":2}}`,
			`{"a":{"y":2},"b":2,"c":1}`, "",
		},
		{"a null of the message wins", `{"a":1}`, `{"a":null}`, `{"a":null}`, ""},
		{"both empty", `{}`, `{}`, ``, ""},
		{"of a wrong type", `[]`, `{}`, ``, WrongType},
		{"too deep", `{"a":` + nest("[", "]", MaxDepth) + `}`, `{}`, ``, TooDeep},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, refusal := Batch([]byte(`{"context":` + tt.context + `,"batch":[{"type":"track",` +
				`"event":"e","userId":"u","messageId":"m","context":` + tt.message + `}]}`))
			if refusal != nil {
				t.Fatal(refusal)
			}
			b.Envelope.Site, b.Envelope.ReceivedAt = "shop", received
			f, refusal := rules.Admit(&b.Envelope, 0, b.Messages[0])
			if tt.refused != "" {
				if refusal == nil || refusal.Reason != tt.refused || refusal.Message != "m" {
					t.Errorf("refusal %+v, want %s of message m", refusal, tt.refused)
				}
				return
			}
			if refusal != nil || f.Context != tt.want {
				t.Errorf("context %s, refusal %v; want %s", f.Context, refusal, tt.want)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		messages   []string
		key        string
		refused    Reason
	}{
		{
			"batch", `{"batch":[{"a":1} , {"b":2}],"writeKey":"k"}`, []string{`{"a":1}`, `{"b":2}`}, "k", "",
		},
		{
			"what is no object is a message", `{"batch":[1,null,"x",[]]}`,
			[]string{"1", "null", `"x"`, "[]"},
			"", "",
		},
		{"empty batch", ` {"batch" : [ ] } `, nil, "", ""},
		{"the last of two", `{"batch":[1],"batch":[2]}`, []string{"2"}, "", ""},
		{
			"inner writeKey is the message's", `{"batch":[{"writeKey":"x"}]}`,
			[]string{`{"writeKey":"x"}`},
			"", "",
		},
		{"writeKey is no text", `{"batch":[],"writeKey":5}`, nil, "", ""},
		{
			"a deep neighbour", `{"batch":[` + nest("[", "]", 20_000) + `,{}]}`,
			[]string{nest("[", "]", 20_000), `{}`},
			"", "",
		},
		{"invalid UTF-8 in a neighbour", "{\"batch\":[\"\xff\",{}]}", []string{"\"\xff\"", `{}`}, "", ""},
		{"no JSON", `{"batch":[{]}`, nil, "", MalformedJSON},
		{"nothing", ``, nil, "", MalformedJSON},
		{"cut", `{"batch":[{}`, nil, "", MalformedJSON},
		{"two bodies", `{"batch":[]}{"batch":[]}`, nil, "", MalformedJSON},
		{"no batch", `{"messages":[]}`, nil, "", MissingField},
		{"null batch", `{"batch":null}`, nil, "", MissingField},
		{"batch is an object", `{"batch":{}}`, nil, "", WrongType},
		{"bare array", `[{}]`, nil, "", WrongType},
		{"bare text", `"x"`, nil, "", WrongType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, refusal := Batch([]byte(tt.body))
			if tt.refused != "" {
				if refusal == nil || refusal.Reason != tt.refused {
					t.Errorf("refusal %v, want %s", refusal, tt.refused)
				}
				return
			}
			if refusal != nil {
				t.Fatal(refusal)
			}
			var got []string
			for _, m := range b.Messages {
				got = append(got, string(m))
			}
			if diff := cmp.Diff(tt.messages, got); diff != "" || b.WriteKey != tt.key {
				t.Errorf("key %q, messages (-want +got):\n%s", b.WriteKey, diff)
			}
		})
	}
}

func TestSingle(t *testing.T) {
	t.Parallel()
	b, refusal := Single([]byte(" {\"event\":\"e\",\"writeKey\":\"k\\u0041\"}\n"))
	if refusal != nil || len(b.Messages) != 1 || b.WriteKey != "kA" {
		t.Fatalf("body %+v, refusal %v", b, refusal)
	}
	for _, body := range []string{"", "{", `{"a":1}x`, "nul"} {
		if _, refusal = Single([]byte(body)); refusal == nil || refusal.Reason != MalformedJSON {
			t.Errorf("%q: refusal %v", body, refusal)
		}
	}
	if _, refusal = Single([]byte("[1]")); refusal != nil {
		t.Errorf("an array is JSON: %v", refusal)
	}
}

// TestMessagesAreBounded: of a body that holds too many messages one more is given than may be.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	list := func(n int) string { return strings.TrimSuffix(strings.Repeat("{},", n), ",") }
	for name, read := range map[string]func(n int) (Body, *Refusal){
		"batch":  func(n int) (Body, *Refusal) { return Batch([]byte(`{"batch":[` + list(n) + `]}`)) },
		"lines":  func(n int) (Body, *Refusal) { return NDJSON([]byte(strings.Repeat("{}\n", n))) },
		"events": func(n int) (Body, *Refusal) { return CloudEvents([]byte("[" + list(n) + "]")) },
	} {
		for sent, want := range map[int]int{
			MaxMessages: MaxMessages, MaxMessages + 1: MaxMessages + 1, 4 * MaxMessages: MaxMessages + 1,
		} {
			if body, no := read(sent); no != nil || len(body.Messages) != want {
				t.Errorf("%s of %d: %d, %v", name, sent, len(body.Messages), no)
			}
		}
	}
}
