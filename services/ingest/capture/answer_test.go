package capture

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/fault"
)

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
	f.Handler = New(
		Config{Ready: func() bool { return false }}, NewKeyring(f.keys, 0), f.sink, f.outcomes)
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
		{
			Endpoint: "/v1/batch", Status: 200, Code: "ok", Accepted: 1,
			Refused: []admit.Reason{admit.UnknownType},
		},
		{
			Endpoint: "/v1/t", Status: 400, Code: "missing_field",
			Refused: []admit.Reason{admit.MissingField},
		},
		{Endpoint: "/v1/t", Status: 400, Code: "malformed_json"},
	}
	for i := range f.outcomes.answered {
		f.outcomes.answered[i].Took = 0
	}
	if diff := cmp.Diff(want, f.outcomes.answered); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
