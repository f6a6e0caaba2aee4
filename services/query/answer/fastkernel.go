package answer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// sheaf is a run of touchpoints of one identity or person, ascending, and the next one of the same:
// a row of a shelf, or marks of a record.
type sheaf struct {
	of             int32
	next           int32
	from, to, size uint32
	// spot is that of the identity in the directory.
	spot spot
}

// head is the identity or person of a chain, and its first sheaf.
type head struct {
	of    uint64
	first int32
}

// gleaner evaluates the persons of what the fast way found, bucket by bucket: first those of one
// identity, then the others by the bucket of the person. It keeps its scratch space. Not safe for
// concurrent use.
type gleaner struct {
	*fastScratch

	kernel  *kernel
	number  int
	counter *funnel.MarkCounter
	// trail is the counter where departures are asked, nil where they are not. left are the persons
	// whom it cannot count.
	trail *funnel.TrailCounter
	left  []journey.PersonID
	// general counts in place of the counter where marks do not say all; nil where they do.
	general *worker
	// knots are the persons of whom touchpoints were set aside in no order.
	knots map[journey.PersonID]bool
	// begun are where the repeats of the person at hand begin.
	begun []began
	// asksPersons tells that breakdowns ask persons for values.
	asksPersons bool
	values      funnel.Values
	// byPersona are the values by the number of the persona, where that alone says them; nil where
	// it does not.
	byPersona []*funnel.Values
	// warmed is what warming has read. Nobody asks for it: it is there so that the compiler leaves
	// no reading out.
	warmed uint32
}

// fastScratch is what a gleaner needs and leaves for the next question.
type fastScratch struct {
	// chains has the first and the last sheaf of each identity or person, as first<<32 | last; heads
	// are those in the order in which they were met, which is about that of the rows.
	chains  *table
	heads   []head
	sheaves []sheaf
	// records are those of which the sheaves at hand are parts, unless they are rows of shelves.
	records [][]uint64
	// marks are those of the identity or person at hand; course its touchpoints instead, where
	// departures are asked.
	marks  runs[funnel.Mark]
	course runs[funnel.TrailTouch]
	// layout has those of all identities of the bucket at hand, where that can be.
	layout layout
	// spill are records of persons that may have several identities, by the person's bucket. Their
	// heads have the person for the identity, and the spot of the one that names the person follows.
	spill [bucketCount][]uint64
}

var fastScratches = sync.Pool{New: func() any {
	return &fastScratch{
		chains: newTable(bucketBits), course: runs[funnel.TrailTouch]{low: funnel.TrailLow},
		layout: layout{strays: newTable(bucketBits)},
	}
}}

// glean evaluates all persons of what was gathered, but for those left over, whom it gives.
func (k *kernel) glean(ctx context.Context, workers int) (left []journey.PersonID, err error) {
	if k.stock != nil {
		if err := k.stock.call(ctx, k.directory, workers); err != nil {
			return nil, fmt.Errorf("looking up who is whom: %w", err)
		}
	}
	all := make([]*gleaner, workers)
	for i := range all {
		all[i] = newGleaner(k, i)
		all[i].interrupt(ctx.Err)
		defer fastScratches.Put(all[i].fastScratch)
	}
	if k.stock != nil && k.stock.samples != nil {
		k.stock.foresee(all[0].general)
	}
	err = share(ctx, all, bucketCount, (*gleaner).single)
	if err != nil {
		return nil, err
	}
	knots := make(map[journey.PersonID]bool)
	for _, g := range all {
		maps.Copy(knots, g.knots)
		g.knots = knots
	}
	err = share(ctx, all, bucketCount,
		func(g *gleaner, bucket int) error { return g.several(bucket, all) })
	for _, g := range all {
		left = append(left, g.left...)
	}
	return left, err
}

func newGleaner(k *kernel, number int) *gleaner {
	g := &gleaner{
		fastScratch: fastScratches.Get().(*fastScratch),
		kernel:      k, number: number, knots: make(map[journey.PersonID]bool),
		asksPersons: len(k.program.Question().Breakdowns) > 0,
	}
	for i := range g.spill {
		g.spill[i] = g.spill[i][:0]
	}
	if k.stock != nil && k.stock.samples != nil {
		g.general = newWorker(k, number)
		return g
	}
	if g.asksPersons && len(k.variants) == 0 && k.people.personaAlone() {
		g.byPersona = make([]*funnel.Values, len(k.directory.personas.list)+1)
	}
	if k.trails != nil {
		g.trail = k.program.TrailCounter(k.trails)
		g.counter = g.trail.MarkCounter
	} else {
		g.counter = k.program.MarkCounter(k.newest)
	}
	return g
}

