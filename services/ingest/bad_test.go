package ingest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/wire"
)

func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

// bad are messages that must not enter, and why.
var bad = []struct {
	name, message string
	reason        admit.Reason
}{
	{"wrong type of a message", `"text"`, admit.WrongType},
	{
		"wrong type of the event", `{"type":"track","event":{"a":1},"userId":"u","messageId":"x"}`,
		admit.WrongType,
	},
	{"wrong type of properties", track("x", `,"properties":"p"`), admit.WrongType},
	{"33 KB", track("x", `,"properties":{"a":"`+strings.Repeat("x", 33<<10)+`"}`), admit.TooLarge},
	{"66 KB", track("x", `,"properties":{"a":"`+strings.Repeat("x", 66<<10)+`"}`), admit.TooLarge},
	{"no id", `{"type":"track","event":"e","messageId":"x"}`, admit.NoIdentity},
	{
		"an id of nobody", `{"type":"track","event":"e","userId":"null","messageId":"x"}`,
		admit.NoIdentity,
	},
	{"year 0", track("x", `,"timestamp":"0000-01-01T00:00:00Z"`), admit.TimeOutOfRange},
	{"year 9999", track("x", `,"timestamp":"9999-12-31T23:59:59Z"`), admit.TimeOutOfRange},
	{"no time", track("x", `,"timestamp":"soon"`), admit.BadTime},
	{
		"NUL in the event", `{"type":"track","event":"a\u0000","userId":"u","messageId":"x"}`,
		admit.NULCharacter,
	},
	{
		"NUL in an id", `{"type":"track","event":"a","userId":"u\u0000","messageId":"x"}`,
		admit.NULCharacter,
	},
	{"invalid UTF-8", track("x", ",\"properties\":{\"a\":\"\xff\xfe\"}"), admit.InvalidUTF8},
	{"10,000 levels", track("x", `,"properties":{"a":`+nested(10_000)+`}`), admit.TooDeep},
	{"overflow", track("x", `,"properties":{"a":1e999}`), admit.NumberOutOfRange},
	{"unknown type", `{"type":"purchase","userId":"u","messageId":"x"}`, admit.UnknownType},
}

// TestBadNeighbours: each bad message stands between two good ones, which arrive; it goes to
// quarantine with its reason and payload, and the answer names it.
func TestBadNeighbours(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i, b := range bad {
		first, second := fmt.Sprintf("%03d-a", i), fmt.Sprintf("%03d-b", i)
		got := s.post("/v1/batch", []byte(
			`{"batch":[`+track(first, "")+`,`+b.message+`,`+track(second, "")+`]}`))
		if got.Status != 200 || got.Accepted != 2 || len(got.Refused) != 1 ||
			got.Refused[0].Index != 1 || got.Refused[0].Reason != string(b.reason) {
			t.Errorf("%s: answer %+v", b.name, got)
		}
	}
	if facts := s.facts(); len(facts) != 2*len(bad) {
		t.Errorf("%d facts, want %d", len(facts), 2*len(bad))
	}
	all := s.quarantined()
	if len(all) != len(bad) {
		t.Fatalf("%d in quarantine, want %d", len(all), len(bad))
	}
	for i, b := range bad {
		q := all[i]
		whole := string(q.Payload) == b.message
		cut := q.PayloadCut && len(q.Payload) == wire.MaxPayloadBytes &&
			strings.HasPrefix(b.message, string(q.Payload))
		if q.Reason != string(b.reason) || q.Site != "shop" || q.Index != 1 ||
			q.Source != "/v1/batch" || q.By != wire.ByIngest || q.Detail == "" || !whole && !cut {
			t.Errorf("%s: quarantine %.300v", b.name, q)
		}
	}
	if n := s.refusedAs(admit.TooLarge); n != 2 {
		t.Errorf("%v messages counted as too large", n)
	}
}

// refusedAs is what the metrics say of a reason.
func (s *service) refusedAs(reason admit.Reason) float64 {
	s.tb.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.tb.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "waystage_ingest_refused_messages_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == string(reason) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// TestBadAlone: the same messages alone are answered with the reason, and kept in quarantine.
func TestBadAlone(t *testing.T) {
	t.Parallel()
	s := open(t)
	sent := 0
	for _, b := range bad {
		if b.reason == admit.UnknownType {
			continue // the endpoint says the type
		}
		sent++
		got := s.post("/v1/track", []byte(b.message))
		status := 400
		if b.reason == admit.TooLarge {
			status = 413
		}
		if got.Status != status || got.Error.Code != string(b.reason) || got.Error.Message == "" {
			t.Errorf("%s: answer %+v", b.name, got)
		}
	}
	if n := len(s.quarantined()); n != sent {
		t.Errorf("%d in quarantine, want %d", n, sent)
	}
	if n := len(s.facts()); n != 0 {
		t.Errorf("%d facts", n)
	}
}

// TestBadRequests: what is no request is answered and leaves nothing behind; the next one works.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := open(t)
	bomb := func() []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		for range 32 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := []byte(`{"batch":[` + track("a", "") + `]}`)
	tests := []struct {
		name    string
		body    []byte
		headers []string
		status  int
		code    string
	}{
		{"malformed", []byte(`{"batch":[{]}`), nil, 400, "malformed_json"},
		{"nothing", nil, nil, 400, "malformed_json"},
		{"501 KB", append(good, bytes.Repeat([]byte(" "), 501<<10)...), nil, 413, "body_too_large"},
		{"10 MB", append(good, bytes.Repeat([]byte(" "), 10<<20)...), nil, 413, "body_too_large"},
		{"gzip bomb", bomb(), []string{"Content-Encoding", "gzip"}, 413, "body_too_large"},
		{"broken gzip", good, []string{"Content-Encoding", "gzip"}, 400, "bad_gzip"},
		{"unknown key", good, []string{"Authorization", "Basic bm9uZTo="}, 401, "unknown_write_key"},
		{"no key", good, []string{"Authorization", ""}, 401, "missing_write_key"},
	}
	for _, tt := range tests {
		got := s.post("/v1/batch", tt.body, tt.headers...)
		if got.Status != tt.status || got.Error.Code != tt.code || got.Error.Message == "" {
			t.Errorf("%s: answer %+v", tt.name, got)
		}
	}
	if n := len(s.quarantined()) + len(s.facts()); n != 0 {
		t.Errorf("%d records", n)
	}
	if got := s.post("/v1/batch", good); got.Status != 200 {
		t.Errorf("afterwards: %+v", got)
	}
}
