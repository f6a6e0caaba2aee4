//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate stands before ingest as a load balancer does. It passes requests on, remembers the posts,
// and does to them what its fault says. It is safe for concurrent use.
type gate struct {
	url    string
	ingest string
	fault  fault
	proxy  *httputil.ReverseProxy

	mutex sync.Mutex
	tries []try
	// seen counts the tries of each message id.
	seen map[string]int
	// preflights are the headers that OPTIONS asked for, by path.
	preflights map[string][]string
	errors     []error
}

// try is one POST of messages, as the gate saw it.
type try struct {
	at       time.Time
	path     string
	header   http.Header
	messages []string
	// earlier is how many tries that one of its messages had before that had the fewest.
	earlier int
	// passed: ingest was sent it. taken: it has said that it has the messages.
	passed, taken bool
	// status is what the sender was answered; 0: nothing, or nothing yet.
	status int
}

// fault says what happens to a POST whose messages had so many tries before.
type fault func(earlier int) mishap

// mishap is what happens to a request. The zero value lets it pass.
type mishap struct {
	// status is answered in ingest's place, by the headers that ingest sends with a refusal.
	status int
	// retryAfter is told with the status, in seconds; 0: it is not.
	retryAfter int
	// location is where the status sends to.
	location string
	// before is done first.
	before func()
	// cut cuts the connection instead of passing the request on.
	cut bool
	// lost passes the request on and cuts the connection instead of giving the answer.
	lost bool
	// held passes the request on and gives the answer once this is closed.
	held <-chan struct{}
	// late waits so long before the answer.
	late time.Duration
}

// strikes tells that messages have to be sent again after it.
func (m mishap) strikes() bool { return m.status != 0 || m.cut || m.lost }

// newGate opens a gate before ingest.
func (i *instance) newGate(t *testing.T, f fault) *gate {
	t.Helper()
	target, err := url.Parse(i.ingest)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{
		ingest: i.ingest, fault: f,
		seen: make(map[string]int), preflights: make(map[string][]string),
	}
	g.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			// The path stays as it was written, and the host that of the gate: what ingest
			// tells of its address must lead back here.
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				g.fail(fmt.Errorf("passing on %s: %w", r.URL, err))
			}
			panic(http.ErrAbortHandler)
		},
	}
	server := httptest.NewServer(http.HandlerFunc(g.serve))
	g.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		for _, err := range g.errors {
			t.Errorf("the gate: %v", err)
		}
	})
	return g
}

func (g *gate) fail(err error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.errors = append(g.errors, err)
}

func (g *gate) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		g.mutex.Lock()
		g.preflights[r.URL.Path] = append(g.preflights[r.URL.Path],
			r.Header.Get("Access-Control-Request-Headers"))
		g.mutex.Unlock()
	}
	if r.Method != http.MethodPost {
		g.proxy.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the sender has left before its end
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	n, m := g.remember(r, body)
	g.meet(w, r, n, m)
}

// meet does to a request what the mishap says.
func (g *gate) meet(w http.ResponseWriter, r *http.Request, n int, m mishap) {
	if m.before != nil {
		m.before()
	}
	switch {
	case m.cut:
		panic(http.ErrAbortHandler)
	case m.status != 0:
		g.refuse(w, r, m)
		g.note(n, func(t *try) { t.status = m.status })
		return
	}
	g.note(n, func(t *try) { t.passed = true })
	answer := httptest.NewRecorder()
	g.proxy.ServeHTTP(answer, r)
	if answer.Code == http.StatusOK {
		g.note(n, func(t *try) { t.taken = true })
	}
	if m.held != nil {
		select {
		case <-m.held:
		case <-r.Context().Done():
		}
	}
	if m.late > 0 {
		select {
		case <-time.After(m.late):
		case <-r.Context().Done():
		}
	}
	if m.lost || r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	g.note(n, func(t *try) { t.status = answer.Code })
	send(w, answer.Result().Header, answer.Code, answer.Body.Bytes())
}

