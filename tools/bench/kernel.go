package main

import (
	"math/bits"
	"slices"
	"sync"
	"time"
)

// An entry is a touchpoint that fills a step: milliseconds << maskBits | a bit per step.
const (
	maskBits = 20
	maskOnly = 1<<maskBits - 1
)

// table maps numbers to numbers by open addressing. A number's home is given by its highest bits,
// so that numbers met in ascending order are looked up in ascending order of memory.
type table struct {
	keys, values []uint64
	shift        uint
	used         int
}

func newTable(size int) *table {
	n := bits.Len(uint(max(size, 512)*2 - 1))
	return &table{
		keys: make([]uint64, 1<<n), values: make([]uint64, 1<<n), shift: uint(64 - n),
	}
}

// place finds where a key stands or would stand. Keys are not 0.
func (t *table) place(key uint64) int {
	i := int(key >> t.shift)
	for t.keys[i] != key && t.keys[i] != 0 {
		if i++; i == len(t.keys) {
			i = 0
		}
	}
	return i
}

func (t *table) set(key, value uint64) {
	i := t.place(key)
	if t.keys[i] == 0 {
		t.used++
	}
	t.keys[i], t.values[i] = key, value
}

// run is a sequence of entries of one identity as they came.
type run struct {
	entries []uint64
	next    int32
}

// kernel gathers runs per person and evaluates the funnel.
type kernel struct {
	question question
	// persons holds the linked identities' persons.
	persons *table
	// masks is the steps of each code of an entry; nil if entries hold masks.
	masks *[256]uint64
	seen  *table // person to ends of the chain of runs
	runs  []run
}

func newKernel(q question, persons *table, masks *[256]uint64) *kernel {
	return &kernel{question: q, persons: persons, masks: masks, seen: newTable(1 << 12)}
}

// rows adds a block of identities and entries, a row each.
func (k *kernel) rows(identities, entries []uint64) {
	for i := 0; i < len(identities); {
		j, id := i+1, identities[i]
		for j < len(identities) && identities[j] == id {
			j++
		}
		k.add(id, entries[i:j])
		i = j
	}
}

// add adds entries of one identity.
func (k *kernel) add(identity uint64, entries []uint64) {
	if i := k.persons.place(identity); k.persons.keys[i] != 0 {
		identity = k.persons.values[i]
	}
	i := k.seen.place(identity)
	n := uint64(len(k.runs))
	k.runs = append(k.runs, run{entries: entries, next: -1})
	if k.seen.keys[i] == 0 {
		k.seen.keys[i], k.seen.values[i] = identity, n<<32|n
		if k.seen.used++; k.seen.used*2 > len(k.seen.keys) {
			k.grow()
		}
		return
	}
	last := k.seen.values[i] & 0xffffffff
	k.runs[last].next = int32(n)
	k.seen.values[i] = k.seen.values[i]&^0xffffffff | n
}

func (k *kernel) grow() {
	bigger := newTable(2 * k.seen.used)
	for i, key := range k.seen.keys {
		if key != 0 {
			bigger.set(key, k.seen.values[i])
		}
	}
	k.seen = bigger
}

// answer evaluates all persons, on two goroutines.
func (k *kernel) answer() counts {
	const workers = 2
	var parts [workers]counts
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			n := len(k.seen.keys)
			parts[w] = k.evaluate(n*w/workers, n*(w+1)/workers)
		})
	}
	group.Wait()
	for i := range parts[0] {
		parts[0][i] += parts[1][i]
	}
	return parts[0]
}

func (k *kernel) evaluate(from, to int) counts {
	var c counts
	var buffer []uint64
	for i := from; i < to; i++ {
		if k.seen.keys[i] == 0 {
			continue
		}
		var entries []uint64
		var all uint64
		entries, buffer, all = k.gather(int32(k.seen.values[i]>>32), buffer)
		// No more steps can be filled than the run of ones at the bottom of all masks.
		reachable := bits.TrailingZeros64(^all)
		if reachable == 0 {
			continue
		}
		if !slices.IsSorted(entries) {
			if &entries[0] != &buffer[:1][0] {
				buffer = append(buffer[:0], entries...)
				entries = buffer
			}
			slices.Sort(entries)
		}
		for s := range k.question.deepest(entries, reachable) {
			c[s]++
		}
	}
	return c
}

// gather gives a person's entries and the union of their masks. It uses the buffer where they are
// not in one place.
func (k *kernel) gather(first int32, buffer []uint64) (entries, kept []uint64, all uint64) {
	if r := k.runs[first]; r.next < 0 && k.masks == nil {
		for _, e := range r.entries {
			all |= e
		}
		if buffer == nil {
			buffer = make([]uint64, 1)
		}
		return r.entries, buffer, all & maskOnly
	}
	buffer = buffer[:0]
	for i := first; i >= 0; i = k.runs[i].next {
		if k.masks == nil {
			buffer = append(buffer, k.runs[i].entries...)
			continue
		}
		for _, e := range k.runs[i].entries {
			if m := k.masks[e&255]; m != 0 {
				buffer = append(buffer, e>>8<<maskBits|m)
			}
		}
	}
	for _, e := range buffer {
		all |= e
	}
	if len(buffer) == 0 {
		return buffer, make([]uint64, 1), 0
	}
	return buffer, buffer, all & maskOnly
}

// deepest is the number of steps that the best attempt fills. The entries are in order; steps do
// not share touchpoints.
func (q question) deepest(entries []uint64, reachable int) int {
	var last [stepCount]int64
	depth := 0
	from, to := q.from.UnixMilli(), q.to.UnixMilli()
	span := int64(window / time.Millisecond)
	until := q.until().UnixMilli()
	for _, e := range entries {
		at := int64(e >> maskBits)
		s := bits.TrailingZeros64(e & maskOnly)
		if at < from || at >= until || s >= stepCount {
			continue
		}
		if s == 0 {
			if at < to {
				last[0] = at
				depth = max(depth, 1)
			}
			continue
		}
		if last[s-1] != 0 && at-last[s-1] <= span {
			last[s] = last[s-1]
			if depth = max(depth, s+1); depth == reachable {
				return depth
			}
		}
	}
	return depth
}
