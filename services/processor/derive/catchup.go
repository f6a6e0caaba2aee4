package derive

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// catchUpChunk is how many identities a step of a CatchUp looks at.
const catchUpChunk = 2000

// CatchUp brings all profiles of a site to a map version, step by step, and then says so by the
// marker of the store. It may be begun again at any time, and be run by several processes at once:
// each goes over all identities, and leaves out what another one has done. Not safe for concurrent
// use.
type CatchUp struct {
	site    journey.SiteID
	version journey.MapVersion
	// since is when every processor knew the version, by the server's clock.
	since time.Time
	next  journey.IdentityID
	// table is the one that the profiles from the first on went into.
	table string
	// begun tells that the marker was read.
	begun, done bool
}

// NewCatchUp begins to bring a site to a version that every processor knows from an instant of the
// server's clock on.
func NewCatchUp(site journey.SiteID, version journey.MapVersion, since time.Time) *CatchUp {
	return &CatchUp{site: site, version: version, since: since}
}

// Version is the one that profiles are brought to.
func (c *CatchUp) Version() journey.MapVersion { return c.version }

// Due tells whether there is something to do at an instant of the server's clock.
func (c *CatchUp) Due(at time.Time) bool { return !c.done && !at.Before(c.since) }

// Done tells that all profiles have it.
func (c *CatchUp) Done() bool { return c.done }

// Step derives the profiles of the next identities, a few thousand at most, and gives how many of
// them had to be. m is the map of the version, read after readAt, an instant of the server's clock.
// After an error the same step is done again.
func (c *CatchUp) Step(
	ctx context.Context, st *store.Store, m *journey.Map, readAt time.Time,
) (derived int, err error) {
	if !c.Due(readAt) {
		return 0, nil
	}
	if over, err := c.begin(ctx, st); over || err != nil {
		return 0, err
	}
	ids, err := st.Identities(ctx, c.site, m.PersonNeeds(), c.next, catchUpChunk)
	if err != nil {
		return 0, fmt.Errorf("listing identities: %w", err)
	}
	outdated, err := c.outdated(ctx, st, ids)
	if err != nil {
		return 0, err
	}
	task := Task{Site: c.site, Map: m, ReadAt: readAt, Touched: outdated}
	if _, err := Refresh(ctx, st, st, task); err != nil {
		return 0, fmt.Errorf("deriving %d profiles: %w", len(outdated), err)
	}
	return len(outdated), c.advance(ctx, st, ids)
}

// begin looks once whether somebody has done it all.
func (c *CatchUp) begin(ctx context.Context, st *store.Store) (over bool, err error) {
	if c.begun {
		return false, nil
	}
	if c.table, _, err = st.ProfileParts(ctx); err != nil {
		return false, fmt.Errorf("naming the profiles: %w", err)
	}
	current, err := st.PersonasCurrent(ctx, c.site)
	if err != nil {
		return false, fmt.Errorf("reading the marker: %w", err)
	}
	c.begun, c.done = true, current >= c.version
	return c.done, nil
}

// outdated are those identities whose profiles do not follow the version and all facts from before
// every processor knew it.
func (c *CatchUp) outdated(
	ctx context.Context, st *store.Store, ids []journey.IdentityID,
) ([]journey.IdentityID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	done, err := st.DerivedBy(ctx, c.site, ids[0], ids[len(ids)-1], c.version, c.since)
	if err != nil {
		return nil, fmt.Errorf("listing profiles that are current: %w", err)
	}
	slices.Sort(done)
	return slices.DeleteFunc(slices.Clone(ids), func(id journey.IdentityID) bool {
		_, is := slices.BinarySearch(done, id)
		return is
	}), nil
}

// advance goes on behind those identities, or says that these were the last. Where a rebuild has
// put other profiles in place meanwhile it begins anew: they may lack what was derived before.
func (c *CatchUp) advance(
	ctx context.Context, st *store.Store, ids []journey.IdentityID,
) error {
	if len(ids) == catchUpChunk && ids[len(ids)-1] != math.MaxUint64 {
		c.next = ids[len(ids)-1] + 1
		return nil
	}
	table, _, err := st.ProfileParts(ctx)
	if err != nil {
		return fmt.Errorf("naming the profiles: %w", err)
	}
	if table != c.table {
		c.begun, c.next = false, 0
		return nil
	}
	if err := st.SetPersonasCurrent(ctx, c.site, c.version); err != nil {
		return fmt.Errorf("writing the marker: %w", err)
	}
	c.done = true
	return nil
}
