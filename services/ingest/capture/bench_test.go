package capture

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// ignoring is a Sink and an Observer that do nothing.
type ignoring struct{}

func (ignoring) Write(context.Context, []journey.Fact, []wire.Quarantined) error { return nil }
func (ignoring) Answered(Outcome)                                                {}
func (ignoring) Failed(error)                                                    {}

// page is a message of about 700 bytes.
const page = `{"timestamp":"2026-01-02T11:59:58.123Z","integrations":{},` +
	`"userId":null,"anonymousId":"0f7c3f3a-55a1-4ad0-b8a6-5e2f0d1c9b11","type":"track",` +
	`"event":"Product Added","properties":{"product_id":"507f1f77","sku":"G-32",` +
	`"name":"Monopoly: 3rd Edition","price":18.99,"quantity":2,"coupon":"MAYDEALS",` +
	`"currency":"USD","position":3,"cart_id":"skdjsidjsdkdj29j"},"context":{"page":` +
	`{"path":"/academy/","referrer":"","search":"?q=1","title":"Analytics Academy",` +
	`"url":"https://example.com/academy/"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64)",` +
	`"locale":"en-US","library":{"name":"analytics.js","version":"npm:next-1.84.3"}},` +
	`"messageId":"ajs-next-1767355198123-51ef4abb-4bca-4abb-9bca-5886"}`

// BenchmarkSingle answers requests of one message, without a network and a sink.
func BenchmarkSingle(b *testing.B) { benchmarkServe(b, "/v1/t", page) }

// BenchmarkBatch100 answers batches of 100.
func BenchmarkBatch100(b *testing.B) {
	benchmarkServe(b, "/v1/batch", `{"batch":[`+strings.Repeat(page+",", 99)+page+`]}`)
}

func benchmarkServe(b *testing.B, path, body string) {
	h := New(Config{
		Rules: admit.Rules{SkewTolerance: admit.DefaultSkewTolerance}, InFlightBytes: 64 << 20,
		WriteTimeout: 1e9, Ready: func() bool { return true },
	}, NewKeyring(shopKeys(), 0), ignoring{}, ignoring{})
	r := httptest.NewRequest(http.MethodPost, path, nil)
	r.SetBasicAuth("wk", "")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")
	r.ContentLength = int64(len(body))
	reader := strings.NewReader(body)
	r.Body = http.NoBody
	w := &blank{header: http.Header{}}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		reader.Reset(body)
		r.Body = keptOpen{reader}
		clear(w.header)
		h.ServeHTTP(w, r)
		if w.status != 0 {
			b.Fatalf("status %d", w.status)
		}
	}
}

// blank is an answer that nobody reads.
type blank struct {
	header http.Header
	status int
}

func (w *blank) Header() http.Header         { return w.header }
func (w *blank) Write(p []byte) (int, error) { return len(p), nil }
func (w *blank) WriteHeader(status int)      { w.status = status }

type keptOpen struct{ *strings.Reader }

func (keptOpen) Close() error { return nil }
