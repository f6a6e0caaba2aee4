package answer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// counts counts answers by where they came from.
type counts struct {
	mutex sync.Mutex
	by    map[answer.Source]int
}

func (c *counts) add(from answer.Source) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.by[from]++
}

func (c *counts) of(from answer.Source) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.by[from]
}

// market is a database of two sites, asked directly and through a cache.
type market struct {
	*shop

	fresh  *answer.Answerer
	cache  *answer.Cache
	counts *counts
	random *rand.Rand
	// sent are the rows stored so far, derived how often profiles were, versions the maps by site.
	sent     []store.Row
	derived  int
	versions map[journey.SiteID]int
	now      time.Time
	asked    []asked
}

// asked is a question, and in which way it was asked.
type asked struct {
	site     journey.SiteID
	question funnel.Question
	way      int
}

var twoSites = []journey.SiteID{"shop", "other"}

func newMarket(t *testing.T, seed uint64, answers func(*answer.Answerer) api.Answers) *market {
	t.Helper()
	dsn := enginetest.Database(t)
	st, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	maps := answer.NewNewestMaps(st)
	m := &market{
		shop: &shop{Store: st, dsn: dsn}, fresh: answer.New(st, maps, 0),
		counts: &counts{by: make(map[answer.Source]int)}, random: rand.New(rand.NewPCG(seed, 1)),
		versions: make(map[journey.SiteID]int), now: noon,
	}
	m.cache = answer.NewCache(answers(answer.New(st, answer.NewNewestMaps(st), 0)),
		answer.CacheConfig{
			Store: st, Maps: answer.NewNewestMaps(st), MaxBytes: 1 << 20, Count: m.counts.add,
		})
	return m
}

// forget makes the direct way one that has read nothing yet, and so can remember nothing.
func (m *market) forget() { m.fresh = answer.New(m.Store, answer.NewNewestMaps(m.Store), 0) }

func plainly(a *answer.Answerer) api.Answers { return a }

func (m *market) site() journey.SiteID { return twoSites[m.random.IntN(len(twoSites))] }

// writes are what changes a database, in all the ways that services do.
var writes = []func(*market, *testing.T){
	(*market).touch, (*market).touch, (*market).touch, (*market).identify, (*market).link,
	(*market).link, (*market).remove, (*market).merge, (*market).merge, (*market).rebuild,
	(*market).renew, (*market).publish, (*market).settle, (*market).wait, (*market).wait,
}

// touch stores touchpoints, some late, some of times to come.
func (m *market) touch(t *testing.T) {
	var rows []store.Row
	for range 1 + m.random.IntN(3) {
		at := m.now.Add(time.Duration(m.random.IntN(80)-75) * time.Hour)
		if m.random.IntN(4) == 0 {
			at = at.AddDate(0, -1, 0)
		}
		r := row(fmt.Sprint("m", len(m.sent)+len(rows)), string("ABC"[m.random.IntN(3)]), at, "",
			journey.VisitorID(fmt.Sprint("v", m.random.IntN(4))))
		r.Fact.Site = m.site()
		r.Attribution = journey.Attribution{Stage: "one", Touchpoint: "a", Version: 1}
		r.Fact.Properties = journey.Object(fmt.Sprintf(`{"n":%d}`, m.random.IntN(3)))
		rows = append(rows, r)
	}
	m.store(t, rows...)
}

