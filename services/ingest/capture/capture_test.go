package capture

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// sink is a Sink in memory.
type sink struct {
	sync.Mutex
	accepted []journey.Fact
	refused  []wire.Quarantined
	err      error
	before   func(context.Context)
}

func (s *sink) Write(
	ctx context.Context, accepted []journey.Fact, refused []wire.Quarantined,
) error {
	if s.before != nil {
		s.before(ctx)
	}
	s.Lock()
	defer s.Unlock()
	if s.err != nil {
		return s.err
	}
	s.accepted = append(s.accepted, accepted...)
	for _, q := range refused {
		q.Payload = bytes.Clone(q.Payload)
		s.refused = append(s.refused, q)
	}
	return nil
}

// outcomes is an Observer that remembers.
type outcomes struct {
	sync.Mutex
	answered []Outcome
	failed   []error
}

func (o *outcomes) Answered(outcome Outcome) {
	o.Lock()
	defer o.Unlock()
	o.answered = append(o.answered, outcome)
}

func (o *outcomes) Failed(err error) {
	o.Lock()
	defer o.Unlock()
	o.failed = append(o.failed, err)
}

type fixture struct {
	*Handler

	keys     *keys
	sink     *sink
	outcomes *outcomes
}

var now = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func newFixture() fixture {
	f := fixture{keys: shopKeys(), sink: &sink{}, outcomes: &outcomes{}}
	f.Handler = New(Config{
		Rules: admit.Rules{SkewTolerance: admit.DefaultSkewTolerance}, InFlightBytes: 32 << 20,
		WriteTimeout: time.Second, Ready: func() bool { return true },
		Now: func() time.Time { return now },
	}, NewKeyring(f.keys), f.sink, f.outcomes)
	return f
}

// reply is an answer with its body decoded.
type reply struct {
	status  int
	header  http.Header
	answer  answer
	asBytes []byte
}

func (f fixture) send(t *testing.T, r *http.Request) reply {
	t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	got := reply{status: w.Code, header: w.Header(), asBytes: w.Body.Bytes()}
	if r.Method != http.MethodOptions {
		if err := json.Unmarshal(got.asBytes, &got.answer); err != nil {
			t.Errorf("%s: the answer is no JSON: %q", r.URL.Path, got.asBytes)
		}
	}
	if used := f.InFlightBytes(); used != 0 {
		t.Errorf("%d bytes are still held after the answer", used)
	}
	return got
}

func post(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.SetBasicAuth("wk", "")
	return r
}

const paid = `{"type":"track","event":"Paid","userId":"u","messageId":"m-1"}`

func TestSingleMessages(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints {
		if e.batch() {
			continue
		}
		f := newFixture()
		got := f.send(t, post(e.path,
			`{"event":"Paid","userId":"u","groupId":"g","previousId":"v","messageId":"m"}`))
		if string(got.asBytes) != `{"success":true,"accepted":1,"refused":[]}`+"\n" ||
			got.status != 200 {
			t.Errorf("%s: %d %s", e.path, got.status, got.asBytes)
		}
		if len(f.sink.accepted) != 1 || f.sink.accepted[0].Kind != e.kind ||
			f.sink.accepted[0].Site != "shop" || !f.sink.accepted[0].ReceivedAt.Equal(now) {
			t.Errorf("%s: kept %+v", e.path, f.sink.accepted)
		}
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch"} {
		f := newFixture()
		got := f.send(t, post(path, `{"batch":[`+paid+`,{"type":"track","userId":"u","messageId":"m-2"},`+
			`5,{"type":"page","anonymousId":"v"}],"sentAt":"2026-01-02T12:00:00Z"}`))
		want := answer{Success: true, Accepted: new(2), Refused: []refusal{
			{1, "m-2", admit.MissingField, `field "event" is missing or empty: name what happened`},
			{2, "", admit.WrongType, "want a JSON object, got a number"},
		}}
		if diff := cmp.Diff(want, got.answer); diff != "" || got.status != 200 {
			t.Errorf("%s: %d (-want +got):\n%s", path, got.status, diff)
		}
		if len(f.sink.accepted) != 2 || f.sink.accepted[1].Index != 3 {
			t.Errorf("%s: kept %+v", path, f.sink.accepted)
		}
		wantRefused := wire.Quarantined{
			Site: "shop", By: wire.ByIngest, Reason: "wrong_type",
			Detail: "want a JSON object, got a number", Payload: []byte("5"), ReceivedAt: now,
			Index: 2, Source: path,
		}
		if len(f.sink.refused) != 2 {
			t.Fatalf("%s: %d in quarantine", path, len(f.sink.refused))
		}
		if diff := cmp.Diff(wantRefused, f.sink.refused[1]); diff != "" {
			t.Errorf("%s: quarantine (-want +got):\n%s", path, diff)
		}
	}
}

func TestEmptyBatch(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.sink.err = errors.New("must not be asked")
	got := f.send(t, post("/v1/batch", `{"batch":[]}`))
	if string(got.asBytes) != `{"success":true,"accepted":0,"refused":[]}`+"\n" {
		t.Errorf("%d %s", got.status, got.asBytes)
	}
}

