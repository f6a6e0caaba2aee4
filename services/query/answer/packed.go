package answer

import (
	"cmp"
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
//   - no touchpoint was removed (a copy that turned out not to count) in the months read;
//   - of touchpoints that others repeat, where the repeats of a person begin within a millisecond,
//     each fills the same steps before they are repeats.
//
// The first three are known before, the others are found on the way; then the rows are asked
// instead.

// errUnsure says that a way to touchpoints does not answer a question exactly.
var errUnsure = errors.New("this way does not answer the question")

// errNotKept is errUnsure where touchpoints cannot be kept in memory.
var errNotKept = fmt.Errorf("the touchpoints cannot be kept in memory: %w", errUnsure)

// masks are the steps of each code that is known, found by the code's lowest bits.
type masks struct {
	cells []maskCell
	// bases has, of a code that is marked, which base it is.
	bases map[uint32]baseMask
	// mixed are the bases whose own labels fill different steps.
	mixed map[uint32]bool
}

type maskCell struct{ code, steps uint32 }

// baseMask is a base and the steps of its labels themselves.
type baseMask struct{ base, steps uint32 }

// baseMark is set in the steps of a code whose touchpoints may be repeats: what they fill depends
// on the person. It is above the bits of all steps.
const baseMark = 1 << 31

// leastMasks is the smallest table: for the few hundred labels of an ordinary site no two codes
// meet in it, mostly.
const leastMasks = 1 << 14

// of gives the steps of a packed touchpoint; known is false for a code that is not, and for the
// mark of a removed touchpoint.
func (m *masks) of(e uint64) (steps uint32, known bool) {
	code := codeOf(e)
	c := m.cells[code&uint32(len(m.cells)-1)]
	return c.steps, c.code == code && code != 0
}

func codeOf(e uint64) uint32 { return uint32(e) & (1<<journey.LabelBits - 1) }

// newCells makes a table large enough that no two codes meet.
func newCells(steps map[journey.LabelCode]uint32) []maskCell {
	for size := leastMasks; ; size *= 2 {
		cells := make([]maskCell, size)
		if fill(cells, steps) {
			return cells
		}
	}
}

func fill(cells []maskCell, steps map[journey.LabelCode]uint32) bool {
	for code, mask := range steps {
		c := &cells[uint32(code)&uint32(len(cells)-1)]
		if c.code != 0 {
			return false
		}
		*c = maskCell{uint32(code), mask}
	}
	return true
}

// masksOf are the steps of labels. Errors: errUnsure.
func masksOf(labels []store.Label, p *funnel.Program, r *repeats) (*masks, error) {
	m := &masks{bases: make(map[uint32]baseMask), mixed: make(map[uint32]bool)}
	of := make(map[journey.LabelCode]uint32, len(labels))
	own := make(map[uint32]uint32)
	for _, l := range labels {
		steps := p.Targets(l.Event, journey.Attribution{Touchpoint: l.Touchpoint, Stage: l.Stage})
		base := r.baseOf(l.Touchpoint)
		if known, ok := own[base]; base != 0 && ok && known != steps {
			m.mixed[base] = true
		}
		own[base] = steps
		marked := steps
		if r.changes(base, p.Targets(l.Event, journey.Attribution{}), steps) {
			marked |= baseMark
		}
		if known, ok := of[l.Code]; ok &&
			(known != marked || marked&baseMark != 0 && m.bases[uint32(l.Code)].base != base) {
			return nil, errUnsure
		}
		of[l.Code] = marked
		if marked&baseMark != 0 {
			m.bases[uint32(l.Code)] = baseMask{base, steps}
		}
	}
	m.cells = newCells(of)
	return m, nil
}

// packedTouches are the touches of a person where packed journeys answer, in order of time. False
// if none opens an attempt. A code that is not known leaves the worker unsure.
func (w *worker) packedTouches(person journey.PersonID, first int32) bool {
	w.touches, w.hasBegun = w.touches[:0], false
	var steps uint32
	sorted, last := true, int64(0)
	for _, s := range w.inTime(first) {
		for _, e := range w.blocks[s.block].packed[s.from:s.to] {
			mask, known := w.masks.of(e)
			if !known {
				w.unsure = true
				return false
			}
			if mask == 0 {
				continue
			}
			at := journey.Packed(e).At()
			sorted = sorted && at >= last
			last = at
			if mask&baseMark != 0 {
				steps |= w.addBase(person, at, w.masks.bases[codeOf(e)])
				continue
			}
			steps |= mask
			w.touches = append(w.touches, funnel.Touch{At: at, Steps: mask})
		}
	}
	return w.ordered(steps, sorted)
}

// addBase adds a touchpoint of a base as what it is of the person, and says which steps that
// fills.
func (w *worker) addBase(person journey.PersonID, at int64, own baseMask) (steps uint32) {
	w.begin(person)
	known := w.repeats.each(w.begun, own, at, w.masks.mixed, func(mask uint32) {
		if steps |= mask; mask != 0 {
			w.touches = append(w.touches, funnel.Touch{At: at, Steps: mask})
		}
	})
	if !known {
		w.unsure = true
		return 0
	}
	return steps
}

// begin finds where the repeats of a person begin, once per person.
func (w *worker) begin(person journey.PersonID) {
	if !w.hasBegun {
		w.begun = w.repeats.begin(w.people.boundaries(person, 0), w.begun)
		w.hasBegun = true
	}
}

func sortByTime(touches []funnel.Touch) {
	slices.SortFunc(touches, func(a, b funnel.Touch) int { return cmp.Compare(a.At, b.At) })
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