func (m *market) store(t *testing.T, rows ...store.Row) {
	if err := m.InsertFacts(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	m.sent = append(m.sent, rows...)
}

// identify writes a trait.
func (m *market) identify(t *testing.T) {
	r := row(fmt.Sprint("m", len(m.sent)), "", m.now, "", journey.VisitorID(
		fmt.Sprint("v", m.random.IntN(4))))
	r.Fact.Site, r.Fact.Kind = m.site(), journey.Identify
	r.Fact.Traits = journey.Object(fmt.Sprintf(`{"x":%d}`, m.random.IntN(3)))
	m.store(t, r)
}

// profile derives a visitor's person: any of two.
func (m *market) profile(s journey.SiteID) store.Profile {
	id := journey.VisitorIdentity(s, journey.VisitorID(fmt.Sprint("v", m.random.IntN(4))))
	return store.Profile{
		Identity: id, Person: journey.PersonID(m.random.IntN(2) + 1), Version: 1,
		Persona: journey.PersonaID(fmt.Sprint("p", m.random.IntN(2))),
	}
}

// link says who is whom.
func (m *market) link(t *testing.T) {
	s := m.site()
	m.derived++
	at := noon.Add(time.Duration(m.derived) * time.Second)
	if err := m.InsertProfiles(t.Context(), s, []store.Profile{m.profile(s)}, at); err != nil {
		t.Fatal(err)
	}
}

// remove takes out the rows of a message.
func (m *market) remove(t *testing.T) {
	if len(m.sent) == 0 {
		return
	}
	f := m.sent[m.random.IntN(len(m.sent))].Fact
	_, err := m.DeleteReceipts(t.Context(), []journey.Receipt{{
		Site: f.Site, Key: f.Key(), ReceivedAt: f.ReceivedAt, Index: f.Index, Identity: f.Identity(),
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// merge puts parts together.
func (m *market) merge(t *testing.T) {
	m.raw(t, "OPTIMIZE TABLE "+store.AnswerTables[m.random.IntN(len(store.AnswerTables))]+" FINAL")
}

// rebuild packs journeys anew.
func (m *market) rebuild(t *testing.T) {
	if err := m.RebuildJourneys(t.Context(), func(int, int) {}); err != nil {
		t.Fatal(err)
	}
}

// renew puts other profiles in place of the present ones.
func (m *market) renew(t *testing.T) {
	next, err := m.NextProfiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := m.site()
	for _, do := range []error{
		next.InsertProfiles(t.Context(), s, []store.Profile{m.profile(s)}, noon),
		next.Install(t.Context()), next.Drop(t.Context()),
	} {
		if do != nil {
			t.Fatal(do)
		}
	}
}

// publish publishes a map: by touchpoints, with repeats, or with rules about time.
func (m *market) publish(t *testing.T) {
	s := m.site()
	sources := []string{
		quietMap + "]\npersonas: [{id: p1, when: 'count(\"A\") > 1'}]\n",
		quietMap + "]\npersonas: [{id: p1, when: 'days_since(last(\"A\")) > 1'}]\n",
		quietMap + ", {id: a2, stage: two, repeat: {of: a}}]\n",
	}
	m.versions[s]++
	m.raw(t, fmt.Sprintf(`INSERT INTO maps (site, version, id, title, source, published_at,
		in_force_at) VALUES ('%s', %d, generateUUIDv4(), 'Quiet', $map$%s$map$, now64(9), now64(9))`,
		s, m.versions[s], sources[m.random.IntN(len(sources))]))
}

// settle says that profiles follow the newest map.
func (m *market) settle(t *testing.T) {
	s := m.site()
	version := journey.MapVersion(m.versions[s]) //nolint:gosec // few
	if err := m.SetPersonasCurrent(t.Context(), s, version); err != nil {
		t.Fatal(err)
	}
}

// wait lets time pass.
func (m *market) wait(*testing.T) {
	m.now = m.now.Add([]time.Duration{
		time.Millisecond, time.Second, time.Hour, 30 * time.Hour,
	}[m.random.IntN(4)])
}

// question is one of a few, so that it comes again.
func (m *market) question() funnel.Question {
	event := func(name string) funnel.Step {
		return funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: name}}
	}
	q := funnel.Question{
		From: noon.AddDate(0, 0, -30), To: noon.Add(30 * time.Hour), AsOf: m.now, Limit: 25,
		Window: 2 * time.Hour, Steps: []funnel.Step{event("A"), event("B")},
	}
	if m.random.IntN(3) == 0 {
		q.AsOf = noon.Add(-time.Hour)
	}
	switch m.random.IntN(5) {
	case 0:
		q.Steps = append(q.Steps, event("C"))
	case 1:
		q.Breakdowns = []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}
	case 2:
		q.Breakdowns = []funnel.Breakdown{{
			By: funnel.Trait, Name: "x", Attribution: funnel.OfPerson,
		}}
	case 3:
		q.Mode, q.Steps[0].Target = funnel.All, funnel.Target{Kind: funnel.Stage, Name: "one"}
	}
	return q
}

// apart are the facts that tell how an answer was come by.
var apart = cmpopts.IgnoreFields(api.Facts{}, "Cached", "TouchpointsRead", "Way")

// check asks the same through the cache and directly.
func (m *market) check(t *testing.T, step int) {
	t.Helper()
	a := asked{m.site(), m.question(), m.random.IntN(4)}
	if n := len(m.asked); n > 0 && m.random.IntN(2) == 0 {
		a = m.asked[max(0, n-1-m.random.IntN(5))] // again
	}
	m.asked = append(m.asked, a)
	q, s := a.question, a.site
	m.forget()
	var got, want any
	var err, wantErr error
	switch a.way {
	case 0:
		page := api.Page{Limit: 2, Selection: funnel.Selection{Step: 1}}
		got, err = m.cache.Persons(t.Context(), s, q, page)
		want, wantErr = m.fresh.Persons(t.Context(), s, q, page)
	case 1:
		groups := []funnel.Group{{Values: make([]funnel.GroupValue, len(q.Breakdowns))}}
		got, err = m.cache.FunnelAs(t.Context(), s, q, groups)
		want, wantErr = m.fresh.FunnelAs(t.Context(), s, q, groups)
	default:
		got, err = m.cache.Funnel(t.Context(), s, q)
		want, wantErr = m.fresh.Funnel(t.Context(), s, q)
	}
	if err != nil || wantErr != nil {
		t.Fatalf("step %d: %v by the cache, %v directly", step, err, wantErr)
	}
	if diff := cmp.Diff(want, got, apart, cmp.AllowUnexported(journey.Value{})); diff != "" {
		t.Fatalf("step %d: site %s as of %s: (-directly +by the cache):\n%s", step, s, q.AsOf, diff)
	}
}

// TestCacheIsNeverStale: whatever is written, removed, merged, rebuilt or published between
// questions, and however time passes, the cache answers as if it kept nothing.
func TestCacheIsNeverStale(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			m := newMarket(t, seed, plainly)
			for range 5 {
				m.touch(t)
			}
			for step := range 40 {
				if m.random.IntN(3) > 0 {
					writes[m.random.IntN(len(writes))](m, t)
				}
				for range 1 + m.random.IntN(4) {
					m.check(t, step)
				}
			}
			if kept, evaluated := m.counts.of(answer.Kept), m.counts.of(answer.Evaluated); kept < 10 ||
				evaluated < 10 || m.counts.of(answer.Unkept) > 0 {
				t.Errorf("answers by source: %v", m.counts.by)
			}
		})
	}
}