// interrupt lets long countings end.
func (g *gleaner) interrupt(ask func() error) {
	if g.general != nil {
		g.general.counter.Interrupt = ask
		return
	}
	g.counter.Interrupt = ask
}

// single evaluates the persons of one identity in a bucket and sets the others' marks aside.
func (g *gleaner) single(bucket int) error {
	if g.sheafless() {
		return g.layBucket(bucket)
	}
	g.chainRows(bucket)
	g.warm()
	return g.evaluate(func(identity uint64, first int32) error {
		if person, linked := g.linked(identity, g.sheaves[first].spot); linked {
			return g.setAside(person, first)
		}
		return g.count(identity, first)
	})
}

// linked is directory.linked of an identity by its spot, if it has one.
func (g *gleaner) linked(identity uint64, at spot) (person uint64, is bool) {
	d := g.kernel.directory
	switch {
	case at > 0:
		person = d.whoseAt[at-1].person
		return person, person != 0
	case g.kernel.harvest == nil && len(d.strangers) == 0:
		return 0, false
	}
	return d.linked(identity)
}

// several evaluates the persons of a bucket whose marks were set aside.
func (g *gleaner) several(bucket int, all []*gleaner) error {
	records := make([][]uint64, len(all))
	for i, from := range all {
		records[i] = from.spill[bucket]
	}
	if g.byMarks() {
		return g.laySpilled(bucket, records)
	}
	g.chainRecords(bucket, records)
	return g.evaluate(g.count)
}

// warm reads what the directory has of those chained into the processor's cache: all of it is
// waited for together, where each would be waited for alone by whom it is asked for one by one.
func (g *gleaner) warm() {
	read, of := uint32(0), g.kernel.directory.whoseAt
	for _, h := range g.heads {
		if at := g.sheaves[h.first].spot; at > 0 {
			read ^= of[at-1].persona
		}
	}
	g.warmed ^= read
}

// chainRows chains the rows that the shelves have of a bucket.
func (g *gleaner) chainRows(bucket int) {
	k := g.kernel.stock
	g.begin(k.mostRows(bucket))
	for n, s := range k.shelves {
		spots, whole := s.roll.Load().spots, k.whole(s)
		for i := s.starts[bucket]; i < s.starts[bucket+1]; i++ {
			from, to := s.row(i)
			if !whole {
				from, to = s.within(from, to, k.first, k.last)
			}
			if from < to {
				g.chain(s.identities[i], sheaf{of: int32(n), from: from, to: to, spot: spots[i]})
			}
		}
	}
}

// chainRecords chains records that were set aside.
func (g *gleaner) chainRecords(bucket int, records [][]uint64) {
	g.begin(wordsOf(records) / spilledWords)
	g.records = records
	for n, of := range records {
		for at := 0; at < len(of); {
			head := of[at]
			s := sheaf{of: int32(n), spot: spot(of[at+1]), from: uint32(at + spilledHead)}
			at = int(s.from) + int(head&maxRecord)
			s.to = uint32(at)
			g.chain(identityOf(bucket, head), s)
		}
	}
}

func wordsOf(records [][]uint64) int {
	words := 0
	for _, of := range records {
		words += len(of)
	}
	return words
}

// A record that was set aside has the person's spot after its head, and one word more at least.
const (
	spilledHead  = 2
	spilledWords = spilledHead + 1
)

// begin makes room for so many identities or persons at least.
func (g *gleaner) begin(size int) {
	g.heads, g.sheaves, g.records = g.heads[:0], g.sheaves[:0], nil
	g.chains.reset(roomFor(size, g.chains))
}

// roomFor is the size of a table for so many of a bucket at least, that was used for another one.
// There are about as many in every bucket. They come in ascending order mostly: half as much again
// keeps them from crowding before the table grows.
func roomFor(size int, t *table) int { return max(size, t.used) * 3 / 2 }