func TestRefusedSingle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		status     int
		reason     admit.Reason
	}{
		{"no identity", `{"event":"e","messageId":"m"}`, 400, admit.NoIdentity},
		{"no object", `[1]`, 400, admit.WrongType},
		{"too large", `{"event":"` + strings.Repeat("x", 33<<10) + `"}`, 413, admit.TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			got := f.send(t, post("/v1/track", tt.body))
			if got.status != tt.status || got.answer.Error == nil ||
				got.answer.Error.Code != string(tt.reason) || got.answer.Error.Message == "" {
				t.Errorf("%d %s", got.status, got.asBytes)
			}
			if len(f.sink.refused) != 1 || string(f.sink.refused[0].Payload) != tt.body ||
				f.sink.refused[0].Reason != string(tt.reason) {
				t.Errorf("quarantine %+v", f.sink.refused)
			}
		})
	}
}

func TestWriteKeyPlaces(t *testing.T) {
	t.Parallel()
	const query = "/v1/track?writeKey=wk"
	withKey := strings.TrimSuffix(paid, "}") + `,"writeKey":"wk"}`
	tests := []struct {
		name, path, header, body string
		status                   int
		code                     string
	}{
		{"basic", "/v1/track", "Basic d2s6", paid, 200, "ok"},
		{"basic with a password", "/v1/track", "Basic d2s6c2VjcmV0", paid, 200, "ok"},
		{"basic in lower case", "/v1/track", "basic d2s6", paid, 200, "ok"},
		{"bearer", "/v1/track", "Bearer wk", paid, 200, "ok"},
		{"query", query, "", paid, 200, "ok"},
		{"body", "/v1/track", "", withKey, 200, "ok"},
		{"body of a batch", "/v1/batch", "", `{"writeKey":"wk","batch":[` + paid + `]}`, 200, "ok"},
		{"empty user: the query", query, "Basic Og==", paid, 200, "ok"},
		{"the header outweighs", query, "Bearer nonsense", withKey, 401, "unknown_write_key"},
		{"nowhere", "/v1/track", "", paid, 401, "missing_write_key"},
		{"in a message of a batch", "/v1/batch", "", `{"batch":[` + withKey + `]}`, 401, "missing_write_key"},
		{"unknown in the body", "/v1/track", "", strings.Replace(withKey, `"wk"`, `"x"`, 1), 401, "unknown_write_key"},
		{"no base64", "/v1/track", "Basic wk", paid, 401, "bad_authorization"},
		{"other scheme", "/v1/track", "Digest wk", paid, 401, "bad_authorization"},
		{"read key", "/v1/track", "Bearer rk", paid, 403, "not_a_write_key"},
		{"revoked", "/v1/track", "Bearer revoked", paid, 401, "unknown_write_key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			r := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(tt.body))
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			got := f.send(t, r)
			if got.status != tt.status || got.answer.code() != tt.code {
				t.Errorf("%d %s", got.status, got.asBytes)
			}
			if kept := len(f.sink.accepted) == 1; kept != (tt.status == 200) {
				t.Errorf("kept: %t", kept)
			}
		})
	}
}

func packed(t *testing.T, body []byte) []byte {
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
	whole := packed(t, padded(1000))
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
		{"gzip at the limit", "gzip", packed(t, padded(MaxBodyBytes)), 200, "ok"},
		{"gzip over the limit", "gzip", packed(t, padded(MaxBodyBytes+1)), 413, "body_too_large"},
		{"gzip bomb", "gzip", packed(t, padded(8<<20)), 413, "body_too_large"},
		{"two gzip members", "gzip", append(packed(t, padded(1000)), packed(t, []byte(" "))...), 200, "ok"},
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
		{"5,001 messages", "", []byte(`{"batch":[` + strings.Repeat("{},", 5000) + `{}]}`), 413, "too_many_messages"},
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
	raw := &counting{Reader: bytes.NewReader(packed(t, padded(16<<20)))}
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
	body := string(padded(50_000))
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
	if got := <-answered; got.status != 400 || got.answer.code() != "body_cut" {
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

func TestSinkErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		status int
		code   string
		logged bool
	}{
		{"away", fault.New(fault.Unavailable, "Kafka is away"), 503, "unavailable", false},
		{"slow", context.DeadlineExceeded, 503, "unavailable", false},
		{"broken", errors.New("secret cause"), 500, "internal", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			f.sink.err = tt.err
			for _, body := range []string{paid, `{}`} {
				got := f.send(t, post("/v1/track", body))
				if got.status != tt.status || got.answer.code() != tt.code ||
					strings.Contains(string(got.asBytes), "secret cause") {
					t.Errorf("%d %s", got.status, got.asBytes)
				}
				if (got.header.Get("Retry-After") == "1") != (tt.status == 503) {
					t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
				}
			}
			if logged := len(f.outcomes.failed) == 2; logged != tt.logged {
				t.Errorf("logged %v", f.outcomes.failed)
			}
		})
	}
}