func send(w http.ResponseWriter, header http.Header, status int, body []byte) {
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// remember keeps a POST and gives its number and what is to happen to it.
func (g *gate) remember(r *http.Request, body []byte) (int, mishap) {
	ids, err := messageIDs(r.Header, body)
	if err != nil {
		g.fail(fmt.Errorf("reading a POST to %s: %w", r.URL, err))
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	earlier := -1
	for _, id := range ids {
		if earlier < 0 || g.seen[id] < earlier {
			earlier = g.seen[id]
		}
		g.seen[id]++
	}
	g.tries = append(g.tries, try{
		at: time.Now(), path: r.URL.Path, header: r.Header.Clone(), messages: ids,
		earlier: max(earlier, 0),
	})
	var m mishap
	if g.fault != nil && len(ids) > 0 {
		m = g.fault(earlier)
	}
	return len(g.tries) - 1, m
}

// note adds what has become of a try.
func (g *gate) note(n int, add func(*try)) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	add(&g.tries[n])
}

// seenTries are all tries up to now.
func (g *gate) seenTries() []try {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return append([]try(nil), g.tries...)
}

// judgedTries are those that ingest was not too busy to judge: on a machine that has much to do it
// answers 503 where the key cannot be looked up in time.
func (g *gate) judgedTries() []try {
	return slices.DeleteFunc(g.seenTries(), func(t try) bool {
		return t.passed && t.status == http.StatusServiceUnavailable
	})
}

// asked are the headers that preflights asked for, by path.
func (g *gate) asked() map[string][]string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	all := make(map[string][]string, len(g.preflights))
	for path, headers := range g.preflights {
		all[path] = append([]string(nil), headers...)
	}
	return all
}

// messageIDs are those of the messages of a body.
func messageIDs(header http.Header, body []byte) ([]string, error) {
	if header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body, err = io.ReadAll(unpacked); err != nil {
			return nil, err
		}
	}
	type message struct {
		MessageID string `json:"messageId"`
	}
	var parts struct {
		message
		Batch []message `json:"batch"`
	}
	if err := json.Unmarshal(body, &parts); err != nil {
		return nil, err
	}
	if parts.Batch == nil && parts.MessageID != "" {
		return []string{parts.MessageID}, nil
	}
	var ids []string
	for _, m := range parts.Batch {
		ids = append(ids, m.MessageID)
	}
	return ids, nil
}

// refuse answers with another status what ingest refuses: by all the headers that ingest itself
// gives to a request that it cannot read.
func (g *gate) refuse(w http.ResponseWriter, r *http.Request, m mishap) {
	target := g.ingest + r.URL.Path
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	probe, err := http.NewRequestWithContext(r.Context(), http.MethodPost, target,
		strings.NewReader("{"))
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"Origin", "Authorization"} {
		if value := r.Header.Get(name); value != "" {
			probe.Header.Set(name, value)
		}
	}
	want := http.StatusBadRequest
	if m.status == http.StatusRequestHeaderFieldsTooLarge {
		// It comes before anybody knows what the request is.
		want = m.status
		probe.Header.Set("Cookie", strings.Repeat("c", 64<<10))
	}
	answer, err := http.DefaultClient.Do(probe)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	if answer.StatusCode != want {
		g.fail(fmt.Errorf("a request that is wrong gets %s of ingest, want %d", answer.Status, want))
	}
	header := answer.Header
	header.Del("Content-Length")
	if m.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(m.retryAfter))
	}
	if m.location != "" {
		header.Set("Location", m.location)
	}
	var body []byte
	if m.status != http.StatusNoContent {
		body = []byte(`{"success":false,"error":{"code":"tried","message":"as a test wants"}}`)
	}
	send(w, header, m.status, body)
}

// awaitSettled waits until so many messages have been answered that they are taken.
func (g *gate) awaitSettled(t *testing.T, messages int) {
	t.Helper()
	eventually(t, patience, func() error {
		settled := make(map[string]bool)
		for _, try := range g.seenTries() {
			for _, id := range try.messages {
				settled[id] = settled[id] || try.status == http.StatusOK
			}
		}
		n := 0
		for _, done := range settled {
			if done {
				n++
			}
		}
		if n != messages {
			return fmt.Errorf("%d of %d messages are settled; the gate saw %s", n, messages,
				g.describe())
		}
		return nil
	})
}

// describe tells of each try, for what a failing test says.
func (g *gate) describe() string {
	var text strings.Builder
	for _, t := range g.seenTries() {
		fmt.Fprintf(&text, "\n  %s %s: %d messages, tried %d times before: %d",
			t.at.Format("05.000"), t.path, len(t.messages), t.earlier, t.status)
	}
	fmt.Fprintf(&text, "\n  preflights: %v", g.asked())
	return text.String()
}

// checkTries checks that the fault has struck every message, and that nothing else has.
func (g *gate) checkTries(t *testing.T, f fault) {
	t.Helper()
	want := 1
	for f != nil && f(want-1).strikes() {
		want++
	}
	seen := make(map[string]int)
	for _, try := range g.judgedTries() {
		for _, id := range try.messages {
			seen[id]++
		}
	}
	for id, tries := range seen {
		if tries < want || f == nil && tries > want {
			t.Errorf("message %s was tried %d times, want %d", id, tries, want)
		}
	}
}
