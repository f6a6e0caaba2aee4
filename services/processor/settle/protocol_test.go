package settle_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/settle"
)

// This is a model of everything around settle: a log of two partitions, processors that take
// batches from it, and a store. Each processor does what the real one does, in the same order,
// but every single row and receipt is a step of its own, and between any two steps anything may
// happen: the other processor goes on, one is killed, a partition moves to the other while the
// first one, which does not know it yet, ends its batch. Killed ones begin again at what was
// committed, with batches cut elsewhere.

// database is the model of the store.
type database struct {
	rows, receipts map[journey.Receipt]bool
	// derived are the rows that what was derived last rests on.
	derived map[journey.Receipt]bool
}

func newDatabase() *database {
	return &database{
		rows:     make(map[journey.Receipt]bool),
		receipts: make(map[journey.Receipt]bool),
		derived:  make(map[journey.Receipt]bool),
	}
}

// copies are the stored receipts of the messages of a batch.
func (d *database) copies(own []journey.Receipt) []journey.Receipt {
	var found []journey.Receipt
	for r := range d.receipts {
		if slices.ContainsFunc(own, func(o journey.Receipt) bool { return o.Key == r.Key }) {
			found = append(found, r)
		}
	}
	return found
}

// remove deletes the rows that there are of receipts and tells which.
func (d *database) remove(r journey.Receipt, removed map[journey.Receipt]bool) {
	if d.rows[r] {
		removed[r] = true
	}
	delete(d.rows, r)
}

func (d *database) derive(of []journey.Receipt) {
	for _, r := range of {
		if d.rows[r] {
			d.derived[r] = true
		} else {
			delete(d.derived, r)
		}
	}
}

// partition is a part of the log.
type partition struct {
	records   []journey.Receipt
	committed int
	// owner counts how often the partition has changed hands.
	owner int
}

// run is the handling of one batch: a list of steps that grows as it learns more.
type run struct {
	database  *database
	partition *partition
	owner     int
	from, to  int
	steps     []func()
}

func (r *run) zombie() bool { return r.owner != r.partition.owner }

func (r *run) then(step func()) { r.steps = append(r.steps, step) }

// step does the next step and tells whether there are more.
func (r *run) step() bool {
	next := r.steps[0]
	r.steps = r.steps[1:]
	next()
	return len(r.steps) > 0
}

// newRun takes up to n records. shuffled says in which order a set is written.
func newRun(
	d *database, p *partition, n int, shuffled func([]journey.Receipt) []journey.Receipt,
) *run {
	r := &run{
		database: d, partition: p, owner: p.owner,
		from: p.committed, to: min(p.committed+n, len(p.records)),
	}
	own := p.records[r.from:r.to]
	r.then(func() { // read the known copies
		batch := settle.New(own, d.copies(own))
		var write, touched []journey.Receipt
		for _, i := range batch.Counting() {
			touched = append(touched, own[i])
			if !batch.Known(i) {
				write = append(write, own[i])
			}
		}
		for _, row := range shuffled(write) {
			r.then(func() { d.rows[row] = true })
		}
		for _, receipt := range shuffled(own) {
			r.then(func() { d.receipts[receipt] = true })
		}
		r.then(func() { r.settle(batch, own, touched, shuffled) })
	})
	return r
}

// settle reads the copies back, removes and derives.
func (r *run) settle(
	batch *settle.Batch, own, touched []journey.Receipt,
	shuffled func([]journey.Receipt) []journey.Receipt,
) {
	beaten := batch.Beaten(r.database.copies(own))
	removed := make(map[journey.Receipt]bool)
	for _, b := range shuffled(beaten) {
		r.then(func() { r.database.remove(b, removed) })
	}
	r.then(func() {
		for _, b := range beaten {
			if removed[b] || !batch.Fresh(b) {
				touched = append(touched, b)
			}
		}
		r.database.derive(touched)
	})
	r.then(func() {
		if !r.zombie() {
			r.partition.committed = r.to
		}
	})
}

