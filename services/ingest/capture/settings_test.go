package capture

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path, host, remote, forwarded, public string
		tls                                         bool
		want                                        string
	}{
		{
			name: "plain", path: "/v1/projects/wk_1/settings", host: "in.example:8081",
			want: `"Segment.io":{"apiKey":"wk_1","apiHost":"in.example:8081/v1","protocol":"http"}`,
		},
		{
			name: "TLS", path: "/v1/projects/wk_1/settings", host: "in.example", tls: true,
			want: `"Segment.io":{"apiKey":"wk_1","apiHost":"in.example/v1","protocol":"https"}`,
		},
		{
			name: "behind a proxy", path: "//v1/projects/wk_1/settings/", host: "in.example",
			remote: "10.0.0.1:1", forwarded: "HTTPS, http",
			want: `"Segment.io":{"apiKey":"wk_1","apiHost":"in.example/v1","protocol":"https"}`,
		},
		{
			name: "behind a stranger", path: "/v1/projects/wk_1/settings", host: "in.example",
			remote: "192.0.2.1:1", forwarded: "https",
			want: `"Segment.io":{"apiKey":"wk_1","apiHost":"in.example/v1","protocol":"http"}`,
		},
		{
			name: "stated", path: "/v1/projects/wk_1/settings", host: "10.1.1.1", tls: false,
			public: "https://www.example/collect/",
			want:   `"Segment.io":{"apiKey":"wk_1","apiHost":"www.example/collect/v1","protocol":"https"}`,
		},
		{
			name: "any key at all", path: `/v1/projects/a%22b%2Fc/settings`, host: "in.example",
			want: `"Segment.io":{"apiKey":"a\"b/c","apiHost":"in.example/v1","protocol":"http"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			f.config.Proxies = inside
			f.keys.away = errors.New("no ClickHouse")
			if tt.public != "" {
				public, err := url.Parse(tt.public)
				if err != nil {
					t.Fatal(err)
				}
				f.config.Public = public
			}
			r := httptest.NewRequest(http.MethodGet, tt.path, nil)
			r.Host = tt.host
			if tt.remote != "" {
				r.RemoteAddr = tt.remote
			}
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			r.Header.Set("X-Forwarded-Proto", tt.forwarded)
			got := f.send(t, r)
			want := `{"integrations":{` + tt.want + `},"metrics":{"sampleRate":0}}`
			if string(got.asBytes) != want || got.status != 200 ||
				got.header.Get("Content-Type") != "application/json" ||
				got.header.Get("Access-Control-Allow-Origin") != "*" || f.keys.count() > 0 {
				t.Errorf("%d %v\n%s, want\n%s", got.status, got.header, got.asBytes, want)
			}
		})
	}
}

// TestSourceConfig asks as RudderStack's browser SDK does.
func TestSourceConfig(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path, user, want string
		status                 int
	}{
		{
			name: "by the query", path: "/sourceConfig/?p=npm&v=3.34.1&writeKey=wk_1", status: 200,
			want: `"writeKey":"wk_1","workspaceId":"waystage","enabled":true,"destinations":[]`,
		},
		{
			name: "by the header", path: "/sourceConfig/?p=npm", user: "wk_2", status: 200,
			want: `"writeKey":"wk_2"`,
		},
		{name: "no key", path: "/sourceConfig/", status: 401, want: "missing_write_key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			f.keys.away = errors.New("no ClickHouse")
			r := httptest.NewRequest(http.MethodGet, tt.path, nil)
			if tt.user != "" {
				r.SetBasicAuth(tt.user, "")
			}
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) ||
				w.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%d %v %s, want %d with %s", w.Code, w.Header(), w.Body, tt.status, tt.want)
			}
		})
	}
}
