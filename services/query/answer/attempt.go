package answer

import (
	"cmp"
	"slices"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// place is a touchpoint's block and row.
type place struct{ block, row int32 }

// attempt is that of a person whose strips begin with the first. It holds until the next call.
func (w *worker) attempt(person journey.PersonID, first int32) funnel.Attempt {
	switch {
	case w.masks != nil:
		return w.packedAttempt(first)
	case w.program.Plain() && w.layout.ShownOrder < 0:
		return w.plain(first)
	}
	if !w.matcher.Person(w.people.view(person)) {
		return funnel.Attempt{}
	}
	w.places = w.places[:0]
	for i := first; i >= 0; i = w.strips[i].next {
		s := w.strips[i]
		for row := s.from; row < s.to; row++ {
			w.places = append(w.places, place{s.block, row})
		}
	}
	order := w.byTime
	if w.layout.ShownOrder >= 0 {
		order = w.asShown
	}
	slices.SortFunc(w.places, order)
	w.touches = w.touches[:0]
	for i, p := range w.places {
		// Equal ones are the same receipt stored twice.
		if i > 0 && w.layout.ShownOrder >= 0 && w.asShown(w.places[i-1], p) == 0 {
			continue
		}
		w.touches = append(w.touches, w.touch(p))
	}
	return w.evaluator.Evaluate(w.touches)
}

// plain is the attempt where the targets alone decide and no touchpoint can fill two steps: the
// order within a millisecond does not matter then, nor whether a receipt is stored twice.
func (w *worker) plain(first int32) funnel.Attempt {
	w.touches = w.touches[:0]
	var steps uint32
	sorted, last := true, int64(0)
	for i := first; i >= 0; i = w.strips[i].next {
		s := w.strips[i]
		b := &w.blocks[s.block]
		names := b.names[s.from:s.to]
		for row, at := range b.at[s.from:s.to] {
			sorted = sorted && at >= last
			last = at
			steps |= names[row]
			w.touches = append(w.touches, funnel.Touch{At: at, Steps: names[row]})
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

func sortByTime(touches []funnel.Touch) {
	slices.SortFunc(touches, func(a, b funnel.Touch) int { return cmp.Compare(a.At, b.At) })
}

// touch is a touchpoint with the steps that its person and its values let it fill.
func (w *worker) touch(p place) funnel.Touch {
	b := &w.blocks[p.block]
	t := funnel.Touch{At: b.at[p.row], Steps: b.names[p.row]}
	if b.view != nil {
		t.Steps = w.matcher.Steps(t.Steps, &w.views[b.view[p.row]])
	}
	return t
}

func (w *worker) byTime(p, q place) int {
	return cmp.Compare(w.blocks[p.block].at[p.row], w.blocks[q.block].at[q.row])
}

// asShown compares by occurred, original and received, place in the batch and message id.
func (w *worker) asShown(p, q place) int {
	a, b := w.blocks[p.block].Block, w.blocks[q.block].Block
	c := w.layout.ShownOrder
	return cmp.Or(
		cmp.Compare(a.Int64(c)[p.row], b.Int64(c)[q.row]),
		cmp.Compare(a.Int64(c + 1)[p.row], b.Int64(c + 1)[q.row]),
		cmp.Compare(a.Int64(c + 2)[p.row], b.Int64(c + 2)[q.row]),
		cmp.Compare(a.UInt32(c + 3)[p.row], b.UInt32(c + 3)[q.row]),
		slices.Compare(a.Bytes(c+4, int(p.row)), b.Bytes(c+4, int(q.row))),
	)
}
