package answer

import (
	"context"
	"errors"
	"math/bits"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/query/plan"
)

// byMarks tells that marks say all that the question asks, those of steps with conditions being
// read from rows of touchpoints.
func (in *inquiry) byMarks() bool {
	return in.repeats == nil && in.explaining == nil &&
		(in.program.Marked() || in.program.Conditioned() != 0)
}

// gatherConditioned finds the touchpoints of the steps without conditions in the packed journeys
// that are kept, and reads those of the others. Errors: errUnsure where they cannot be kept.
func (in *inquiry) gatherConditioned(ctx context.Context) (*gathered, error) {
	h := newHarvest(in.program, 1)
	var g *gathered
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		g, err = in.gatherResident(both)
		if errors.Is(err, errNotResident) {
			return errUnsure
		}
		return err
	})
	group.Go(func() error { return in.reapRows(both, h) })
	if err := group.Wait(); err != nil {
		h.free()
		return nil, err //nolint:wrapcheck // wrapped where they were made
	}
	g.harvest = h
	g.read += h.read
	return g, nil
}

// rowReaper makes marks of rows of touchpoints.
type rowReaper struct {
	reaper  *reaper
	views   *views
	values  int
	matcher *funnel.Matcher
	// steps are those of the question by their place in the query.
	steps []int
	// hold has, by view, which steps have been tried and which of these it may fill.
	hold []trial
}

type trial struct{ tried, holds uint32 }

// reapRows reads the touchpoints of the steps with conditions.
func (in *inquiry) reapRows(ctx context.Context, h *harvest) error {
	q := in.program.Question()
	needs := plan.Needs{
		Order: plan.NoOrder, Scope: in.program.Scope(), Values: plan.ValuesOf(in.program.Needs()),
	}
	r := &rowReaper{
		reaper: h.reapers[0], views: newViews(in.program, nil, needs.Values),
		matcher: in.program.Matcher(),
	}
	all := q.Steps
	q.Steps = nil
	for rest := in.program.Conditioned(); rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros32(rest)
		r.steps = append(r.steps, k)
		q.Steps = append(q.Steps, all[k])
	}
	query, layout := plan.Touchpoints(in.site, q, needs)
	r.values = layout.Values
	return in.streamSeen(ctx, query, func(b *store.Block) error {
		h.read += b.Rows
		return r.reap(b)
	})
}

// reap keeps the marks of a block.
func (r *rowReaper) reap(b *store.Block) error {
	views := r.views.of(b, r.values, nil)
	identities, at, names := b.UInt64(plan.Identity), b.Int64(plan.At), b.UInt32(plan.Names)
	for from := 0; from < len(identities); {
		to := &r.reaper.buckets[bucketOf(identities[from])]
		head, n := len(*to), 0
		*to = append(*to, 0)
		i := from
		for ; i < len(identities) && identities[i] == identities[from] && i-from < maxRecord; i++ {
			if step, holds := r.stepOf(names[i], views[i]); holds {
				*to = append(*to, uint64(funnel.MarkOf(at[i], step)))
				n++
			}
		}
		if (*to)[head] = headOf(identities[from], n); n == 0 {
			*to = (*to)[:head]
		}
		r.reaper.kept += n
		from = i
	}
	if r.reaper.kept > MaxMarks || r.views.bytes > MaxBytes/2 {
		return fault.New(fault.TooLarge, "the question looks at more touchpoints of its steps, or "+
			"values of them, than can be kept; ask about a shorter range or fewer steps")
	}
	return nil
}

// stepOf is the step that names a row, and whether its conditions hold.
func (r *rowReaper) stepOf(names, view uint32) (step int, holds bool) {
	step = r.steps[bits.TrailingZeros32(names)]
	bit := uint32(1) << step
	for int(view) >= len(r.hold) {
		r.hold = append(r.hold, trial{})
	}
	t := &r.hold[view]
	if t.tried&bit == 0 {
		t.tried |= bit
		t.holds |= r.matcher.Steps(bit, &r.views.list[view])
	}
	return step, t.holds&bit != 0
}
