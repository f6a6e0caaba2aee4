// Package capture is the edge where messages come in: the HTTP API of Segment. It finds the site
// by the write key, takes the body apart, lets admit judge each message, and answers only when
// the sink has kept all of them, the refused ones in quarantine.
package capture

import (
	"context"
	"net/http"
	"path"
	"time"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// Limits of a request, whatever the configuration.
const (
	// MaxBodyBytes is the size of a body, decompressed: 500 KiB. SDKs keep to 500,000 bytes or
	// less.
	MaxBodyBytes = 500 << 10
	// MaxMessages is the number of messages in a body: no SDK sends more than 250, and it keeps a
	// body of nothing but "{}" from becoming 170,000 refusals.
	MaxMessages = 5000
	// MaxContextBytes is the size of the batch's context times its messages: each of them carries
	// it from here on.
	MaxContextBytes = 4 << 20
)

// Config is what a Handler needs besides its neighbours.
type Config struct {
	Rules admit.Rules
	// InFlightBytes bounds the memory of all requests that are being worked on: their bodies, and
	// what becomes of them.
	InFlightBytes int64
	// WriteTimeout bounds the wait for the sink.
	WriteTimeout time.Duration
	// Ready tells whether messages can be taken, for /readyz.
	Ready func() bool
	// Now is the clock; nil is that of the machine.
	Now func() time.Time
}

// Sites finds the site that a write key opens. Errors: Unauthenticated (no such key), Forbidden
// (another kind of key), Unavailable (cannot be told now).
type Sites interface {
	SiteOf(ctx context.Context, secret string) (journey.SiteID, error)
}

// Sink keeps messages. Write gives nil only when every one of them is safe; after an error some
// may be kept all the same. The payloads of the refused are not used after it returns.
type Sink interface {
	Write(ctx context.Context, accepted []journey.Fact, refused []wire.Quarantined) error
}

// Observer hears of every request, for metrics and log. Its methods are called concurrently.
type Observer interface {
	// Answered is called after each answer of an endpoint that takes messages.
	Answered(Outcome)
	// Failed hears the cause of an answer 500.
	Failed(error)
}

// Outcome is what became of a request.
type Outcome struct {
	// Endpoint is its path as registered, such as "/v1/batch".
	Endpoint string
	Status   int
	// Code is "ok" or the code of the error, both of closed sets.
	Code     string
	Took     time.Duration
	Accepted int
	// Refused are the reasons of the messages that went to quarantine.
	Refused []admit.Reason
}

// Handler answers HTTP requests. It is safe for concurrent use.
type Handler struct {
	config  Config
	sites   Sites
	sink    Sink
	observe Observer
	budget  budget
	routes  http.Handler
}

// New makes a handler.
func New(config Config, sites Sites, sink Sink, observe Observer) *Handler {
	if config.Now == nil {
		config.Now = time.Now
	}
	h := &Handler{config: config, sites: sites, sink: sink, observe: observe}
	h.budget.limit = config.InFlightBytes
	mux := http.NewServeMux()
	for _, e := range endpoints {
		mux.HandleFunc(e.path, h.take(e))
	}
	mux.HandleFunc("/healthz", status(func() bool { return true }))
	mux.HandleFunc("/readyz", status(config.Ready))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound.write(w) })
	h.routes = h.recovering(cors(mux))
	return h
}

// InFlightBytes is the memory now counted for requests.
func (h *Handler) InFlightBytes() int64 { return h.budget.used.Load() }

// ServeHTTP answers a request. The path is taken as it is meant ("//v1/batch/" is "/v1/batch"):
// a redirect would lose the messages, since senders follow it without their body.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if clean := path.Clean("/" + r.URL.Path); clean != r.URL.Path || r.URL.RawPath != "" {
		meant := *r.URL
		meant.Path, meant.RawPath = clean, ""
		r = r.WithContext(r.Context())
		r.URL = &meant
	}
	h.routes.ServeHTTP(w, r)
}

// status answers GET and HEAD by whether something holds.
func status(holds func() bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			methodNotAllowed(w, "GET, HEAD, OPTIONS")
		case !holds():
			notReady.write(w)
		default:
			writeJSON(w, http.StatusOK, answer{Success: true})
		}
	}
}

// cors lets pages of every origin send, and read the answers, errors too: a browser keeps from
// its page what lacks these headers, and the SDK then retries what it should drop. The asked-for
// headers are echoed, since retries of SDKs ask for more than first tries.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Access-Control-Expose-Headers", "Retry-After")
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS")
		header.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		header.Set("Access-Control-Max-Age", "86400")
		header.Set("Vary", "Access-Control-Request-Headers")
		w.WriteHeader(http.StatusNoContent)
	})
}
