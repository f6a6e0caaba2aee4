package answer

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// strip is a sequence of touchpoints of one identity, and the next one of the same person.
type strip struct{ block, from, to, next int32 }

// linked is a strip of an identity whose person may have others.
type linked struct {
	person uint64
	strip  strip
}

// kernel finds the attempts of all persons of what was gathered.
type kernel struct {
	*gathered

	directory *directory
	people    *people
	yield     func(worker int, r funnel.PersonResult)
}

// run evaluates all persons by several workers at once: first those of one identity, whose rows
// all lie in one bucket, then the others by the bucket of the person.
func (k *kernel) run(ctx context.Context, workers int) error {
	all := make([]*worker, workers)
	for i := range all {
		all[i] = newWorker(k, i)
	}
	for _, do := range []func(*worker, int){
		func(w *worker, bucket int) { w.single(bucket) },
		func(w *worker, bucket int) { w.several(bucket, all) },
	} {
		if err := inParallel(ctx, all, do); err != nil {
			return err
		}
	}
	for _, w := range all {
		if w.unsure {
			return errUnsure
		}
	}
	return nil
}

func inParallel(ctx context.Context, all []*worker, do func(*worker, int)) error {
	var next atomic.Int64
	var group errgroup.Group
	for _, w := range all {
		group.Go(func() error {
			for b := next.Add(1); b <= bucketCount; b = next.Add(1) {
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("evaluating persons: %w", err)
				}
				do(w, int(b)-1)
			}
			return nil
		})
	}
	return group.Wait() //nolint:wrapcheck // wrapped where it was made
}

// worker evaluates buckets, keeping its scratch space. Not safe for concurrent use.
type worker struct {
	*kernel

	number    int
	evaluator *funnel.Evaluator
	matcher   *funnel.Matcher
	// chains has the first and the last strip of each person, as first<<32 | last.
	chains *table
	strips []strip
	// spill are the strips of persons that may have several identities, by the person's bucket.
	spill   [bucketCount][]linked
	touches []funnel.Touch
	places  []place
	chained []strip
	// unsure tells that a packed journey does not say all.
	unsure bool
}

func newWorker(k *kernel, number int) *worker {
	return &worker{
		kernel: k, number: number, chains: newTable(bucketBits),
		evaluator: funnel.NewEvaluator(k.program.Question()), matcher: k.program.Matcher(),
	}
}

// single evaluates the persons of one identity in a bucket and sets the others' strips aside.
func (w *worker) single(bucket int) {
	rows := 0
	for _, s := range w.buckets[bucket] {
		rows += int(s.to - s.from)
	}
	w.open(rows)
	for _, s := range w.buckets[bucket] {
		b := &w.blocks[s.block]
		identities := b.identities
		for i := s.from; i < s.to; {
			j := i + 1
			for j < s.to && identities[j] == identities[i] {
				j++
			}
			from, to := b.span(i, j)
			w.take(identities[i], strip{s.block, from, to, -1})
			i = j
		}
	}
	w.evaluate()
}

func (w *worker) take(identity uint64, s strip) {
	person, known := w.directory.personOf(identity)
	if !known {
		w.chain(identity, s)
		return
	}
	bucket := bucketOf(person)
	w.spill[bucket] = append(w.spill[bucket], linked{person, s})
}

// several evaluates the persons of a bucket whose strips the workers have set aside.
func (w *worker) several(bucket int, all []*worker) {
	n := 0
	for _, from := range all {
		n += len(from.spill[bucket])
	}
	w.open(n)
	for _, from := range all {
		for _, l := range from.spill[bucket] {
			w.chain(l.person, l.strip)
		}
	}
	w.evaluate()
}

// open makes room for so many persons at most.
func (w *worker) open(persons int) {
	w.strips = w.strips[:0]
	w.chains.reset(persons)
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

// evaluate evaluates the persons at hand.
func (w *worker) evaluate() {
	for _, c := range w.chains.cells {
		if c.key == 0 {
			continue
		}
		person := journey.PersonID(c.key)
		attempt := w.attempt(person, int32(c.value>>32))
		if attempt.Depth == 0 {
			continue
		}
		w.yield(w.number, funnel.PersonResult{
			Person: person, Persona: w.people.view(person).Persona, Attempt: attempt,
		})
	}
}
