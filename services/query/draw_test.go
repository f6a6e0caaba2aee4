package query

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// easel keeps what is drawn; it fails as often as it is told to.
type easel struct {
	undrawn  []store.Undrawn
	failures int
	drawn    map[journey.SiteID]int
}

func (e *easel) Undrawn(context.Context) ([]store.Undrawn, error) { return e.undrawn, nil }

func (e *easel) Draw(
	_ context.Context, site journey.SiteID, _ journey.MapVersion, m *journey.Map,
) error {
	if e.failures > 0 {
		e.failures--
		return fault.New(fault.Unavailable, "away")
	}
	e.drawn[site] = -1
	if m != nil {
		e.drawn[site] = len(m.Stages)
	}
	return nil
}

// TestDrawAll: every map is drawn, one that cannot be read any more as nothing, and what failed in
// the next round.
func TestDrawAll(t *testing.T) {
	t.Parallel()
	e := &easel{failures: 1, drawn: make(map[journey.SiteID]int), undrawn: []store.Undrawn{
		{Site: "shop", Version: 1, Source: "title: Shop\nstages:\n  - id: a\n  - id: b\n" +
			"touchpoints:\n  - {id: x, stage: a, events: [X]}\n"},
		{Site: "old", Version: 7, Source: "columns: []\n"},
	}}
	if err := drawAll(t.Context(), e); fault.Of(err) != fault.Unavailable || len(e.drawn) > 0 {
		t.Errorf("the store is away: %v, drawn %v", err, e.drawn)
	}
	if err := drawAll(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[journey.SiteID]int{"shop": 2, "old": -1}, e.drawn); diff != "" {
		t.Errorf("stages drawn (-want +got):\n%s", diff)
	}
}
