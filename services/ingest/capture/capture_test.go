package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/ingest/admit"
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
	}, NewKeyring(f.keys, 0), f.sink, f.outcomes)
	return f
}

// reply is an answer with its body decoded.
type reply struct {
	status  int
	header  http.Header
	answer  answer
	asBytes []byte
}

func (a answer) code() string {
	if a.Error == nil {
		return "ok"
	}
	return a.Error.Code
}

func (f fixture) send(t *testing.T, r *http.Request) reply {
	t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	got := reply{status: w.Code, header: w.Header(), asBytes: w.Body.Bytes()}
	if got.header.Get("Content-Type") == "application/json" && r.Method != http.MethodHead {
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
	for i := range endpoints {
		e := &endpoints[i]
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
			Index: 2, Source: path, Key: "w", Imported: path == "/v1/import", SentAt: now,
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
		{
			"in a message of a batch", "/v1/batch", "", `{"batch":[` + withKey + `]}`, 401,
			"missing_write_key",
		},
		{
			"unknown in the body", "/v1/track", "", strings.Replace(withKey, `"wk"`, `"x"`, 1), 401,
			"unknown_write_key",
		},
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