// kept tells whether every message of which a receipt is stored has a row.
func (d *database) kept() bool {
	for r := range d.receipts {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(d.rows)), func(row journey.Receipt) bool {
			return row.Key == r.Key
		}) {
			return false
		}
	}
	return true
}

// smallest are the receipts that count, by all records of the log.
func smallest(partitions []*partition) map[journey.Receipt]bool {
	least := make(map[journey.MessageKey]journey.Receipt)
	for _, p := range partitions {
		for _, r := range p.records {
			if l, ok := least[r.Key]; !ok || r.Compare(l) < 0 {
				least[r.Key] = r
			}
		}
	}
	counting := make(map[journey.Receipt]bool)
	for _, r := range least {
		counting[r] = true
	}
	return counting
}

func drawPartitions(t *rapid.T) []*partition {
	partitions := []*partition{{}, {}}
	n := rapid.IntRange(2, 6).Draw(t, "records")
	for range n {
		r := receipt(
			rapid.SampledFrom([]string{"m", "m", "m", "n"}).Draw(t, "message"),
			rapid.IntRange(0, 3).Draw(t, "received"),
			uint32(rapid.IntRange(0, 1).Draw(t, "index")),
		)
		p := partitions[rapid.IntRange(0, 1).Draw(t, "partition")]
		p.records = append(p.records, r)
	}
	return partitions
}

// TestProtocol: whatever the order of the steps of two processors, wherever they are killed, in
// the end exactly the rows of the smallest receipt of each message are there, and what is derived
// rests on these. At no time is a message missing of which a receipt is stored.
//
// One thing is left out because it can not be mended by coming again: a processor that is killed
// between its rows and their removal after it lost its partition and after the new owner has
// committed the same records.
func TestProtocol(t *testing.T) {
	t.Parallel()
	for i := range 30 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, play)
		})
	}
}

// play plays one course of events.
func play(t *rapid.T) {
	d, partitions := newDatabase(), drawPartitions(t)
	shuffled := func(receipts []journey.Receipt) []journey.Receipt {
		return rapid.Permutation(slices.Clone(receipts)).Draw(t, "order")
	}
	var zombies []*run
	running := make([]*run, len(partitions))
	advance := func(r *run) bool {
		more := r.step()
		if !d.kept() {
			t.Fatal("a message with a stored receipt has no row")
		}
		return more
	}
	step := func(i int) {
		if running[i] == nil {
			size := rapid.IntRange(1, 4).Draw(t, "batch")
			running[i] = newRun(d, partitions[i], size, shuffled)
		}
		if !advance(running[i]) {
			running[i] = nil
		}
	}
	for range rapid.IntRange(0, 80).Draw(t, "steps") {
		i := rapid.IntRange(0, 1).Draw(t, "who")
		switch rapid.IntRange(0, 11).Draw(t, "what") {
		case 0:
			running[i] = nil // killed
		case 1:
			if running[i] != nil {
				zombies = append(zombies, running[i])
			}
			partitions[i].owner++
			running[i] = nil
		case 2:
			if n := len(zombies); n > 0 && !advance(zombies[n-1]) {
				zombies = zombies[:n-1]
			}
		default:
			step(i)
		}
	}
	for i, p := range partitions {
		for p.committed < len(p.records) || running[i] != nil {
			step(i)
		}
	}
	for _, z := range zombies {
		for advance(z) {
		}
	}
	want := smallest(partitions)
	if !maps.Equal(want, d.rows) {
		t.Fatalf("rows %v, want %v", show(slices.Collect(maps.Keys(d.rows))),
			show(slices.Collect(maps.Keys(want))))
	}
	if !maps.Equal(want, d.derived) {
		t.Fatalf("derived from %v, want %v", show(slices.Collect(maps.Keys(d.derived))),
			show(slices.Collect(maps.Keys(want))))
	}
}
