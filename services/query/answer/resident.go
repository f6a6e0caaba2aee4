package answer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// resident keeps touchpoints in memory, part by part of the table that they are read from, so that
// a question reads only the parts that have come since another one asked. It is safe for concurrent
// use.
//
// Why what it gives is never old: a row comes into a table, changes or goes only with a part, and a
// part never changes. Before each question the active parts are listed, and what it is answered
// from is exactly what those parts hold: each of them was read whole, under the name, the place and
// the hash by which it is listed. One that was merged away while it was read is missed, and the
// parts are listed again.
type resident struct {
	store *store.Store
	// settings are those of its queries.
	settings map[string]string
	// most is how many bytes may be kept.
	most int

	mutex sync.Mutex
	bytes int
	uses  uint64
	sites map[journey.SiteID]*residentSite
}

// residentSite is what is kept of a site. The mutex of all guards it.
type residentSite struct {
	sources map[string]source
	shelves map[shelfKey]*shelf
}

// shelfKey is a part, as a source reads it.
type shelfKey struct {
	source string
	part   residentPart
}

// residentPart is what tells a part from all others that there ever were.
type residentPart struct{ place, name, hash string }

func partOf(p store.Part) residentPart { return residentPart{p.Place, p.Name, p.Hash} }

// source reads what a site's parts of a table hold, for one question at a time. Each of its
// touchpoints gets a number, which stays: what the numbers stand for grows.
type source interface {
	// turn lets one question read at a time: the others find the shelves then.
	turn() chan struct{}
	// read reads parts of a month, those at places, into shelves: an empty one of a part that is
	// gone. Errors: errNotResident, those of Store.Stream.
	read(ctx context.Context, month string, parts []store.Part, places []int, to []*shelf) error
	// rowBytes is about what a row of the table takes.
	rowBytes() int
	// publish lets others see what numbers stand for that a read has added. The mutex is locked.
	publish()
}

func newResident(st *store.Store, settings map[string]string, most int) *resident {
	return &resident{
		store: st, settings: settings, most: most, sites: make(map[journey.SiteID]*residentSite),
	}
}

// kept is about how many bytes are kept.
func (r *resident) kept() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.bytes
}

// errNotResident says that touchpoints cannot be kept: they have to be streamed.
var errNotResident = errors.New("the touchpoints are too many to be kept")

// errPartGone says that a part was merged away.
var errPartGone = errors.New("a part was merged away")

// maxSources is how many sources a site may have: all but that of the packed journeys begin anew
// then.
const maxSources = 32

// sourceOf is the source of a site by its key; begin makes it.
func (r *resident) sourceOf(site journey.SiteID, key string, begin func() source) source {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	s := r.sites[site]
	if s == nil {
		s = &residentSite{sources: make(map[string]source), shelves: make(map[shelfKey]*shelf)}
		r.sites[site] = s
	}
	if s.sources[key] == nil {
		if len(s.sources) >= maxSources {
			r.forgetSources(s)
		}
		s.sources[key] = begin()
	}
	return s.sources[key]
}

// forgetSources forgets the sources of a site and their shelves, but for packed journeys.
func (r *resident) forgetSources(s *residentSite) {
	for key := range s.sources {
		if key != packedKey {
			delete(s.sources, key)
		}
	}
	for key := range s.shelves {
		if key.source != packedKey {
			r.drop(s, key)
		}
	}
}

// bring gives the shelves of parts. What is there waits for nobody. Errors: errNotResident,
// errPartGone, those of Store.Stream.
func (r *resident) bring(
	ctx context.Context, site journey.SiteID, key string, from source, parts []store.Part,
) ([]*shelf, error) {
	rows := uint64(0)
	for _, p := range parts {
		rows += p.Rows
	}
	if rows > uint64(r.most/from.rowBytes()) {
		return nil, errNotResident
	}
	shelves := make([]*shelf, len(parts))
	if missing := r.find(site, key, from, parts, shelves); len(missing) == 0 {
		return shelves, nil
	}
	select {
	case from.turn() <- struct{}{}:
		defer func() { <-from.turn() }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for touchpoints: %w", ctx.Err())
	}
	for month, places := range r.find(site, key, from, parts, shelves) {
		if err := from.read(ctx, month, parts, places, shelves); err != nil {
			if errors.Is(err, errNotResident) {
				r.forgetAll(site, key)
			}
			return nil, err
		}
		for _, i := range places {
			shelves[i].part = parts[i].Name
		}
		if err := r.checkEmpty(ctx, parts, places, shelves); err != nil {
			return nil, err
		}
		r.keep(site, key, from, parts, places, shelves)
	}
	r.forgetGone(site, key, parts, shelves)
	return shelves, nil
}

