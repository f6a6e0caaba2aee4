package answer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// sheaf is a record of a person's marks, and the next one of the same person.
type sheaf struct {
	marks []uint64
	next  int32
}

// gleaner evaluates the persons of a harvest, bucket by bucket: first those of one identity, then
// the others by the bucket of the person. It keeps its scratch space. Not safe for concurrent use.
type gleaner struct {
	*fastScratch

	kernel  *kernel
	number  int
	counter *funnel.MarkCounter
	// asksPersons tells that breakdowns ask persons for values.
	asksPersons bool
	values      funnel.Values
}

// fastScratch is what a gleaner needs and leaves for the next question.
type fastScratch struct {
	// chains has the first and the last sheaf of each person, as first<<32 | last.
	chains  *table
	sheaves []sheaf
	strips  [][]uint64
	marks   []funnel.Mark
	arena   []uint64
	// spill are records of persons that may have several identities, by the person's bucket. Their
	// heads have the person for the identity.
	spill [bucketCount][]uint64
}

var fastScratches = sync.Pool{New: func() any { return &fastScratch{chains: newTable(bucketBits)} }}

// glean evaluates all persons of the harvest.
func (k *kernel) glean(ctx context.Context, workers int) error {
	all := make([]*gleaner, workers)
	for i := range all {
		all[i] = newGleaner(k, i)
		all[i].counter.Interrupt = ctx.Err
		defer fastScratches.Put(all[i].fastScratch)
	}
	err := inBuckets(ctx, all, func(g *gleaner, bucket int) error { return g.single(bucket) })
	if err != nil {
		return err
	}
	return inBuckets(ctx, all, func(g *gleaner, bucket int) error { return g.several(bucket, all) })
}

