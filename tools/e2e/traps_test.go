//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// traps are the odd corners of the SDKs that show only between a real SDK and a real ingest.
func (i *instance) traps(t *testing.T, b *browser, k keys) {
	for name, trap := range map[string]func(*testing.T){
		"redirects":              i.redirects,
		"preflights":             func(t *testing.T) { i.preflights(t, b, k) },
		"Retry-After is exposed": func(t *testing.T) { i.exposedRetryAfter(t, b, k) },
		"too large":              func(t *testing.T) { i.tooLarge(t, b, k) },
		"wrong key":              func(t *testing.T) { i.wrongKey(t, b) },
		"beacon hears nothing":   func(t *testing.T) { i.deafBeacon(t, b, k) },
		"metrics":                func(t *testing.T) { i.ownMetrics(t, b, k) },
		"double slash":           func(t *testing.T) { i.doubleSlash(t, b) },
		"alias alone":            func(t *testing.T) { i.aliasAlone(t, b) },
		"answers late":           i.answersLate,
		"one bad message":        i.oneBad,
		"neighbours' ids":        func(t *testing.T) { i.neighbours(t) },
		"quota":                  func(t *testing.T) { i.quota(t, b) },
		"origins":                func(t *testing.T) { i.origins(t, b) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trap(t)
		})
	}
}

// redirects: no spelling of a path is answered with one, to whatever method.
func (i *instance) redirects(t *testing.T) {
	client := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		return errors.New("redirected to " + r.URL.String())
	}}
	for _, path := range []string{
		"", "/", "/v1", "/v1/", "/v1/batch/", "//v1/batch", "/v1//batch", "//v1//batch//",
		"/./v1/batch", "/v1/../v1/batch", "/v1%2Fbatch", "/v1/t/", "//v1/t", "/beacon/v1/batch/",
		"//beacon/v1/batch", "/v1/m/", "//v1/projects/k/settings", "/v1/projects/k/settings/",
		"/analytics.js/v1/k/analytics.min.js/", "//analytics.js/v1/k/analytics.min.js",
		"/analytics-next/bundles", "/analytics-next/bundles/", "/V1/BATCH", "/healthz/",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
			request, err := http.NewRequestWithContext(t.Context(), method, i.ingest+path,
				strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Errorf("%s %s: %v", method, path, err)
				continue
			}
			_ = response.Body.Close()
			if code := response.StatusCode; code >= 300 && code < 400 {
				t.Errorf("%s %s is answered %d", method, path, code)
			}
		}
	}
}

// refusedOnce opens a page, plays one call whose first try gets 503, and waits for the second.
func (i *instance) refusedOnce(t *testing.T, b *browser, k keys, way string) *gate {
	t.Helper()
	g := i.newGate(t, onceOnly(mishap{status: http.StatusServiceUnavailable, retryAfter: 1}))
	b.newVisitor(t).open(t, webPages[way], g.url, k.Write).play(t, oneCall())
	g.awaitSettled(t, 1)
	return g
}

// preflights: a retry asks for more headers than a first try, and gets them.
func (i *instance) preflights(t *testing.T, b *browser, k keys) {
	const rudder = "anonymousid,authorization,content-type,"
	for way, want := range map[string]struct {
		path  string
		asked []string
	}{
		"analytics-next": {
			"/v1/t", []string{"authorization", "authorization,x-retry-count"},
		},
		"analytics-next batching": {
			"/v1/b", []string{"authorization", "authorization,x-retry-count"},
		},
		"rudder-js": {"/v1/track", []string{
			rudder + "sentat",
			rudder + "rsa-retry-attempt,rsa-retry-reason,rsa-since-first-attempt," +
				"rsa-since-last-attempt,sentat",
		}},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			g := i.refusedOnce(t, b, k, way)
			if diff := cmp.Diff(want.asked, g.asked()[want.path]); diff != "" {
				t.Errorf("headers that preflights ask for (-want +got):\n%s", diff)
			}
		})
	}
}

