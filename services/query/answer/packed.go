package answer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

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

// masks are the steps of each code that is known, found by the code's lowest bits.
type masks []maskCell

type maskCell struct{ code, steps uint32 }

// leastMasks is the smallest table: for the few hundred labels of an ordinary site no two codes
// meet in it, mostly.
const leastMasks = 1 << 14

// of gives the steps of a packed touchpoint; known is false for a code that is not, and for the
// mark of a removed touchpoint.
func (m masks) of(e uint64) (steps uint32, known bool) {
	code := uint32(e) & (1<<journey.LabelBits - 1)
	c := m[code&uint32(len(m)-1)]
	return c.steps, c.code == code && code != 0
}

// newMasks makes a table large enough that no two codes meet.
func newMasks(steps map[journey.LabelCode]uint32) masks {
	for size := leastMasks; ; size *= 2 {
		m := make(masks, size)
		if m.fill(steps) {
			return m
		}
	}
}

func (m masks) fill(steps map[journey.LabelCode]uint32) bool {
	for code, mask := range steps {
		c := &m[uint32(code)&uint32(len(m)-1)]
		if c.code != 0 {
			return false
		}
		*c = maskCell{uint32(code), mask}
	}
	return true
}

func (a *Answerer) masks(
	ctx context.Context, site journey.SiteID, p *funnel.Program,
) (masks, error) {
	labels, err := a.store.Labels(ctx, site, store.MaxLabels+1)
	if err != nil {
		return nil, fmt.Errorf("reading the labels of site %s: %w", site, err)
	}
	if len(labels) > store.MaxLabels {
		return nil, errUnsure
	}
	return masksOf(labels, p)
}

func masksOf(labels []store.Label, p *funnel.Program) (masks, error) {
	of := make(map[journey.LabelCode]uint32, len(labels))
	for _, l := range labels {
		steps := p.Targets(l.Event, journey.Attribution{Touchpoint: l.Touchpoint, Stage: l.Stage})
		if known, ok := of[l.Code]; ok && known != steps {
			return nil, errUnsure
		}
		of[l.Code] = steps
	}
	return newMasks(of), nil
}

// packedAttempt is the attempt where packed journeys answer. A code that is not known leaves the
// worker unsure.
func (w *worker) packedAttempt(first int32) funnel.Attempt {
	w.touches = w.touches[:0]
	var steps uint32
	sorted, last := true, int64(0)
	for _, s := range w.inTime(first) {
		for _, e := range w.blocks[s.block].packed[s.from:s.to] {
			mask, known := w.masks.of(e)
			if !known {
				w.unsure = true
				return funnel.Attempt{}
			}
			if mask == 0 {
				continue
			}
			t := funnel.Touch{At: journey.Packed(e).At(), Steps: mask}
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

// inTime are a person's strips by their first touchpoint: months follow each other, and mostly
// everything is in order then.
func (w *worker) inTime(first int32) []strip {
	w.chained = w.chained[:0]
	for i := first; i >= 0; i = w.strips[i].next {
		if w.strips[i].from < w.strips[i].to {
			w.chained = append(w.chained, w.strips[i])
		}
	}
	if len(w.chained) > 1 {
		slices.SortFunc(w.chained, func(a, b strip) int {
			return cmp.Compare(w.blocks[a.block].packed[a.from], w.blocks[b.block].packed[b.from])
		})
	}
	return w.chained
}
