package processor

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/derive"
)

// How long profiles are brought to new maps at a time, a step at least: beside a batch, and while
// there is none.
const (
	catchUpBesideBatch = 100 * time.Millisecond
	catchUpWhileIdle   = 200 * time.Millisecond
)

// idleEvery is how often an idle processor looks whether something is to be done, and mapsEvery how
// often it reads the maps for it.
const (
	idleEvery = 250 * time.Millisecond
	mapsEvery = time.Second
)

// catchUps bring the profiles of all sites to their newest maps.
type catchUps struct {
	bySite map[journey.SiteID]*derive.CatchUp
	// last is the site that had the last turn.
	last journey.SiteID
	// readAt is when the maps were read last while idle.
	readAt time.Time
}

func newCatchUps() *catchUps {
	return &catchUps{bySite: make(map[journey.SiteID]*derive.CatchUp)}
}

// follow begins to bring every site to its newest map.
func (c *catchUps) follow(e *editions) {
	for site := range e.bySite {
		latest := e.latest(site)
		if latest == nil {
			continue
		}
		if known := c.bySite[site]; known == nil || known.Version() != latest.Version {
			c.bySite[site] = derive.NewCatchUp(site, latest.Version, e.knownEverywhere(site))
		}
	}
}

// next is the site whose turn it is of those that have something to do, in the order of names.
func (c *catchUps) next(readAt time.Time) (journey.SiteID, bool) {
	var due []journey.SiteID
	for site, known := range c.bySite {
		if known.Due(readAt) {
			due = append(due, site)
		}
	}
	if len(due) == 0 {
		return "", false
	}
	slices.Sort(due)
	i, last := slices.BinarySearch(due, c.last)
	if last {
		i++
	}
	c.last = due[i%len(due)]
	return c.last, true
}

// pending tells whether some site is not done.
func (c *catchUps) pending() bool {
	for known := range maps.Values(c.bySite) {
		if !known.Done() {
			return true
		}
	}
	return false
}

// Idle is called while there is no batch. It may be stopped anywhere: what was not done is done the
// next time, by whomever.
func (h *handler) Idle(ctx context.Context) {
	if now := time.Now(); now.Sub(h.catchUps.readAt) >= mapsEvery {
		h.catchUps.readAt = now
		if err := h.editions.refresh(ctx); err != nil {
			h.log.Debug().Err(err).Msg("reading the maps")
			return
		}
	}
	h.catchUp(ctx, catchUpWhileIdle)
}

// catchUp derives profiles by newer maps than they were derived by, about as long as it may. What
// goes wrong is logged and tried again the next time: it holds up no batch.
func (h *handler) catchUp(ctx context.Context, budget time.Duration) {
	if h.catchUps.follow(h.editions); !h.catchUps.pending() {
		return
	}
	readAt, err := h.readMaps(ctx)
	if err != nil {
		h.log.Debug().Err(err).Msg("reading the maps")
		return
	}
	h.catchUps.follow(h.editions)
	for began := time.Now(); ctx.Err() == nil && time.Since(began) < budget; {
		site, due := h.catchUps.next(readAt)
		if !due {
			return
		}
		known := h.catchUps.bySite[site]
		derived, err := known.Step(ctx, h.store, h.editions.latest(site), readAt)
		h.metrics.derived.Add(float64(derived))
		if err != nil {
			if ctx.Err() == nil {
				h.log.Warn().Err(err).Str("site", string(site)).Msg("bringing profiles to a new map")
			}
			return
		}
		if known.Done() {
			h.log.Info().Str("site", string(site)).Uint32("map_version", uint32(known.Version())).
				Msg("all profiles follow the map")
		}
	}
}
