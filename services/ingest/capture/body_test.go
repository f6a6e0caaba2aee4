package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func gzipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// padded is a batch of exactly so many bytes.
func padded(size int) []byte {
	body := `{"batch":[` + paid + `]}`
	return []byte(body + strings.Repeat(" ", size-len(body)))
}

func TestBodies(t *testing.T) {
	t.Parallel()
	whole := gzipped(t, padded(1000))
	tests := []struct {
		name, encoding string
		body           []byte
		status         int
		code           string
	}{
		{"at the limit", "", padded(MaxBodyBytes), 200, "ok"},
		{"a byte over the limit", "", padded(MaxBodyBytes + 1), 413, "body_too_large"},
		{"501 KB", "", padded(501 << 10), 413, "body_too_large"},
		{"5 MB", "", padded(5 << 20), 413, "body_too_large"},
		{"gzip", "gzip", whole, 200, "ok"},
		{"gzip in capitals", " GZIP", whole, 200, "ok"},
		{"gzip at the limit", "gzip", gzipped(t, padded(MaxBodyBytes)), 200, "ok"},
		{"gzip over the limit", "gzip", gzipped(t, padded(MaxBodyBytes+1)), 413, "body_too_large"},
		{"gzip bomb", "gzip", gzipped(t, padded(8<<20)), 413, "body_too_large"},
		{
			"two gzip members", "gzip", append(gzipped(t, padded(1000)), gzipped(t, []byte(" "))...), 200,
			"ok",
		},
		{"gzip cut", "gzip", whole[:len(whole)-5], 400, "bad_gzip"},
		{"gzip spoilt", "gzip", append(bytes.Clone(whole[:len(whole)-4]), 1, 2, 3, 4), 400, "bad_gzip"},
		{"no gzip", "gzip", []byte(paid), 400, "bad_gzip"},
		{"empty gzip", "gzip", nil, 400, "bad_gzip"},
		{"brotli", "br", whole, 415, "unsupported_encoding"},
		{"identity", "identity", padded(1000), 200, "ok"},
		{"empty", "", nil, 400, "malformed_json"},
		{"malformed", "", []byte(`{"batch":[`), 400, "malformed_json"},
		{"no batch", "", []byte(paid), 400, "missing_field"},
		{"batch of a wrong type", "", []byte(`{"batch":{}}`), 400, "wrong_type"},
		{
			"5,001 messages", "", []byte(`{"batch":[` + strings.Repeat("{},", 5000) + `{}]}`), 413,
			"too_many_messages",
		},
		{
			"a context that becomes too large", "",
			[]byte(`{"context":{"a":"` + strings.Repeat("x", 20_000) + `"},"batch":[` +
				strings.Repeat("{},", 250) + `{}]}`),
			413, "context_too_large",
		},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chunked %t", tt.name, chunked), func(t *testing.T) {
				t.Parallel()
				f := newFixture()
				var body io.Reader = bytes.NewReader(tt.body)
				if chunked {
					body = io.MultiReader(body)
				}
				r := httptest.NewRequest(http.MethodPost, "/v1/batch", body)
				r.SetBasicAuth("wk", "")
				if tt.encoding != "" {
					r.Header.Set("Content-Encoding", tt.encoding)
				}
				got := f.send(t, r)
				if got.status != tt.status || got.answer.code() != tt.code {
					t.Errorf("%d %s", got.status, got.asBytes)
				}
				if got.answer.Error != nil && got.answer.Error.Message == "" {
					t.Error("the answer does not say what to do")
				}
			})
		}
	}
}

// counting counts what is read through it.
type counting struct {
	io.Reader

	bytes int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes += n
	return n, err
}

