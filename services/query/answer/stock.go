package answer

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// stock is what a question is answered from: shelves, and which step each code may fill.
type stock struct {
	// shelves are in order of their months.
	shelves []*shelf
	// steps are one more than the step of each code by its number, 0 for none.
	steps []uint8
	// hidden tells which of them the filter hides, where the question looks at values.
	hidden []bool
	// bases are, by the same number, the bases whose touchpoints fill something else as repeats; nil
	// where none does.
	bases []baseMask
	mixed map[uint32]bool
	// views are what the numbers stand for, where the question looks at values.
	views []funnel.TouchView
	// samples are the same where the general evaluator answers; nil where it does not. steps are 1
	// of what may open an attempt then, 0 of all else.
	samples []sample
	// first and last are the instants that the question sees.
	first, last int64
}

// unknownCode is the step of a code that is not understood, or of a removed touchpoint: it alone
// has unknownBit.
const (
	unknownCode = 255
	unknownBit  = 1 << 7
)

// mostRows is how many rows of a bucket the shelf with most of them has.
func (k *stock) mostRows(bucket int) int {
	most := uint32(0)
	for _, s := range k.shelves {
		most = max(most, s.starts[bucket+1]-s.starts[bucket])
	}
	return int(most)
}

// whole tells that the question sees all of a shelf.
func (k *stock) whole(s *shelf) bool {
	return s.base >= k.first && s.base+maxShelfSpan <= k.last
}

// tries is how often parts are listed again because one was merged away.
const tries = 3

// gatherResident finds the touchpoints of a question, of those between two instants, in memory,
// where take takes them from. Errors: errNotResident, errUnsure.
func (in *inquiry) gatherResident(
	ctx context.Context, first, last int64, take func(context.Context, *outlook, *stock) error,
) (*gathered, error) {
	g := &gathered{
		program: in.program, repeats: in.repeats, stock: &stock{first: first, last: last},
	}
	if last < first {
		return g, nil
	}
	for try := 1; ; try++ {
		o := in.outlook
		if in.again != nil {
			o = in.again
		}
		if o == nil {
			return nil, errNotResident
		}
		err := take(ctx, o, g.stock)
		if errors.Is(err, errPartGone) && try < tries {
			if err := in.lookAgain(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if errors.Is(err, errPartGone) {
			return nil, errNotResident
		}
		if err != nil {
			return nil, err
		}
		for _, s := range g.stock.shelves {
			if g.read += len(s.at); s.unsure {
				return nil, errUnsure
			}
		}
		return g, nil
	}
}

// lookAgain looks at the parts as they are now.
func (in *inquiry) lookAgain(ctx context.Context) error {
	o, err := lookAt(ctx, in.store)
	if o != nil {
		in.again = o
	}
	return err
}

// stockPacked takes packed journeys.
func (in *inquiry) stockPacked(ctx context.Context, o *outlook, k *stock) error {
	from := in.resident.packedParts(in.site)
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		k.shelves, err = in.resident.bring(both, in.site, packedKey, from, k.partsOf(o, "journeys"))
		return err
	})
	var book *codebook
	group.Go(func() (err error) {
		book, err = in.codebook(both, o)
		return err
	})
	if err := group.Wait(); err != nil {
		return err //nolint:wrapcheck // wrapped where they were made
	}
	k.sort()
	k.steps, k.bases, k.mixed = book.byNumber(from.numbers())
	return nil
}

// partsOf are the parts of a table that may hold what the question sees. Their partitions are
// months.
func (k *stock) partsOf(o *outlook, table string) []store.Part {
	var parts []store.Part
	for _, p := range o.parts {
		month, ok := monthOf(p.Partition)
		if p.Table == table && ok && month <= k.last && month+maxShelfSpan >= k.first {
			parts = append(parts, p)
		}
	}
	return parts
}

// sort brings the shelves into the order of their months.
func (k *stock) sort() {
	slices.SortFunc(k.shelves, func(a, b *shelf) int { return cmp.Compare(a.base, b.base) })
}

// byNumber are the steps and bases of codes by their numbers.
func (c *codebook) byNumber(
	codes []uint32,
) (steps []uint8, bases []baseMask, mixed map[uint32]bool) {
	steps = make([]uint8, len(codes))
	if len(c.bases) > 0 {
		bases = make([]baseMask, len(codes))
	}
	for n, code := range codes {
		if bases != nil {
			bases[n] = c.bases[code]
		}
		cell := c.cells[code*c.factor>>c.shift]
		steps[n] = uint8(cell >> journey.LabelBits)
		if code == 0 || cell&codeMask != code {
			steps[n] = unknownCode
		}
	}
	return steps, bases, c.mixed
}
