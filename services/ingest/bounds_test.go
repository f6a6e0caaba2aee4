package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine/enginetest"
)

// line is a connection on which a test says what it likes.
type line struct {
	*net.TCPConn

	tb     testing.TB
	reader *bufio.Reader
}

func (s *service) dial() line {
	s.tb.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { conn.Close() })
	if err = conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		s.tb.Fatal(err)
	}
	return line{TCPConn: conn.(*net.TCPConn), tb: s.tb, reader: bufio.NewReader(conn)}
}

func (w line) say(texts ...string) {
	w.tb.Helper()
	for _, text := range texts {
		if _, err := io.WriteString(w.TCPConn, text); err != nil {
			w.tb.Fatal(err)
		}
	}
}

// hear gives the next answer.
func (w line) hear() answer {
	w.tb.Helper()
	got, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		w.tb.Fatal(err)
	}
	defer got.Body.Close()
	a := answer{Status: got.StatusCode}
	text, err := io.ReadAll(got.Body)
	if err != nil {
		w.tb.Fatal(err)
	}
	if got.Header.Get("Content-Type") == "application/json" {
		if err = json.Unmarshal(text, &a); err != nil {
			w.tb.Fatalf("%v: %q", err, text)
		}
	}
	if waits := got.Header.Get("Retry-After") != ""; waits != (a.Status == 503) {
		w.tb.Errorf("%d with Retry-After %q", a.Status, got.Header.Get("Retry-After"))
	}
	return a
}

// isClosed waits until the other side has closed the connection.
func (w line) isClosed() bool {
	_, err := w.reader.ReadByte()
	timeout, ok := errors.AsType[net.Error](err)
	return err != nil && (!ok || !timeout.Timeout())
}

const batchHead = "POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Basic d2s6\r\n"