func TestKeysAway(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.send(t, post("/v1/track", paid))
	f.keys.set(func(k *keys) { k.away = errors.New("no ClickHouse") })
	if got := f.send(t, post("/v1/track", paid)); got.status != 200 {
		t.Errorf("known key: %d %s", got.status, got.asBytes)
	}
	r := post("/v1/track", paid)
	r.SetBasicAuth("other", "")
	got := f.send(t, r)
	if got.status != 503 || got.header.Get("Retry-After") != "1" {
		t.Errorf("unknown key: %d %s", got.status, got.asBytes)
	}
}

// TestSenderGone: what has been received is kept, also when the sender has hung up.
func TestSenderGone(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.send(t, post("/v1/track", paid))
	ctx, cancel := context.WithCancel(t.Context())
	f.sink.before = func(within context.Context) {
		cancel()
		if within.Err() != nil {
			t.Error("the sink was given up")
		}
		if _, bounded := within.Deadline(); !bounded {
			t.Error("the sink may take for ever")
		}
	}
	if got := f.send(t, post("/v1/track", paid).WithContext(ctx)); got.status != 200 {
		t.Errorf("%d", got.status)
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.sink.before = func(context.Context) { panic("boom") }
	got := f.send(t, post("/v1/track", paid))
	if got.status != 500 || got.answer.code() != "internal" || len(f.outcomes.failed) != 1 ||
		!strings.Contains(f.outcomes.failed[0].Error(), "boom") {
		t.Errorf("%d %s, logged %v", got.status, got.asBytes, f.outcomes.failed)
	}
	f.sink.before = nil
	if got = f.send(t, post("/v1/track", paid)); got.status != 200 {
		t.Errorf("after the panic: %d", got.status)
	}
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"POST", "//v1/track", 200, ""},
		{"POST", "/v1//track", 200, ""},
		{"POST", "/v1/track/", 200, ""},
		{"POST", "/x/../v1/track", 200, ""},
		{"POST", "/v1/%74rack", 200, ""},
		{"GET", "/v1/track", 405, "POST, OPTIONS"},
		{"PUT", "/v1/batch", 405, "POST, OPTIONS"},
		{"POST", "/v1/Track", 404, ""},
		{"POST", "/v2/track", 404, ""},
		{"GET", "/", 404, ""},
		{"GET", "/healthz", 200, ""},
		{"HEAD", "/healthz", 200, ""},
		{"GET", "/readyz", 200, ""},
		{"POST", "/readyz", 405, "GET, HEAD, OPTIONS"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(paid))
			r.SetBasicAuth("wk", "")
			got := f.send(t, r)
			if got.status != tt.status || got.header.Get("Allow") != tt.allow {
				t.Errorf("%d, Allow %q", got.status, got.header.Get("Allow"))
			}
			if got.header.Get("Access-Control-Allow-Origin") != "*" ||
				got.header.Get("Access-Control-Expose-Headers") != "Retry-After" {
				t.Error("no CORS headers")
			}
		})
	}
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.Handler = New(Config{Ready: func() bool { return false }}, NewKeyring(f.keys), f.sink, f.outcomes)
	got := f.send(t, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if got.status != 503 || got.answer.code() != "not_ready" {
		t.Errorf("%d %s", got.status, got.asBytes)
	}
	if got = f.send(t, httptest.NewRequest(http.MethodGet, "/healthz", nil)); got.status != 200 {
		t.Errorf("alive: %d", got.status)
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	f := newFixture()
	for _, path := range []string{"/v1/t", "/v1/batch", "//v1/batch", "/elsewhere"} {
		r := httptest.NewRequest(http.MethodOptions, path, nil)
		r.Header.Set("Access-Control-Request-Headers", "authorization,x-retry-count")
		got := f.send(t, r)
		if got.status != 204 || got.header.Get("Access-Control-Allow-Origin") != "*" ||
			got.header.Get("Access-Control-Allow-Headers") != "authorization,x-retry-count" ||
			!strings.Contains(got.header.Get("Access-Control-Allow-Methods"), "POST") ||
			got.header.Get("Access-Control-Max-Age") == "" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.send(t, post("/v1/batch", `{"batch":[`+paid+`,{}]}`))
	f.send(t, post("/v1/t", `{}`))
	f.send(t, post("/v1/t", `{`))
	want := []Outcome{
		{Endpoint: "/v1/batch", Status: 200, Code: "ok", Accepted: 1, Refused: []admit.Reason{admit.UnknownType}},
		{Endpoint: "/v1/t", Status: 400, Code: "missing_field", Refused: []admit.Reason{admit.MissingField}},
		{Endpoint: "/v1/t", Status: 400, Code: "malformed_json"},
	}
	for i := range f.outcomes.answered {
		f.outcomes.answered[i].Took = 0
	}
	if diff := cmp.Diff(want, f.outcomes.answered); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
