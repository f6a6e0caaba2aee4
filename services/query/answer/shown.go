package answer

import (
	"cmp"
	"context"
	"slices"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/query/plan"
)

// shownPlace says which of two touchpoints of one instant is shown first.
type shownPlace struct {
	occurred, original, received int64
	index                        uint32
	message                      string
}

func (p shownPlace) compare(q shownPlace) int {
	return cmp.Or(
		cmp.Compare(p.occurred, q.occurred), cmp.Compare(p.original, q.original),
		cmp.Compare(p.received, q.received), cmp.Compare(p.index, q.index),
		cmp.Compare(p.message, q.message),
	)
}

// placeOf is the place of a row of a block in the shown order.
func placeOf(b *store.Block, l plan.Layout, row int) shownPlace {
	c := l.Order
	p := shownPlace{
		occurred: b.Int64(c)[row], original: b.Int64(c + 1)[row], received: b.Int64(c + 2)[row],
		index: b.UInt32(c + 3)[row],
	}
	if l.Message >= 0 {
		p.message = string(b.Bytes(l.Message, row))
	}
	return p
}

// laidOut is a shelf whose touchpoints of one identity and instant are in no order yet.
type laidOut struct {
	*shelf

	// places are those in shown order of touchpoints that share identity and instant with others, by
	// touchpoint, without message ids.
	places map[int]shownPlace
}

// layOutPages puts pages of one part together.
func layOutPages(base int64, pages []page) laidOut {
	// Several readers share a part: each gives its ranges in order.
	slices.SortFunc(pages, func(p, q page) int {
		return cmp.Or(cmp.Compare(p.identities[0], q.identities[0]), cmp.Compare(p.at[0], q.at[0]))
	})
	touches := 0
	for _, p := range pages {
		touches += len(p.at)
	}
	s := &shelf{base: base, at: make([]uint32, 0, touches), codes: make([]uint16, 0, touches)}
	places := make(map[int]shownPlace)
	for _, p := range pages {
		for i, place := range p.places {
			places[len(s.at)+i] = place
		}
		for i, identity := range p.identities {
			if n := len(s.identities); n == 0 || s.identities[n-1] != identity {
				s.identities, s.ends = append(s.identities, identity), append(s.ends, 0)
			}
			s.at, s.codes = append(s.at, p.at[i]), append(s.codes, p.sets[i])
			s.ends[len(s.ends)-1] = uint32(len(s.at))
		}
	}
	s.identities, s.ends = slices.Clip(s.identities), slices.Clip(s.ends)
	return laidOut{shelf: s, places: places}
}

// clear finds the codes, in shown order, of the runs that only message ids tell the order of.
// Errors: errNotResident where they are too many, errPartGone, those of Store.Stream.
func (a *album) clear(ctx context.Context, laid []laidOut) (map[strand][]uint16, error) {
	var unclear []strand
	for i := range laid {
		unclear = append(unclear, laid[i].unclear()...)
	}
	if a.full = len(unclear) > mostUnplaced; a.full {
		return nil, errNotResident
	}
	rows := make(map[strand][]shownRow)
	err := a.resident.readPlaces(ctx, a.site, unclear, a.values,
		func(of strand, place shownPlace, b *store.Block, row int) error {
			set, ok := a.number(b, row)
			if !ok {
				return errNotResident
			}
			rows[of] = append(rows[of], shownRow{place, set})
			return nil
		})
	if err != nil {
		return nil, err
	}
	shown := make(map[strand][]uint16, len(rows))
	for of, list := range rows {
		if len(list) != int(of.to-of.from) {
			return nil, errPartGone
		}
		shown[of] = codesOf(list)
	}
	return shown, nil
}

// shownRow is a touchpoint with its place and its set of values.
type shownRow struct {
	place shownPlace
	set   uint16
}

// codesOf are the sets of touchpoints in shown order, each touchpoint once.
func codesOf(rows []shownRow) []uint16 {
	slices.SortStableFunc(rows, func(r, s shownRow) int { return r.place.compare(s.place) })
	rows = slices.CompactFunc(rows, func(r, s shownRow) bool { return r.place.compare(s.place) == 0 })
	codes := make([]uint16, len(rows))
	for i, r := range rows {
		codes[i] = r.set
	}
	return codes
}

// run is one of several touchpoints of an identity and instant.
func (l *laidOut) run(row int, from, to uint32) strand {
	return strand{l.base + int64(l.at[from]), l.identities[row], l.shelf, from, to}
}

// unclear are the runs of which the places leave open what is shown first.
func (l *laidOut) unclear() (strands []strand) {
	for row := range l.identities {
		for from, to := range l.instants(l.row(uint32(row))) {
			if to == from+1 {
				continue
			}
			seen := make(map[shownPlace]bool, to-from)
			for i := from; i < to; i++ {
				seen[l.places[int(i)]] = true
			}
			if len(seen) < int(to-from) {
				strands = append(strands, l.run(row, from, to))
			}
		}
	}
	return strands
}

// bind makes the shelf: touchpoints of one identity and instant are in shown order in it, and one
// that is there twice is there once. shown is what clear found.
func (l *laidOut) bind(shown map[strand][]uint16) *shelf {
	s := l.shelf
	kept, begin := uint32(0), uint32(0)
	for row, end := range s.ends {
		for from, to := range s.instants(begin, end) {
			at, codes := s.at[from], s.codes[from:to]
			if len(codes) > 1 {
				var told bool
				if codes, told = shown[l.run(row, from, to)]; !told {
					codes = l.shownCodes(from, to)
				}
			}
			for i, code := range codes {
				s.at[int(kept)+i], s.codes[int(kept)+i] = at, code
			}
			kept += uint32(len(codes))
		}
		begin, s.ends[row] = end, kept
	}
	s.at, s.codes = s.at[:kept], s.codes[:kept]
	s.index()
	return s
}

// shownCodes are the codes of a run in shown order, as the places tell it.
func (l *laidOut) shownCodes(from, to uint32) []uint16 {
	rows := make([]shownRow, 0, to-from)
	for i := from; i < to; i++ {
		rows = append(rows, shownRow{l.places[int(i)], l.codes[i]})
	}
	return codesOf(rows)
}
