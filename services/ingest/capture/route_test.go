package capture

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// raw sends a request as it is written, and gives the answer.
func raw(t *testing.T, address, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err = conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return answer
}

// TestNoPathIsRedirected: over a real connection, however a path is spelt.
func TestNoPathIsRedirected(t *testing.T) {
	t.Parallel()
	f := newFixture()
	server := httptest.NewServer(f)
	defer server.Close()
	paths := map[string]int{
		"/v1/batch": 200, "/v1/batch/": 200, "//v1/batch": 200, "/v1//batch/": 200, "///v1/batch//": 200,
		"/v1/batch?x": 200, "/v1/batch?": 200, "/v1//batch?a=1;b=2": 200, "/v1%2Fbatch": 200,
		"/v1/%62atch": 200, "/%2Fv1/batch": 200, "/v1/./batch": 200, "/v1/../v1/batch": 200,
		"/v1/%2e%2e/v1/batch": 200, "//beacon//v1/batch": 200, "/../v1/batch": 200,
		"http://elsewhere.example/v1/batch": 200, "http://elsewhere.example//v1/batch": 200,
		"/v1": 404, "/v1/": 404, "/": 404, "//": 404, "/v1/batch/x": 404, "/V1/batch": 404,
		"/v1/projects": 404, "/v1/projects/": 404, "/v1/projects//settings": 404,
		"/v1/projects/k": 404, "/v1/projects/k/settings/": 405, "/analytics.js/v1/k": 404,
		"/healthz/": 405,
	}
	for path, want := range paths {
		body := `{"batch":[` + paid + `]}`
		got := raw(t, server.Listener.Addr().String(), fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\n"+
			"Authorization: Basic d2s6\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body))
		if got.StatusCode != want || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d, want %d", path, got.StatusCode, want)
		}
	}
}

func TestEndpointsAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.send(t, post("/v1/m", "{}"))
	f.send(t, httptest.NewRequest(http.MethodGet, "/v1/projects/k/settings", nil))
	f.send(t, httptest.NewRequest(http.MethodGet, "/analytics.js/v1/k/analytics.min.js", nil))
	f.send(t, httptest.NewRequest(http.MethodGet, "/analytics-next/bundles/x", nil))
	f.send(t, httptest.NewRequest(http.MethodGet, "/elsewhere", nil))
	f.send(t, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	f.send(t, httptest.NewRequest(http.MethodOptions, "/v1/t", nil))
	var got []string
	for _, o := range f.outcomes.answered {
		got = append(got, o.Endpoint)
	}
	want := []string{metricsPath, settingsLabel, snippetLabel, bundlesLabel, nowhereLabel}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, label := range want {
		if !slices.Contains(Endpoints(), label) {
			t.Errorf("%s is no endpoint", label)
		}
	}
	for i := range endpoints {
		if path := endpoints[i].path; !slices.Contains(Endpoints(), path) {
			t.Errorf("%s is no endpoint", path)
		}
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	f := newFixture()
	r := httptest.NewRequest(http.MethodPost, "/v1/m", strings.NewReader(`{"series":[`))
	if got := f.send(t, r); got.status != 200 || string(got.asBytes) != `{"success":true}`+"\n" {
		t.Errorf("%d %s", got.status, got.asBytes)
	}
	r = post("/v1/m", strings.Repeat("x", MaxBodyBytes+1))
	if got := f.send(t, r); got.status != 413 || got.answer.code() != "body_too_large" {
		t.Errorf("%d %s", got.status, got.asBytes)
	}
	if len(f.sink.accepted)+len(f.sink.refused) > 0 || f.keys.count() > 0 {
		t.Error("something was kept, or a key looked up")
	}
}

// TestForms: a path says how its body is read; where it takes batches, so do the content types
// of lines and events, and no others.
func TestForms(t *testing.T) {
	t.Parallel()
	const batch = `{"batch":[` + paid + `,` + paid + `]}`
	const lines = paid + "\n{\n\n" + paid
	const event = `{"specversion":"1.0","type":"Paid","source":"/till","id":"7","subject":"u",` +
		`"data":{"userId":"u"}}`
	tests := []struct {
		path, contentType, body string
		status, accepted        int
	}{
		{"/v1/ndjson", "", lines, 200, 2},
		{"/v1/ndjson", "application/json", lines, 200, 2},
		{"/v1/ndjson", "application/cloudevents+json", lines, 200, 2},
		{"/v1/events", "application/cloudevents+json", event, 200, 1},
		{"/v1/events", "text/plain", `[` + event + `,` + event + `]`, 200, 2},
		{"/v1/events", "", batch, 200, 0},
		{"/v1/batch", "application/x-ndjson", lines, 200, 2},
		{"/v1/batch", "Application/NDJSON; charset=utf-8", lines, 200, 2},
		{"/v1/b", "application/x-ndjson", lines, 200, 2},
		{"/v1/import", "application/x-ndjson", lines, 200, 2},
		{"/v1/batch", "application/cloudevents+json", event, 200, 1},
		{"/v1/batch", "application/cloudevents-batch+json; charset=utf-8", `[` + event + `]`, 200, 1},
		{"/v1/batch", "text/plain", batch, 200, 2},
		{"/v1/batch", "text/plain;charset=UTF-8", batch, 200, 2},
		{"/v1/batch", "application/json;charset=UTF-8", batch, 200, 2},
		{"/v1/batch", "application/x-www-form-urlencoded", batch, 200, 2},
		{"/v1/batch", "nonsense;;;", batch, 200, 2},
		{"/v1/batch", "", batch, 200, 2},
		{"/v1/batch", "text/plain", lines, 400, 0},
		{"/v1/track", "application/x-ndjson", paid, 200, 1},
		{"/v1/t", "text/plain", paid, 200, 1},
	}
	for _, tt := range tests {
		t.Run(tt.path+" "+tt.contentType, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			r := post(tt.path, tt.body)
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			got := f.send(t, r)
			if got.status != tt.status || len(f.sink.accepted) != tt.accepted {
				t.Errorf("%d %s, kept %d", got.status, got.asBytes, len(f.sink.accepted))
			}
			for _, q := range f.sink.refused {
				if q.Source != tt.path || q.Imported != (tt.path == "/v1/import") {
					t.Errorf("quarantine %+v", q)
				}
			}
		})
	}
}
