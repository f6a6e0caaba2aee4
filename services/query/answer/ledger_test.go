package answer_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// behind is a cache of the same database that looks for changes behind gates.
func (m *market) behind(t *testing.T, gates ...*gate) *answer.Cache {
	t.Helper()
	st, err := store.Open(gated(t, m.dsn, gates...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return answer.NewCache(m.fresh, answer.CacheConfig{
		Store: st, Maps: answer.NewNewestMaps(st), MaxBytes: 1 << 20, Count: m.counts.add,
	})
}

// byTrait asks for the first visitor's trait x.
var byTrait = func() funnel.Question {
	q := whole
	q.Breakdowns = []funnel.Breakdown{{By: funnel.Trait, Name: "x", Attribution: funnel.OfPerson}}
	return q
}()

// trait writes trait x of the first visitor: no other table but that of traits changes.
func (m *market) trait(t *testing.T, x int) {
	t.Helper()
	r := row(fmt.Sprint("x", x), "", noon.Add(time.Duration(x)*time.Second), "", "c0")
	r.Fact.Kind, r.Fact.Traits = journey.Identify, journey.Object(fmt.Sprintf(`{"x":%d}`, x))
	m.store(t, r)
}

// TestEveryTable: a row that comes into any one of the tables changes what is answered of its site
// by it, and only of its site.
func TestEveryTable(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	for _, s := range twoSites {
		if err := m.enter(t.Context(), s, 0); err != nil {
			t.Fatal(err)
		}
	}
	cached := func(s journey.SiteID) bool {
		t.Helper()
		got, err := m.cache.Funnel(t.Context(), s, whole)
		if err != nil {
			t.Fatal(err)
		}
		return got.Facts.Cached
	}
	for _, s := range twoSites {
		cached(s)
	}
	for _, table := range store.AnswerTables {
		values := " (site) VALUES ('shop')"
		if table == "maps" {
			values = " (site, version, id, source) VALUES ('shop', 1, generateUUIDv4(), $map$" + quietMap +
				"]\n$map$)"
		}
		m.raw(t, "INSERT INTO "+table+values)
		if cached("shop") || !cached("other") || !cached("shop") {
			t.Errorf("a row of site shop in %s leaves its answers, or puts others out", table)
		}
	}
	both := append(did("v1", "A", 0), did("v2", "A", 0)...)
	both[1].Fact.Site = "other"
	m.store(t, both...)
	if cached("shop") || cached("other") {
		t.Error("rows of two sites that came together leave the answers of one")
	}
}

// TestMergedMeanwhile: where the parts that came are always gone again before their sites are read,
// any site may have changed.
func TestMergedMeanwhile(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	m.crowd(t, 1)
	m.trait(t, 0)
	if err := m.InsertProfiles(t.Context(), site, []store.Profile{{
		Identity: journey.VisitorIdentity(site, "c0"), Person: 1, Version: 1,
	}}, noon); err != nil {
		t.Fatal(err)
	}
	sites := newGate("AS of, toString(_part)")
	cache := m.behind(t, sites)
	ask := func() string {
		got, err := cache.Funnel(context.WithoutCancel(t.Context()), site, byTrait)
		if err != nil || len(got.Groups) != 1 {
			t.Errorf("%+v, %v", got, err)
			return ""
		}
		return got.Groups[0].Values[0].Value
	}
	if got := ask(); got != "0" {
		t.Fatalf("trait %s, want 0", got)
	}
	m.trait(t, 1)
	answered := make(chan string)
	go func() { answered <- ask() }()
	for {
		var got string
		select {
		case <-sites.held:
			m.trait(t, len(m.sent))
			m.raw(t, "OPTIMIZE TABLE trait_writes FINAL")
			sites.opened <- struct{}{}
			continue
		case got = <-answered:
		}
		if want := fmt.Sprint(len(m.sent) - 1); got != want {
			t.Errorf("trait %s, want %s", got, want)
		}
		break
	}
}

// TestLively: who asks of a site that the last change was of too does not wait until the sites of
// what has come now are read, and gets what there is now; who asks of another site waits, and gets
// the answer that was kept.
func TestLively(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	sites := newGate("AS of, toString(_part)")
	cache := m.behind(t, sites)
	t.Cleanup(func() { close(sites.opened) })
	ask := func(s journey.SiteID) api.Funnel {
		got, err := cache.Funnel(context.WithoutCancel(t.Context()), s, whole)
		if err != nil {
			t.Error(err)
		}
		return got
	}
	// opened asks while the gate is opened to whoever comes; nobody else opens it.
	opened := func(s journey.SiteID) api.Funnel {
		answered := make(chan api.Funnel, 1)
		go func() { answered <- ask(s) }()
		for {
			select {
			case <-sites.held:
				sites.opened <- struct{}{}
			case got := <-answered:
				return got
			}
		}
	}
	enter := func(s journey.SiteID, n int) {
		if err := m.enter(t.Context(), s, n); err != nil {
			t.Fatal(err)
		}
	}
	enter("other", 0)
	opened("other")
	enter("shop", 0)
	opened("shop") // not known to be lively before
	for n := 1; n < 4; n++ {
		enter("shop", n)
		if got := ask("shop"); got.Facts.Cached || got.Steps[0].Count != n+1 {
			t.Errorf("%d persons have come: %+v", n+1, got)
		}
		if got := opened("other"); !got.Facts.Cached || got.Steps[0].Count != 1 {
			t.Errorf("the other site: %+v", got)
		}
		if got := opened("shop"); !got.Facts.Cached || got.Steps[0].Count != n+1 {
			t.Errorf("asked again: %+v", got)
		}
	}
	enter("other", 1)
	if got := opened("other"); got.Facts.Cached || got.Steps[0].Count != 2 {
		t.Errorf("the other site has changed: %+v", got)
	}
}

// TestLookGivenUp: who leaves while changes are looked for does not wait for it.
func TestLookGivenUp(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	m.crowd(t, 1)
	parts := newGate("FROM system.parts")
	cache := m.behind(t, parts)
	open := sync.OnceFunc(func() { close(parts.opened) })
	t.Cleanup(open)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := cache.Persons(ctx, site, whole, api.Page{Limit: 1})
		left <- err
	}()
	<-parts.held
	leave()
	until(t, func() bool { return len(left) == 1 })
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	open()
	if got, err := cache.Funnel(t.Context(), site, whole); err != nil || got.Steps[0].Count != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}