// find finds the shelves of parts, and gives the places of those that are missing, by month.
func (r *resident) find(
	site journey.SiteID, key string, from source, parts []store.Part, shelves []*shelf,
) (missing map[string][]int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.uses++
	missing = make(map[string][]int)
	s := r.sites[site]
	for i, p := range parts {
		if s.sources[key] == from { // another one has other numbers
			shelves[i] = s.shelves[shelfKey{key, partOf(p)}]
		}
		if shelves[i] == nil {
			missing[p.Partition] = append(missing[p.Partition], i)
			continue
		}
		shelves[i].used = r.uses
	}
	return missing
}

// keep remembers shelves that were read, and forgets those not used for longest where there are too
// many. What a source that was forgotten meanwhile has read is not kept.
func (r *resident) keep(
	site journey.SiteID, key string, from source, parts []store.Part, places []int, shelves []*shelf,
) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	from.publish()
	s := r.sites[site]
	if s.sources[key] != from {
		return
	}
	for _, i := range places {
		shelves[i].used, shelves[i].kept = r.uses, true
		s.shelves[shelfKey{key, partOf(parts[i])}] = shelves[i]
		r.bytes += shelves[i].bytes()
	}
	for r.bytes > r.most && r.forget() {
	}
}

// forgetGone forgets what a source has of the months of parts and is none of them: it is gone, or
// so new that another question has read it.
func (r *resident) forgetGone(
	site journey.SiteID, key string, parts []store.Part, shelves []*shelf,
) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	s := r.sites[site]
	months, now := make(map[int64]bool), make(map[residentPart]bool, len(parts))
	for i, p := range parts {
		months[shelves[i].base], now[partOf(p)] = true, true
	}
	for k, of := range s.shelves {
		if k.source == key && months[of.base] && !now[k.part] {
			r.drop(s, k)
		}
	}
}

// forgetAll forgets the shelves of a source.
func (r *resident) forgetAll(site journey.SiteID, key string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	s := r.sites[site]
	for k := range s.shelves {
		if k.source == key {
			r.drop(s, k)
		}
	}
}

// drop forgets a shelf. The mutex is locked.
func (r *resident) drop(s *residentSite, key shelfKey) {
	of := s.shelves[key]
	of.kept = false
	r.bytes -= of.bytes()
	delete(s.shelves, key)
}

// forget forgets the shelf that was not used for longest. False if there is none.
func (r *resident) forget() bool {
	var of *residentSite
	var oldest shelfKey
	least := uint64(0)
	for _, s := range r.sites {
		for key, shelf := range s.shelves {
			if used := shelf.used; of == nil || used < least {
				of, oldest, least = s, key, used
			}
		}
	}
	if of == nil {
		return false
	}
	r.drop(of, oldest)
	return true
}

// checkEmpty looks at parts of which nothing was read: either they have no rows of the site, or
// they went before they could be read. Errors: errPartGone.
func (r *resident) checkEmpty(
	ctx context.Context, parts []store.Part, places []int, shelves []*shelf,
) error {
	for _, i := range places {
		if len(shelves[i].identities) > 0 {
			continue
		}
		if err := r.stillThere(ctx, parts[i]); err != nil {
			return err
		}
	}
	return nil
}

// stillThere tells whether a part is active. Errors: errPartGone.
func (r *resident) stillThere(ctx context.Context, p store.Part) error {
	parts, _, err := r.store.AnswerParts(ctx)
	if err != nil {
		return fmt.Errorf("listing parts of tables again: %w", err)
	}
	for _, q := range parts {
		if partOf(q) == partOf(p) {
			return nil
		}
	}
	return errPartGone
}
