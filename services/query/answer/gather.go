package answer

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// MaxTouchpoints is the most that one question may read: it keeps about 16 bytes of each.
const MaxTouchpoints = 100_000_000

// gathered are the touchpoints that a question needs, by person. Blocks come in any order, but in
// each the touchpoints of one identity lie together, so that a person is looked up once per run.
type gathered struct {
	program   *funnel.Program
	layout    plan.Layout
	directory *directory

	// persons by local number, and the local numbers of identities.
	persons []journey.PersonID
	local   map[journey.IdentityID]int32
	numbers map[journey.PersonID]int32
	runs    []run
	touches []funnel.Touch
	// views are the distinct values that conditions see, and view is which of them each touch has.
	// Both are empty for a plain program.
	views []funnel.TouchView
	view  []uint32
	seen  map[string]uint32
	key   []byte
	// shown is what orders touches of one millisecond, where that matters.
	shown []shown
	read  uint64
}

// run is some touches of one person, one after the other.
type run struct {
	person   int32
	from, to uint32
}

// shown is the shown order of a touchpoint; equal ones are the same receipt stored twice.
type shown struct {
	occurred, original, received int64
	index                        uint32
	message                      string
}

func (s *shown) compare(t *shown) int {
	return cmp.Or(
		cmp.Compare(s.occurred, t.occurred), cmp.Compare(s.original, t.original),
		cmp.Compare(s.received, t.received), cmp.Compare(s.index, t.index),
		cmp.Compare(s.message, t.message),
	)
}

func newGathered(p *funnel.Program, layout plan.Layout, d *directory) *gathered {
	return &gathered{
		program: p, layout: layout, directory: d,
		local:   make(map[journey.IdentityID]int32),
		numbers: make(map[journey.PersonID]int32),
		seen:    make(map[string]uint32),
	}
}

// add takes a block of touchpoints.
func (g *gathered) add(b *store.Block) error {
	if len(g.touches)+b.Rows > MaxTouchpoints {
		return fault.New(fault.TooLarge, "the question reads more than %d touchpoints; "+
			"ask about a shorter range or fewer steps", MaxTouchpoints)
	}
	identities, at, names := b.UInt64(plan.Identity), b.Int64(plan.At), b.UInt32(plan.Names)
	start := len(g.touches)
	g.touches = slices.Grow(g.touches, b.Rows)[:start+b.Rows]
	for i, t := 0, g.touches[start:]; i < len(t); i++ {
		t[i] = funnel.Touch{At: at[i], Steps: names[i]}
	}
	g.addRuns(identities, uint32(start))
	g.addViews(b)
	g.addShown(b)
	g.read += uint64(b.Rows)
	return nil
}

func (g *gathered) addRuns(identities []uint64, start uint32) {
	for from := 0; from < len(identities); {
		to := from + 1
		for to < len(identities) && identities[to] == identities[from] {
			to++
		}
		person := g.personOf(journey.IdentityID(identities[from]))
		g.runs = append(g.runs, run{person, start + uint32(from), start + uint32(to)})
		from = to
	}
}

// personOf is the local number of an identity's person.
func (g *gathered) personOf(id journey.IdentityID) int32 {
	if n, ok := g.local[id]; ok {
		return n
	}
	person, _, linked := g.directory.personOf(id)
	n, ok := g.numbers[person]
	if !ok {
		n = int32(len(g.persons))
		g.persons = append(g.persons, person)
		if linked {
			g.numbers[person] = n
		}
	}
	g.local[id] = n
	return n
}

// addViews keeps each distinct set of values once.
func (g *gathered) addViews(b *store.Block) {
	if g.program.Plain() {
		return
	}
	for i := range b.Rows {
		g.key = g.viewKey(b, i)
		n, ok := g.seen[string(g.key)]
		if !ok {
			n = uint32(len(g.views))
			g.views = append(g.views, g.viewOf(b, i))
			g.seen[string(g.key)] = n
		}
		g.view = append(g.view, n)
	}
}

func (g *gathered) viewKey(b *store.Block, row int) []byte {
	key := g.key[:0]
	add := func(column int) {
		if column < 0 {
			return
		}
		value := b.Bytes(column, row)
		key = binary.AppendUvarint(key, uint64(len(value)))
		key = append(key, value...)
	}
	for _, column := range []int{
		g.layout.Channel, g.layout.Event, g.layout.Stage, g.layout.Touchpoint,
	} {
		add(column)
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
	}
	for i := range g.program.Needs().Properties {
		v.Properties = append(v.Properties,
			journey.ParseValue(b.Bytes(g.layout.Properties+i, row)))
	}
	return v
}

func (g *gathered) addShown(b *store.Block) {
	if g.layout.ShownOrder < 0 {
		return
	}
	c := g.layout.ShownOrder
	for i := range b.Rows {
		g.shown = append(g.shown, shown{
			occurred: b.Int64(c)[i], original: b.Int64(c + 1)[i], received: b.Int64(c + 2)[i],
			index: b.UInt32(c + 3)[i], message: string(b.Bytes(c+4, i)),
		})
	}
}

// byPerson sorts the runs by person and gives where each person's begin, with one more at the end.
func (g *gathered) byPerson() []uint32 {
	starts := make([]uint32, len(g.persons)+1)
	for _, r := range g.runs {
		starts[r.person+1]++
	}
	for i := range g.persons {
		starts[i+1] += starts[i]
	}
	sorted := make([]run, len(g.runs))
	next := slices.Clone(starts)
	for _, r := range g.runs {
		sorted[next[r.person]] = r
		next[r.person]++
	}
	g.runs = sorted
	return starts
}
