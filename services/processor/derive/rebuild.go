package derive

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// rebuildChunk is how many identities are derived at a time.
const rebuildChunk = 5000

// lateness is how long before its profile is derived a fact may have been stored by a processor
// that writes while the generations are exchanged.
const lateness = time.Minute

// Rebuild derives all profiles anew into a generation of its own, puts it in place of the present
// one, and then derives again whatever was stored meanwhile. Processors may go on: what they
// write to the old generation follows from facts that are read here or caught up with after the
// exchange. latest gives a site's newest map. progress is told per site how many identities are
// done of how many.
func Rebuild(
	ctx context.Context, st *store.Store, latest func(journey.SiteID) *journey.Map,
	progress func(site journey.SiteID, done, of int),
) error {
	began, err := st.Now(ctx)
	if err != nil {
		return fmt.Errorf("dating the rebuild: %w", err)
	}
	next, err := st.NextProfiles(ctx)
	if err != nil {
		return fmt.Errorf("beginning a generation: %w", err)
	}
	if err := refreshAll(ctx, st, next, latest, time.Unix(0, 0), progress); err != nil {
		return fmt.Errorf("deriving profiles: %w", err)
	}
	if err := next.Install(ctx); err != nil {
		return fmt.Errorf("exchanging generations: %w", err)
	}
	quiet := func(journey.SiteID, int, int) {}
	if err := refreshAll(ctx, st, st, latest, began.Add(-lateness), quiet); err != nil {
		return fmt.Errorf("catching up: %w", err)
	}
	return nil
}

// refreshAll derives the profiles of all identities of all sites with facts stored since then.
func refreshAll(
	ctx context.Context, st *store.Store, into Profiles, latest func(journey.SiteID) *journey.Map,
	since time.Time, progress func(site journey.SiteID, done, of int),
) error {
	sites, err := st.LinkedSites(ctx)
	if err != nil {
		return fmt.Errorf("listing sites: %w", err)
	}
	for _, site := range sites {
		ids, err := st.Linked(ctx, site, since)
		if err != nil {
			return fmt.Errorf("listing identities of site %s: %w", site, err)
		}
		done := 0
		for chunk := range slices.Chunk(ids, rebuildChunk) {
			if _, err := Refresh(ctx, st, into, latest(site), site, chunk, 0); err != nil {
				return fmt.Errorf("deriving profiles of site %s: %w", site, err)
			}
			done += len(chunk)
			progress(site, done, len(ids))
		}
	}
	return nil
}