// exposedRetryAfter: a page may read Retry-After, and so waits as long as it says and no less.
func (i *instance) exposedRetryAfter(t *testing.T, b *browser, k keys) {
	for _, way := range []string{"analytics-next", "analytics-next batching"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			g := i.newGate(t, onceOnly(mishap{status: http.StatusTooManyRequests, retryAfter: 2}))
			b.newVisitor(t).open(t, webPages[way], g.url, k.Write).play(t, oneCall())
			g.awaitSettled(t, 1)
			tries := g.judgedTries()
			pause := tries[1].at.Sub(tries[0].at)
			if pause < 2*time.Second-clockSlack {
				t.Errorf("it tried again after %v, though it was told to wait 2 s", pause)
			}
		})
	}
}

// tooLarge: what ingest itself finds too large is dropped by a page, since it can read the
// answer, and is not sent again and again. No gate stands between.
func (i *instance) tooLarge(t *testing.T, b *browser, k keys) {
	for name, size := range map[string]int{"message": 40_000, "body": 3_000_000} {
		for _, way := range []string{"analytics-next", "rudder-js"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				v := b.newVisitor(t)
				calls := oneCall()
				calls[0].Properties = map[string]any{"text": strings.Repeat("x", size)}
				v.open(t, webPages[way], i.ingest, k.Write).play(t, calls)
				v.awaitPosts(t, http.StatusRequestEntityTooLarge)
			})
		}
	}
}

// wrongKey: settings are answered for a key that is wrong, so that no call of the page hangs; the
// messages are refused and dropped.
func (i *instance) wrongKey(t *testing.T, b *browser) {
	for _, way := range []string{"analytics-next", "snippet"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			v := b.newVisitor(t)
			v.open(t, webPages[way], i.ingest, "wk_wrong").playOut(t, oneCall())
			v.awaitPosts(t, http.StatusUnauthorized)
		})
	}
}

// deafBeacon: what rudder-js sends by beacon is never sent again, whatever is answered.
func (i *instance) deafBeacon(t *testing.T, b *browser, k keys) {
	m := mishap{status: http.StatusServiceUnavailable, retryAfter: 1}
	g := i.newGate(t, onceOnly(m))
	b.newVisitor(t).open(t, webPages["rudder-js beacon"], g.url, k.Write).play(t, oneCall())
	g.awaitTries(t, 1)
	time.Sleep(quiet) // that nothing comes cannot be waited for
	g.checkDoes(t, "dropped", m)
}

// inPage are settings that the page itself holds instead of asking ingest for them.
func inPage(key, apiHost string, metrics map[string]any) map[string]any {
	return map[string]any{
		"apiHost": apiHost, "protocol": "http",
		"settings": map[string]any{
			"integrations": map[string]any{"Segment.io": map[string]any{"apiKey": key}},
			"metrics":      metrics,
		},
	}
}

// ownMetrics: the SDK's numbers about itself are taken without a key.
func (i *instance) ownMetrics(t *testing.T, b *browser, k keys) {
	g := i.newGate(t, nil)
	w := webPage{file: "analytics-next.html", options: inPage(k.Write,
		strings.TrimPrefix(g.url, "http://")+"/v1",
		map[string]any{"sampleRate": 1, "flushTimer": 200, "protocol": "http"})}
	b.newVisitor(t).open(t, w, g.url, k.Write).play(t, oneCall())
	g.awaitSettled(t, 1)
	eventually(t, patience, func() error {
		for _, try := range g.seenTries() {
			if try.path == "/v1/m" && try.status == http.StatusOK {
				return nil
			}
		}
		return fmt.Errorf("no metrics are taken: %s", g.describe())
	})
}