// TestSlowSenders: headers that do not come end the connection, a body that does not come is told
// so in a way that no SDK drops.
func TestSlowSenders(t *testing.T) {
	t.Parallel()
	config := testConfig(enginetest.Kafka(t))
	config.ReadTimeout = 2 * time.Second
	s := start(t, config, nil)
	s.awaitReady(true)
	silent, request, header, second := s.dial(), s.dial(), s.dial(), s.dial()
	body, unpacked := s.dial(), s.dial()
	request.say(batchHead[:10])
	header.say(batchHead, "X-")
	second.say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := second.hear(); got.Status != 200 {
		t.Errorf("%+v", got)
	}
	second.say(batchHead, "X-")
	body.say(batchHead, "Content-Length: 100\r\n\r\n{")
	unpacked.say(batchHead, "Content-Encoding: gzip\r\nContent-Length: 100\r\n\r\n",
		string(gzipped(t, []byte(`{"batch":[]}`))[:12]))
	for name, w := range map[string]line{"body": body, "gzip": unpacked} {
		if got := w.hear(); got.Status != 503 || got.Error.Code != "too_slow" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, w := range map[string]line{
		"nothing": silent, "request": request, "header": header, "second": second, "body": body,
	} {
		if !w.isClosed() {
			t.Errorf("%s: the connection is still open", name)
		}
	}
}

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLies: what a request says of itself is not believed, and what was cut on its way is told so
// in a way that no SDK drops.
func TestLies(t *testing.T) {
	t.Parallel()
	s := open(t)
	good := `{"batch":[` + track("a", "") + `]}`
	packed := string(gzipped(t, []byte(good)))
	large := `{"batch":[` + strings.Repeat(" ", 490_000) + track("b", "") + `]}`
	tests := []struct {
		name, said string
		status     int
		code       string
	}{
		{"longer than said", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(good)-1, good), 400, "malformed_json"},
		{"shorter than said", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(good)+1, good), 503, "body_cut"},
		{
			"gzip cut on its way", fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s",
				len(packed), packed[:len(packed)-9]), 503, "body_cut",
		},
		{
			"gzip cut at its start", fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s",
				len(packed), packed[:5]), 503, "body_cut",
		},
		{
			"gzip sent cut", fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s",
				len(packed)-9, packed[:len(packed)-9]), 400, "bad_gzip",
		},
		{"chunks cut", "Transfer-Encoding: chunked\r\n\r\n40\r\n" + good[:20], 503, "body_cut"},
		{"chunks without an end", "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"bat\r\n", 503, "body_cut"},
		{"chunks of nonsense", "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" + good, 503, "body_cut"},
		{"500 GB", "Content-Length: 500000000000\r\n\r\n", 413, "body_too_large"},
		{"a header that is none", "X\r\n\r\n", 400, ""},
		{"no length that is one", "Content-Length: -1\r\n\r\n", 400, ""},
		{"two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, ""},
		{"an encoding that is none", "Transfer-Encoding: x\r\n\r\n", 501, ""},
		{"headers of 64 KB", "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 431, ""},
		{"4,000 headers", strings.Repeat("X: x\r\n", 8_000) + "\r\n", 431, ""},
	}
	for _, tt := range tests {
		w := s.dial()
		w.say(batchHead, tt.said)
		_ = w.CloseWrite()
		if got := w.hear(); got.Status != tt.status || got.Error.Code != tt.code {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	if n := len(s.facts()) + len(s.quarantined()); n != 0 {
		t.Errorf("%d records", n)
	}

	// A refused sender reads its answer, however much it sent, and the connection goes on.
	w := s.dial()
	for range 3 {
		w.say("POST /v1/batch?writeKey=none HTTP/1.1\r\nHost: x\r\n",
			fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(large), large))
		if got := w.hear(); got.Status != 401 {
			t.Errorf("%+v", got)
		}
	}
	// One that asks before it sends is not asked to send.
	w = s.dial()
	w.say("POST /v1/batch?writeKey=none HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n",
		fmt.Sprintf("Content-Length: %d\r\n\r\n", len(large)))
	if got := w.hear(); got.Status != 401 {
		t.Errorf("expecting: %+v", got)
	}
}

// TestConnectionsAreBounded: those beyond the bound are closed, and one that ends makes room.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	config := testConfig(enginetest.Kafka(t))
	config.MaxConnections = 3
	s := start(t, config, nil)
	s.awaitReady(true)
	const ask = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	kept := make([]line, config.MaxConnections)
	for i := range kept {
		kept[i] = s.dial()
		kept[i].say(ask)
		if got := kept[i].hear(); got.Status != 200 {
			t.Fatalf("%+v", got)
		}
	}
	if w := s.dial(); !w.isClosed() {
		t.Error("one too many is open")
	}
	if n := s.listener.count(); n != 3 || s.metric("waystage_ingest_connections") != 3 ||
		s.metric("waystage_ingest_refused_connections_total") != 1 {
		t.Errorf("%d open", n)
	}
	kept[0].Close()
	deadline := time.Now().Add(time.Minute)
	for s.listener.count() == 3 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	w := s.dial()
	w.say(ask)
	if got := w.hear(); got.Status != 200 {
		t.Errorf("%+v", got)
	}
}

// metric is the value of a metric without labels.
func (s *service) metric(name string) float64 {
	s.tb.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.tb.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			m := family.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return -1
}

// TestNamesAreBounded: what senders name is in no metric.
func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	s := open(t)
	series := func() int {
		families, err := s.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, family := range families {
			n += len(family.GetMetric())
		}
		return n
	}
	var body strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&body, `,{"event":"e%d","type":"track","userId":"u%d"}`, i, i)
	}
	before := series()
	got := s.post("/v1/batch", []byte(`{"batch":[`+body.String()[1:]+`]}`))
	if got.Status != 200 || got.Accepted != 5000 {
		t.Errorf("%+v", got)
	}
	for i := range 100 {
		s.post(fmt.Sprintf("/v1/none%d", i), nil)
	}
	if after := series(); after != before+1 {
		t.Errorf("%d series, %d before", after, before)
	}
	if n := len(s.facts()); n != 5000 {
		t.Errorf("%d facts", n)
	}
}

// TestIdleConnectionsAreCheap is not parallel: it measures the memory of the process.
func TestIdleConnectionsAreCheap(t *testing.T) { //nolint:paralleltest // see above
	s := open(t)
	use := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	const most = 1000
	before := use()
	for range most {
		w := s.dial()
		w.say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if got := w.hear(); got.Status != 200 {
			t.Fatalf("%+v", got)
		}
	}
	if each := (use() - before) / most; each > 30<<10 {
		t.Errorf("%d bytes for each connection, this side's included", each)
	}
}
