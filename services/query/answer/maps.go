package answer

import (
	"context"
	"fmt"
	"sync"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// NewestMaps gives newest maps from the store and keeps the parsed ones: a version never changes.
// It is safe for concurrent use.
type NewestMaps struct {
	store *store.Store

	mutex  sync.Mutex
	parsed map[journey.SiteID]*journey.Map
}

// NewNewestMaps makes an empty one.
func NewNewestMaps(st *store.Store) *NewestMaps {
	return &NewestMaps{store: st, parsed: make(map[journey.SiteID]*journey.Map)}
}

// Latest is the newest map of a site, nil where none is published. Errors: Unavailable.
func (n *NewestMaps) Latest(ctx context.Context, site journey.SiteID) (*journey.Map, error) {
	newest, err := n.store.Publication(ctx, site, 0)
	if fault.Of(err) == fault.NotFound {
		return nil, nil //nolint:nilnil // no map is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("reading the newest map: %w", err)
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if m := n.parsed[site]; m != nil && m.Version == newest.Version {
		return m, nil
	}
	published, err := newest.Parse()
	if err != nil {
		return nil, fmt.Errorf("parsing the newest map: %w", err)
	}
	n.parsed[site] = published.Map
	return published.Map, nil
}
