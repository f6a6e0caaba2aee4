// Package capture is the edge where messages come in: the HTTP API of Segment, and what browsers
// ask around it. It finds what the write key opens, takes the body apart, lets admit judge each
// message, and answers only when the sink has kept all of them, the refused ones in quarantine.
package capture

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
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
	// MaxMessages is the number of messages in a body.
	MaxMessages = admit.MaxMessages
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
	// Proxies are the networks of those who are believed for whom they send.
	Proxies Proxies
	// Public is where browsers find this server. Nil: where they have asked for the settings.
	Public *url.URL
	// Snippet is the SDK for pages. Nil: none is served.
	Snippet *Snippet
	// Now is the clock; nil is that of the machine.
	Now func() time.Time
}

// Proxies are networks of proxies.
type Proxies []netip.Prefix

// Doors finds what a key opens. Errors: Unauthenticated (there is no such key, or it was revoked),
// Unavailable (cannot be told now).
type Doors interface {
	Door(ctx context.Context, secret string) (*Door, error)
}

// Sink keeps messages. Write gives nil only when every one of them is safe; after an error some
// may be kept all the same. The payloads of the refused are not used after it returns.
type Sink interface {
	Write(ctx context.Context, accepted []journey.Fact, refused []wire.Quarantined) error
}

// Observer hears of every request, for metrics and log. Its methods are called concurrently.
type Observer interface {
	// Answered is called after each answer but those of /healthz, /readyz and preflights.
	Answered(Outcome)
	// Failed hears the cause of an answer 500.
	Failed(error)
}

// Outcome is what became of a request.
type Outcome struct {
	// Endpoint is one of Endpoints.
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
	doors   Doors
	sink    Sink
	observe Observer
	budget  budget
	routes  routes
}

// New makes a handler.
func New(config Config, doors Doors, sink Sink, observe Observer) *Handler {
	if config.Now == nil {
		config.Now = time.Now
	}
	h := &Handler{config: config, doors: doors, sink: sink, observe: observe}
	h.budget.limit = config.InFlightBytes
	h.routes = h.makeRoutes()
	return h
}

// InFlightBytes is the memory now counted for requests.
func (h *Handler) InFlightBytes() int64 { return h.budget.used.Load() }

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	defer h.recover(w)
	allowPages(w.Header())
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	to, rest := h.routes.find(r.URL.Path)
	o := to.answer(w, r, rest)
	if to.label == "" {
		return
	}
	o.Endpoint, o.Took = to.label, time.Since(began)
	h.observe.Answered(o)
}
