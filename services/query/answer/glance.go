package answer

import (
	"context"
	"fmt"
	"sync"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// glance is the one look at the parts of tables that a call takes, when it first needs one. All
// that the call is answered by is as it was then, or newer.
type glance struct {
	once  sync.Once
	found *round
	err   error
}

type glanceKey struct{}

// WithGlance lets a call take one look for all that it asks. It comes when the call does.
func WithGlance(ctx context.Context) context.Context {
	if glanceOf(ctx) != nil {
		return ctx
	}
	return context.WithValue(ctx, glanceKey{}, new(glance))
}

func glanceOf(ctx context.Context) *glance {
	g, _ := ctx.Value(glanceKey{}).(*glance)
	return g
}

// glance is the look of a call that may take one, and asks of one site. Errors as of now.
func (l *ledger) glance(ctx context.Context, site journey.SiteID) (*round, error) {
	g := glanceOf(ctx)
	g.once.Do(func() { g.found, g.err = l.now(ctx, site) })
	return g.found, g.err
}

// Recall gives the site and the newest map that a question is read by, and asks the store only
// where their tables have changed. It is safe for concurrent use.
//
// Why what it gives is never old: it is what the store gave when the tables had the parts that they
// have by a look that began after the call did (see ledger).
type Recall struct {
	from   api.Background
	ledger *ledger
	memory memory
}

var _ api.Background = (*Recall)(nil)

// Recall makes one that shares the looks of the cache.
func (c *Cache) Recall(from api.Background) *Recall {
	return &Recall{from: from, ledger: c.ledger}
}

// Site gives one. Errors: NotFound, Unavailable.
func (r *Recall) Site(ctx context.Context, id journey.SiteID) (journey.Site, error) {
	return remember(&r.memory, r.look(ctx, id), "sites", string(id), func() (journey.Site, error) {
		return r.from.Site(ctx, id)
	})
}

// Publication gives one version of a site's map, or the newest. Errors: NotFound, Unavailable.
func (r *Recall) Publication(
	ctx context.Context, site journey.SiteID, version journey.MapVersion,
) (journey.Publication, error) {
	of := fmt.Sprintf("%s %d", site, version)
	found, err := remember(&r.memory, r.look(ctx, site), "maps", of, func() (edition, error) {
		e, err := r.from.Publication(ctx, site, version)
		if fault.Of(err) == fault.NotFound {
			return edition{missing: err}, nil
		}
		return edition{Publication: e}, err //nolint:wrapcheck // the same as without it
	})
	if err == nil {
		err = found.missing
	}
	return found.Publication, err
}

// edition is a map, or that it is missing.
type edition struct {
	journey.Publication

	missing error
}

// look is the outlook of a call, nil where it has none: the store is asked then.
func (r *Recall) look(ctx context.Context, site journey.SiteID) *outlook {
	if glanceOf(ctx) == nil {
		return nil
	}
	found, err := r.ledger.glance(ctx, site)
	if err != nil {
		return nil
	}
	return found.outlook
}
