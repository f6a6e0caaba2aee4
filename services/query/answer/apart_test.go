package answer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// crowd stores touchpoints A of so many new persons, whose property n is 0, 1 or 2.
func (m *market) crowd(t *testing.T, n int) {
	t.Helper()
	var rows []store.Row
	for i := range n {
		r := row(fmt.Sprint("c", i), "A", noon, "", journey.VisitorID(fmt.Sprint("c", i)))
		r.Fact.Properties = journey.Object(fmt.Sprintf(`{"n":%d}`, i%3))
		rows = append(rows, r)
	}
	m.store(t, rows...)
}

// TestCacheTellsApart: pages of a list, and answers by the groups of others, are kept each for
// itself.
func TestCacheTellsApart(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	m.crowd(t, 6)
	split := whole
	split.Breakdowns = []funnel.Breakdown{{By: funnel.Property, Name: "n"}}
	first := api.Page{Limit: 1, Selection: funnel.Selection{Step: 1}}
	list, err := m.fresh.Persons(t.Context(), site, split, first)
	if err != nil {
		t.Fatal(err)
	}
	second, longer, lost, group, others, fewer := first, first, first, first, first, first
	second.After, longer.Limit, lost.Part = list.Persons[0].ID, 3, funnel.PartInWindow
	group.Group = []funnel.GroupValue{{Value: "1"}}
	others.Except = []funnel.Key{funnel.KeyOf(group.Group...)}
	fewer.Except = []funnel.Key{others.Except[0], funnel.KeyOf(funnel.GroupValue{Value: "2"})}
	groups := func(values ...string) (list []funnel.Group) {
		for _, v := range values {
			list = append(list, funnel.Group{Values: []funnel.GroupValue{{Value: v}}})
		}
		return list
	}
	for range 2 { // evaluated, then kept
		for i, page := range []api.Page{first, second, longer, lost, group, others, fewer} {
			got, err := m.cache.Persons(t.Context(), site, split, page)
			want, wantErr := m.fresh.Persons(t.Context(), site, split, page)
			m.same(t, fmt.Sprint("page ", i), want, got, wantErr, err)
		}
		for i, of := range [][]funnel.Group{
			nil, groups("1"), groups("2"), groups("1", "2"), append(groups("1"), funnel.Group{Other: true}),
		} {
			got, err := m.cache.FunnelAs(t.Context(), site, split, of)
			want, wantErr := m.fresh.FunnelAs(t.Context(), site, split, of)
			m.same(t, fmt.Sprint("groups ", i), want, got, wantErr, err)
		}
		got, err := m.cache.Funnel(t.Context(), site, split)
		want, wantErr := m.fresh.Funnel(t.Context(), site, split)
		m.same(t, "the funnel", want, got, wantErr, err)
	}
	if m.counts.of(answer.Evaluated) != 13 || m.counts.of(answer.Kept) != 13 {
		t.Errorf("answers by source: %v", m.counts.by)
	}
}

// same fails where an answer by the cache is another than the direct one.
func (m *market) same(t *testing.T, what string, want, got any, wantErr, err error) {
	t.Helper()
	if err != nil || wantErr != nil {
		t.Fatalf("%s: %v by the cache, %v directly", what, err, wantErr)
	}
	if diff := cmp.Diff(want, got, apart, cmp.AllowUnexported(journey.Value{})); diff != "" {
		t.Errorf("%s (-directly +by the cache):\n%s", what, diff)
	}
}

// TestKeptOfOneQuestion: what is kept of one question does not grow with the instants of which it
// is asked, nor with what is written between.
func TestKeptOfOneQuestion(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	ask := func(asOf time.Time) int {
		t.Helper()
		q := whole
		q.AsOf = asOf
		if _, err := m.cache.Funnel(t.Context(), site, q); err != nil {
			t.Fatal(err)
		}
		return m.cache.KeptBytes()
	}
	m.crowd(t, 1)
	one := ask(whole.AsOf)
	var bytes int
	for n := range 12 {
		bytes = ask(whole.AsOf.Add(-time.Duration(n) * time.Hour)) // earlier ones are never carried over
	}
	if bytes <= 2*one || bytes > 5*one {
		t.Errorf("%d bytes are kept of many instants, %d of one", bytes, one)
	}
	for n := range 5 {
		if err := m.enter(t.Context(), site, n); err != nil {
			t.Fatal(err)
		}
		if bytes = ask(whole.AsOf); bytes > one+one/4 {
			t.Errorf("%d bytes are kept after writes, %d before", bytes, one)
		}
	}
}

// TestTooLargeToKeep: an answer that is larger than all that may be kept puts nothing else out.
func TestTooLargeToKeep(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	m.crowd(t, 3)
	large := whole
	large.Breakdowns = []funnel.Breakdown{{By: funnel.Property, Name: "n"}}
	ask := func(c *answer.Cache, q funnel.Question) (cached bool) {
		t.Helper()
		got, err := c.Funnel(t.Context(), site, q)
		if err != nil {
			t.Fatal(err)
		}
		return got.Facts.Cached
	}
	ask(m.cache, whole)
	small := m.cache.KeptBytes()
	ask(m.cache, large)
	if sum := m.cache.KeptBytes(); sum <= 3*small {
		t.Fatalf("the large answer takes %d bytes, the small one %d", sum-small, small)
	}
	tight := answer.NewCache(m.fresh, answer.CacheConfig{
		Store: m.Store, Maps: answer.NewNewestMaps(m.Store), MaxBytes: 2 * small, Count: m.counts.add,
	})
	ask(tight, whole)
	for n := range 2 {
		if ask(tight, large) || !ask(tight, whole) {
			t.Errorf("%d: the large answer was kept, or the small one put out", n)
		}
	}
}

// TestUnkept: where a table has parts that are not listed here nothing is kept.
func TestUnkept(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	for n := range 3 {
		if err := m.enter(t.Context(), site, n); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			m.raw(t, "RENAME TABLE labels TO labels_elsewhere")
			m.raw(t, "CREATE VIEW labels AS SELECT * FROM labels_elsewhere")
		}
		got, err := m.cache.Funnel(t.Context(), site, whole)
		if err != nil || got.Facts.Cached || got.Steps[0].Count != n+1 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if m.counts.of(answer.Unkept) != 3 {
		t.Errorf("answers by source: %v", m.counts.by)
	}
}
