package engine

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// handle answers one HTTP request as a ClickHouse server does.
func (c *ClickHouse) handle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-ClickHouse-Server-Display-Name", "waystage-embedded")
	w.Header().Set("X-ClickHouse-Timezone", c.zone)
	if err := fromThisMachine(r); err != nil {
		writeException(w, asException(err))
		return
	}
	switch r.URL.Path {
	case "/ping", "/replicas_status":
		_, _ = io.WriteString(w, "Ok.\n") // a client that went away needs no answer
	case "/", "":
		c.handleQuery(w, r)
	default:
		http.Error(w, "There is no handle "+r.URL.Path, http.StatusNotFound)
	}
}

// fromThisMachine refuses what web pages of others could make a browser send: nobody is asked for
// a password here.
func fromThisMachine(r *http.Request) error {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !isLoopback(strings.Trim(host, "[]")) {
		return accessDenied.raise("The embedded engine answers to loopback addresses only")
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return accessDenied.raise("The embedded engine answers no requests of other web sites")
	}
	return nil
}

// handleQuery runs the statement of a request.
func (c *ClickHouse) handleQuery(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.RawQuery == "" {
		_, _ = io.WriteString(w, "Ok.\n") // a client that went away needs no answer
		return
	}
	req, err := parseRequest(r)
	if err != nil {
		writeException(w, asException(err))
		return
	}
	if !c.acquire(r.Context()) {
		return // the client went away, or the engine is closing
	}
	defer func() { <-c.slots }()
	c.answer(w, r, req)
}

// acquire waits for a free place among the running requests; false when ctx ends first.
func (c *ClickHouse) acquire(ctx context.Context) bool {
	select {
	case c.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// answer runs the statement in a session of its own and writes its result.
func (c *ClickHouse) answer(w http.ResponseWriter, r *http.Request, req *request) {
	if req.queryID == "" {
		req.queryID = rand.Text()
	}
	w.Header().Set("X-ClickHouse-Query-Id", req.queryID)
	out := newAnswer(w, req, strings.ToLower(rand.Text()[:16]))
	run := &execution{engine: c, req: req, out: out, tag: rand.Text()}
	read, err := run.do(r.Context())
	if err == nil {
		err = out.finish(read)
	}
	if err != nil {
		out.fail(asException(err))
	}
}

// killEvery is the pause between attempts to kill a query that may not have begun yet.
const killEvery = 20 * time.Millisecond

// killWhenDone kills the query with the given tag when ctx ends before the returned function is
// called. That function waits for the killing to be over.
func (c *ClickHouse) killWhenDone(ctx context.Context, tag string) (over func()) {
	finished := make(chan struct{})
	killed := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(killed)
		tick := time.NewTicker(killEvery)
		defer tick.Stop()
		for {
			c.kill(tag)
			select {
			case <-finished:
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		close(finished)
		if !cancel() {
			<-killed
		}
	}
}

// kill asks the engine to stop the query with the given tag. It cannot fail usefully: a query that
// is not there yet, or no more, is as good as killed for now.
func (c *ClickHouse) kill(tag string) {
	c.controlMu.Lock()
	defer c.controlMu.Unlock()
	_ = c.control.exec("KILL QUERY WHERE endsWith(Settings['log_comment'], " + quoteText(tag) +
		") ASYNC")
}
