package answer

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// album reads touchpoints of a site with some of their values. Each distinct set of values has a
// number, which its touchpoints have in the shelves: so what a question asks of values is asked
// once per set, not per touchpoint.
type album struct {
	resident *resident
	site     journey.SiteID
	turns    chan struct{}
	values   []plan.Value
	query    plan.Query
	layout   plan.Layout
	// numbers and sets belong to the turn. A set has its values one after the other, each behind
	// its length; full tells that there are too many, or too many touchpoints that only message ids
	// tell apart. known are the sets that others may see, guarded by the mutex.
	numbers map[string]uint16
	sets    []string
	full    bool
	known   []string
	key     []byte
}

// maxSets is how many distinct sets of values can be numbered.
const maxSets = 1 << 16

// album is that of a list of values.
func (r *resident) album(site journey.SiteID, values []plan.Value) (key string, of *album) {
	key = plan.Key(values)
	return key, r.sourceOf(site, key, func() source {
		a := &album{
			resident: r, site: site, turns: make(chan struct{}, 1), values: values,
			numbers: make(map[string]uint16),
		}
		a.query, a.layout = plan.Album(values)
		return a
	}).(*album) //nolint:forcetypeassert // one type by key
}

func (a *album) turn() chan struct{} { return a.turns }

// rowBytes is about what a row takes.
func (a *album) rowBytes() int { return shelfTouchBytes + shelfRowBytes/2 }

func (a *album) publish() { a.known = a.sets }

func (a *album) read(
	ctx context.Context, month string, parts []store.Part, places []int, shelves []*shelf,
) error {
	base, ok := monthOf(month)
	if !ok || a.full {
		return errNotResident
	}
	params := maps.Clone(a.query.Params)
	params["site"], params["month"] = string(a.site), month
	params["parts"] = namesOf(parts, places)
	pages := make([][]page, len(places))
	query := plan.Query{SQL: a.query.SQL, Params: params, Columns: a.query.Columns}
	err := a.resident.store.Stream(ctx, storeQuery(query, a.resident.settings),
		func(b *store.Block) error { return a.take(b, base, pages) })
	if err != nil {
		return fmt.Errorf("reading %d parts of touchpoints: %w", len(places), err)
	}
	laid := make([]laidOut, len(places))
	for i, place := range places {
		laid[i] = layOutPages(base, pages[i])
		laid[i].part = parts[place].Name
	}
	shown, err := a.clear(ctx, laid)
	if err != nil {
		return err
	}
	for i, place := range places {
		shelves[place] = laid[i].bind(shown)
	}
	return nil
}

// page is a sequence of rows of one part, ascending by identity and instant.
type page struct {
	identities []uint64
	at         []uint32
	sets       []uint16
	// places are those in the shown order, by row, of rows that may share an identity and an
	// instant with others, without message ids.
	places map[int]shownPlace
}

// places are those of the rows of a page, which begins at a row of a block: of those at its ends,
// and of those that are alike with the next one.
func (a *album) places(b *store.Block, from int, p *page) map[int]shownPlace {
	places := make(map[int]shownPlace)
	last := len(p.at) - 1
	for i := range p.at {
		if i == 0 || i == last || p.alike(i-1, i) || p.alike(i, i+1) {
			places[i] = placeOf(b, a.layout, from+i)
		}
	}
	return places
}

// alike tells whether two rows share identity and instant.
func (p *page) alike(i, j int) bool {
	return p.identities[i] == p.identities[j] && p.at[i] == p.at[j]
}

// take cuts a block into pages. Errors: errNotResident where there are too many sets.
func (a *album) take(b *store.Block, base int64, pages [][]page) error {
	sets, ok := a.setsOf(b)
	if !ok {
		return errNotResident
	}
	numbers, identities := b.UInt64(plan.AlbumPart), b.UInt64(plan.AlbumIdentity)
	at := b.Int64(plan.AlbumAt)
	for from := 0; from < b.Rows; {
		to := from + 1
		for to < b.Rows && numbers[to] == numbers[from] && ascend(identities, at, to) {
			to++
		}
		p := page{identities: slices.Clone(identities[from:to]), sets: sets[from:to]}
		for _, instant := range at[from:to] {
			p.at = append(p.at, uint32(instant-base))
		}
		p.places = a.places(b, from, &p)
		n := numbers[from] - 1
		pages[n] = append(pages[n], p)
		from = to
	}
	b.Release()
	return nil
}

