package answer

import (
	"math/bits"
	"slices"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// runs are lists that each ascend, laid out as one that does. Months follow one another, so mostly
// a run begins after the last one ended; runs of one month, of several identities or of parts not
// merged yet, are merged as they come.
type runs[W ~uint64] struct {
	all, last []W
	crossing  int
	// low is how many of the lowest bits say nothing of the order: a run keeps the order that it
	// has of words that differ in these alone. tied tells that words of several runs do.
	low  uint
	tied bool
}

// manyRuns is from when on everything is sorted at the end instead.
const manyRuns = 16

// reset empties them and makes room.
func (r *runs[W]) reset(size int) {
	r.all, r.crossing, r.tied = slices.Grow(r.all[:0], size), 0, false
}

// mend brings what was appended from begin on, in order of time, into its place.
func (r *runs[W]) mend(begin int) {
	if r.low == 0 {
		inOrder(r.all[begin:])
	}
	if begin == 0 || begin == len(r.all) {
		return
	}
	first, before := r.all[begin]>>r.low, r.all[begin-1]>>r.low
	r.tied = r.tied || first == before
	if first < before {
		if r.crossing++; r.crossing <= manyRuns {
			r.merge(begin)
		}
	}
}

// settle ends the laying out.
func (r *runs[W]) settle() {
	if r.crossing > manyRuns {
		slices.Sort(r.all)
		r.tied = true
	}
}

// merge merges what begins there, and ascends, into what is before, which does.
func (r *runs[W]) merge(begin int) {
	r.last = append(r.last[:0], r.all[begin:]...)
	if weave(r.all, r.last, r.low) {
		r.tied = true
	}
}

// weave brings a run, which ascends, into words of which all but as many at the end do. tied tells
// that it has words that differ from some of them in the lowest bits alone, so many as low.
func weave[W ~uint64](words, run []W, low uint) (tied bool) {
	i, j := len(words)-len(run)-1, len(run)-1
	for to := len(words) - 1; j >= 0; to-- {
		if i >= 0 && words[i]>>low > run[j]>>low {
			words[to] = words[i]
			i--
			continue
		}
		tied = tied || i >= 0 && words[i]>>low == run[j]>>low
		words[to] = run[j]
		j--
	}
	return tied
}

// inOrder sorts words that are in order of time, which is above all else in them: those of an
// instant by the rest.
func inOrder[W ~uint64](words []W) {
	crossing := uint64(0)
	for i := 1; i < len(words); i++ {
		crossing |= uint64(words[i] - words[i-1])
	}
	if crossing>>63 != 0 {
		slices.Sort(words)
	}
}

// layOut lays out, in order, the marks of a chain of rows. opens tells that one of them opens an
// attempt; known is false where a touchpoint is not understood.
func (g *gleaner) layOut(first int32) (opens, known bool) {
	g.marks.reset(int(g.sheaves[first].size))
	least := uint8(noStep)
	for i := first; i >= 0; i = g.sheaves[i].next {
		s := &g.sheaves[i]
		begin := len(g.marks.all)
		var low uint8
		if low, known = g.takeRow(g.kernel.stock.shelves[s.of], s.from, s.to); !known {
			return false, false
		}
		least = min(least, low)
		g.marks.mend(begin)
	}
	g.marks.settle()
	return least == 0, true
}

// noStep is above all steps.
const noStep = 255

// takeRow appends the marks of what the question sees of a row of a shelf, and gives the least of
// their steps. known is false where a touchpoint is not understood.
func (g *gleaner) takeRow(s *shelf, from, to uint32) (least uint8, known bool) {
	if len(g.begun) > 0 {
		return g.takeRepeats(s, from, to)
	}
	var seen uint8
	g.marks.all, seen, least = s.marksOf(from, to, g.kernel.stock.steps, g.marks.all)
	return least, seen < unknownBit
}

// marksOf appends the marks of touchpoints to some that have room for as many. It gives all bits of
// their steps, and the least of these.
func (s *shelf) marksOf(
	from, to uint32, steps []uint8, some []funnel.Mark,
) (all []funnel.Mark, seen, least uint8) {
	n := len(some)
	marks := some[:n+int(to-from)]
	at, codes := s.at[from:to], s.codes[from:to]
	least = noStep
	// Without a jump that the processor could not foresee: a mark that fills nothing is written
	// over.
	for i, code := range codes {
		step := steps[code]
		marks[n] = funnel.MarkOf(s.base+int64(at[i]), int(step-1))
		n += int((uint(step) + unknownCode) >> 8)
		least = min(least, step-1)
		seen |= step
	}
	return marks[:n], seen, least
}

// takeRepeats is takeRow for a person whose repeats have begun.
func (g *gleaner) takeRepeats(s *shelf, from, to uint32) (least uint8, known bool) {
	k := g.kernel.stock
	least = noStep
	add := func(at int64, steps uint32) {
		if steps != 0 {
			step := uint8(bits.TrailingZeros32(steps))
			g.marks.all = append(g.marks.all, funnel.MarkOf(at, int(step)))
			least = min(least, step)
		}
	}
	for i := from; i < to; i++ {
		at, code := s.base+int64(s.at[i]), s.codes[i]
		switch own := k.bases[code]; {
		case k.steps[code] >= unknownBit:
			return least, false
		case own.base != 0:
			if !g.kernel.repeats.each(g.begun, own, at, k.mixed, func(steps uint32) { add(at, steps) }) {
				return least, false
			}
		default:
			add(at, 1<<k.steps[code]>>1)
		}
	}
	return least, true
}

// beginRepeats finds where the repeats of a person begin, if that matters: what was set aside is
// what it is already. at as of people.viewAt.
func (g *gleaner) beginRepeats(person journey.PersonID, at spot) {
	if g.begun = g.begun[:0]; g.records == nil && g.kernel.stock.bases != nil {
		g.begun = g.kernel.repeats.begin(g.kernel.people.boundaries(person, at), g.begun)
	}
}