// whole is a question whose first step everybody of a site fills who did A.
var whole = funnel.Question{
	From: noon.AddDate(0, 0, -1), To: noon.AddDate(0, 0, 1), AsOf: noon.AddDate(0, 0, 20),
	Window: time.Hour, Limit: 25, Steps: []funnel.Step{
		{Target: funnel.Target{Kind: funnel.Event, Name: "A"}},
		{Target: funnel.Target{Kind: funnel.Event, Name: "B"}},
	},
}

// enter stores a touchpoint of a new person.
func (m *market) enter(ctx context.Context, s journey.SiteID, n int) error {
	r := row(fmt.Sprint("n", n), "A", noon, "", journey.VisitorID(fmt.Sprint("w", n)))
	r.Fact.Site = s
	return m.InsertFacts(ctx, []store.Row{r})
}

// TestCacheSeesWhatWasWritten: while one site is written to, who asks sees all that was stored
// before, however many ask at once; and a site to which nothing is written keeps its answers.
func TestCacheSeesWhatWasWritten(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	if err := m.enter(t.Context(), "other", 0); err != nil {
		t.Fatal(err)
	}
	var written atomic.Int64
	var askers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for i := range 6 {
		askers.Go(func() {
			for ctx.Err() == nil {
				s, least := journey.SiteID("shop"), int(written.Load())
				if i%3 == 0 {
					s, least = "other", 1
				}
				got, err := m.cache.Funnel(t.Context(), s, whole)
				if err != nil {
					t.Error(err)
					return
				}
				if n := got.Steps[0].Count; n < least || s == "other" && n != 1 {
					t.Errorf("site %s: %d persons, want at least %d", s, n, least)
					return
				}
			}
		})
	}
	for n := range 30 {
		if err := m.enter(t.Context(), "shop", n); err != nil {
			t.Fatal(err)
		}
		written.Store(int64(n + 1))
	}
	stop()
	askers.Wait()
	if m.counts.of(answer.Kept) == 0 {
		t.Errorf("no answer was kept: %v", m.counts.by)
	}
}

// slow answers when it is let, and counts how often it was asked and given up.
type slow struct {
	api.Answers

	entered       chan bool
	let           chan bool
	asked, given  atomic.Int64
	reportsOfRows bool
	// say is passed on as how far it is; stubborn goes on for a while when it is given up.
	say      chan [3]int
	stubborn bool
}

