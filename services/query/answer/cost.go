package answer

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// Costs estimates what questions cost. It is safe for concurrent use.
type Costs struct {
	store *store.Store
	known *lru.Cache[costID, cost]
}

// costID is a site and the first and last day, since 1970, of what is read.
type costID struct {
	site        journey.SiteID
	first, last int64
}

type cost struct {
	rows uint64
	at   time.Time
}

// How many estimates are remembered, and for how long: they decide who waits, and nothing else.
const (
	manyCosts = 10_000
	costAge   = time.Minute
)

// NewCosts knows none.
func NewCosts(st *store.Store) *Costs {
	known, err := lru.New[costID, cost](manyCosts)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &Costs{st, known}
}

// Rows is about how many touchpoints a question makes the store look at. Errors: Unavailable.
func (c *Costs) Rows(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (uint64, error) {
	const day = 24 * 3600 * 1000
	first, last := plan.Bounds(q)
	if last < first {
		return 0, nil
	}
	id := costID{site, first / day, last / day}
	if k, ok := c.known.Get(id); ok && time.Since(k.at) < costAge {
		return k.rows, nil
	}
	rows, err := c.store.RowsWithin(ctx, site, first, last)
	if err != nil {
		return 0, fmt.Errorf("estimating a question of site %s: %w", site, err)
	}
	c.known.Add(id, cost{rows, time.Now()})
	return rows, nil
}
