package spinetest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// brake stands between a processor and ClickHouse and lets a number of writes through. From the
// next one on it cuts every connection, before that write or after it was carried out: to the
// processor, and to the store, that is what being killed looks like. Reads need no count: to be
// killed at one is the same as after the write before it.
type brake struct {
	proxy http.Handler
	left  atomic.Int64
	after bool
}

func (b *brake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	statement := strings.TrimSpace(r.URL.Query().Get("query") + string(body))
	if strings.HasPrefix(statement, "INSERT") || strings.HasPrefix(statement, "DELETE") {
		if b.left.Add(-1) == -1 && b.after {
			b.proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	if b.left.Load() < 0 {
		panic(http.ErrAbortHandler)
	}
	b.proxy.ServeHTTP(w, r)
}

// braked is a DSN of the same database behind a brake.
func braked(t *testing.T, dsn string, writes int64, after bool) string {
	t.Helper()
	dsn, _ = newBrake(t, dsn, writes, after)
	return dsn
}

func newBrake(t *testing.T, dsn string, writes int64, after bool) (string, *brake) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	b := &brake{
		proxy: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: u.Host}),
		after: after,
	}
	b.left.Store(writes)
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return server.URL + u.Path, b
}

// copies are hard copies: the greater ones have other users, traits and ends of an alias than
// those that count, and there is more that meets both. n tells them from others.
func copies(f *flow, n int64) (greater, smaller, more []journey.Fact) {
	id := func(name string) string { return fmt.Sprint(name, "-", n) }
	pair := func(of func(who string) journey.Fact) {
		g, s := of("wrong"), of("right")
		g.Message = s.Message
		g.ReceivedAt = s.ReceivedAt.Add(time.Millisecond)
		greater, smaller = append(greater, g), append(smaller, s)
	}
	pair(func(who string) journey.Fact {
		return f.track("A", base.Add(time.Second), id(who), id("shared"))
	})
	pair(func(who string) journey.Fact {
		traits := f.fact(journey.Identify, base.Add(time.Second), id(who), id(who+"-phone"))
		traits.Traits = `{"plan":"pro"}`
		return traits
	})
	pair(func(who string) journey.Fact {
		alias := f.fact(journey.Alias, base.Add(2*time.Second), id("owner"), "")
		alias.Previous = id(who + "-old")
		return alias
	})
	pair(func(who string) journey.Fact {
		at := map[string]time.Duration{"wrong": time.Minute, "right": 25 * time.Hour}[who]
		return f.track("B", base.Add(at), id("owner"), "")
	})
	more = []journey.Fact{
		f.track("B", base.Add(time.Minute), id("wrong"), id("shared")),
		f.track("A", base, "", id("shared")), f.track("A", base, "", id("wrong-phone")),
		f.track("A", base, "", id("right-phone")), f.track("A", base, id("wrong-old"), ""),
		f.track("A", base, id("right-old"), ""),
		f.track("C", base.Add(time.Hour), id("owner"), ""),
		f.fact(journey.Group, base.Add(time.Minute), id("wrong"), id("shared")),
	}
	return greater, smaller, more
}

// settled are the facts that count.
func settled(facts []journey.Fact) []journey.Fact {
	least := map[journey.MessageKey]journey.Fact{}
	for _, f := range facts {
		if l, ok := least[f.Key()]; !ok || journey.CompareCopies(&f, &l) < 0 {
			least[f.Key()] = f
		}
	}
	return slices.Collect(maps.Values(least))
}

// TestKilledAnywhere kills the processor at each of its writes to ClickHouse, before or after
// it was carried out, while it handles the copies that do not count or those that do. What was
// not committed comes again, in batches cut elsewhere. In the end everything is as if nothing had
// happened.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	type facts = []journey.Fact
	for _, c := range []struct {
		name string
		// before are handled before; killed are handled by the processor that is killed; then come
		// the others.
		course func(greater, smaller facts) (before []facts, killed facts, then []facts)
	}{
		{"the greater ones; others are handled first", func(g, s facts) ([]facts, facts, []facts) {
			return nil, g, []facts{s, g}
		}},
		{"the greater ones; then all in one batch", func(g, s facts) ([]facts, facts, []facts) {
			return nil, g, []facts{slices.Concat(g, s)}
		}},
		{"the smaller ones", func(g, s facts) ([]facts, facts, []facts) {
			return []facts{g}, s, []facts{s}
		}},
		{"the smaller ones; then other batches", func(g, s facts) ([]facts, facts, []facts) {
			return []facts{g[:2]}, s, []facts{slices.Concat(s[:3], g[2:]), s[3:]}
		}},
	} {
		for _, after := range moments() {
			name := fmt.Sprintf("%s, after the write: %v", c.name, after)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				site := journey.SiteID(fmt.Sprintf("killed-%x", sha256.Sum256([]byte(name)))[:20])
				m := s.publishSource(t, site, deedsMap)
				f := &flow{site: site, received: time.Now().UTC().Truncate(time.Millisecond)}
				var all facts
				writes := int64(0)
				for killed := true; killed; writes++ {
					greater, smaller, more := copies(f, writes)
					before, at, then := c.course(greater, smaller)
					s.handle(t, append(before, more)...)
					killed = newProcessor(t, braked(t, s.dsn, writes, after)).
						Handle(t.Context(), batchOf(t, at)) != nil
					s.handle(t, then...)
					all = slices.Concat(all, greater, smaller, more)
				}
				if writes < 7 {
					t.Errorf("the processor was done after %d writes: too little is shown", writes-1)
				}
				s.compareProfiles(t, m, f.site, all)
				s.compare(t, m, f.site, all, buyers())
				s.compare(t, m, f.site, all, of(buyers(), "pro"))
			})
		}
	}
}

// handle handles batches by a processor that has just been started.
func (s *spine) handle(t *testing.T, batches ...[]journey.Fact) {
	t.Helper()
	p := newProcessor(t, s.dsn)
	for _, batch := range batches {
		if err := p.Handle(t.Context(), batchOf(t, batch)); err != nil {
			t.Fatal(err)
		}
	}
}

// moments are when a processor is killed at a write: before it was carried out, after it, or only
// after it where there is little time.
func moments() []bool {
	if testing.Short() {
		return []bool{true}
	}
	return []bool{false, true}
}
