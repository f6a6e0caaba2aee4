package main

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/waystage/waystage/services/funnel"
)

// An entry is a touchpoint on the wire: milliseconds since 1970, and in the lowest bits either a
// bit per step that it may fill, or the code of its label.
const (
	entryBits = 22
	entryMask = 1<<entryBits - 1
)

// Identities are uniform hashes and come sorted within each part of a table, so the kernel cuts
// blocks where the first bits of the identity change and works on one bucket after the other:
// what it needs of a bucket fits the processor's cache.
const (
	bucketBits  = 9
	bucketCount = 1 << bucketBits
	workerCount = 2
)

func bucketOf(number uint64) int { return int(number >> (64 - bucketBits)) }

// block is what came in one block: an entry per row, or, with ends, an array of entries per row.
type block struct {
	identities, entries, ends []uint64
}

// columns are what a block is decoded into.
type columns struct {
	identities, entries proto.ColUInt64
	ends                *proto.ColArr[uint64]
}

// arrays is the column of arrays of entries.
func (c *columns) arrays() *proto.ColArr[uint64] {
	if c.ends == nil {
		c.ends = proto.NewArray(&c.entries)
	}
	return c.ends
}

// segment is a sequence of rows of a block that belong to one bucket.
type segment struct{ block, from, to int32 }

// strip is a sequence of entries of one identity, in an arena.
type strip struct{ from, to, next int32 }

// linked is a strip of an identity that is one of several of a person.
type linked struct {
	person   uint64
	from, to int32
}

// spill holds the linked strips of persons of one bucket, and their entries.
type spill struct {
	strips  []linked
	entries []uint64
}

// kernel gathers blocks and evaluates the funnel, one question after the other. It keeps its
// scratch space between questions.
type kernel struct {
	// persons holds the linked identities' persons.
	persons *table

	question question
	// steps is a bit per step for each code of an entry; nil if entries hold these bits.
	steps    []uint32
	blocks   []block
	decoded  []*columns // of blocks, and spare ones behind them
	segments [bucketCount][]segment
	workers  [workerCount]worker
}

// open prepares the kernel for a question.
func (k *kernel) open(q question, steps []uint32) {
	k.question, k.steps, k.blocks = q, steps, k.blocks[:0]
	for i := range k.segments {
		k.segments[i] = k.segments[i][:0]
	}
	for i := range k.workers {
		k.workers[i].open(k)
	}
}

// columns are those to decode the next block into.
func (k *kernel) columns() *columns {
	if len(k.blocks) == len(k.decoded) {
		k.decoded = append(k.decoded, new(columns))
	}
	return k.decoded[len(k.blocks)]
}

// forget drops the scratch space.
func (k *kernel) forget() { *k = kernel{persons: k.persons} }

// add takes a block, which must stay as it is until the question is answered.
func (k *kernel) add(b block) {
	n := int32(len(k.blocks))
	k.blocks = append(k.blocks, b)
	for i := 0; i < len(b.identities); {
		bucket, j := bucketOf(b.identities[i]), i+1
		for j < len(b.identities) && bucketOf(b.identities[j]) == bucket {
			j++
		}
		k.segments[bucket] = append(k.segments[bucket], segment{n, int32(i), int32(j)})
		i = j
	}
}

// answer evaluates all persons: first those with one identity, whose entries all lie in one
// bucket; then the others, gathered by the bucket of the person.
func (k *kernel) answer() counts {
	k.inParallel((*worker).single)
	k.inParallel((*worker).several)
	var sum counts
	for i := range k.workers {
		for s, n := range k.workers[i].counts {
			sum[s] += n
		}
	}
	return sum
}

