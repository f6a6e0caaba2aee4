package answer

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// countedSites counts how often it is asked.
type countedSites struct {
	api.Background

	asked atomic.Int64
}

func (c *countedSites) Site(ctx context.Context, id journey.SiteID) (journey.Site, error) {
	c.asked.Add(1)
	return c.Background.Site(ctx, id)
}

// TestRecall: the site and the map that a call is read by are as they were when it came, however
// short before they were changed, and the store is asked for them only then.
func TestRecall(t *testing.T) {
	t.Parallel()
	st := newStore(t)
	c := NewCache(nil, CacheConfig{Store: st, Count: func(Source) {}})
	counted := &countedSites{Background: st}
	r := c.Recall(counted)
	site := journey.Site{ID: "shop", TimeZone: "UTC", CreatedAt: time.Now()}
	zone := func() string {
		t.Helper()
		found, err := r.Site(WithGlance(t.Context()), "shop")
		if err != nil {
			t.Fatal(err)
		}
		return found.TimeZone
	}
	if _, err := r.Site(WithGlance(t.Context()), "shop"); fault.Of(err) != fault.NotFound {
		t.Fatalf("no site: %v", err)
	}
	if err := st.CreateSite(t.Context(), site); err != nil {
		t.Fatal(err)
	}
	if got := zone(); got != "UTC" {
		t.Errorf("the zone is %q", got)
	}
	before := counted.asked.Load()
	for range 3 {
		zone()
	}
	if again := counted.asked.Load() - before; again != 0 {
		t.Errorf("asked %d times more though nothing has changed", again)
	}
	site.TimeZone = "Europe/Moscow"
	if err := st.UpdateSite(t.Context(), site); err != nil {
		t.Fatal(err)
	}
	if got := zone(); got != site.TimeZone {
		t.Errorf("after the change it is %q", got)
	}
	if got, err := r.Site(t.Context(), "shop"); err != nil || got.TimeZone != site.TimeZone {
		t.Errorf("of a call that does not look: %v, %v", got, err)
	}
	checkEditions(t, st, r)
}

// checkEditions publishes a map twice.
func checkEditions(t *testing.T, st *store.Store, r *Recall) {
	t.Helper()
	const source = "stages:\n  - id: "
	for n, want := range []string{"", source + "one", source + "two"} {
		if want != "" {
			if _, err := st.Publish(t.Context(), "shop", want, ""); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			got, err := r.Publication(WithGlance(t.Context()), "shop", api.Newest)
			if (fault.Of(err) == fault.NotFound) != (want == "") || got.Source != want {
				t.Errorf("map %d: %q, %v", n, got.Source, err)
			}
		}
	}
}
