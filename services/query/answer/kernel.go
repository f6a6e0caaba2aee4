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

// result is a unit that entered, and what counts of it. counted holds until yield returns.
type result struct {
	// person is 0 where the unit is none, and unit its value then.
	person  journey.PersonID
	unit    string
	counted *funnel.Counted
}

// yield takes the result of a unit. It is called by several workers at once; worker is less
// than workers(). An error ends the question.
type yield func(worker int, r result) error

// kernel finds the attempts of all units of what was gathered.
type kernel struct {
	*gathered

	directory *directory
	people    *people
	variants  map[journey.PersonID][]journey.Value
	newest    *journey.Map
	units     *interner
	// trails is what departures are told by the fast way, nil where they are not.
	trails *funnel.TrailTable
	yield  yield
	// explaining is the unit that alone is asked about; nil where all are counted.
	explaining *explaining
}

// run evaluates all units by several workers at once: first the persons of one identity, whose
// rows all lie in one bucket, then the others by the bucket of the person; then units that are no
// persons, by the bucket of the unit.
func (k *kernel) run(ctx context.Context, workers int) error {
	all := make([]*worker, workers)
	for i := range all {
		all[i] = newWorker(k, i)
		all[i].counter.Interrupt = ctx.Err
	}
	rounds := []func(*worker, int){
		func(w *worker, bucket int) { w.single(bucket) },
		func(w *worker, bucket int) { w.several(bucket, all) },
	}
	if k.units != nil {
		rounds = append(rounds, func(w *worker, bucket int) { w.byUnit(bucket, all) })
	}
	for _, do := range rounds {
		err := share(ctx, all, bucketCount, func(w *worker, bucket int) error {
			do(w, bucket)
			return w.failed()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// share lets workers do so many things at once, each by one of them.
func share[W any](ctx context.Context, all []W, things int, do func(of W, thing int) error) error {
	var next atomic.Int64
	var group errgroup.Group
	for _, w := range all {
		group.Go(func() error {
			for n := int(next.Add(1)); n <= things; n = int(next.Add(1)) {
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("evaluating persons: %w", err)
				}
				if err := do(w, n-1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait() //nolint:wrapcheck // wrapped where it was made
}

// worker evaluates buckets, keeping its scratch space. Not safe for concurrent use.
type worker struct {
	*kernel

	number  int
	counter *funnel.Counter
	matcher *funnel.Matcher
	// asksPersons tells that breakdowns ask persons for values.
	asksPersons bool
	// byEvent are the steps that a touchpoint's event alone decides.
	byEvent uint32
	// impersonal tells that nothing of the person decides what is seen of touchpoints.
	impersonal bool
	lens       lens
	// chains has the first and the last strip of each person, as first<<32 | last.
	chains *table
	strips []strip
	// spill are the strips of persons that may have several identities, by the person's bucket.
	spill [bucketCount][]linked
	// aside are what units that are no persons have seen, by the unit's bucket.
	aside   [bucketCount][]unitSight
	places  []place
	sights  []sight
	chained []strip

	touches []funnel.Touch
	persons []*funnel.Values
	values  funnel.Values
	course  funnel.Course
	scratch scratch
	// begun are the boundaries of the person at hand, if hasBegun.
	begun    []began
	hasBegun bool
	atOnce   atOnce
	// unsure tells that what was gathered does not say all, err that a unit cannot be evaluated.
	unsure bool
	err    error
}

// failed says why it cannot go on, nil if it can.
func (w *worker) failed() error {
	if w.unsure {
		return errUnsure
	}
	return w.err
}

func newWorker(k *kernel, number int) *worker {
	w := &worker{
		kernel: k, number: number, chains: newTable(bucketBits),
		counter: k.program.Counter(k.newest), matcher: k.program.Matcher(),
		lens: newLens(k), impersonal: k.program.Impersonal(),
	}
	for _, b := range k.program.Question().Breakdowns {
		w.asksPersons = w.asksPersons || b.Attribution == funnel.OfPerson || b.By == funnel.OfGroup
	}
	for i, s := range k.program.Question().Steps {
		if s.Target.Kind == funnel.Event || s.Target.Kind == funnel.AnyEvent {
			w.byEvent |= 1 << i
		}
	}
	return w
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
		w.person(journey.PersonID(c.key), int32(c.value>>32))
		if w.unsure || w.err != nil {
			return
		}
	}
}