// doubleSlash: hosts written with a slash at their end make paths such as //v1/batch.
func (i *instance) doubleSlash(t *testing.T, b *browser) {
	for sdk, p := range programs {
		t.Run(sdk, func(t *testing.T) {
			t.Parallel()
			site := siteID(t)
			k, g := i.createSite(t, site), i.newGate(t, nil)
			calls, began := story(), time.Now()
			p.run(t, g.url+"/", k.Write, calls)
			i.awaitOnce(t, g, site, calls, began)
			if sdk == "analytics-go" && g.seenTries()[0].path != "//v1/batch" {
				t.Errorf("no double slash: the gate saw %s", g.describe())
			}
		})
	}
	t.Run("analytics-next", func(t *testing.T) {
		t.Parallel()
		site := siteID(t)
		k, g := i.createSite(t, site), i.newGate(t, nil)
		w := webPage{file: "analytics-next.html", options: inPage(k.Write,
			strings.TrimPrefix(g.url, "http://")+"//v1", map[string]any{"sampleRate": 0})}
		calls, began := story(), time.Now()
		b.newVisitor(t).open(t, w, g.url, k.Write).play(t, calls)
		g.awaitSettled(t, len(calls))
		i.awaitOnce(t, g, site, calls, began)
		if path := g.seenTries()[0].path; !strings.HasPrefix(path, "//v1/") {
			t.Errorf("the first messages came to %s, want //v1/…", path)
		}
	})
	t.Run("rudder-js", func(t *testing.T) {
		t.Parallel()
		site := siteID(t)
		k, g := i.createSite(t, site), i.newGate(t, nil)
		calls, began := story(), time.Now()
		b.newVisitor(t).open(t, webPages["rudder-js"], g.url+"/", k.Write).play(t, calls)
		g.awaitSettled(t, len(calls))
		i.awaitOnce(t, g, site, calls, began)
	})
}

// aliasAlone: after an alias without an identify, analytics-next goes on to send no user id. Only
// the link of the alias says whose the later messages are.
func (i *instance) aliasAlone(t *testing.T, b *browser) {
	const site = "alias-alone"
	k, g := i.createSite(t, site), i.newGate(t, nil)
	calls := []call{
		{Type: "track", Event: "Looked", Properties: map[string]any{"n": 1}},
		{Type: "alias", UserID: "xenia"},
		{Type: "track", Event: "Returned", Properties: map[string]any{"n": 2}},
	}
	began := time.Now()
	b.newVisitor(t).open(t, webPages["analytics-next"], g.url, k.Write).play(t, calls)
	g.awaitSettled(t, len(calls))
	i.awaitOnce(t, g, site, calls, began)
	// An alias gives up an id of either kind: the visitor's stands among the users, too.
	i.awaitPersons(t, k, site, "Looked", "Returned",
		person{Visitors: 1, Names: "VISITOR,xenia", Persona: "unassigned"})
}

// answersLate: an SDK that has waited long enough sends again what ingest has long taken.
func (i *instance) answersLate(t *testing.T) {
	site := siteID(t)
	k := i.createSite(t, site)
	g := i.newGate(t, onceOnly(mishap{late: 4 * time.Second}))
	p := programs["analytics-node"]
	p.options = map[string]any{"httpRequestTimeout": 1000}
	calls, began := story(), time.Now()
	p.run(t, g.url, k.Write, calls)
	i.awaitOnce(t, g, site, calls, began)
	if taken, _ := g.passed(); taken <= len(calls) {
		t.Errorf("nothing was sent twice: %s", g.describe())
	}
}

// oneBad: a message that ingest refuses does not cost its SDK the batch.
func (i *instance) oneBad(t *testing.T) {
	site := siteID(t)
	k, g := i.createSite(t, site), i.newGate(t, nil)
	calls := story()
	good := len(calls)
	bad := call{Type: "track", Event: strings.Repeat("e", 600), UserID: "ann"}
	calls = append(calls[:3:3], append([]call{bad}, calls[3:]...)...)
	if said, want := programs["analytics-node"].run(t, g.url, k.Write, calls),
		(outcome{Delivered: len(calls)}); said != want {
		t.Errorf("it says %+v, want %+v", said, want)
	}
	eventually(t, patience, func() error {
		if got, err := i.receipts(site); err != nil || got.Messages != good {
			return fmt.Errorf("%+v, want %d messages: %w", got, good, err)
		}
		return nil
	})
}

// sharedDigits is how many digits in a row two ids have in common only if one was made of the
// other.
const sharedDigits = 12

