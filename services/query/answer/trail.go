package answer

import (
	"context"
	"fmt"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// Departures the fast way: what a person did after a step is in the touchpoints of an album. It has
// the order of those of one millisecond only by chance, so persons of whom it decides are left
// over; rows are read of them alone.

// layOutCourse lays the touchpoints of a chain of sheaves out, and tells whether any opens an
// attempt.
func (g *gleaner) layOutCourse(first int32) (opens bool) {
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
			g.takeTouches(g.kernel.stock.shelves[s.of], s.from, s.to)
		}
		r.mend(begin)
	}
	r.settle()
	for _, t := range r.all {
		if t.Filled() == 1 {
			return true
		}
	}
	return false
}

// takeTouches appends the touchpoints of a row of a shelf.
func (g *gleaner) takeTouches(s *shelf, from, to uint32) {
	k := g.kernel.stock
	whole := s.base >= k.first && s.base+maxShelfSpan <= k.last
	for i := from; i < to; i++ {
		instant, set := s.base+int64(s.at[i]), s.codes[i]
		if whole || k.sees(instant) {
			g.course.all = append(g.course.all,
				funnel.TrailTouchOf(instant, uint32(set), k.steps[set]))
		}
	}
}

// mostLeftOver is how many persons at most are evaluated apart.
const mostLeftOver = 20_000

// leftOver evaluates persons of whom the order within a millisecond decides. The directory is
// locked. Errors: errUnsure where they are too many.
func (in *inquiry) leftOver(
	ctx context.Context, persons []journey.PersonID, known *surroundings, result yield,
) error {
	switch {
	case len(persons) == 0:
		return nil
	case len(persons) > mostLeftOver:
		return errUnsure
	}
	in.apart = len(persons)
	needs := in.needs(plan.Shown)
	needs.Only = &plan.Only{}
	for _, ids := range in.directory.identitiesIn(persons) {
		needs.Only.Identities = append(needs.Only.Identities, ids...)
	}
	g, err := in.gatherNeeded(ctx, needs)
	if err != nil {
		return err
	}
	k := &kernel{
		gathered: g, directory: in.directory, people: known.people,
		variants: known.variants, newest: known.newest, yield: result,
	}
	if err := k.run(ctx, workers()); err != nil {
		return fmt.Errorf("evaluating %d persons apart: %w", len(persons), err)
	}
	return nil
}

// countTrail counts the person whose touchpoints are at hand.
func (g *gleaner) countTrail(
	person journey.PersonID, values *funnel.Values,
) (*funnel.Counted, error) {
	counted, err := g.trail.CountTrail(funnel.TrailCourse(g.course.all), values)
	if err == nil && g.trail.Ambiguous() {
		g.left = append(g.left, person)
		return nil, nil //nolint:nilnil // counted apart
	}
	return counted, err //nolint:wrapcheck // the caller knows it
}
