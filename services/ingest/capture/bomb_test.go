package capture

import (
	"bytes"
	"compress/gzip"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

// TestBombs is not parallel: it measures what the process allocates, garbage too. That stays
// within a hundred times the body, whatever it holds.
func TestBombs(t *testing.T) { //nolint:paralleltest // see above
	fill := func(head, each, tail string) string {
		n := (MaxBodyBytes - len(head) - len(tail)) / len(each)
		return head + strings.Repeat(each, n) + tail
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(make([]byte, 100<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	empty := bytes.Repeat(gzipped(t, nil), MaxBodyBytes/30)
	tests := []struct{ name, path, encoding, body string }{
		{"100 MB of zeros", "/v1/batch", "gzip", packed.String()},
		{"empty parts of gzip", "/v1/batch", "gzip", string(empty)},
		{"messages of a byte", "/v1/batch", "", fill(`{"batch":[1`, ",1", `]}`)},
		{"lines of a byte", "/v1/ndjson", "", fill("1", "\n1", "")},
		{"events of two bytes", "/v1/events", "", fill("[{}", ",{}", "]")},
		{"arrays in arrays", "/v1/batch", "", fill(`{"batch":[`, "[", "")},
		{"closed arrays in arrays", "/v1/batch", "", `{"batch":[` + deep(MaxBodyBytes/2-10) + `]}`},
		{"objects in objects", "/v1/track", "", fill("", `{"a":`, "")},
		{"a context of arrays", "/v1/batch", "", `{"context":{"a":` + deep(MaxBodyBytes/2-20) + `},"batch":[]}`},
		{"a wide context", "/v1/batch", "", fill(`{"context":{"a":[1`, ",1", `]},"batch":[]}`)},
		{"names of a context", "/v1/batch", "", fill(`{"context":{"":1`, `,"":1`, `},"batch":[{}]}`)},
		{
			"a wide message with an address", "/v1/batch", "",
			fill(`{"batch":[{"ip":"192.0.2.9","a":[1`, ",1", `]}]}`),
		},
		{"a wide message alone", "/v1/track", "", fill(`{"ip":"192.0.2.9","a":[[]`, ",[]", `]}`)},
		{
			"wide messages", "/v1/batch", "",
			`{"batch":[0` + strings.Repeat(`,{"a":[1`+strings.Repeat(",1", 16000)+"]}", 3) + "]}",
		},
		{"addresses", "/v1/track", "", fill(`{"a":["1.1.1.1"`, `,"1.1.1.1"`, `]}`)},
		{"places of addresses", "/v1/track", "", fill(`{"a":1`, `,"ip":""`, `}`)},
		{"members of a message", "/v1/track", "", fill(`{"a":1`, `,"":1`, "}")},
		{"members of a batch", "/v1/batch", "", fill(`{"batch":[]`, `,"":1`, "}")},
		{"batches in a batch", "/v1/batch", "", fill(`{"batch":[]`, `,"batch":[1]`, "}")},
		{"members of an event", "/v1/events", "", fill(`{"specversion":"1.0"`, `,"a":1`, "}")},
		{
			"members of many messages", "/v1/batch", "",
			fill(`{"batch":[{}`, `,{"type":"track","event":"e","userId":"u","properties":{"a":1`+
				strings.Repeat(`,"b":1`, 4000)+"}}", "]}"),
		},
		{"many refused", "/v1/batch", "", many(MaxMessages)},
		{"escapes", "/v1/batch", "", fill(`{"writeKey":"`, `\u0000`, `","batch":[]}`)},
	}
	for _, tt := range tests {
		f := newFixture()
		send := func() *httptest.ResponseRecorder {
			r := post(tt.path, tt.body)
			r.Header.Set("Content-Encoding", tt.encoding)
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			return w
		}
		send() // buffers are there now
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := send()
		runtime.ReadMemStats(&after)
		used := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d, %d KB in %d pieces", tt.name, got.Code, used>>10, after.Mallocs-before.Mallocs)
		if used > 48<<20 {
			t.Errorf("%s: %d bytes", tt.name, used)
		}
	}
}

func deep(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}
