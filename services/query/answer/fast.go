package answer

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// The fast way of questions that packed journeys answer by marks (funnel.Program.Marked). While
// blocks of journeys come, several workers keep of each what may fill a step, as marks, by the
// bucket of the identity; what cannot is gone with the block. What is left is evaluated bucket by
// bucket: see fastkernel.go. It gives what the general way gives; tests hold it to that.

// codebook says which step the touchpoints of each code may fill: a table of which no two codes
// meet in one cell, small enough to stay in the processor's first cache.
type codebook struct {
	factor, shift uint32
	// cells hold a code and, above it, one more than the step that it fills by itself; 0 for none.
	cells []uint32
	// bases and mixed as in masks.
	bases map[uint32]baseMask
	mixed map[uint32]bool
}

// codebookOf is that of labels. Errors: errUnsure where one may fill several steps.
func codebookOf(m *masks, labels []store.Label) (*codebook, error) {
	var entries []uint32
	for _, l := range labels {
		steps, _ := m.of(uint64(l.Code))
		if steps&baseMark != 0 {
			steps = m.bases[uint32(l.Code)].steps
		}
		step, err := theStep(steps)
		if err != nil {
			return nil, err
		}
		entries = append(entries, uint32(l.Code)|uint32(step)<<journey.LabelBits)
	}
	slices.Sort(entries)
	entries = slices.Compact(entries)
	for size := bits.Len(uint(len(entries))) + 1; ; size++ {
		c := &codebook{
			shift: uint32(32 - size), cells: make([]uint32, 1<<size), bases: m.bases, mixed: m.mixed,
		}
		for try := range uint32(codebookTries) {
			c.factor = try*0x9E3779B2 + 0x9E3779B1
			if c.fill(entries) {
				return c, nil
			}
		}
	}
}

// theStep is one more than the one step of which there is a bit, 0 where there is none. Errors:
// errUnsure where there are several.
func theStep(steps uint32) (uint8, error) {
	if steps&(steps-1) != 0 {
		return 0, errUnsure
	}
	return uint8(bits.Len32(steps)), nil
}

// codebookTries is how many factors are tried for a size.
const codebookTries = 64

func (c *codebook) fill(entries []uint32) bool {
	clear(c.cells)
	for _, e := range entries {
		cell := &c.cells[e&codeMask*c.factor>>c.shift]
		if *cell != 0 {
			return false
		}
		*cell = e
	}
	return true
}

const codeMask = 1<<journey.LabelBits - 1

// harvest is what was kept of packed journeys.
type harvest struct {
	program *funnel.Program
	// low is the first packed value that the question may see, span how many there are of them.
	low, span uint64
	reapers   []*reaper
	read      int
}

// reaper is a worker's part of a harvest. Of each bucket it has records: a head, which is the
// identity without the bits that say its bucket and the number of marks, then the marks, ascending.
type reaper struct {
	buckets [bucketCount][]uint64
	kept    int
	unsure  bool
}

// A record has up to maxRecord marks; more are several records.
const (
	countBits = bucketBits
	maxRecord = 1<<countBits - 1
)

func headOf(identity uint64, count int) uint64 { return identity<<countBits | uint64(count) }

// identityOf is the identity of a head in a bucket.
func identityOf(bucket int, head uint64) uint64 {
	return uint64(bucket)<<(64-bucketBits) | head>>countBits
}

var reapers = sync.Pool{New: func() any { return new(reaper) }}

func newHarvest(p *funnel.Program, workers int) *harvest {
	h := &harvest{program: p}
	if first, last := plan.Bounds(p.Question()); last >= first {
		h.low = uint64(journey.Pack(first, 0))
		h.span = uint64(journey.Pack(last+1, 0)) - h.low
	}
	for range workers {
		r := reapers.Get().(*reaper)
		r.kept, r.unsure = 0, false
		for i := range r.buckets {
			r.buckets[i] = r.buckets[i][:0]
		}
		h.reapers = append(h.reapers, r)
	}
	return h
}

// free gives the scratch space back. The harvest must not be used any more.
func (h *harvest) free() {
	if h == nil {
		return
	}
	for _, r := range h.reapers {
		reapers.Put(r)
	}
	h.reapers = nil
}

// waitingBlocks is how many blocks may wait for a worker.
const waitingBlocks = 4

