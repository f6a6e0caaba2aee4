package journey

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// PublishedMap is a map, carrying its version, and the instant from which it is in force.
type PublishedMap struct {
	Map       *Map
	InForceAt time.Time
}

// Parse reads the edition's source. Errors: MapErrors, wrapped, where the source is no map, which
// happens only if another release published it.
func (e Publication) Parse() (PublishedMap, error) {
	m, err := ParseMap(e.Source)
	if err != nil {
		return PublishedMap{}, fmt.Errorf("reading version %d of the map: %w", e.Version, err)
	}
	return PublishedMap{Map: m.WithVersion(e.Version), InForceAt: e.InForceAt}, nil
}

// Editions are the published maps of a site. They answer which one attributes a touchpoint. The
// zero Editions has none. It is not changed after NewEditions and safe for concurrent use.
type Editions struct {
	// ordered by (InForceAt, version).
	ordered []PublishedMap
}

// NewEditions orders published maps by the instant from which they are in force, those with equal
// instants by version. The given slice is not kept.
func NewEditions(published []PublishedMap) Editions {
	ordered := slices.Clone(published)
	slices.SortFunc(ordered, func(a, b PublishedMap) int {
		return cmp.Or(
			a.InForceAt.Compare(b.InForceAt),
			cmp.Compare(a.Map.Version, b.Map.Version),
		)
	})
	return Editions{ordered: ordered}
}

// At is the map in force for what was received at an instant: the last one in force at or before
// it. nil if none was.
func (e Editions) At(receivedAt time.Time) *Map {
	for _, p := range slices.Backward(e.ordered) {
		if !p.InForceAt.After(receivedAt) {
			return p.Map
		}
	}
	return nil
}

// Latest is the map that comes into force last, which may be in the future. nil if there is none.
func (e Editions) Latest() *Map {
	if len(e.ordered) == 0 {
		return nil
	}
	return e.ordered[len(e.ordered)-1].Map
}
