package answer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// part is one of the inserts first to last.
func part(name string, first, last int64) store.Part {
	return store.Part{
		Table: "touchpoints", Place: "here/", Name: name, Partition: "all", First: first, Last: last,
		Hash: name,
	}
}

func seen(parts ...store.Part) map[partID]store.Part {
	m := make(map[partID]store.Part)
	for _, p := range parts {
		m[idOf(p)] = p
	}
	return m
}

// TestChanges: merges of what was seen change nothing, new inserts what they hold, all else
// everything.
func TestChanges(t *testing.T) {
	t.Parallel()
	one, two, three := part("1", 1, 1), part("2", 2, 2), part("3", 3, 3)
	elsewhere, rewritten, other, refilled := one, one, one, one
	elsewhere.Place = "there/"
	rewritten.Name, rewritten.Mutation = "1m", 9
	other.Partition, other.Name = "202601", "other 1"
	refilled.Hash = "different"
	merged, mutated := part("1-2", 1, 2), part("1-3", 1, 3)
	mutated.Mutation = 9
	rebuilt, otherwise := merged, merged
	rebuilt.Place = "there/"
	otherwise.Table = "labels"
	for name, c := range map[string]struct {
		seen  map[partID]store.Part
		now   []store.Part
		all   bool
		fresh []string
	}{
		"the first look":        {now: []store.Part{one}, all: true},
		"nothing ever":          {seen: seen()},
		"nothing new":           {seen: seen(one, two), now: []store.Part{two, one}},
		"an insert":             {seen: seen(one), now: []store.Part{one, two}, fresh: []string{"2"}},
		"into another month":    {seen: seen(one), now: []store.Part{one, other}, fresh: []string{"other 1"}},
		"a merge":               {seen: seen(one, two), now: []store.Part{merged}},
		"a merge and an insert": {seen: seen(one, two), now: []store.Part{merged, three}, fresh: []string{"3"}},
		"merged before seen":    {seen: seen(one), now: []store.Part{merged}, fresh: []string{"1-2"}},
		"both unseen":           {seen: seen(), now: []store.Part{merged}, fresh: []string{"1-2"}},
		"a hole in the middle": {
			seen: seen(one, three), now: []store.Part{part("1-3", 1, 3)}, fresh: []string{"1-3"},
		},
		"a part went":              {seen: seen(one, two), now: []store.Part{one}, all: true},
		"all went":                 {seen: seen(one), all: true},
		"rows were removed":        {seen: seen(one), now: []store.Part{rewritten}, fresh: []string{"1m"}, all: true},
		"removed and merged":       {seen: seen(one, two, three), now: []store.Part{mutated}, fresh: []string{"1-3"}, all: true},
		"another table":            {seen: seen(one), now: []store.Part{elsewhere}, fresh: []string{"1"}, all: true},
		"another content":          {seen: seen(one), now: []store.Part{refilled}, fresh: []string{"1"}, all: true},
		"one went before one came": {seen: seen(one), now: []store.Part{two}, fresh: []string{"2"}, all: true},
		"one went after one came":  {seen: seen(two), now: []store.Part{one}, fresh: []string{"1"}, all: true},
		"merged elsewhere": {
			seen: seen(one, two), now: []store.Part{rebuilt}, fresh: []string{"1-2"}, all: true,
		},
		"merged in another table": {
			seen: seen(one, two), now: []store.Part{otherwise}, fresh: []string{"1-2"}, all: true,
		},
		"merges of two months": {seen: seen(one, other), now: []store.Part{merged}, fresh: []string{"1-2"}, all: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := changesOf(c.seen, c.now)
			var fresh []string
			for _, p := range got.fresh {
				fresh = append(fresh, p.Name)
			}
			if diff := cmp.Diff(c.fresh, fresh); diff != "" || got.all != c.all {
				t.Errorf("all %v, want %v; fresh (-want +got):\n%s", got.all, c.all, diff)
			}
		})
	}
}