// setsOf are the numbers of the sets of values of the rows of a block. False if there are too many.
func (a *album) setsOf(b *store.Block) (sets []uint16, ok bool) {
	combined, above := make([]uint64, b.Rows), uint64(1)
	for i := range a.values {
		words, more := b.Words(plan.AlbumValues + i)
		if high, _ := bits.Mul64(above, uint64(more)); high != 0 {
			above = renumber(combined)
		}
		for row, word := range words {
			combined[row] += above * uint64(word)
		}
		above *= uint64(more)
	}
	sets = make([]uint16, b.Rows)
	known := make(map[uint64]uint16)
	for row, of := range combined {
		set, is := known[of]
		if !is {
			if set, ok = a.number(b, row); !ok {
				return nil, false
			}
			known[of] = set
		}
		sets[row] = set
	}
	return sets, true
}

// renumber numbers the distinct ones from 0, and gives how many there are.
func renumber(list []uint64) (above uint64) {
	numbers := make(map[uint64]uint64)
	for i, of := range list {
		n, known := numbers[of]
		if !known {
			n = uint64(len(numbers))
			numbers[of] = n
		}
		list[i] = n
	}
	return uint64(len(numbers))
}

// ascend tells whether a row follows the one before it by identity and instant.
func ascend(identities []uint64, at []int64, row int) bool {
	return cmp.Or(cmp.Compare(identities[row-1], identities[row]),
		cmp.Compare(at[row-1], at[row])) <= 0
}

// number is that of the set of values of a row. False if there are too many.
func (a *album) number(b *store.Block, row int) (uint16, bool) {
	a.key = a.key[:0]
	for i := range a.values {
		value := b.Bytes(plan.AlbumValues+i, row)
		a.key = binary.AppendUvarint(a.key, uint64(len(value)))
		a.key = append(a.key, value...)
	}
	n, known := a.numbers[string(a.key)]
	if known {
		return n, true
	}
	if a.full = len(a.sets) >= maxSets; a.full {
		return 0, false
	}
	n = uint16(len(a.sets))
	a.sets = append(a.sets, string(a.key))
	a.numbers[a.sets[n]] = n
	return n, true
}

// views are what a question sees of touchpoints of each set, by number, of all sets that there are.
func (a *album) views(needs funnel.Needs) []funnel.TouchView {
	a.resident.mutex.Lock()
	sets := a.known
	a.resident.mutex.Unlock()
	views := make([]funnel.TouchView, len(sets))
	for n, set := range sets {
		rest := []byte(set)
		views[n] = readingOf(a.values, func(int) []byte {
			length, used := binary.Uvarint(rest)
			value := rest[used : used+int(length)]
			rest = rest[used+int(length):]
			return value
		}).view(needs)
	}
	return views
}

// byMarks tells that marks say all that the question asks.
func (in *inquiry) byMarks() bool {
	return in.explaining == nil && (in.program.Marked() || in.repeats == nil && in.byValues())
}

// byValues tells that marks say all once values of touchpoints are known.
func (in *inquiry) byValues() bool {
	return !in.program.Marked() && (in.program.ByTouch() || in.program.Followed())
}

// stockAlbum takes the touchpoints with the values that conditions of steps look at from an album.
func (in *inquiry) stockAlbum(ctx context.Context, o *outlook, k *stock) (err error) {
	if err := in.fromAlbum(ctx, o, k); err != nil {
		return err
	}
	k.steps, k.hidden, err = stepsOfViews(in.program, k.views)
	return err
}

// fromAlbum takes the touchpoints with all values that a question looks at from an album.
func (in *inquiry) fromAlbum(ctx context.Context, o *outlook, k *stock) error {
	values := plan.LabelValues()
	for _, v := range plan.ValuesOf(in.program.Needs()) {
		if !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	key, from := in.resident.album(in.site, values)
	shelves, err := in.resident.bring(ctx, in.site, key, from, k.partsOf(o, "touchpoints"))
	if err != nil {
		return err
	}
	k.shelves = shelves
	k.sort()
	if n := len(shelves); n > 0 && shelves[n-1].base+maxShelfSpan > funnel.LastTrailTime {
		return errNotResident
	}
	k.views = from.views(in.program.Needs())
	return nil
}

// stepsOfViews are one more than the step that a touchpoint of each view fills, 0 for none, and
// whether the filter hides it. Errors: errUnsure where one may fill several.
func stepsOfViews(
	p *funnel.Program, views []funnel.TouchView,
) (steps []uint8, hidden []bool, err error) {
	steps, hidden = make([]uint8, len(views)), make([]bool, len(views))
	matcher := p.Matcher()
	for n := range views {
		v := &views[n]
		targets := p.Targets(v.Event, journey.Attribution{Touchpoint: v.Touchpoint, Stage: v.Stage})
		step, err := theStep(matcher.Steps(targets, v))
		if err != nil {
			return nil, nil, err
		}
		steps[n], hidden[n] = step, !matcher.Sees(v)
	}
	return steps, hidden, nil
}
