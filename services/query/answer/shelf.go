package answer

import (
	"cmp"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// shelf holds what a part of the packed journeys has of one site: six bytes for each touchpoint and
// twenty for each identity. It does not change, but for roll, places, kept and used.
type shelf struct {
	// base is the first instant of the month, in milliseconds since 1970: touchpoints have the
	// milliseconds since then.
	base int64
	// starts are where the rows of each bucket of identities begin, and where the last ones end.
	starts     [bucketCount + 1]uint32
	identities []uint64
	// ends are where the touchpoints of each row end. Those of a row are in order of time.
	ends []uint32
	at   []uint32
	// codes are the numbers of the codes of labels: see codes.
	codes []uint16
	// unsure tells that something in it sends readers to the rows of touchpoints: the mark of a
	// rebuild under way, or what is not understood.
	unsure bool
	// part is the name of the part.
	part string
	// roll says where the directory has the identities, nil where that was not asked yet.
	roll atomic.Pointer[roll]
	// places are those in shown order of some touchpoints, nil where none is known: see untie.
	places atomic.Pointer[map[uint32]shownPlace]
	// kept tells that it is among those that are kept; the mutex of all guards it.
	kept bool
	// used is when it was used last, by a count of the uses of all, whose mutex guards it.
	used uint64
}

// What a shelf takes: itself, each of its rows, each of its touchpoints, and each place.
const (
	shelfBytes      = 2200
	shelfRowBytes   = 20
	shelfTouchBytes = 6
	shelfPlaceBytes = 160
)

func (s *shelf) bytes() int {
	return shelfBytes + shelfRowBytes*len(s.identities) + shelfTouchBytes*len(s.at) +
		shelfPlaceBytes*len(s.placed())
}

// placed are the places that are known, by touchpoint.
func (s *shelf) placed() map[uint32]shownPlace {
	if places := s.places.Load(); places != nil {
		return *places
	}
	return nil
}

// row is where the touchpoints of a row lie.
func (s *shelf) row(i uint32) (from, to uint32) {
	if i > 0 {
		from = s.ends[i-1]
	}
	return from, s.ends[i]
}

// find is the row of an identity.
func (s *shelf) find(identity uint64) (row uint32, found bool) {
	b := bucketOf(identity)
	i, found := slices.BinarySearch(s.identities[s.starts[b]:s.starts[b+1]], identity)
	return s.starts[b] + uint32(i), found
}

// rowOf is where the touchpoints of an identity lie, nowhere if it has none.
func (s *shelf) rowOf(identity uint64) (from, to uint32) {
	i, found := s.find(identity)
	if !found {
		return 0, 0
	}
	return s.row(i)
}

// instants are the runs of touchpoints of one instant in a part of a row.
func (s *shelf) instants(from, to uint32) iter.Seq2[uint32, uint32] {
	return func(yield func(from, to uint32) bool) {
		for from < to {
			next := from + 1
			for next < to && s.at[next] == s.at[from] {
				next++
			}
			if !yield(from, next) {
				return
			}
			from = next
		}
	}
}

// within is the part of a row between two instants, both inside.
func (s *shelf) within(from, to uint32, first, last int64) (uint32, uint32) {
	for from < to && s.base+int64(s.at[from]) < first {
		from++
	}
	for from < to && s.base+int64(s.at[to-1]) > last {
		to--
	}
	return from, to
}

// stack is a sequence of rows of a block, ascending by identity, that came of one part.
type stack struct {
	block    *store.Block
	from, to int
}

// monthOf is the first instant of a month such as "202411", in milliseconds since 1970; false if it
// is none.
func monthOf(partition string) (int64, bool) {
	at, err := time.Parse("200601", partition)
	return at.UnixMilli(), err == nil
}

// newShelf puts stacks of one part together.
func newShelf(base int64, stacks []stack, touches int, codes *codes) *shelf {
	// Several readers share a part: each gives its ranges of identities in order.
	slices.SortFunc(stacks, func(a, b stack) int { return cmp.Compare(a.first(), b.first()) })
	rows := 0
	for _, s := range stacks {
		rows += s.to - s.from
	}
	s := &shelf{
		base: base, identities: make([]uint64, 0, rows), ends: make([]uint32, 0, rows),
		at: make([]uint32, 0, touches), codes: make([]uint16, 0, touches),
	}
	for _, from := range stacks {
		s.take(from, codes)
	}
	s.index()
	return s
}

func (s stack) first() uint64 { return s.block.UInt64(partIdentity)[s.from] }

// span is where the elements of rows lie.
func (s stack) span() (from, to uint64) {
	_, ends := s.block.UInt64s(partTouches)
	if s.from > 0 {
		from = ends[s.from-1]
	}
	return from, ends[s.to-1]
}

// take appends the rows of a stack, whose touchpoints it sorts.
func (s *shelf) take(from stack, codes *codes) {
	elements, ends := from.block.UInt64s(partTouches)
	begin, end := from.span()
	last := begin
	for _, e := range ends[from.from:from.to] {
		slices.Sort(elements[last:e])
		last = e
	}
	offset := uint64(len(s.at)) - begin
	s.identities = append(s.identities, from.block.UInt64(partIdentity)[from.from:from.to]...)
	for _, e := range ends[from.from:from.to] {
		s.ends = append(s.ends, uint32(e+offset))
	}
	for _, e := range elements[begin:end] {
		at := journey.Packed(e).At() - s.base
		number, ok := codes.number(codeOf(e))
		if !ok || at < 0 || at > maxShelfSpan {
			s.unsure = true
		}
		s.at, s.codes = append(s.at, uint32(at)), append(s.codes, number)
	}
}

// maxShelfSpan is the longest month in milliseconds.
const maxShelfSpan = 31 * 24 * 3600 * 1000

// index finds where buckets begin.
func (s *shelf) index() {
	i, last := 0, uint64(0)
	for b := range bucketCount {
		s.starts[b] = uint32(i)
		for ; i < len(s.identities) && bucketOf(s.identities[i]) == b; i++ {
			s.unsure = s.unsure || s.identities[i] < last
			last = s.identities[i]
		}
	}
	s.starts[bucketCount] = uint32(i)
	s.unsure = s.unsure || i < len(s.identities)
}

// codes numbers the codes of labels that the journeys of a site have, from 1; 0 is the code of
// touchpoints that were removed.
type codes struct {
	numbers *table
	list    []uint32
}

// maxCodes is how many codes can be numbered.
const maxCodes = 1<<16 - 1

func newCodes() *codes {
	return &codes{numbers: newTable(64 - journey.LabelBits), list: []uint32{0}}
}

// number is that of a code. False if there are too many.
func (c *codes) number(code uint32) (uint16, bool) {
	if code == 0 {
		return 0, true
	}
	if n, known := c.numbers.get(uint64(code)); known {
		return uint16(n), true
	}
	if len(c.list) > maxCodes {
		return 0, false
	}
	n := uint16(len(c.list))
	c.list = append(c.list, code)
	c.numbers.set(uint64(code), uint64(n))
	return n, true
}