func (s *slow) Funnel(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (api.Funnel, error) {
	s.asked.Add(1)
	if tell := api.ProgressOf(ctx); tell != nil && s.reportsOfRows {
		tell(1, 2, 0)
	}
	s.entered <- true
	for {
		select {
		case p := <-s.say:
			api.ProgressOf(ctx)(uint64(p[0]), uint64(p[1]), p[2]) //nolint:gosec // few
		case <-s.let:
			return s.Answers.Funnel(ctx, site, q)
		case <-ctx.Done():
			if s.given.Add(1); s.stubborn {
				<-s.let
			}
			return api.Funnel{}, ctx.Err()
		}
	}
}

func newSlow(t *testing.T) (*market, *slow) {
	t.Helper()
	s := &slow{entered: make(chan bool, 100), let: make(chan bool), reportsOfRows: true}
	m := newMarket(t, 1, func(a *answer.Answerer) api.Answers {
		s.Answers = a
		return s
	})
	if err := m.enter(t.Context(), "shop", 0); err != nil {
		t.Fatal(err)
	}
	return m, s
}

// asks asks so many times at once, and waits until all of them wait.
func (m *market) asks(
	ctx context.Context, t *testing.T, n int, wait *sync.WaitGroup, check func(api.Funnel, error),
) {
	t.Helper()
	before := m.cache.Waiting()
	for range n {
		wait.Go(func() { check(m.cache.Funnel(ctx, "shop", whole)) })
	}
	until(t, func() bool { return m.cache.Waiting() == before+n })
}

func until(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("what was waited for has not come")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestAskedAtOnce: the same question asked at once is answered once, for all who ask; who leaves
// does not disturb the others, and each is told how far it is.
func TestAskedAtOnce(t *testing.T) {
	t.Parallel()
	m, s := newSlow(t)
	var wait sync.WaitGroup
	var told atomic.Int64
	first, leave := context.WithCancel(t.Context())
	m.asks(first, t, 1, &wait, func(_ api.Funnel, err error) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
	})
	<-s.entered
	m.asks(api.WithProgress(t.Context(), func(uint64, uint64, int) { told.Add(1) }), t, 20, &wait,
		func(got api.Funnel, err error) {
			if err != nil || got.Steps[0].Count != 1 || !got.Facts.Cached {
				t.Errorf("%+v, %v", got, err)
			}
		})
	leave()
	until(t, func() bool { return m.cache.Waiting() == 20 })
	close(s.let)
	wait.Wait()
	if s.asked.Load() != 1 || s.given.Load() != 0 || m.counts.of(answer.Shared) != 20 ||
		m.counts.of(answer.Evaluated) != 0 {
		t.Errorf("asked %d times, given up %d times, %v", s.asked.Load(), s.given.Load(), m.counts.by)
	}
}

// TestNobodyWaits: once all who asked have left, the work ends, and who asks later is answered.
func TestNobodyWaits(t *testing.T) {
	t.Parallel()
	m, s := newSlow(t)
	var wait sync.WaitGroup
	ctx, leave := context.WithCancel(t.Context())
	m.asks(ctx, t, 5, &wait, func(_ api.Funnel, err error) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
	})
	<-s.entered
	leave()
	wait.Wait()
	until(t, func() bool { return s.given.Load() == 1 })
	close(s.let)
	got, err := m.cache.Funnel(t.Context(), "shop", whole)
	if err != nil || got.Steps[0].Count != 1 || got.Facts.Cached {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = m.cache.Funnel(t.Context(), "shop", whole)
	if err != nil || got.Steps[0].Count != 1 || !got.Facts.Cached || s.asked.Load() != 2 {
		t.Errorf("%+v, %v; asked %d times", got, err, s.asked.Load())
	}
}

// TestWrittenMeanwhile: an answer during which something was written is given and not kept.
func TestWrittenMeanwhile(t *testing.T) {
	t.Parallel()
	m, s := newSlow(t)
	var wait sync.WaitGroup
	m.asks(t.Context(), t, 1, &wait, func(_ api.Funnel, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	<-s.entered
	if err := m.enter(t.Context(), "shop", 1); err != nil {
		t.Fatal(err)
	}
	close(s.let)
	wait.Wait()
	got, err := m.cache.Funnel(t.Context(), "shop", whole)
	if err != nil || got.Steps[0].Count != 2 || got.Facts.Cached {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestKeptBytes: what is kept stays within its bytes, and nothing is kept where none are allowed.
func TestKeptBytes(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	if err := m.enter(t.Context(), "shop", 0); err != nil {
		t.Fatal(err)
	}
	most := 0
	for n := range 20 {
		q := whole
		q.Window += time.Duration(n) * time.Second
		if _, err := m.cache.Funnel(t.Context(), "shop", q); err != nil {
			t.Fatal(err)
		}
		most = max(most, m.cache.KeptBytes())
	}
	small := answer.NewCache(m.fresh, answer.CacheConfig{
		Store: m.Store, Maps: answer.NewNewestMaps(m.Store), MaxBytes: most / 10, Count: m.counts.add,
	})
	none := answer.NewCache(m.fresh, answer.CacheConfig{
		Store: m.Store, Maps: answer.NewNewestMaps(m.Store), Count: m.counts.add,
	})
	for n := range 20 {
		q := whole
		q.Window += time.Duration(n) * time.Second
		for _, c := range []*answer.Cache{small, none} {
			if _, err := c.Funnel(t.Context(), "shop", q); err != nil {
				t.Fatal(err)
			}
		}
	}
	until(t, func() bool { return small.KeptBytes() > 0 })
	if small.KeptBytes() > most/10 || none.KeptBytes() != 0 {
		t.Errorf("%d of %d bytes kept, and %d of none", small.KeptBytes(), most/10, none.KeptBytes())
	}
}