// chain adds a sheaf to those of an identity or person.
func (g *gleaner) chain(of uint64, s sheaf) {
	n := uint64(len(g.sheaves))
	s.next, s.size = -1, s.to-s.from
	c := g.chains.at(of)
	if c.key == 0 {
		g.heads = append(g.heads, head{of, int32(n)})
		g.sheaves = append(g.sheaves, s)
		g.chains.put(c, cell{of, n<<32 | n})
		return
	}
	// The first sheaf has the size of all.
	g.sheaves[c.value>>32].size += s.size
	g.sheaves[uint32(c.value)].next = int32(n)
	g.sheaves = append(g.sheaves, s)
	c.value = c.value>>32<<32 | n
}

// setAside keeps the marks of a chain for a person; its touchpoints where marks do not say all.
func (g *gleaner) setAside(person uint64, first int32) error {
	at := g.sheaves[first].spot
	if g.trail != nil || g.general != nil {
		g.layOutCourse(first, g.kernel.stock.first, g.kernel.stock.last)
		if g.course.tied {
			g.knots[journey.PersonID(person)] = true
		}
		spill(g, person, at, g.course.all)
		return nil
	}
	g.beginRepeats(journey.PersonID(person), 0)
	if _, known := g.layOut(first); !known {
		return errUnsure
	}
	spill(g, person, at, g.marks.all)
	return nil
}

// spill appends words of an identity at a spot to the records of its person.
func spill[W ~uint64](g *gleaner, person uint64, at spot, words []W) {
	named := spot(0)
	if at > 0 && g.asksPersons {
		named = g.kernel.directory.whoseAt[at-1].named
	}
	to := &g.spill[bucketOf(person)]
	*to = record(*to, person, named, words)
}

// record appends words as records of a person who is named at a spot.
func record[W ~uint64](to []uint64, person uint64, named spot, words []W) []uint64 {
	for len(words) > 0 {
		n := min(len(words), maxRecord)
		to = append(to, headOf(person, n), uint64(named))
		for _, w := range words[:n] {
			to = append(to, uint64(w))
		}
		words = words[n:]
	}
	return to
}

// evaluate does something with each of those chained, whose chain begins with the first sheaf.
func (g *gleaner) evaluate(do func(of uint64, first int32) error) error {
	for _, h := range g.heads {
		if err := do(h.of, h.first); err != nil {
			return err
		}
	}
	return nil
}

// count counts the person of a chain.
func (g *gleaner) count(of uint64, first int32) error {
	person := journey.PersonID(of)
	if g.general != nil {
		return g.countCourse(person, first)
	}
	g.beginRepeats(person, g.sheaves[first].spot)
	opens, known := g.open(first)
	switch {
	case !known:
		return errUnsure
	case !opens:
		return nil
	}
	values := g.valuesOf(person, g.sheaves[first].spot)
	var counted *funnel.Counted
	var err error
	if g.trail != nil {
		counted, err = g.countTrail(person, first, values)
	} else {
		counted, err = g.counter.CountMarks(g.marks.all, values)
	}
	return g.give(person, counted, err)
}

// valuesOf are what a person gives the breakdowns, nil where they ask none; at as of
// people.viewAt.
func (g *gleaner) valuesOf(person journey.PersonID, at spot) *funnel.Values {
	if !g.asksPersons {
		return nil
	}
	if g.byPersona == nil {
		g.values = g.personValues(person, at)
		return &g.values
	}
	number := g.kernel.directory.personaNumber(person, at)
	if g.byPersona[number] == nil {
		values := g.personValues(person, at)
		g.byPersona[number] = &values
	}
	return g.byPersona[number]
}

func (g *gleaner) personValues(person journey.PersonID, at spot) funnel.Values {
	view := g.kernel.viewOf(person, at)
	return g.counter.PersonValues(&view)
}

// give yields what counts of a person, if anything does.
func (g *gleaner) give(person journey.PersonID, counted *funnel.Counted, err error) error {
	switch {
	case errors.Is(err, funnel.ErrTooBig):
		return tooBig(err, result{person: person})
	case err != nil:
		return fault.Wrap(fault.Internal, err, "counting a person")
	case counted == nil || len(counted.Attempts) == 0:
		return nil
	}
	return g.kernel.yield(g.number, result{person: person, counted: counted})
}
