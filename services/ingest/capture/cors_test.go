package capture

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// TestPreflights: on every path, also where nothing is, whatever it comes with, and without a key.
func TestPreflights(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, headers string }{
		{"/v1/t", "authorization"},
		{"/v1/t", "authorization,x-retry-count"},
		{"/v1/track", "anonymousid,authorization,content-type,sentat"},
		{"/v1/batch", "anonymousid,authorization,content-type,rsa-retry-attempt,rsa-retry-reason," +
			"rsa-since-first-attempt,rsa-since-last-attempt,sentat"},
		{"/v1/b", ""},
		{"//v1/batch/", "authorization"},
		{"/v1/m", "content-type"},
		{"/v1/projects/k/settings", "x-anything"},
		{"/analytics.js/v1/k/analytics.min.js", "x-anything"},
		{"/analytics-next/bundles/none.js", "x-anything"},
		{"/healthz", ""},
		{"/elsewhere", "authorization"},
	}
	for _, tt := range tests {
		t.Run(tt.path+" "+tt.headers, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			f.keys.away = errors.New("no ClickHouse")
			r := httptest.NewRequest(http.MethodOptions, tt.path, nil)
			r.Header.Set("Origin", "https://elsewhere.example")
			r.Header.Set("Access-Control-Request-Method", "POST")
			if tt.headers != "" {
				r.Header.Set("Access-Control-Request-Headers", tt.headers)
			}
			got := f.send(t, r)
			for name, want := range map[string]string{
				"Access-Control-Allow-Origin":   "*",
				"Access-Control-Allow-Headers":  tt.headers,
				"Access-Control-Allow-Methods":  "GET, HEAD, POST, OPTIONS",
				"Access-Control-Max-Age":        "86400",
				"Access-Control-Expose-Headers": "Retry-After",
				"Vary":                          "Access-Control-Request-Headers",
			} {
				if got.header.Get(name) != want {
					t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
				}
			}
			if got.status != 204 || f.keys.count() > 0 {
				t.Errorf("%d, %d keys looked up", got.status, f.keys.count())
			}
		})
	}
}

// TestEveryAnswerCanBeRead: by pages, whatever its status.
func TestEveryAnswerCanBeRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status  int
		request func() *http.Request
		change  func(*fixture)
	}{
		{200, func() *http.Request { return post("/v1/t", paid) }, nil},
		{400, func() *http.Request { return post("/v1/t", "{") }, nil},
		{401, func() *http.Request { return httptest.NewRequest("POST", "/v1/t", strings.NewReader("{}")) }, nil},
		{403, func() *http.Request { return post("/v1/t", paid) }, func(f *fixture) {
			f.keys.bySecret["wk"] = journey.Key{Kind: journey.WriteKey, Origins: []string{"https://x.example"}}
		}},
		{404, func() *http.Request { return post("/v1/x", paid) }, nil},
		{405, func() *http.Request { return httptest.NewRequest("PUT", "/v1/t", nil) }, nil},
		{413, func() *http.Request { return post("/v1/t", strings.Repeat(" ", 600<<10)) }, nil},
		{415, func() *http.Request {
			r := post("/v1/t", paid)
			r.Header.Set("Content-Encoding", "br")
			return r
		}, nil},
		{429, func() *http.Request { return post("/v1/batch", many(MaxMessages)) }, func(f *fixture) {
			f.keys.bySecret["wk"] = journey.Key{Site: "shop", Kind: journey.WriteKey, Rate: 1}
			f.ServeHTTP(httptest.NewRecorder(), post("/v1/t", paid))
		}},
		{500, func() *http.Request { return post("/v1/t", paid) }, func(f *fixture) {
			f.sink.err = errors.New("a bug")
		}},
		{503, func() *http.Request { return post("/v1/t", paid) }, func(f *fixture) {
			f.sink.err = fault.New(fault.Unavailable, "Kafka is away")
		}},
	}
	for _, tt := range tests {
		t.Run(http.StatusText(tt.status), func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			if tt.change != nil {
				tt.change(&f)
			}
			r := tt.request()
			r.Header.Set("Origin", "https://shop.example")
			got := f.send(t, r)
			if got.status != tt.status || got.header.Get("Access-Control-Allow-Origin") != "*" ||
				got.header.Get("Access-Control-Expose-Headers") != "Retry-After" {
				t.Errorf("%d %v %s", got.status, got.header, got.asBytes)
			}
			if waits := got.header.Get("Retry-After") != ""; waits != (tt.status == 429 || tt.status == 503) {
				t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
			}
		})
	}
}

// TestOriginOfAKey: a page that a key does not allow is refused for good, wherever the key stands.
func TestOriginOfAKey(t *testing.T) {
	t.Parallel()
	withKey := strings.TrimSuffix(paid, "}") + `,"writeKey":"wk"}`
	tests := []struct {
		name, origin, path, key, body string
		status                        int
	}{
		{"allowed", "https://www.shop.example", "/v1/t", "wk", paid, 200},
		{"not allowed", "https://other.example", "/v1/t", "wk", paid, 403},
		{"not allowed, key in the body", "https://other.example", "/v1/t", "", withKey, 403},
		{"allowed, key in the body", "https://www.shop.example", "/v1/t", "", withKey, 200},
		{
			"a beacon", "https://other.example", "/beacon/v1/batch?writeKey=wk", "",
			`{"batch":[` + paid + `]}`, 403,
		},
		{"a file", "null", "/v1/t", "wk", paid, 403},
		{"a server", "", "/v1/t", "wk", paid, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			f.keys.bySecret["wk"] = journey.Key{
				Site: "shop", Kind: journey.WriteKey, Origins: []string{"https://*.shop.example"},
			}
			r := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(tt.body))
			if tt.key != "" {
				r.SetBasicAuth(tt.key, "")
			}
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			got := f.send(t, r)
			if got.status != tt.status || (got.answer.code() == "origin_not_allowed") != (tt.status == 403) {
				t.Errorf("%d %s", got.status, got.asBytes)
			}
			if kept := len(f.sink.accepted) > 0; kept != (tt.status == 200) {
				t.Errorf("kept: %t", kept)
			}
		})
	}
}
