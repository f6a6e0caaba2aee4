package enginetest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Between gives an address of the same database where meet stands between: it is called with each
// query, by several goroutines, and has to forward it.
func Between(
	tb testing.TB, dsn string, meet func(sql string, r *http.Request, forward func()),
) (between string) {
	tb.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: u.Host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		meet(string(body), r, func() { proxy.ServeHTTP(w, r) })
	}))
	tb.Cleanup(server.Close)
	return server.URL + u.Path
}