func (k *kernel) inParallel(do func(*worker, int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for i := range k.workers {
		group.Go(func() {
			for b := next.Add(1); b <= bucketCount; b = next.Add(1) {
				do(&k.workers[i], int(b)-1)
			}
		})
	}
	group.Wait()
}

// worker evaluates buckets, keeping its scratch space.
type worker struct {
	*kernel
	evaluator *funnel.Evaluator
	counts    counts
	chains    *table // person to first and last strip, as first << 32 | last
	strips    []strip
	arena     []uint64 // entries of the bucket at hand
	touches   []funnel.Touch
	merged    []funnel.Touch
	starts    []int // of the sorted sequences in touches
	spills    [bucketCount]spill
}

// open prepares the worker for a question.
func (w *worker) open(k *kernel) {
	w.kernel, w.counts = k, counts{}
	w.evaluator = funnel.NewEvaluator(k.question.funnel())
	if w.chains == nil {
		w.chains = newTable(0, bucketBits)
	}
	for i := range w.spills {
		s := &w.spills[i]
		s.strips, s.entries = s.strips[:0], s.entries[:0]
	}
}

// single evaluates the persons of one identity and sets the others' strips aside. Parts hold
// different times, so that segments taken in the order of their times make chains in time order.
func (w *worker) single(bucket int) {
	segments := w.segments[bucket]
	rows := 0
	for _, s := range segments {
		rows += int(s.to - s.from)
	}
	w.clear(rows)
	slices.SortFunc(segments, func(a, b segment) int {
		return cmp.Compare(w.firstEntry(a), w.firstEntry(b))
	})
	for _, s := range segments {
		w.cut(&w.blocks[s.block], s)
	}
	w.evaluate()
}

func (k *kernel) firstEntry(s segment) uint64 {
	b := &k.blocks[s.block]
	return b.entries[b.start(s.from)]
}

// start is where the entries of row i begin.
func (b *block) start(i int32) int {
	if b.ends == nil {
		return int(i)
	}
	if i == 0 {
		return 0
	}
	return int(b.ends[i-1])
}

// cut copies a segment's entries, which is the one time that they are read from far away, and
// makes strips of them.
func (w *worker) cut(b *block, s segment) {
	begin := b.start(s.from)
	offset := len(w.arena) - begin
	w.arena = append(w.arena, b.entries[begin:b.start(s.to)]...)
	for i := s.from; i < s.to; {
		id, j := b.identities[i], i+1
		for j < s.to && b.identities[j] == id {
			j++
		}
		w.take(id, int32(b.start(i)+offset), int32(b.start(j)+offset))
		i = j
	}
}

// take adds the strip of an identity, or sets it aside.
func (w *worker) take(identity uint64, from, to int32) {
	c := w.persons.at(identity)
	if c.key == 0 {
		w.chain(identity, from, to)
		return
	}
	s := &w.spills[bucketOf(c.value)]
	begin := len(s.entries)
	s.entries = append(s.entries, w.arena[from:to]...)
	s.strips = append(s.strips, linked{c.value, int32(begin), int32(len(s.entries))})
}

// several evaluates the persons of several identities, from all workers' strips.
func (w *worker) several(bucket int) {
	n := 0
	for i := range w.workers {
		n += len(w.workers[i].spills[bucket].strips)
	}
	w.clear(n)
	for i := range w.workers {
		s := &w.workers[i].spills[bucket]
		offset := int32(len(w.arena))
		w.arena = append(w.arena, s.entries...)
		for _, l := range s.strips {
			w.chain(l.person, l.from+offset, l.to+offset)
		}
	}
	w.evaluate()
}

// clear makes room for so many persons at most.
func (w *worker) clear(most int) {
	w.strips, w.arena = w.strips[:0], w.arena[:0]
	w.chains.reset(most)
}

// chain adds a strip to a person's.
func (w *worker) chain(person uint64, from, to int32) {
	n := uint64(len(w.strips))
	w.strips = append(w.strips, strip{from, to, -1})
	c := w.chains.at(person)
	if c.key == 0 {
		*c = cell{person, n<<32 | n}
		return
	}
	w.strips[uint32(c.value)].next = int32(n)
	c.value = c.value>>32<<32 | n
}

// evaluate counts the persons at hand.
func (w *worker) evaluate() {
	for _, c := range w.chains.cells {
		if c.key == 0 || w.gather(int32(c.value>>32))&1 == 0 {
			continue
		}
		attempt := w.evaluator.Evaluate(w.inOrder())
		for s := range attempt.Depth {
			w.counts[s]++
		}
	}
}

// gather lays out a person's touches, notes where they go back in time, and gives the union of
// the steps they may fill.
func (w *worker) gather(first int32) (steps uint32) {
	w.touches, w.starts = w.touches[:0], append(w.starts[:0], 0)
	last := int64(0)
	for i := first; i >= 0; i = w.strips[i].next {
		for _, e := range w.arena[w.strips[i].from:w.strips[i].to] {
			t := funnel.Touch{At: int64(e >> entryBits), Steps: uint32(e & entryMask)}
			if w.steps != nil {
				t.Steps = w.steps[t.Steps]
			}
			if t.Steps == 0 {
				continue
			}
			if t.At < last {
				w.starts = append(w.starts, len(w.touches))
			}
			last = t.At
			steps |= t.Steps
			w.touches = append(w.touches, t)
		}
	}
	return steps
}

// inOrder merges the sorted sequences, of which there are about as many as the person has
// identities, two by two.
func (w *worker) inOrder() []funnel.Touch {
	for len(w.starts) > 1 {
		w.merged = w.merged[:0]
		n := 0
		for i := 0; i < len(w.starts); i += 2 {
			begin := w.starts[i]
			middle, end := len(w.touches), len(w.touches)
			if i+1 < len(w.starts) {
				middle = w.starts[i+1]
			}
			if i+2 < len(w.starts) {
				end = w.starts[i+2]
			}
			w.starts[n] = len(w.merged)
			n++
			w.merged = merge(w.merged, w.touches[begin:middle], w.touches[middle:end])
		}
		w.starts = w.starts[:n]
		w.touches, w.merged = w.merged, w.touches
	}
	return w.touches
}

// merge appends two sorted sequences in order.
func merge(to, a, b []funnel.Touch) []funnel.Touch {
	for len(a) > 0 && len(b) > 0 {
		if b[0].At < a[0].At {
			to, b = append(to, b[0]), b[1:]
		} else {
			to, a = append(to, a[0]), a[1:]
		}
	}
	to = append(to, a...)
	return append(to, b...)
}
