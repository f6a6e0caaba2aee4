package answer

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"

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

// ordered are the touchpoints of a knot in shown order, each once.
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
		all = slices.CompactFunc(all, func(a, b touch) bool { return a.place.compare(b.place) == 0 })
	}
	return all
}

// untie counts persons of whom the order of touchpoints of one instant decides: which it is is read
// once, and kept with the shelves. The directory is locked. Errors: errPartGone, errUnsure where
// the touchpoints are too many.
func (in *inquiry) untie(ctx context.Context, k *kernel, persons []journey.PersonID) error {
	if in.untied = len(persons); in.untied == 0 {
		return nil
	}
	all := make([]*gleaner, workers())
	for i := range all {
		all[i] = newGleaner(k, i)
		all[i].interrupt(ctx.Err)
		defer fastScratches.Put(all[i].fastScratch)
	}
	for some := range slices.Chunk(persons, untiedAtOnce) {
		if err := in.untieSome(ctx, k, some, all); err != nil {
			return err
		}
	}
	return nil
}

// untieSome is untie for as many persons as are laid out at once.
func (in *inquiry) untieSome(
	ctx context.Context, k *kernel, persons []journey.PersonID, all []*gleaner,
) error {
	identities := in.directory.identitiesIn(persons)
	courses := make([][]strand, len(persons))
	err := share(ctx, all, len(persons), func(_ *gleaner, i int) error {
		courses[i] = k.stock.strands(identities[persons[i]])
		return nil
	})
	if err != nil {
		return err
	}
	unknown := unplaced(courses)
	if len(unknown) > mostUnplaced {
		return errUnsure
	}
	if err := in.resident.place(ctx, in.site, unknown); err != nil {
		return err
	}
	return share(ctx, all, len(persons), func(g *gleaner, i int) error {
		g.layOutStrands(courses[i])
		return g.countUntied(persons[i])
	})
}

// unplaced are the strands that share their instant with others and whose places are not known.
func unplaced(courses [][]strand) (unknown []strand) {
	for _, course := range courses {
		for knot := range knots(course) {
			for _, s := range knot {
				if _, placed := s.shelf.placed()[s.from]; len(knot) > 1 && !placed {
					unknown = append(unknown, s)
				}
			}
		}
	}
	return unknown
}

// layOutStrands lays out the touchpoints of strands, by instant, in shown order.
func (g *gleaner) layOutStrands(strands []strand) {
	k := g.kernel.stock
	g.course.reset(0)
	for knot := range knots(strands) {
		for _, t := range ordered(knot) {
			if set := t.shelf.codes[t.index]; !k.hidden[set] {
				g.course.all = append(g.course.all, funnel.TrailTouchOf(
					t.shelf.base+int64(t.shelf.at[t.index]), uint32(set), k.steps[set]))
			}
		}
	}
}

// countUntied counts a person whose course is in shown order.
func (g *gleaner) countUntied(p journey.PersonID) error {
	if g.general != nil {
		return g.general.countCourse(p, 0, g.course.all)
	}
	counted, err := g.trail.CountTrail(g.course.all, g.valuesOf(p, 0))
	return g.give(p, counted, err)
}

// How many persons' touchpoints are laid out at once to be untied, and of how many strands the
// places are read at once: about 300 bytes each while they are.
const (
	untiedAtOnce = 100_000
	mostUnplaced = 500_000
)

// usualQueryBytes is what a server takes as a query by default.
const usualQueryBytes = 256 << 10

// place reads the places of the touchpoints of strands, and keeps them with their shelves. Errors:
// errPartGone, those of Store.Stream.
func (r *resident) place(ctx context.Context, site journey.SiteID, strands []strand) error {
	found := make(map[strand][]shownPlace)
	err := r.readPlaces(ctx, site, strands, nil,
		func(of strand, place shownPlace, _ *store.Block, _ int) error {
			found[of] = append(found[of], place)
			return nil
		})
	if err != nil {
		return err
	}
	places := make(map[*shelf]map[uint32]shownPlace)
	for s, of := range found {
		slices.SortFunc(of, shownPlace.compare)
		of = slices.CompactFunc(of, func(p, q shownPlace) bool { return p.compare(q) == 0 })
		if len(of) != int(s.to-s.from) {
			return errPartGone
		}
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

// readPlaces reads the places of the touchpoints of strands, with values. Errors: errPartGone,
// those of each and of Store.Stream.
func (r *resident) readPlaces(
	ctx context.Context, site journey.SiteID, strands []strand, values []plan.Value,
	each func(of strand, place shownPlace, b *store.Block, row int) error,
) error {
	type key struct {
		part, identity uint64
		at             int64
	}
	if len(strands) == 0 {
		return nil
	}
	var parts []string
	spots := make([]plan.Spot, len(strands))
	numbers, of := make(map[*shelf]uint64), make(map[key]strand, len(strands))
	for i, s := range strands {
		if numbers[s.shelf] == 0 {
			parts = append(parts, s.shelf.part)
			numbers[s.shelf] = uint64(len(parts))
		}
		of[key{numbers[s.shelf], s.identity, s.at}] = s
		spots[i] = plan.Spot{Identity: s.identity, At: s.at}
	}
	query, layout := plan.Places(site, parts, spots, values)
	settings := map[string]string{"max_query_size": strconv.Itoa(len(query.SQL) + usualQueryBytes)}
	maps.Copy(settings, r.settings)
	found := make(map[strand]bool, len(strands))
	err := r.store.Stream(ctx, storeQuery(query, settings), func(b *store.Block) error {
		for row := range b.Rows {
			s, asked := of[key{
				b.UInt64(plan.AlbumPart)[row], b.UInt64(plan.AlbumIdentity)[row],
				b.Int64(plan.AlbumAt)[row],
			}]
			if !asked {
				continue // the same of another part
			}
			found[s] = true
			if err := each(s, placeOf(b, layout, row), b, row); err != nil {
				return err
			}
		}
		b.Release()
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the order of touchpoints: %w", err)
	}
	if len(found) < len(of) {
		return errPartGone
	}
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
