package answer

import (
	"encoding/binary"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// MaxTouchpoints is the most that one question may read: it keeps about 20 bytes of each.
const MaxTouchpoints = 80_000_000

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
	layout  plan.Layout
	blocks  []block
	buckets [bucketCount][]segment
	// views are the distinct sets of values that conditions see; empty for a plain program.
	views []funnel.TouchView
	seen  map[string]uint32
	key   []byte
	// masks are the steps of each code of packed journeys; nil for rows of touchpoints.
	masks masks
	read  int
}

// block is what came in one block.
type block struct {
	*store.Block

	identities []uint64
	at         []int64
	names      []uint32
	// view is which of the views each touchpoint has; nil for a plain program.
	view []uint32
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

func newGathered(p *funnel.Program, layout plan.Layout) *gathered {
	return &gathered{program: p, layout: layout, seen: make(map[string]uint32)}
}

// add takes a block of touchpoints, which is its own from now on.
func (g *gathered) add(b *store.Block) error {
	added := block{
		Block: b, identities: b.UInt64(plan.Identity), at: b.Int64(plan.At),
		names: b.UInt32(plan.Names),
	}
	if !g.program.Plain() {
		added.view = g.viewsOf(b)
	}
	return g.keep(added, b.Rows)
}

// addPacked takes a block of packed journeys, which is its own from now on.
func (g *gathered) addPacked(b *store.Block) error {
	added := block{Block: b, identities: b.UInt64(plan.Identity)}
	added.packed, added.ends = b.UInt64s(plan.Touches)
	return g.keep(added, len(added.packed))
}

// keep cuts a block into segments.
func (g *gathered) keep(added block, touchpoints int) error {
	if g.read += touchpoints; g.read > MaxTouchpoints {
		return fault.New(fault.TooLarge, "the question reads more than %d touchpoints; "+
			"ask about a shorter range or fewer steps", MaxTouchpoints)
	}
	number := int32(len(g.blocks))
	g.blocks = append(g.blocks, added)
	for i := 0; i < added.Rows; {
		bucket, j := bucketOf(added.identities[i]), i+1
		for j < added.Rows && bucketOf(added.identities[j]) == bucket {
			j++
		}
		g.buckets[bucket] = append(g.buckets[bucket], segment{number, int32(i), int32(j)})
		i = j
	}
	return nil
}

// viewsOf keeps each distinct set of values once.
func (g *gathered) viewsOf(b *store.Block) []uint32 {
	views := make([]uint32, b.Rows)
	for i := range views {
		g.key = g.viewKey(b, i)
		n, ok := g.seen[string(g.key)]
		if !ok {
			n = uint32(len(g.views))
			g.views = append(g.views, g.viewOf(b, i))
			g.seen[string(g.key)] = n
		}
		views[i] = n
	}
	return views
}

func (g *gathered) viewKey(b *store.Block, row int) []byte {
	key := g.key[:0]
	add := func(column int) {
		value := b.Bytes(column, row)
		key = binary.AppendUvarint(key, uint64(len(value)))
		key = append(key, value...)
	}
	for _, column := range []int{
		g.layout.Channel, g.layout.Event, g.layout.Stage, g.layout.Touchpoint,
		g.layout.Device, g.layout.Browser, g.layout.OS, g.layout.Traffic,
	} {
		if column >= 0 {
			add(column)
		}
	}
	for i := range g.program.Needs().Properties {
		add(g.layout.Properties + i)
	}
	return key
}

func (g *gathered) viewOf(b *store.Block, row int) funnel.TouchView {
	text := func(column int) string {
		if column < 0 {
			return ""
		}
		return string(b.Bytes(column, row))
	}
	v := funnel.TouchView{
		Event: text(g.layout.Event), Channel: journey.ChannelID(text(g.layout.Channel)),
		Stage:      journey.StageID(text(g.layout.Stage)),
		Touchpoint: journey.TouchpointID(text(g.layout.Touchpoint)),
		Client: journey.Client{
			Device: text(g.layout.Device), Browser: text(g.layout.Browser), OS: text(g.layout.OS),
		},
		Traffic: journey.Traffic(text(g.layout.Traffic)),
	}
	for i := range g.program.Needs().Properties {
		v.Properties = append(v.Properties,
			journey.ParseValue(b.Bytes(g.layout.Properties+i, row)))
	}
	return v
}
