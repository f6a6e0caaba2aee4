package answer

import (
	"slices"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// Departures the fast way: what a person did after a step is in the touchpoints of an album. A row
// of its shelves is in shown order. Touchpoints of one instant in several rows, of several
// identities or parts, are in no order; where it decides of a person, that person is left over: see
// untie.

// open lays out what the person of a chain is counted by first. opens tells that it opens an
// attempt; known is false where a touchpoint is not understood.
func (g *gleaner) open(first int32) (opens, known bool) {
	if g.trail == nil || g.records == nil {
		return g.layOut(first)
	}
	g.layOutCourse(first, g.kernel.stock.first, g.kernel.stock.last)
	return slices.ContainsFunc(g.course.all, funnel.TrailTouch.Opens), true
}

// countTrail counts the person of a chain where departures are asked. What is not set aside is laid
// out as marks first: most need no more of it.
func (g *gleaner) countTrail(
	person journey.PersonID, first int32, values *funnel.Values,
) (counted *funnel.Counted, err error) {
	if g.records != nil {
		counted, err = g.trail.CountTrail(g.course.all, values)
	} else if counted, err = g.trail.CountMarks(g.marks.all, values); err == nil {
		if from, to, left := g.trail.Left(); left {
			g.layOutCourse(first, from, to)
			counted, err = g.trail.Leave(g.course.all)
		}
	}
	if err == nil && g.trail.Ambiguous() && (g.course.tied || g.knots[person]) {
		g.left = append(g.left, person)
		return nil, nil //nolint:nilnil // counted later
	}
	return counted, err //nolint:wrapcheck // the caller knows it
}

// layOutCourse lays out the touchpoints of a chain of sheaves between two instants, both inside.
func (g *gleaner) layOutCourse(first int32, from, to int64) {
	r := &g.course
	r.reset(int(g.sheaves[first].size))
	for i := first; i >= 0; i = g.sheaves[i].next {
		s := &g.sheaves[i]
		begin := len(r.all)
		if g.records != nil {
			for _, word := range g.records[s.of][s.from:s.to] {
				r.all = append(r.all, funnel.TrailTouch(word))
			}
		} else {
			g.takeTouches(s, from, to)
		}
		r.mend(begin)
	}
	r.settle()
}

// takeTouches appends the touchpoints of a row of a shelf between two instants.
func (g *gleaner) takeTouches(row *sheaf, from, to int64) {
	k := g.kernel.stock
	s := k.shelves[row.of]
	if s.base > to || s.base+maxShelfSpan < from {
		return
	}
	for i := row.from; i < row.to; i++ {
		set := s.codes[i]
		if instant := s.base + int64(s.at[i]); instant >= from && instant <= to && !k.hidden[set] {
			g.course.all = append(g.course.all,
				funnel.TrailTouchOf(instant, uint32(set), k.steps[set]))
		}
	}
}
