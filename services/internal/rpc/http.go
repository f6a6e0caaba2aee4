package rpc

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/waystage/waystage/services/internal/fault"
)

// Limits of a connection: a client that sends slowly must not hold one forever.
const (
	readTimeout = 30 * time.Second
	idleTimeout = 2 * time.Minute
)

// newHTTP makes the HTTP server: the description, and the gateway behind the checks that need no
// method.
func newHTTP(cfg Config, gateway *runtime.ServeMux) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.json", describe(cfg.OpenAPI, "application/json"))
	// Every JSON document is a YAML document.
	mux.HandleFunc("GET /openapi.yaml", describe(cfg.OpenAPI, "application/yaml"))
	mux.Handle("/", checked(cfg, gateway))
	var writeTimeout time.Duration
	if cfg.CallTimeout > 0 {
		writeTimeout = readTimeout + cfg.CallTimeout + readTimeout // reading, answering, writing
	}
	return &http.Server{
		Handler:           cors(mux),
		ReadTimeout:       readTimeout,
		ReadHeaderTimeout: readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
	}
}

func describe(document []byte, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(document)
	}
}

// cors lets pages of every origin ask: the token is the only key, and no browser sends it unasked.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Retry-After")
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Grpc-Timeout")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	})
}

// checked refuses what no method would take: no token, a body over the limit, an unknown
// parameter in the query.
func checked(cfg Config, gateway *runtime.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := check(cfg, w, r)
		if err != nil {
			refuse(gateway, w, r, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		gateway.ServeHTTP(w, r)
	})
}

func check(cfg Config, w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if strings.HasPrefix(r.URL.Path, "/v1/") && r.Header.Get("Authorization") == "" {
		_, err := hashesOf("")
		return nil, err
	}
	if err := checkQuery(cfg.QueryParameters, r); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(cfg.BodyMaxBytes)))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, fault.New(fault.TooLarge, "the body is over %d bytes", cfg.BodyMaxBytes)
	}
	return body, fault.Wrap(fault.Invalid, err, "the body could not be read to its end")
}

// checkQuery refuses parameters that the gateway would not look at.
func checkQuery(known []string, r *http.Request) error {
	var v fault.Violations
	for name := range r.URL.Query() {
		switch {
		case r.Method != http.MethodGet:
			v.Add(name, "fields of this method stand in the body, not in the query")
		case !slices.Contains(known, name):
			v.Add(name, "unknown parameter; known are "+strings.Join(known, ", "))
		}
	}
	slices.SortFunc(v, func(a, b fault.Violation) int { return strings.Compare(a.Field, b.Field) })
	return v.Err(fault.Invalid)
}

// refuse answers with an error as JSON, as the gateway does.
func refuse(gateway *runtime.ServeMux, w http.ResponseWriter, r *http.Request, err error) {
	_, m := runtime.MarshalerForRequest(gateway, r)
	runtime.HTTPError(r.Context(), gateway, m, w, r, StatusOf(err).Err())
}
