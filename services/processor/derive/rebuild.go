package derive

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// A rebuild derives so many identities at a time: each time it looks through all links of the site,
// because those that an identity is linked with lie anywhere, and keeps what it read of their
// persons in memory. Where rules look at touchpoints, of which a person may have thousands, it
// takes fewer.
const (
	rebuildChunk        = 20_000
	rebuildChunkOfDeeds = 5_000
)

// lateness is how long before its profile is derived a fact may have been stored by a processor
// that writes while the generations are exchanged.
const lateness = time.Minute

// Rebuild derives all profiles anew into a generation of its own, puts it in place of the present
// one, and then derives again what processors derived or stored meanwhile. They may go on: what
// they write to the old generation is caught up with, in good part before the exchange. progress is
// told per site how many identities are done of how many.
func Rebuild(
	ctx context.Context, st *store.Store, latest Latest,
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
	r := rebuild{store: st, next: next, latest: latest}
	if err := r.all(ctx, progress); err != nil {
		return fmt.Errorf("deriving profiles: %w", err)
	}
	late, err := st.Now(ctx)
	if err != nil {
		return fmt.Errorf("dating the exchange: %w", err)
	}
	if err := r.catchUp(ctx, next, store.PresentProfiles, began); err != nil {
		return fmt.Errorf("catching up before the exchange: %w", err)
	}
	if err := next.Install(ctx); err != nil {
		return fmt.Errorf("exchanging generations: %w", err)
	}
	if err := r.catchUp(ctx, st, store.OtherProfiles, late); err != nil {
		return fmt.Errorf("catching up: %w", err)
	}
	if err := next.Drop(ctx); err != nil {
		return fmt.Errorf("dropping the old generation: %w", err)
	}
	return nil
}

// Latest reads the newest map of a site, nil if there is none.
type Latest func(ctx context.Context, site journey.SiteID) (*journey.Map, error)

type rebuild struct {
	store  *store.Store
	next   store.NextProfiles
	latest Latest
}

// all derives every identity that has facts.
func (r rebuild) all(
	ctx context.Context, progress func(site journey.SiteID, done, of int),
) error {
	return r.eachSite(ctx, func(site journey.SiteID) error {
		ids, err := r.known(ctx, site, time.Unix(0, 0))
		if err != nil {
			return err
		}
		return r.refresh(ctx, r.next, site, ids, func(done int) { progress(site, done, len(ids)) })
	})
}

// catchUp derives again the identities with facts stored since an instant, less lateness, and
// those whose profiles processors derived since then: among these are the ones that lost facts.
func (r rebuild) catchUp(
	ctx context.Context, into Profiles, in store.Generation, since time.Time,
) error {
	return r.eachSite(ctx, func(site journey.SiteID) error {
		ids, err := r.known(ctx, site, since.Add(-lateness))
		if err != nil {
			return err
		}
		derived, err := r.store.DerivedSince(ctx, in, site, since.Add(-lateness))
		if err != nil {
			return fmt.Errorf("listing profiles derived meanwhile: %w", err)
		}
		ids = append(ids, derived...)
		slices.Sort(ids)
		return r.refresh(ctx, into, site, slices.Compact(ids), func(int) {})
	})
}

func (r rebuild) newest(ctx context.Context, site journey.SiteID) (*journey.Map, error) {
	m, err := r.latest(ctx, site)
	if err != nil {
		return nil, fmt.Errorf("reading the newest map: %w", err)
	}
	return m, nil
}

// known lists the identities with facts stored since an instant.
func (r rebuild) known(
	ctx context.Context, site journey.SiteID, since time.Time,
) ([]journey.IdentityID, error) {
	m, err := r.newest(ctx, site)
	if err != nil {
		return nil, err
	}
	ids, err := r.store.Known(ctx, site, m.PersonNeeds(), since)
	if err != nil {
		return nil, fmt.Errorf("listing identities with facts: %w", err)
	}
	return ids, nil
}

func (r rebuild) eachSite(ctx context.Context, do func(journey.SiteID) error) error {
	sites, err := r.store.FactSites(ctx)
	if err != nil {
		return fmt.Errorf("listing sites: %w", err)
	}
	for _, site := range sites {
		if err := do(site); err != nil {
			return fmt.Errorf("site %s: %w", site, err)
		}
	}
	return nil
}

// refresh derives profiles by chunks and tells after each how many are done.
func (r rebuild) refresh(
	ctx context.Context, into Profiles, site journey.SiteID, ids []journey.IdentityID,
	progress func(done int),
) error {
	m, err := r.newest(ctx, site)
	if err != nil {
		return err
	}
	size := rebuildChunk
	if needs := m.PersonNeeds(); needs.Any() {
		size = rebuildChunkOfDeeds
	}
	done := 0
	for chunk := range slices.Chunk(ids, size) {
		if err := r.derive(ctx, into, site, chunk); err != nil {
			return fmt.Errorf("deriving %d profiles: %w", len(chunk), err)
		}
		done += len(chunk)
		progress(done)
	}
	return nil
}

func (r rebuild) derive(
	ctx context.Context, into Profiles, site journey.SiteID, ids []journey.IdentityID,
) error {
	readAt, err := r.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("dating profiles: %w", err)
	}
	m, err := r.newest(ctx, site)
	if err != nil {
		return err
	}
	_, err = Refresh(ctx, r.store, into, Task{Site: site, Map: m, ReadAt: readAt, Touched: ids})
	return err
}
