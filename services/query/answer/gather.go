package answer

import (
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/query/plan"
)

// What one question may keep: touchpoints, and bytes of what is needed of them. A plain question
// keeps about 20 bytes of each, one that asks for the order within a millisecond about 60.
const (
	MaxTouchpoints = 80_000_000
	MaxBytes       = 2_000_000_000
)

// Identities are uniform hashes and come sorted within each part of the table, so what is gathered
// is cut where the first bits of the identity change, and one bucket is worked on after the other:
// what is needed of a bucket fits the processor's cache.
const (
	bucketBits  = 9
	bucketCount = 1 << bucketBits
)

func bucketOf(number uint64) int { return int(number >> (64 - bucketBits)) }

// gathered are the touchpoints that a question needs, as they came.
type gathered struct {
	program *funnel.Program
	repeats *repeats
	// order is what of the shown order was read.
	order   plan.Order
	layout  plan.Layout
	blocks  []block
	buckets [bucketCount][]segment
	// views are the distinct sets of values; nil where the question looks at none.
	views *views
	// labels are what the codes of packed journeys stand for, masks the steps of each; nil for rows
	// of touchpoints.
	labels []store.Label
	masks  *masks
	// harvest and stock are what the fast way found; nil for others.
	harvest *harvest
	stock   *stock
	read    int
	bytes   int
}

// block is what came in one block.
type block struct {
	identities []uint64
	at         []int64
	names      []uint32
	// excluded has a bit per exclusion that names the touchpoint; nil where there are none.
	excluded []uint32
	// bases is which base of a repeat each touchpoint is, from 1, 0 for none; nil where that is not
	// asked.
	bases []uint32
	// view is which of the views each touchpoint has; nil where there are none.
	view []uint32
	// occurred, original, received and index order touchpoints of one millisecond, then messages;
	// nil where they were not read.
	occurred, original, received []int64
	index                        []uint32
	messages                     *store.Block
	// packed are the touchpoints of packed journeys, and ends where each row's end; nil for rows
	// of touchpoints.
	packed, ends []uint64
}

// span is where the touchpoints of the rows from i to j lie: the rows themselves, or the elements
// of their lists.
func (b *block) span(i, j int32) (from, to int32) {
	if b.packed == nil {
		return i, j
	}
	if i > 0 {
		from = int32(b.ends[i-1])
	}
	return from, int32(b.ends[j-1])
}

// segment is a sequence of rows of a block that belong to one bucket.
type segment struct{ block, from, to int32 }

// add takes a block of touchpoints, which is its own from now on.
func (g *gathered) add(b *store.Block) error {
	added := block{
		identities: b.UInt64(plan.Identity), at: b.Int64(plan.At), names: b.UInt32(plan.Names),
	}
	bytes := 20 * b.Rows
	if g.layout.Base >= 0 {
		added.bases = b.UInt32(g.layout.Base)
		bytes += 4 * b.Rows
	}
	if c := g.layout.Exclusions; c >= 0 {
		added.excluded = b.UInt32(c)
		bytes += 4 * b.Rows
	}
	if c := g.layout.Order; c >= 0 {
		added.occurred, added.original, added.received = b.Int64(c), b.Int64(c+1), b.Int64(c+2)
		added.index = b.UInt32(c + 3)
		bytes += 28 * b.Rows
	}
	if c := g.layout.Message; c >= 0 {
		added.messages = b
		for row := range b.Rows {
			bytes += 16 + len(b.Bytes(c, row))
		}
	}
	if g.views != nil {
		before := g.views.bytes
		added.view = g.views.of(b, g.layout.Values, added.bases)
		bytes += 4*b.Rows + g.views.bytes - before
	}
	if g.program.Question().Unit.Kind != funnel.PersonUnit {
		bytes += sightBytes * b.Rows
	}
	return g.keep(added, b.Rows, bytes)
}

// addPacked takes a block of packed journeys, which is its own from now on.
func (g *gathered) addPacked(b *store.Block) error {
	added := block{identities: b.UInt64(plan.Identity)}
	added.packed, added.ends = b.UInt64s(plan.Touches)
	return g.keep(added, len(added.packed), 16*b.Rows+8*len(added.packed))
}

// keep cuts a block into segments.
func (g *gathered) keep(added block, touchpoints, bytes int) error {
	if g.read += touchpoints; g.read > MaxTouchpoints {
		return fault.New(fault.TooLarge, "the question reads more than %d touchpoints; "+
			"ask about a shorter range or fewer steps", MaxTouchpoints)
	}
	if g.bytes += bytes; g.bytes > MaxBytes {
		return fault.New(fault.TooLarge, "the question keeps more than %d MB of touchpoints and "+
			"their values; ask about a shorter range, look at fewer properties, or leave "+
			"breakdowns, units or departures out", MaxBytes/1_000_000)
	}
	number := int32(len(g.blocks))
	g.blocks = append(g.blocks, added)
	rows := len(added.identities)
	for i := 0; i < rows; {
		bucket, j := bucketOf(added.identities[i]), i+1
		for j < rows && bucketOf(added.identities[j]) == bucket {
			j++
		}
		g.buckets[bucket] = append(g.buckets[bucket], segment{number, int32(i), int32(j)})
		i = j
	}
	return nil
}
