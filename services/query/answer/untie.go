package answer

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// strand is the touchpoints of one instant in a row of a shelf, which are in shown order. Those of
// a person at one instant in several strands are in none, until the places of each are known.
type strand struct {
	at       int64
	identity uint64
	shelf    *shelf
	from, to uint32
}

// strands are those of identities that the question sees, by instant.
func (k *stock) strands(identities []journey.IdentityID) []strand {
	var all []strand
	for _, s := range k.shelves {
		for _, id := range identities {
			from, to := s.rowOf(uint64(id))
			from, to = s.within(from, to, k.first, k.last)
			for from, to := range s.instants(from, to) {
				all = append(all, strand{s.base + int64(s.at[from]), uint64(id), s, from, to})
			}
		}
	}
	slices.SortFunc(all, func(a, b strand) int { return cmp.Compare(a.at, b.at) })
	return all
}

// knots are the strands of each instant.
func knots(strands []strand) iter.Seq[[]strand] {
	return func(yield func([]strand) bool) {
		for from := 0; from < len(strands); {
			to := from + 1
			for to < len(strands) && strands[to].at == strands[from].at {
				to++
			}
			if !yield(strands[from:to]) {
				return
			}
			from = to
		}
	}
}

// touch is a touchpoint of a shelf with its place.
type touch struct {
	shelf *shelf
	index uint32
	place shownPlace
}

// ordered are the touchpoints of a knot in shown order.
func ordered(knot []strand) []touch {
	var all []touch
	for _, s := range knot {
		places := s.shelf.placed()
		for i := s.from; i < s.to; i++ {
			all = append(all, touch{s.shelf, i, places[i]})
		}
	}
	if len(knot) > 1 {
		slices.SortStableFunc(all, func(a, b touch) int { return a.place.compare(b.place) })
	}
	return all
}

// untie counts persons of whom the order of touchpoints of one instant decides: which it is is read
// once, and kept with the shelves. The directory is locked. Errors: errPartGone, errUnsure where
// they are too many.
func (in *inquiry) untie(ctx context.Context, k *kernel, persons []journey.PersonID) error {
	if in.untied = len(persons); in.untied == 0 {
		return nil
	}
	identities := in.directory.identitiesIn(persons)
	courses := make([][]strand, len(persons))
	var unknown []strand
	for i, p := range persons {
		courses[i] = k.stock.strands(identities[p])
		for knot := range knots(courses[i]) {
			for _, s := range knot {
				if _, placed := s.shelf.placed()[s.from]; len(knot) > 1 && !placed {
					unknown = append(unknown, s)
				}
			}
		}
	}
	if err := in.place(ctx, unknown); err != nil {
		return err
	}
	g := newGleaner(k, 0)
	defer fastScratches.Put(g.fastScratch)
	for i, p := range persons {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("evaluating persons: %w", err)
		}
		g.course.reset(0)
		for knot := range knots(courses[i]) {
			for _, t := range ordered(knot) {
				if set := t.shelf.codes[t.index]; !k.stock.hidden[set] {
					g.course.all = append(g.course.all, funnel.TrailTouchOf(
						t.shelf.base+int64(t.shelf.at[t.index]), uint32(set), k.stock.steps[set]))
				}
			}
		}
		counted, err := g.trail.CountTrail(g.course.all, g.valuesOf(p, 0))
		if err := g.give(p, counted, err); err != nil {
			return err
		}
	}
	return nil
}

// The places of so many strands are read for a question at most, and by one query: a server takes
// 128 KB as one parameter.
const (
	mostUnplaced  = 100_000
	placesAtATime = 2000
)

// place gets to know the places of the touchpoints of strands.
func (in *inquiry) place(ctx context.Context, strands []strand) error {
	if len(strands) > mostUnplaced {
		return errUnsure
	}
	for of := range slices.Chunk(strands, placesAtATime) {
		if err := in.resident.place(ctx, in.site, of); err != nil {
			return err
		}
	}
	return nil
}

// place reads the places of the touchpoints of strands, and keeps them with their shelves. Errors:
// errPartGone, those of Store.Stream.
func (r *resident) place(ctx context.Context, site journey.SiteID, strands []strand) error {
	var shelves []*shelf
	var parts, pairs []string
	numbers := make(map[*shelf]uint64)
	for _, s := range strands {
		if numbers[s.shelf] == 0 {
			shelves, parts = append(shelves, s.shelf), append(parts, s.shelf.part)
			numbers[s.shelf] = uint64(len(shelves))
		}
		pairs = append(pairs, "("+strconv.FormatUint(s.identity, 10)+","+
			strconv.FormatInt(s.at, 10)+")")
	}
	query, layout := plan.Places(site, parts, "["+strings.Join(pairs, ",")+"]")
	type key struct {
		part, identity uint64
		at             int64
	}
	found := make(map[key][]shownPlace)
	err := r.store.Stream(ctx, storeQuery(query, r.settings), func(b *store.Block) error {
		for row := range b.Rows {
			of := key{
				b.UInt64(plan.AlbumPart)[row], b.UInt64(plan.AlbumIdentity)[row],
				b.Int64(plan.AlbumAt)[row],
			}
			found[of] = append(found[of], placeOf(b, layout, row))
		}
		b.Release()
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the order of touchpoints: %w", err)
	}
	places := make(map[*shelf]map[uint32]shownPlace)
	for _, s := range strands {
		of := found[key{numbers[s.shelf], s.identity, s.at}]
		if len(of) != int(s.to-s.from) {
			return errPartGone
		}
		slices.SortFunc(of, shownPlace.compare)
		if places[s.shelf] == nil {
			places[s.shelf] = maps.Clone(s.shelf.placed())
		}
		if places[s.shelf] == nil {
			places[s.shelf] = make(map[uint32]shownPlace)
		}
		for i, place := range of {
			places[s.shelf][s.from+uint32(i)] = place
		}
	}
	r.keepPlaces(places)
	return nil
}

// keepPlaces keeps the places of touchpoints of shelves. One of two who do so at once may win.
func (r *resident) keepPlaces(places map[*shelf]map[uint32]shownPlace) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for s, of := range places {
		before := s.bytes()
		s.places.Store(&of)
		if s.kept {
			r.bytes += s.bytes() - before
		}
	}
	for r.bytes > r.most && r.forget() {
	}
}