// inBuckets lets all gleaners do something with every bucket.
func inBuckets(
	ctx context.Context, all []*gleaner, do func(g *gleaner, bucket int) error,
) error {
	var next atomic.Int64
	var group errgroup.Group
	for _, g := range all {
		group.Go(func() error {
			for b := next.Add(1); b <= bucketCount; b = next.Add(1) {
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("evaluating persons: %w", err)
				}
				if err := do(g, int(b)-1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait() //nolint:wrapcheck // wrapped where it was made
}

func newGleaner(k *kernel, number int) *gleaner {
	g := &gleaner{
		fastScratch: fastScratches.Get().(*fastScratch),
		kernel:      k, number: number, counter: k.program.MarkCounter(k.newest),
		asksPersons: len(k.program.Question().Breakdowns) > 0,
	}
	for i := range g.spill {
		g.spill[i] = g.spill[i][:0]
	}
	return g
}

// single evaluates the persons of one identity in a bucket and sets the others' marks aside.
func (g *gleaner) single(bucket int) error {
	k, h := g.kernel.stock, g.kernel.harvest
	g.arena = g.arena[:0]
	g.open(k.rows(bucket)*recordWords + h.words(bucket))
	if k != nil {
		if err := g.takeStock(bucket); err != nil {
			return err
		}
	}
	if h != nil {
		for _, r := range h.reapers {
			g.each(bucket, r.buckets[bucket], g.sort)
		}
	}
	return g.evaluate()
}

// sort chains a record of an identity that is alone, and sets others aside.
func (g *gleaner) sort(identity uint64, record []uint64) {
	if person, linked := g.kernel.directory.linked(identity); linked {
		g.setAside(person, record)
	} else {
		g.chain(identity, record[1:])
	}
}

// several evaluates the persons of a bucket whose marks were set aside.
func (g *gleaner) several(bucket int, all []*gleaner) error {
	size := 0
	for _, from := range all {
		size += len(from.spill[bucket])
	}
	g.open(size)
	for _, from := range all {
		g.each(bucket, from.spill[bucket], func(person uint64, record []uint64) {
			g.chain(person, record[1:])
		})
	}
	return g.evaluate()
}

// each goes over records, which are given with their heads.
func (g *gleaner) each(bucket int, records []uint64, do func(identity uint64, record []uint64)) {
	for len(records) > 0 {
		end := 1 + int(records[0]&maxRecord)
		do(identityOf(bucket, records[0]), records[:end])
		records = records[end:]
	}
}

// setAside keeps a record, whose head does not matter, for the person.
func (g *gleaner) setAside(person uint64, record []uint64) {
	to := &g.spill[bucketOf(person)]
	for marks := record[1:]; len(marks) > 0; {
		n := min(len(marks), maxRecord)
		*to = append(append(*to, headOf(person, n)), marks[:n]...)
		marks = marks[n:]
	}
}

// recordWords is about how many words a person of a bucket has at least, on average.
const recordWords = 4

// open makes room for the persons of so many words of records.
func (g *gleaner) open(words int) {
	g.sheaves = g.sheaves[:0]
	g.chains.reset(words / recordWords)
}

// chain adds marks to a person's.
func (g *gleaner) chain(person uint64, marks []uint64) {
	n := uint64(len(g.sheaves))
	g.sheaves = append(g.sheaves, sheaf{marks, -1})
	c := g.chains.at(person)
	if c.key == 0 {
		g.chains.put(c, cell{person, n<<32 | n})
		return
	}
	g.sheaves[uint32(c.value)].next = int32(n)
	c.value = c.value>>32<<32 | n
}

// evaluate evaluates the persons at hand.
func (g *gleaner) evaluate() error {
	for _, c := range g.chains.cells {
		if c.key == 0 || !g.inOrder(int32(c.value>>32)) {
			continue
		}
		if err := g.count(journey.PersonID(c.key)); err != nil {
			return err
		}
	}
	return nil
}

// inOrder lays a person's marks out in order. False if none opens an attempt.
func (g *gleaner) inOrder(first int32) bool {
	g.strips = g.strips[:0]
	for i := first; i >= 0; i = g.sheaves[i].next {
		g.strips = append(g.strips, g.sheaves[i].marks)
		// Months come one after the other, mostly.
		for n := len(g.strips) - 1; n > 0 && g.strips[n][0] < g.strips[n-1][0]; n-- {
			g.strips[n], g.strips[n-1] = g.strips[n-1], g.strips[n]
		}
	}
	g.marks = g.marks[:0]
	opens, sorted, last := false, true, uint64(0)
	for _, strip := range g.strips {
		for _, m := range strip {
			opens = opens || funnel.Mark(m).Step() == 0
			sorted = sorted && m >= last
			last = m
			g.marks = append(g.marks, funnel.Mark(m))
		}
	}
	if opens && !sorted {
		slices.Sort(g.marks)
	}
	return opens
}

// count counts the person whose marks are at hand.
func (g *gleaner) count(person journey.PersonID) error {
	var values *funnel.Values
	if g.asksPersons {
		view := g.kernel.viewOf(person)
		g.values = g.counter.PersonValues(&view)
		values = &g.values
	}
	counted, err := g.counter.CountMarks(g.marks, values)
	switch {
	case errors.Is(err, funnel.ErrTooBig):
		return tooBig(err, result{person: person})
	case err != nil:
		return fault.Wrap(fault.Internal, err, "counting a person")
	case len(counted.Attempts) == 0:
		return nil
	}
	return g.kernel.yield(g.number, result{person: person, counted: counted})
}

// takeStock takes what is kept in memory of a bucket.
func (g *gleaner) takeStock(bucket int) error {
	k := g.kernel.stock
	for _, s := range k.shelves {
		inside := s.base >= k.first && s.base+maxShelfSpan <= k.last
		for i := s.starts[bucket]; i < s.starts[bucket+1]; i++ {
			from, to := s.row(i)
			record := g.take(s.base, s.at[from:to], s.codes[from:to], inside)
			if record == nil {
				return errUnsure
			}
			if len(record) > 1 {
				g.sort(s.identities[i], record)
			}
		}
	}
	return nil
}

// rows is how many rows there are in a bucket.
func (k *stock) rows(bucket int) int {
	if k == nil {
		return 0
	}
	n := 0
	for _, s := range k.shelves {
		n += int(s.starts[bucket+1] - s.starts[bucket])
	}
	return n
}

// words is how many words of records there are in a bucket.
func (h *harvest) words(bucket int) int {
	if h == nil {
		return 0
	}
	n := 0
	for _, r := range h.reapers {
		n += len(r.buckets[bucket])
	}
	return n
}

// take makes a record of touchpoints; its head is not set. nil if one of them is not understood.
// inside tells that the question sees all of them.
func (g *gleaner) take(base int64, at []uint32, codes []uint16, inside bool) []uint64 {
	k := g.kernel.stock
	begin := len(g.arena)
	g.arena = slices.Grow(g.arena, len(at)+1)[:begin+len(at)+1]
	record := g.arena[begin:]
	n := 1
	for i, code := range codes {
		step := k.steps[code]
		if step == 0 {
			continue
		}
		instant := base + int64(at[i])
		if !inside && (instant < k.first || instant > k.last) {
			continue
		}
		if step == unknownCode {
			return nil
		}
		record[n] = uint64(funnel.MarkOf(instant, int(step)-1))
		n++
	}
	g.arena = g.arena[:begin+n]
	return record[:n]
}
