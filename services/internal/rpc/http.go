package rpc

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/waystage/waystage/services/internal/conf"
	"github.com/waystage/waystage/services/internal/fault"
)

// Limits of a connection: a client that sends slowly must not hold one forever.
const (
	readTimeout = 30 * time.Second
	idleTimeout = 2 * time.Minute
)

// newHTTP makes the HTTP server: the description, and the gateway behind the checks that need no
// method.
func newHTTP(cfg Config, gateway *runtime.ServeMux, forms []form) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.json", describe(cfg.OpenAPI, "application/json"))
	// Every JSON document is a YAML document.
	mux.HandleFunc("GET /openapi.yaml", describe(cfg.OpenAPI, "application/yaml"))
	mux.Handle("/", checked(cfg, gateway, forms))
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

// exposed are the headers that pages of other origins may see.
const exposed = "Retry-After, ETag, Link, X-Next-Page-Token, X-Total-Size, Content-Disposition"

// cors lets pages of every origin ask: the token is the only key, and no browser sends it unasked.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set(conf.VersionHeader, conf.Version())
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", exposed)
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers",
			"Authorization, Content-Type, Grpc-Timeout, If-None-Match")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	})
}

// checked refuses what no method would take: no token, a body over the limit, an unknown
// parameter in the query, an unknown format.
func checked(cfg Config, gateway *runtime.ServeMux, forms []form) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setCaching(w, r)
		inner, err := admitted(cfg, forms, w, r)
		if err != nil {
			refuse(gateway, w, r, err)
			return
		}
		gateway.ServeHTTP(w, inner)
	})
}

// setCaching: answers are the caller's alone, and asked for anew each time; what they are depends
// on who asks and what is accepted.
func setCaching(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept, Authorization")
	if reads(r) {
		w.Header().Set("Cache-Control", "private, no-cache")
	} else {
		w.Header().Set("Cache-Control", "no-store")
	}
}

// admitted is the request as the gateway takes it: with its body read, a HEAD as the GET that it
// asks about, and the GET of a form as the POST that it stands for.
func admitted(
	cfg Config, forms []form, w http.ResponseWriter, r *http.Request,
) (*http.Request, error) {
	if strings.HasPrefix(r.URL.Path, "/v1/") && r.Header.Get("Authorization") == "" {
		_, err := hashesOf("")
		return nil, err
	}
	x, err := newExchange(r, cfg.Formats)
	if err != nil {
		return nil, err
	}
	inner := r.Clone(x.within(r.Context()))
	if reads(r) {
		inner.Method = http.MethodGet
	}
	var body []byte
	if asked := formFor(forms, r); asked != nil {
		inner.Method, inner.URL.RawQuery = http.MethodPost, ""
		inner.Header.Set("Content-Type", jsonType)
		body, err = asked.body(r.URL.Query())
	} else if err = checkQuery(cfg.QueryParameters, r); err == nil {
		body, err = bodyOf(cfg, w, r)
		withoutFormat(inner.URL)
	}
	inner.Body, inner.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return inner, err
}

// formFor is the form that a GET or HEAD asks by, nil where it does not.
func formFor(forms []form, r *http.Request) *form {
	for i := range forms {
		if reads(r) && forms[i].path.MatchString(r.URL.Path) {
			return &forms[i]
		}
	}
	return nil
}

func bodyOf(cfg Config, w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(cfg.BodyMaxBytes)))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, fault.New(fault.TooLarge, "the body is over %d bytes", cfg.BodyMaxBytes)
	}
	return body, fault.Wrap(fault.Invalid, err, "the body could not be read to its end")
}

// withoutFormat takes out what the edge has read: it is no field of a method.
func withoutFormat(u *url.URL) {
	query := u.Query()
	query.Del(formatParameter)
	query.Del(tableParameter)
	u.RawQuery = query.Encode()
}

// checkQuery refuses parameters that the gateway would not look at.
func checkQuery(known []string, r *http.Request) error {
	var v fault.Violations
	for name := range r.URL.Query() {
		switch {
		case name == formatParameter || name == tableParameter:
		case !reads(r):
			v.Add(name, "fields of this method stand in the body, not in the query")
		case !slices.Contains(known, name):
			v.Add(name, "unknown parameter; known are "+strings.Join(known, ", ")+
				", format and table")
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
