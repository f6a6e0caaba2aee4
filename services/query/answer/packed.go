package answer

import (
	"context"
	"errors"
	"fmt"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// Packed journeys answer a question exactly if
//
//   - conditions and filters are none of it: packed touchpoints carry no values;
//   - no touchpoint can fill two steps: then neither the order within a millisecond matters, nor
//     whether a touchpoint is there twice;
//   - no two labels that the question tells apart share a code;
//   - no touchpoint was removed (a copy that turned out not to count) in the months read.
//
// The first three are known before, the last is found on the way; then the rows are asked instead.

// errUnsure says that packed journeys do not answer a question exactly.
var errUnsure = errors.New("packed journeys do not answer this question")

// maxLabels is the most labels that a site may have for its packed journeys to be used.
const maxLabels = 100_000

// codeShift brings a code to where a table looks for its home.
const codeShift = 64 - 22

// masks are the steps of each code that is known; a mark of a removed touchpoint is not.
func (a *Answerer) masks(
	ctx context.Context, site journey.SiteID, p *funnel.Program,
) (*table, error) {
	labels, err := a.store.Labels(ctx, site, maxLabels+1)
	if err != nil {
		return nil, fmt.Errorf("reading the labels of site %s: %w", site, err)
	}
	if len(labels) > maxLabels {
		return nil, errUnsure
	}
	return masksOf(labels, p)
}

func masksOf(labels []store.Label, p *funnel.Program) (*table, error) {
	masks := newTable(0)
	masks.reset(len(labels))
	for _, l := range labels {
		steps := uint64(p.Targets(l.Event, journey.Attribution{
			Touchpoint: l.Touchpoint, Stage: l.Stage,
		}))
		key := uint64(l.Code) << codeShift
		if known, ok := masks.get(key); ok && known != steps {
			return nil, errUnsure
		}
		masks.set(key, steps)
	}
	return masks, nil
}

// packedAttempt is the attempt where packed journeys answer. A code that is not known leaves the
// worker unsure.
func (w *worker) packedAttempt(first int32) funnel.Attempt {
	w.touches = w.touches[:0]
	var steps uint32
	sorted, last := true, int64(0)
	for i := first; i >= 0; i = w.strips[i].next {
		s := w.strips[i]
		for _, e := range w.blocks[s.block].packed[s.from:s.to] {
			c := w.masks.at(e << codeShift)
			if c.key == 0 {
				w.unsure = true
				return funnel.Attempt{}
			}
			if c.value == 0 {
				continue
			}
			t := funnel.Touch{At: journey.Packed(e).At(), Steps: uint32(c.value)}
			sorted = sorted && t.At >= last
			last = t.At
			steps |= t.Steps
			w.touches = append(w.touches, t)
		}
	}
	if steps&1 == 0 {
		return funnel.Attempt{}
	}
	if !sorted {
		sortByTime(w.touches)
	}
	return w.evaluator.Evaluate(w.touches)
}
