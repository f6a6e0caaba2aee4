package admit

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

func TestNDJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       []string
	}{
		{"nothing", "", nil},
		{"blank lines", "\n \r\n\t\n", nil},
		{"without a last line feed", "{\"a\":1}\n{\"b\":2}", []string{`{"a":1}`, `{"b":2}`}},
		{"CRLF", "{\"a\":1}\r\n\r\n{\"b\":2}\r\n", []string{`{"a":1}`, `{"b":2}`}},
		{"any value, or none", "1\n\"x\"\n{\"a\n[\n", []string{"1", `"x"`, `{"a`, "["}},
		{"byte order mark", "\uFEFF{}\n", []string{"{}"}},
		{"two on a line are one message", "{} {}\n", []string{"{} {}"}},
		{"escaped line feed", `{"a":"x\ny"}`, []string{`{"a":"x\ny"}`}},
	}
	for _, tt := range tests {
		b, refusal := NDJSON([]byte(tt.body))
		if refusal != nil {
			t.Errorf("%s: %v", tt.name, refusal)
		}
		if diff := cmp.Diff(tt.want, texts(b.Messages)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func texts(messages [][]byte) []string {
	var all []string
	for _, m := range messages {
		all = append(all, string(m))
	}
	return all
}

// TestBadLine: a line that cannot be read is refused alone.
func TestBadLine(t *testing.T) {
	t.Parallel()
	b, _ := NDJSON([]byte("{\"event\":\n" + `{"type":"track","event":"e","userId":"u"}` + "\n"))
	b.Envelope.Site, b.Envelope.ReceivedAt = "shop", received
	if _, refusal := rules.Admit(&b.Envelope, 0, b.Messages[0]); refusal == nil ||
		refusal.Reason != MalformedJSON {
		t.Errorf("refusal %v", refusal)
	}
	if f, refusal := rules.Admit(&b.Envelope, 1, b.Messages[1]); refusal != nil ||
		f.Kind != journey.Track {
		t.Errorf("fact %+v, refusal %v", f, refusal)
	}
}