// TestHolding: the rows of a part that is gone are in the one that it was merged into, if nothing was
// removed from that.
func TestHolding(t *testing.T) {
	t.Parallel()
	gone, later, merged := part("2", 2, 2), part("4", 4, 4), part("1-3", 1, 3)
	mutated, elsewhere, otherMonth, otherTable := merged, merged, merged, merged
	mutated.Mutation = 9
	elsewhere.Place = "there/"
	otherMonth.Partition = "202601"
	otherTable.Table = "labels"
	refilled := gone
	refilled.Hash = "different"
	for name, c := range map[string]struct {
		gone, parts []store.Part
		want        []string
	}{
		"merged":         {[]store.Part{gone}, []store.Part{later, merged}, []string{"1-3"}},
		"one of two":     {gone: []store.Part{gone, later}, parts: []store.Part{merged}},
		"not there":      {gone: []store.Part{gone}, parts: []store.Part{later}},
		"rewritten":      {gone: []store.Part{gone}, parts: []store.Part{mutated}},
		"another place":  {gone: []store.Part{gone}, parts: []store.Part{elsewhere}},
		"another month":  {gone: []store.Part{gone}, parts: []store.Part{otherMonth}},
		"another table":  {gone: []store.Part{gone}, parts: []store.Part{otherTable}},
		"the name alone": {gone: []store.Part{gone}, parts: []store.Part{refilled}},
	} {
		var got []string
		for _, p := range holding(c.parts, c.gone) {
			got = append(got, p.Name)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// newStore is a store on a database of its own.
func newStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(enginetest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}

// TestLookGoesOn: a look goes on for others though who began it has left.
func TestLookGoesOn(t *testing.T) {
	t.Parallel()
	l := newLedger(newStore(t))
	l.turn.Lock()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	left := make(chan error, 1)
	go func() {
		_, err := l.now(ctx, "shop")
		left <- err
	}()
	select {
	case err := <-left:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("who left waits")
	}
	l.mutex.Lock()
	r := l.next
	l.mutex.Unlock()
	l.turn.Unlock()
	<-r.done
	if !errors.Is(r.err, errScattered) { // nothing is stored yet, so nothing is told
		t.Errorf("the look gives %v", r.err)
	}
}

// TestLookTakesNobodyIn: who comes once a look has begun waits for another one.
func TestLookTakesNobodyIn(t *testing.T) {
	t.Parallel()
	began, let := make(chan bool, 10), make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		began <- true
		<-let
		http.Error(w, "no", http.StatusInternalServerError)
	}))
	t.Cleanup(server.Close)
	st, err := store.Open(server.URL + "/any")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	l := newLedger(st)
	looked := make(chan error, 1)
	go func() {
		_, err := l.now(t.Context(), "shop")
		looked <- err
	}()
	<-began
	l.mutex.Lock()
	if l.next != nil {
		t.Error("a look that has begun is given to who comes now")
	}
	l.mutex.Unlock()
	close(let)
	if err := <-looked; err == nil {
		t.Error("the look gives no error")
	}
}

// TestManyRows: where more rows have come than are looked through, any site may have changed.
func TestManyRows(t *testing.T) {
	t.Parallel()
	st := newStore(t)
	l := newLedger(st)
	was := make(map[journey.SiteID]stamp)
	for n, c := range []struct {
		most, rows uint64
		// all tells that other sites than the rows' have changed too.
		all bool
	}{
		{most: maxRows, rows: 1, all: true}, // the first look
		{most: maxRows, rows: 5},
		{most: 4, rows: 4},
		{most: 4, rows: 5, all: true},
		{most: 4},
	} {
		l.most = c.most
		writes := make([]store.Row, c.rows)
		for i := range writes {
			writes[i].Fact = &journey.Fact{
				Site: "shop", Message: journey.MessageID(fmt.Sprint(n, " ", i)), Kind: journey.Identify,
				Visitor: "v", OccurredAt: time.Unix(int64(n), int64(i)), Traits: `{"x":1}`,
			}
		}
		if err := st.InsertFacts(t.Context(), writes); err != nil {
			t.Fatal(err)
		}
		for site, changed := range map[journey.SiteID]bool{"shop": c.rows > 0, "other": c.all} {
			r, err := l.now(t.Context(), site)
			if err != nil {
				t.Fatal(err)
			}
			now, err := r.stamp(t.Context(), site)
			if err != nil || (now != was[site]) != changed {
				t.Errorf("%d rows of %d: site %s: %v after %v, %v", c.rows, c.most, site, now, was[site], err)
			}
			was[site] = now
		}
	}
}

// TestSettledNowAndThen: the sites of what has come are read for who asks of a site that was not
// lively, and else only when it is time; nobody who asks misses a change.
func TestSettledNowAndThen(t *testing.T) {
	t.Parallel()
	st := newStore(t)
	l := newLedger(st)
	was, n := make(map[journey.SiteID]stamp), 0
	enter := func(sites ...journey.SiteID) {
		t.Helper()
		for _, site := range sites {
			n++
			fact := &journey.Fact{
				Site: site, Message: journey.MessageID(fmt.Sprint(n)), Kind: journey.Identify,
				Visitor: "v", OccurredAt: time.Unix(int64(n), 0), Traits: `{"x":1}`,
			}
			if err := st.InsertFacts(t.Context(), []store.Row{{Fact: fact}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	look := func(site journey.SiteID, changed bool, pending bool) *round {
		t.Helper()
		r, err := l.now(t.Context(), site)
		if err != nil {
			t.Fatal(err)
		}
		now, err := r.stamp(t.Context(), site)
		if err != nil || (now != was[site]) != changed {
			t.Errorf("site %s: %v after %v, %v", site, now, was[site], err)
		}
		was[site] = now
		<-r.done
		l.turn.Lock()
		defer l.turn.Unlock()
		if len(l.pending) > 0 != pending {
			t.Errorf("site %s: %d parts are pending", site, len(l.pending))
		}
		return r
	}
	soon := func() { l.settledAt = time.Now().Add(time.Hour) }
	enter("shop")
	look("shop", true, false) // the first look
	look("other", true, false)
	enter("shop")
	look("shop", true, false) // not known to be lively
	soon()
	enter("shop")
	look("shop", true, true)
	look("shop", false, true)
	look("other", false, false)
	soon()
	enter("other", "shop")
	r := look("shop", true, true)
	if s, err := r.stamp(t.Context(), "other"); !errors.Is(err, errUnsettled) {
		t.Errorf("of a site that nobody asked of is told %v, %v", s, err)
	}
	enter("shop")
	look("shop", true, true)
	look("other", true, false)
	soon()
	enter("other")
	look("other", true, true) // which is lively now
	l.settledAt = time.Time{}
	look("other", false, false)
	look("shop", true, false) // taken to have changed
	soon()
	enter("other")
	look("shop", false, false) // not lively any more
}
