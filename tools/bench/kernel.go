package main

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/waystage/waystage/services/funnel"
)

// An entry is a touchpoint on the wire: milliseconds since 1970 << maskBits | a bit per step.
const (
	maskBits = 20
	maskOnly = 1<<maskBits - 1
)

// Identities are uniform hashes and come sorted within each part of a table, so the kernel cuts
// blocks where the first bits of the identity change and works on one bucket after the other:
// what it needs of a bucket fits the processor's cache.
const (
	bucketBits  = 9
	bucketCount = 1 << bucketBits
	workers     = 2
)

func bucketOf(number uint64) int { return int(number >> (64 - bucketBits)) }

// block is what came in one block: entries per row, or, with ends, an array of entries per row.
type block struct {
	identities, entries, ends []uint64
}

// segment is a sequence of rows of a block that belong to one bucket.
type segment struct{ block, from, to int32 }

// strip is a sequence of entries of one identity.
type strip struct {
	block, from, to int32
	next            int32
}

// linked is a strip of an identity that is one of several of a person.
type linked struct {
	person uint64
	strip  strip
}

// kernel gathers blocks and evaluates the funnel.
type kernel struct {
	question question
	// persons holds the linked identities' persons.
	persons *table
	// masks is the steps of each code of an entry; nil if entries hold masks.
	masks    *[256]uint32
	blocks   []block
	segments [bucketCount][]segment
}

// add takes a block, which must stay as it is.
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
	var all [workers]worker
	for w := range all {
		all[w].start(k)
	}
	k.inParallel(&all, func(w *worker, bucket int) { w.single(bucket) })
	k.inParallel(&all, func(w *worker, bucket int) { w.several(bucket, &all) })
	var sum counts
	for _, w := range all {
		for s, n := range w.counts {
			sum[s] += n
		}
	}
	return sum
}

func (k *kernel) inParallel(all *[workers]worker, do func(*worker, int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for w := range all {
		group.Go(func() {
			for b := next.Add(1); b <= bucketCount; b = next.Add(1) {
				do(&all[w], int(b)-1)
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
	touches   []funnel.Touch
	spill     [bucketCount][]linked
}

func (w *worker) start(k *kernel) {
	w.kernel = k
	w.evaluator = funnel.NewEvaluator(k.question.funnel())
	w.chains = newTable(0, bucketBits)
}

// single evaluates the persons of one identity and sets the others' strips aside.
func (w *worker) single(bucket int) {
	w.open(w.rowsOf(bucket))
	// Parts hold different times, so that strips taken in the order of their blocks' times make
	// chains in time order.
	slices.SortFunc(w.segments[bucket], func(a, b segment) int {
		return cmp.Compare(w.firstEntry(a), w.firstEntry(b))
	})
	for _, s := range w.segments[bucket] {
		b := &w.blocks[s.block]
		for i := s.from; i < s.to; {
			id, j := b.identities[i], i+1
			for j < s.to && b.identities[j] == id {
				j++
			}
			w.take(id, b.strip(s.block, i, j))
			i = j
		}
	}
	w.evaluate()
}

func (k *kernel) firstEntry(s segment) uint64 {
	b := &k.blocks[s.block]
	return b.entries[b.strip(0, s.from, s.from+1).from]
}

func (w *worker) rowsOf(bucket int) int {
	n := 0
	for _, s := range w.segments[bucket] {
		n += int(s.to - s.from)
	}
	return n
}

// strip is the entries of rows i to j.
func (b *block) strip(number, i, j int32) strip {
	if b.ends == nil {
		return strip{block: number, from: i, to: j, next: -1}
	}
	from := uint64(0)
	if i > 0 {
		from = b.ends[i-1]
	}
	return strip{block: number, from: int32(from), to: int32(b.ends[j-1]), next: -1}
}

func (w *worker) take(identity uint64, s strip) {
	if c := w.persons.at(identity); c.key != 0 {
		bucket := bucketOf(c.value)
		w.spill[bucket] = append(w.spill[bucket], linked{c.value, s})
		return
	}
	w.chain(identity, s)
}

// several evaluates the persons of several identities, from all workers' strips.
func (w *worker) several(bucket int, all *[workers]worker) {
	n := 0
	for i := range all {
		n += len(all[i].spill[bucket])
	}
	w.open(n)
	for i := range all {
		for _, l := range all[i].spill[bucket] {
			w.chain(l.person, l.strip)
		}
	}
	w.evaluate()
}

func (w *worker) open(most int) {
	w.strips = w.strips[:0]
	w.chains.reset(most)
}

// chain adds a strip to a person's.
func (w *worker) chain(person uint64, s strip) {
	n := uint64(len(w.strips))
	w.strips = append(w.strips, s)
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
		attempt := w.evaluator.Evaluate(w.touches)
		for s := range attempt.Depth {
			w.counts[s]++
		}
	}
}

// gather lays out a person's touches in time order, and gives the union of the steps they may
// fill.
func (w *worker) gather(first int32) (steps uint32) {
	w.touches = w.touches[:0]
	sorted, last := true, int64(0)
	for i := first; i >= 0; i = w.strips[i].next {
		s := &w.strips[i]
		for _, e := range w.blocks[s.block].entries[s.from:s.to] {
			t := funnel.Touch{At: int64(e >> maskBits), Steps: uint32(e & maskOnly)}
			if w.masks != nil {
				t = funnel.Touch{At: int64(e >> 8), Steps: w.masks[e&255]}
			}
			if t.Steps != 0 {
				sorted = sorted && t.At >= last
				last = t.At
				steps |= t.Steps
				w.touches = append(w.touches, t)
			}
		}
	}
	if steps&1 != 0 && !sorted {
		slices.SortFunc(w.touches, func(a, b funnel.Touch) int { return cmp.Compare(a.At, b.At) })
	}
	return steps
}
