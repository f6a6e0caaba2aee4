package api

import (
	"context"
	"crypto/sha256"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// parsedMaps is the number of parsed maps that are kept.
const parsedMaps = 64

// publications are where maps are read.
type publications interface {
	Publication(
		ctx context.Context, site journey.SiteID, version journey.MapVersion,
	) (journey.Publication, error)
}

// mapReader reads maps and remembers what it parsed. It is safe for concurrent use.
type mapReader struct {
	store publications
	// parsed by the SHA-256 of the source, of which alone a map is a function.
	parsed *lru.Cache[[sha256.Size]byte, *journey.Map]
}

func newMapReader(store publications) *mapReader {
	parsed, err := lru.New[[sha256.Size]byte, *journey.Map](parsedMaps)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &mapReader{store: store, parsed: parsed}
}

// read gives a version, or the Newest, and its map. Errors: NotFound, Unavailable.
func (r *mapReader) read(
	ctx context.Context, site journey.SiteID, version journey.MapVersion,
) (journey.Publication, *journey.Map, error) {
	edition, err := r.store.Publication(ctx, site, version)
	if err != nil {
		return edition, nil, fmt.Errorf("reading map of site %s: %w", site, err)
	}
	key := sha256.Sum256([]byte(edition.Source))
	if drawn, ok := r.parsed.Get(key); ok {
		return edition, drawn, nil
	}
	drawn, err := journey.ParseMap(edition.Source)
	if err != nil {
		return edition, nil, fault.Wrap(fault.Internal, err,
			"version %d of the journey map cannot be read any more", edition.Version)
	}
	r.parsed.Add(key, drawn)
	return edition, drawn, nil
}

// knownIDs are those of the newest map, nil where none is edition.
func (r *mapReader) knownIDs(ctx context.Context, site journey.SiteID) (knownIDs, error) {
	_, drawn, err := r.read(ctx, site, Newest)
	switch {
	case fault.Of(err) == fault.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	known := knownIDs{}
	for _, s := range drawn.Stages {
		known[stages] = append(known[stages], string(s.ID))
	}
	for _, t := range drawn.Touchpoints {
		known[touchpoints] = append(known[touchpoints], string(t.ID))
	}
	return known, nil
}
