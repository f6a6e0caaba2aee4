//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// neverMillis is a wait that no test lives to see.
const neverMillis = 600_000

// leaving is a way in which a page comes to its end while messages are on their way.
type leaving struct {
	page webPage
	end  func(*testing.T, page) bool
	// held is how many messages have come when the page ends, while the answers are held back;
	// 0: none are, and no message has come. Chromium opens six connections to a host.
	held int
	// again: what is left is sent by the next visit.
	again bool
	// marked: that visit tells that it is a retry.
	marked bool
	// path is where the last messages of the page go, if it has no next visit.
	path string
}

// leavings are these ways, by their names.
var leavings = map[string]leaving{
	"analytics-next closed": {
		page: webPage{file: "analytics-next.html"}, end: closePage, held: 6, again: true,
		marked: true,
	},
	"analytics-next left": {
		page: webPage{file: "analytics-next.html"}, end: leavePage, held: 6, again: true,
		marked: true,
	},
	"analytics-next batching closed": {page: waitingBatch, end: closePage, path: "/v1/b"},
	"analytics-next batching left":   {page: waitingBatch, end: leavePage, path: "/v1/b"},
	// Ten are on their way, and two wait.
	"analytics-next batching closed in mid-batch": {
		page: webPage{file: "analytics-next.html", options: batchesOf(10, neverMillis)},
		end:  closePage, held: 10, path: "/v1/b",
	},
	"snippet batching closed": {
		page: webPage{file: "snippet.html", options: batchesOf(100, neverMillis)}, end: closePage,
		path: "/v1/b",
	},
	"rudder-js closed": {
		page: webPage{file: "rudderstack.html"}, end: closePage, held: 1, again: true,
	},
	"rudder-js beacon closed": {page: waitingBeacon, end: closePage, path: "/beacon/v1/batch"},
	"rudder-js beacon left":   {page: waitingBeacon, end: leavePage, path: "/beacon/v1/batch"},
}

func marked(t try) bool { return t.header.Get("X-Retry-Count") == "1" }

func closePage(t *testing.T, p page) bool { t.Helper(); return p.close(t) }
func leavePage(t *testing.T, p page) bool { t.Helper(); return p.leave(t) }

func batchesOf(size, timeoutMillis int) map[string]any {
	return map[string]any{"deliveryStrategy": map[string]any{
		"strategy": "batching", "config": map[string]any{"size": size, "timeout": timeoutMillis},
	}}
}

// Pages that keep all messages until they end. They have asked for no preflight before.
var (
	waitingBatch = webPage{
		file: "analytics-next.html", options: batchesOf(100, neverMillis),
	}
	waitingBeacon = webPage{file: "rudderstack.html", options: map[string]any{
		"useBeacon": true,
		"beaconQueueOptions": map[string]any{
			"maxItems": 100, "flushQueueInterval": neverMillis,
		},
	}}
)

// endings is how often a page is ended anew that could not do its last.
const endings = 20

// leaving: a page that ends in mid-flight loses nothing, and what it sends twice counts once.
func (i *instance) leaving(t *testing.T, b *browser) {
	for name, c := range leavings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range endings {
				done := true
				t.Run(fmt.Sprint("ending ", n+1), func(t *testing.T) {
					done = i.leave(t, b, c, whole(namesBy(name)))
				})
				if done {
					return
				}
			}
			t.Fatalf("Chromium has cut the page's end short %d times: the machine is too busy",
				endings)
		})
	}
}

// leave tries a leaving on a site of its own. It tells whether it could: not, if the page was kept
// from doing its last.
func (i *instance) leave(t *testing.T, b *browser, c leaving, want person) bool {
	t.Helper()
	site := siteID(t)
	k := i.createSite(t, site)
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	g := i.newGate(t, func(int) mishap {
		if c.held > 0 {
			return mishap{held: release}
		}
		return mishap{}
	})
	v := b.newVisitor(t)
	calls, began := story(), time.Now()
	p := v.open(t, c.page, g.url, k.Write)
	if c.held > 0 {
		p.play(t, calls)
		g.awaitTaken(t, c.held)
	} else if p.playOut(t, calls); len(g.seenTries()) > 0 {
		t.Fatalf("the page has sent before its end: %s", g.describe())
	}
	if !c.end(t, p) {
		return false
	}
	if c.again {
		next := v.open(t, c.page, g.url, k.Write)
		next.play(t, nil)
	}
	free()
	if c.again {
		g.awaitSettled(t, len(calls))
	} else {
		g.awaitTaken(t, len(calls))
	}
	i.awaitOnce(t, g, site, calls, began)
	i.awaitPersons(t, k, site, "Looked", "Renamed", want)
	tries := g.seenTries()
	if last := tries[len(tries)-1]; !c.again && last.path != c.path {
		t.Errorf("the last messages came to %s, want %s", last.path, c.path)
	}
	if c.marked && !slices.ContainsFunc(tries, marked) {
		t.Errorf("no message of the next visit has X-Retry-Count: 1: %s", g.describe())
	}
	return true
}

// awaitTaken waits until ingest has taken so many messages, copies not counted.
func (g *gate) awaitTaken(t *testing.T, messages int) {
	t.Helper()
	eventually(t, patience, func() error {
		taken := make(map[string]bool)
		for _, try := range g.seenTries() {
			for _, id := range try.messages {
				if try.taken {
					taken[id] = true
				}
			}
		}
		if len(taken) < messages {
			return fmt.Errorf("%d of %d messages are taken; the gate saw %s", len(taken), messages,
				g.describe())
		}
		return nil
	})
}