// gather reads packed journeys by the labels that are there, and reaps them as they come. Labels
// are read beside them: a label that comes meanwhile is not known, and leaves the way unsure.
func (h *harvest) gather(
	ctx context.Context, stream func(context.Context, func(*store.Block) error) error,
	book func(context.Context) (*codebook, error),
) error {
	group, both := errgroup.WithContext(ctx)
	blocks := make(chan *store.Block, waitingBlocks)
	ready := make(chan struct{})
	var codes *codebook
	group.Go(func() (err error) {
		codes, err = book(both)
		close(ready)
		return err
	})
	group.Go(func() error {
		defer close(blocks)
		return stream(both, func(b *store.Block) error {
			elements, _ := b.UInt64s(plan.Touches)
			h.read += len(elements)
			select {
			case blocks <- b:
				return nil
			case <-both.Done():
				return fmt.Errorf("reading journeys: %w", context.Cause(both))
			}
		})
	})
	for _, r := range h.reapers {
		group.Go(func() error {
			<-ready
			for b := range blocks {
				if codes == nil {
					continue // the error is told already
				}
				r.reap(b, codes, h)
				b.Release()
				if r.unsure {
					return errUnsure
				}
				if r.kept > MaxMarks/len(h.reapers) {
					return fault.New(fault.TooLarge, "the question looks at more than %d touchpoints "+
						"of its steps; ask about a shorter range or fewer steps", MaxMarks)
				}
			}
			return nil
		})
	}
	return group.Wait() //nolint:wrapcheck // wrapped where they were made
}

// MaxMarks is how many touchpoints of its steps a question by marks may look at: with their heads
// they take about 10 bytes each, and those of persons with several identities twice that.
const MaxMarks = 120_000_000

// reap keeps what a block has.
func (r *reaper) reap(b *store.Block, codes *codebook, h *harvest) {
	elements, ends := b.UInt64s(plan.Touches)
	from := uint64(0)
	for i, identity := range b.UInt64(plan.Identity) {
		to := ends[i]
		r.reapRow(identity, elements[from:to], codes, h)
		from = to
	}
}

// reapRow keeps the marks of one identity.
func (r *reaper) reapRow(identity uint64, row []uint64, codes *codebook, h *harvest) {
	for len(row) > maxRecord {
		r.reapRow(identity, row[:maxRecord], codes, h)
		row = row[maxRecord:]
	}
	to := &r.buckets[bucketOf(identity)]
	begin := len(*to)
	kept := slices.Grow(*to, len(row)+1)[:begin+len(row)+1]
	n := begin
	low, span, factor, shift, cells := h.low, h.span, codes.factor, codes.shift, codes.cells
	for _, e := range row {
		if e-low >= span {
			r.unsure = r.unsure || e == 0 // a mark in a month that is being rebuilt
			continue
		}
		code := uint32(e) & codeMask
		cell := cells[code*factor>>shift]
		if cell&codeMask != code || code == 0 {
			r.unsure = true
			return
		}
		if cell >>= journey.LabelBits; cell != 0 {
			n++
			kept[n] = uint64(funnel.MarkOf(journey.Packed(e).At(), int(cell)-1))
		}
	}
	if n == begin {
		return
	}
	inOrder(kept[begin+1 : n+1])
	kept[begin] = headOf(identity, n-begin)
	*to = kept[:n+1]
	r.kept += n - begin
}

// gatherMarks reads packed journeys the fast way.
func (in *inquiry) gatherMarks(ctx context.Context) (*gathered, error) {
	first, last := plan.Bounds(in.program.Question())
	if in.byValues() {
		g, err := in.gatherResident(ctx, first, last, in.stockAlbum)
		if errors.Is(err, errNotResident) {
			err = errNotKept
		}
		return g, err
	}
	if g, err := in.gatherResident(ctx, first, last, in.stockPacked); !errors.Is(err, errNotResident) {
		return g, err
	}
	if in.repeats != nil {
		return nil, errUnsure // marks are kept before it is known whose they are
	}
	h := newHarvest(in.program, workers())
	query := plan.Journeys(in.site, in.program.Question())
	err := h.gather(ctx, func(ctx context.Context, each func(*store.Block) error) error {
		return in.streamSeen(ctx, query, each)
	}, func(ctx context.Context) (*codebook, error) { return in.codebook(ctx, nil) })
	if err != nil {
		h.free()
		return nil, err
	}
	return &gathered{program: in.program, harvest: h, read: h.read}, nil
}

// codebook is that of the labels there are, by an outlook not older than the journeys.
func (in *inquiry) codebook(ctx context.Context, o *outlook) (*codebook, error) {
	labels, err := remember(&in.memory, o, "labels", string(in.site), func() ([]store.Label, error) {
		return in.store.Labels(ctx, in.site, store.MaxLabels+1)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the labels of site %s: %w", in.site, err)
	}
	if len(labels) > store.MaxLabels {
		return nil, errUnsure
	}
	m, err := masksOf(labels, in.program, in.repeats)
	if err != nil {
		return nil, err
	}
	return codebookOf(m, labels)
}
