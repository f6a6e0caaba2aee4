package capture

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var scripts = fstest.MapFS{
	"standalone.js":                         {Data: []byte("window.analytics = 1;")},
	"standalone.js.map":                     {Data: []byte("{}")},
	"407.bundle.61efa1acb302134c434b.js":    {Data: []byte("part = 407;")},
	"407.bundle.61efa1acb302134c434b.js.gz": {Data: []byte("not used")},
	"below/secret.js":                       {Data: []byte("secret")},
	"secret.txt":                            {Data: []byte("secret")},
}

func TestSnippet(t *testing.T) {
	t.Parallel()
	const main = "/analytics.js/v1/wk_1/analytics.min.js"
	const part = "/analytics-next/bundles/407.bundle.61efa1acb302134c434b.js"
	const shortly, ever = "public, max-age=300", "public, max-age=31536000, immutable"
	tests := []struct {
		name, method, path, accepts string
		status                      int
		body, caching               string
	}{
		{"main", "GET", main, "", 200, "window.analytics = 1;", shortly},
		{"main, packed", "GET", main, "deflate, gzip;q=0.8", 200, "window.analytics = 1;", shortly},
		{"main, not packed", "GET", main, "gzip;q=0.0, br", 200, "window.analytics = 1;", shortly},
		{"other spelling", "GET", "//analytics.js//v1/wk/analytics.min.js", "", 200, "window.analytics = 1;", shortly},
		{"head", "HEAD", main, "", 200, "", shortly},
		{"part", "GET", part, "gzip", 200, "part = 407;", ever},
		{"part by another method", "POST", part, "", 405, "", ""},
		{"no part", "GET", "/analytics-next/bundles/none.js", "", 404, "", ""},
		{"no script", "GET", "/analytics-next/bundles/secret.txt", "", 404, "", ""},
		{"map", "GET", "/analytics-next/bundles/standalone.js.map", "", 404, "", ""},
		{"below", "GET", "/analytics-next/bundles/below/secret.js", "", 404, "", ""},
		{"above", "GET", "/analytics-next/bundles/../../secret.txt", "", 404, "", ""},
		{"above, in disguise", "GET", "/analytics-next/bundles/..%2f..%2fsecret.txt", "", 404, "", ""},
		{"the directory", "GET", "/analytics-next/bundles/", "", 404, "", ""},
	}
	snippet, err := ReadSnippet(scripts)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture()
	f.Handler = New(Config{Snippet: snippet}, f.doors, f.sink, f.outcomes)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("Accept-Encoding", tt.accepts)
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if w.Code != tt.status || w.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Fatalf("%d %v", w.Code, w.Header())
			}
			if tt.status != 200 {
				return
			}
			if w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" ||
				w.Header().Get("Cache-Control") != tt.caching || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%v", w.Header())
			}
			body := io.Reader(w.Body)
			isPacked := w.Header().Get("Content-Encoding") == "gzip"
			if wants := strings.HasSuffix(tt.name, ", packed"); isPacked != wants && tt.name != "part" {
				t.Errorf("packed: %t", isPacked)
			}
			if isPacked {
				unpacked, err := gzip.NewReader(body)
				if err != nil {
					t.Fatal(err)
				}
				body = unpacked
			}
			if all, err := io.ReadAll(body); tt.body != "" && (string(all) != tt.body || err != nil) {
				t.Errorf("%q %v", all, err)
			}
			again := httptest.NewRequest(tt.method, tt.path, nil)
			again.Header.Set("Accept-Encoding", tt.accepts)
			again.Header.Set("If-None-Match", w.Header().Get("ETag"))
			w = httptest.NewRecorder()
			f.ServeHTTP(w, again)
			if w.Code != 304 || w.Body.Len() > 0 {
				t.Errorf("again: %d %q", w.Code, w.Body)
			}
		})
	}
}

func TestNoSnippet(t *testing.T) {
	t.Parallel()
	f := newFixture()
	got := f.send(t, httptest.NewRequest(http.MethodGet, "/analytics.js/v1/k/analytics.min.js", nil))
	if got.status != 404 || !bytes.Contains(got.asBytes, []byte("WAYSTAGE_INGEST_SNIPPET_DIR")) {
		t.Errorf("%d %s", got.status, got.asBytes)
	}
	if _, err := ReadSnippet(fstest.MapFS{"index.js": {}}); err == nil {
		t.Error("another directory is no error")
	}
	if _, err := ReadSnippet(fstest.MapFS{}); err == nil {
		t.Error("an empty directory is no error")
	}
}
