package ingest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/waystage/waystage/services/engine/enginetest"
)

// example is a message of about 700 bytes, split where its id belongs.
var example = strings.SplitN(`{"timestamp":"2026-01-02T11:59:58.123Z","integrations":{},`+
	`"userId":null,"anonymousId":"0f7c3f3a-55a1-4ad0-b8a6-5e2f0d1c9b11","type":"track",`+
	`"event":"Product Added","properties":{"product_id":"507f1f77","sku":"G-32",`+
	`"name":"Monopoly: 3rd Edition","price":18.99,"quantity":2,"coupon":"MAYDEALS",`+
	`"currency":"USD","position":3,"cart_id":"skdjsidjsdkdj29j"},"context":{"page":`+
	`{"path":"/academy/","referrer":"","search":"?q=1","title":"Analytics Academy",`+
	`"url":"https://example.com/academy/"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64)",`+
	`"locale":"en-US","library":{"name":"analytics.js","version":"npm:next-1.84.3"}},`+
	`"messageId":"ajs-next-1767355198123-51ef4abb-4bca-4abb-9bca-MARK"}`, "MARK", 2)

// BenchmarkIngestBatch100 sends batches of 100 over loopback, with the embedded Kafka behind.
func BenchmarkIngestBatch100(b *testing.B) { benchmark(b, "/v1/batch", 100) }

// BenchmarkIngestSingle sends messages alone.
func BenchmarkIngestSingle(b *testing.B) { benchmark(b, "/v1/track", 1) }

func benchmark(b *testing.B, path string, messages int) {
	config := testConfig(enginetest.Kafka(b))
	config.InFlightBytes *= 2
	s := start(b, config, nil)
	s.awaitReady(true)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	var next atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var body bytes.Buffer
		for pb.Next() {
			fill(&body, &next, messages)
			answer, err := client.Post(s.url+path+"?writeKey=wk", "application/json", &body)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				b.Errorf("answer %d", answer.StatusCode)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N*messages)/b.Elapsed().Seconds(), "messages/s")
}

func fill(body *bytes.Buffer, next *atomic.Int64, messages int) {
	body.Reset()
	if messages == 1 {
		write(body, next)
		return
	}
	body.WriteString(`{"batch":[`)
	for i := range messages {
		if i > 0 {
			body.WriteByte(',')
		}
		write(body, next)
	}
	body.WriteString(`],"sentAt":"2026-01-02T11:59:59Z"}`)
}

func write(body *bytes.Buffer, next *atomic.Int64) {
	body.WriteString(example[0])
	body.WriteString(strconv.FormatInt(next.Add(1), 10))
	body.WriteString(example[1])
}
