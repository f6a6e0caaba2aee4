package processor

import (
	"context"
	"fmt"
	"time"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// editions are the published maps of all sites. A batch is attributed only after they were read
// again, so every map that was in force when a message of it was received is there.
type editions struct {
	store  *store.Store
	bySite map[journey.SiteID]siteEditions
}

type siteEditions struct {
	journey.Editions

	newest    journey.MapVersion
	published []journey.PublishedMap
}

func newEditions(st *store.Store) *editions {
	return &editions{store: st, bySite: make(map[journey.SiteID]siteEditions)}
}

// of are the maps of a site.
func (e *editions) of(site journey.SiteID) journey.Editions { return e.bySite[site].Editions }

// latest is the newest map of a site, nil if there is none.
func (e *editions) latest(site journey.SiteID) *journey.Map {
	return e.bySite[site].Latest()
}

// knownEverywhere is when every processor knows a site's latest map: one that reads the maps later
// takes it, if clocks differ by less than settled.
func (e *editions) knownEverywhere(site journey.SiteID) time.Time {
	latest := e.latest(site)
	for _, p := range e.bySite[site].published {
		if p.Map.Version == latest.Version {
			return p.InForceAt.Add(settled)
		}
	}
	return time.Time{}
}

// refresh reads the versions that were published since the last time.
func (e *editions) refresh(ctx context.Context) error {
	versions, err := e.store.MapVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading the versions of maps: %w", err)
	}
	for site, newest := range versions {
		known := e.bySite[site]
		if known.newest == newest {
			continue
		}
		fresh, err := e.store.SourcesSince(ctx, site, known.newest)
		if err != nil {
			return fmt.Errorf("reading maps of site %s: %w", site, err)
		}
		if err := e.add(site, known, fresh, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// settled is how long a publication must have been in force, or have less to go, to be taken for
// the only one of its version: by then its row and any rival's are visible.
const settled = 500 * time.Millisecond

func (e *editions) add(
	site journey.SiteID, known siteEditions, fresh []journey.Publication, now time.Time,
) error {
	for _, p := range fresh {
		if p.InForceAt.After(now.Add(settled)) {
			continue
		}
		m, err := p.Parse()
		if err != nil {
			return fmt.Errorf("parsing map %d of site %s: %w", p.Version, site, err)
		}
		known.published = append(known.published, m)
		known.newest = max(known.newest, p.Version)
	}
	known.Editions = journey.NewEditions(known.published)
	e.bySite[site] = known
	return nil
}
