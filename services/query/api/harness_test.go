package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/waystage/waystage/proto/gen/openapi"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/admission"
	"github.com/waystage/waystage/services/query/api"
)

const (
	rootToken  = "the-operators-root-token"
	adminToken = "at_shop"
	readToken  = "rt_shop"
	writeKey   = "wk_shop"
	otherToken = "at_other"
)

// now is the instant at which every test's clock begins.
var now = time.Date(2026, 3, 4, 5, 6, 7, 891_234_567, time.UTC)

// clock is a clock that moves when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// house is a running server with its doubles: sites shop (Berlin, map published) and other.
type house struct {
	store  *memory
	oracle *oracle
	clock  *clock
	conn   *grpc.ClientConn
	url    string
	log    *safeBuffer
	// ready gets every call of Run's ready.
	ready chan bool
	// stop tells the server to stop; done gets what Run returned.
	stop context.CancelFunc
	done chan error
}

// safeBuffer is a buffer that may be written to and read from at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// settings are what tests change of the server.
type settings struct {
	timeout, wait, drain time.Duration
	questions            int
	// quarantine and replayer are nil where a test calls neither.
	quarantine api.Quarantine
	replayer   api.Replayer
	// catalogue is nil where a test does not look into it.
	catalogue api.Catalogue
	// people is nil where a test asks for no person.
	people api.People
	// answers take the place of the oracle, which answers what it is told.
	answers api.Answers
	// at is where the clock begins.
	at time.Time
}

func open(t *testing.T, change ...func(*settings)) *house {
	t.Helper()
	s := settings{timeout: time.Minute, wait: time.Minute, drain: time.Minute, questions: 4, at: now}
	for _, c := range change {
		c(&s)
	}
	h := &house{
		store: newMemory(), oracle: &oracle{}, clock: &clock{at: s.at}, log: &safeBuffer{},
		ready: make(chan bool, 2), done: make(chan error, 1),
	}
	h.furnish(t)
	var answers api.Answers = h.oracle
	if s.answers != nil {
		answers = s.answers
	}
	gate := admission.New(admission.Config{Questions: s.questions, Wait: s.wait})
	handlers := api.New(api.Config{
		Sites: h.store, Keys: h.store, Maps: h.store, Questions: h.store, Answers: gate.Answers(answers, nil),
		Quarantine: s.quarantine, Replayer: s.replayer, Catalogue: s.catalogue,
		Explainer: h.oracle, People: s.people,
		Now: h.clock.now,
	})
	server, err := rpc.New(rpc.Config{
		GRPCListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0",
		CallTimeout: s.timeout, DrainTimeout: s.drain, BodyMaxBytes: 4 << 20,
		OpenAPI: openapi.JSON, QueryParameters: api.QueryParameters, Formats: api.Formats(),
	}, rpc.NewGuard(rootToken, h.store, h.clock.now), handlers.Services(),
		zerolog.New(h.log), func(string, codes.Code, time.Duration) {})
	if err != nil {
		t.Fatal(err)
	}
	h.run(t, server)
	return h
}

func (h *house) furnish(t *testing.T) {
	t.Helper()
	h.store.sites["shop"] = journey.Site{ID: "shop", TimeZone: "Europe/Berlin", CreatedAt: now}
	h.store.sites["other"] = journey.Site{ID: "other", TimeZone: "UTC", CreatedAt: now}
	h.store.key("shop", journey.AdminKey, adminToken)
	h.store.key("shop", journey.ReadKey, readToken)
	h.store.key("shop", journey.WriteKey, writeKey)
	h.store.key("other", journey.AdminKey, otherToken)
	if _, err := h.store.Publish(t.Context(), "shop", shopMap, "Shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.SaveQuestion(t.Context(), "shop", weekly); err != nil {
		t.Fatal(err)
	}
}

// weekly is the saved question of site shop.
var weekly = journey.SavedQuestion{
	Name: "weekly", Title: "The week", Kind: "funnel",
	Content: `{"words":{"stages":"search..purchase","from":"-7d","by":["persona"]}}`,
}

const shopMap = `title: Shop
stages:
  - id: search
  - id: purchase
touchpoints:
  - {id: landing, stage: search, events: [Landed]}
  - {id: order, stage: purchase, events: [Ordered]}
`

func (h *house) run(t *testing.T, server *rpc.Server) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	go func() {
		h.done <- server.Run(ctx, func(is bool) { h.ready <- is })
		close(h.done)
	}()
	if !<-h.ready {
		t.Fatal("the server stopped before it served")
	}
	h.url = "http://" + server.HTTPAddr()
	conn, err := grpc.NewClient(server.GRPCAddr(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	h.conn = conn
	t.Cleanup(func() {
		stop()
		for err := range h.done {
			if err != nil {
				t.Errorf("stopping: %v", err)
			}
		}
		if err := conn.Close(); err != nil {
			t.Errorf("closing the connection: %v", err)
		}
	})
}

// as gives a context of a gRPC call with a token.
func as(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// reply is an answer of the gateway.
type reply struct {
	status int
	header http.Header
	body   string
}

// send makes an HTTP request. An empty token sends no Authorization.
func (h *house) send(t *testing.T, method, path, token, body string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, h.url+path,
		strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return do(t, request)
}

func do(t *testing.T, request *http.Request) reply {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(b)}
}

// refusal is an error as callers see it, by either transport.
type refusal struct {
	Code       codes.Code
	Message    string
	Violations []violation
	Reason     string
	Retry      bool
}

type violation struct{ Field, Description string }

func (r refusal) fields() []string {
	var fields []string
	for _, v := range r.Violations {
		fields = append(fields, v.Field)
	}
	return fields
}

func refusalOf(err error) refusal {
	s := status.Convert(err)
	r := refusal{Code: s.Code(), Message: s.Message()}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.BadRequest:
			for _, v := range d.FieldViolations {
				r.Violations = append(r.Violations, violation{v.Field, v.Description})
			}
		case *errdetails.ErrorInfo:
			r.Reason = d.Reason
		case *errdetails.RetryInfo:
			r.Retry = true
		}
	}
	return r
}

// refusal reads the body as a google.rpc.Status.
func (r reply) refusal(t *testing.T) refusal {
	t.Helper()
	var s struct {
		Code    codes.Code
		Message string
		Details []struct {
			Type            string `json:"@type"`
			FieldViolations []violation
			Reason          string
			RetryDelay      string
		}
	}
	if err := json.Unmarshal([]byte(r.body), &s); err != nil {
		t.Fatalf("the body is no status: %v\n%s", err, r.body)
	}
	out := refusal{Code: s.Code, Message: s.Message}
	for _, d := range s.Details {
		switch d.Type {
		case "type.googleapis.com/google.rpc.BadRequest":
			out.Violations = d.FieldViolations
		case "type.googleapis.com/google.rpc.ErrorInfo":
			out.Reason = d.Reason
		case "type.googleapis.com/google.rpc.RetryInfo":
			out.Retry = d.RetryDelay != ""
		}
	}
	return out
}