// neighbours: Segment's SDKs make ids of a rolling buffer, so that each shares most digits with
// the one before. They are told apart all the same.
func (i *instance) neighbours(t *testing.T) {
	const many = 300
	site := siteID(t)
	k, g := i.createSite(t, site), i.newGate(t, nil)
	var calls []call
	for n := range many {
		calls = append(calls, call{
			Type: "track", Event: "Clicked", UserID: "ann", Properties: map[string]any{"n": n + 1},
		})
	}
	began := time.Now()
	programs["analytics-node"].run(t, g.url, k.Write, calls)
	i.awaitOnce(t, g, site, calls, began)
	seen, alike := make(map[string]string), 0
	for id := range g.firstTries() {
		digits := strings.ReplaceAll(id[len(id)-len(uuidForm):], "-", "")
		for at := range len(digits) - sharedDigits + 1 {
			run := digits[at : at+sharedDigits]
			if other := seen[run]; other != "" && other != id {
				alike++
			}
			seen[run] = id
		}
	}
	if alike == 0 {
		t.Error("no two ids share digits: the SDK makes them in another way now")
	}
}

// uuidForm is how a message id of these SDKs ends.
const uuidForm = "00000000-0000-0000-0000-000000000000"

// createKey makes a write key of a site within limits, which are flags of the command.
func (i *instance) createKey(t *testing.T, site string, limits ...string) string {
	t.Helper()
	made := i.do(t, append([]string{"site", "key", "create", "write", "--site", site}, limits...)...)
	made.want(t, 0)
	return strings.TrimSpace(made.stdout)
}

// quota: who has sent more than the key's rate gets 429 of ingest itself, and comes again.
func (i *instance) quota(t *testing.T, b *browser) {
	site := siteID(t)
	i.createSite(t, site)
	for _, way := range []string{"analytics-next", "analytics-node"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			key := i.createKey(t, site, "--rate", "0.5")
			g := i.newGate(t, onceOnly(mishap{before: func() { i.drain(t, key) }}))
			if p, ok := programs[way]; ok {
				p.run(t, g.url, key, oneCall())
			} else {
				b.newVisitor(t).open(t, webPages[way], g.url, key).play(t, oneCall())
			}
			g.awaitSettled(t, 1)
			tries := g.judgedTries()
			if tries[0].status != http.StatusTooManyRequests || len(tries) < 2 {
				t.Errorf("want 429, and then 200: %s", g.describe())
			}
		})
	}
}

// drain sends all that a key may send at once: messages that say nothing. Any goroutine of the
// test may call it.
func (i *instance) drain(t *testing.T, key string) {
	const burst = 5000
	body := `{"batch":[` + strings.Repeat("{},", burst-1) + `{}]}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.ingest+"/v1/batch",
		strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	request.SetBasicAuth(key, "")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("%d messages at once are answered %s", burst, response.Status)
	}
}

// origins: pages of other origins than the key's are refused, and drop what they were given.
func (i *instance) origins(t *testing.T, b *browser) {
	site := siteID(t)
	i.createSite(t, site)
	for name, c := range map[string]struct {
		origin string
		status int
	}{
		"ours":   {b.origin, http.StatusOK},
		"others": {"https://shop.example", http.StatusForbidden},
	} {
		for _, way := range []string{"analytics-next", "rudder-js"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				key := i.createKey(t, site, "--origin", c.origin)
				v := b.newVisitor(t)
				v.open(t, webPages[way], i.ingest, key).play(t, oneCall())
				v.awaitPosts(t, c.status)
			})
		}
	}
}

// awaitPosts waits until a page has had answers to its posts of these statuses, in that order,
// and sees that no more come.
func (v *visitor) awaitPosts(t *testing.T, want ...int) {
	t.Helper()
	eventually(t, patience, func() error {
		if got := v.posts(t); len(got) < len(want) {
			return fmt.Errorf("the posts were answered %v, want %v", got, want)
		}
		return nil
	})
	time.Sleep(quiet) // that nothing comes cannot be waited for
	if got := v.posts(t); !slices.Equal(got, want) {
		t.Errorf("the posts were answered %v, want %v (0: the page could not read it)", got, want)
	}
}

// posts are the statuses of the posts of a visitor's pages; 0 is an answer that did not come, or
// that the page could not read. Those of ingest being busy are left out.
func (v *visitor) posts(t *testing.T) []int {
	t.Helper()
	_, answer := v.browser.do(t, map[string]any{"do": "posts", "profile": v.profile})
	return slices.DeleteFunc(answer.Posts, func(status int) bool {
		return status == http.StatusServiceUnavailable
	})
}