// TestUnpackingIsBounded: of a bomb no more than a byte over the limit is decompressed, and the
// hold covers what was.
func TestUnpackingIsBounded(t *testing.T) {
	t.Parallel()
	raw := &counting{Reader: bytes.NewReader(gzipped(t, padded(16<<20)))}
	all := raw.Reader.(*bytes.Reader).Len()
	hold := hold{budget: &budget{limit: 1 << 30}}
	if _, err := unpack(raw, &hold); !errors.Is(err, bodyTooLarge) {
		t.Fatalf("error %v", err)
	}
	if raw.bytes > all/2 {
		t.Errorf("%d of %d compressed bytes were read", raw.bytes, all)
	}
	if hold.bytes < MaxBodyBytes || hold.bytes > 3*MaxBodyBytes {
		t.Errorf("%d bytes held", hold.bytes)
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.budget.limit = 100_000
	large := strings.TrimSuffix(paid, "}") + `,"properties":{"a":"` + strings.Repeat("x", 25_000) + `"}}`
	body := `{"batch":[` + large + `,` + large + `]}`
	got := f.send(t, post("/v1/batch", body))
	if got.status != 503 || got.answer.code() != "busy" || got.header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", got.status, got.asBytes)
	}
	if got = f.send(t, post("/v1/batch", string(padded(10_000)))); got.status != 200 {
		t.Errorf("%d %s", got.status, got.asBytes)
	}
}

// TestAnnouncingHoldsLittle: a sender who announces a large body and sends none holds no more than
// the first buffer.
func TestAnnouncingHoldsLittle(t *testing.T) {
	t.Parallel()
	f := newFixture()
	reader, writer := io.Pipe()
	began := make(chan struct{})
	r := httptest.NewRequest(http.MethodPost, "/v1/batch", &notifying{reader, began, sync.Once{}})
	r.ContentLength = MaxBodyBytes
	r.SetBasicAuth("wk", "")
	answered := make(chan reply)
	go func() { answered <- f.send(t, r) }()
	<-began
	if used := f.InFlightBytes(); used > mostFirstBytes {
		t.Errorf("%d bytes held", used)
	}
	writer.CloseWithError(io.ErrUnexpectedEOF)
	if got := <-answered; got.status != 503 || got.answer.code() != "body_cut" {
		t.Errorf("%d %s", got.status, got.asBytes)
	}
}

type notifying struct {
	io.Reader

	began chan struct{}
	once  sync.Once
}

func (n *notifying) Read(p []byte) (int, error) {
	n.once.Do(func() { close(n.began) })
	return n.Reader.Read(p)
}

// TestBuffersAreNotShared: bodies of all sizes at the same time come out as they went in.
func TestBuffersAreNotShared(t *testing.T) {
	t.Parallel()
	f := newFixture()
	var group sync.WaitGroup
	const senders, each = 8, 40
	for sender := range senders {
		group.Go(func() {
			for i := range each {
				text := strings.Repeat(string(rune('a'+sender)), 1+i*i*20)
				body := `{"event":"e","properties":{"text":"` + text + `"}}` // nobody's
				w := httptest.NewRecorder()
				r := post("/v1/track", body)
				if i%2 == 0 {
					r = httptest.NewRequest(
						http.MethodPost, "/v1/track", bytes.NewReader(gzipped(t, []byte(body))))
					r.SetBasicAuth("wk", "")
					r.Header.Set("Content-Encoding", "gzip")
				}
				f.ServeHTTP(w, r)
			}
		})
	}
	group.Wait()
	lengths := map[string]int{}
	for _, q := range f.sink.refused {
		_, text, _ := strings.Cut(string(q.Payload), `"text":"`)
		text, _, _ = strings.Cut(text, `"`)
		if strings.Trim(text, text[:1]) != "" {
			t.Fatalf("mixed: %.100s", q.Payload)
		}
		lengths[text[:1]] += len(text)
	}
	want := 0
	for i := range each {
		want += 1 + i*i*20
	}
	for letter, got := range lengths {
		if got != want {
			t.Errorf("%s: %d bytes, want %d", letter, got, want)
		}
	}
	if len(lengths) != senders || len(f.sink.refused) != senders*each {
		t.Errorf("%d senders, %d messages", len(lengths), len(f.sink.refused))
	}
}
