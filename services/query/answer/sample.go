package answer

import (
	"context"
	"errors"
	"slices"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// Questions that marks do not answer, as with exclusions or in any order, are answered from an
// album too: what a person did is laid out as for departures, and given to the evaluator that rows
// are given to. Persons whose touchpoints of one instant stand in several rows are left over: see
// untie.

// sample is what a question sees of the touchpoints of one set of values: whose targets they are,
// or, where nothing else decides, what they are.
type sample struct {
	sight

	// base is which base of a repeat they are, 0 for none.
	base uint32
	// sure tells that nothing else decides.
	sure bool
}

// byCourses tells that the general evaluator can be given what an album has.
func (in *inquiry) byCourses() bool {
	return in.explaining == nil && in.program.Question().Unit.Kind == funnel.PersonUnit
}

// gatherCourses takes all that a question looks at from an album. Errors: errUnsure, errNotKept.
func (in *inquiry) gatherCourses(ctx context.Context) (*gathered, error) {
	views := newViews(in.program, in.repeats, nil)
	first, last := plan.Reach(in.program.Question(), in.program.Scope())
	g, err := in.gatherResident(ctx, first, last,
		func(ctx context.Context, o *outlook, k *stock) error {
			if err := in.fromAlbum(ctx, o, k); err != nil {
				return err
			}
			views = newViews(in.program, in.repeats, nil)
			k.samples = in.samples(k.views, views)
			return nil
		})
	if errors.Is(err, errNotResident) {
		return nil, errNotKept
	}
	if err != nil {
		return nil, err
	}
	if g.stock.samples == nil {
		g.stock.samples = []sample{} // the question sees no instant
	}
	g.order, g.views = plan.Shown, views
	return g, nil
}

// samples are those of the sets of an album, of which views keeps what is seen.
func (in *inquiry) samples(sets []funnel.TouchView, views *views) []sample {
	samples := make([]sample, len(sets))
	for n := range sets {
		v := &sets[n]
		a := journey.Attribution{Touchpoint: v.Touchpoint, Stage: v.Stage}
		samples[n] = sample{base: in.repeats.baseOf(v.Touchpoint), sight: sight{
			view: uint32(len(views.list)), steps: in.program.Targets(v.Event, a),
			exclusions: in.program.ExclusionTargets(v.Event, a),
		}}
		views.add(*v, samples[n].base)
	}
	return samples
}

// foresee looks at the samples once for all persons, as far as that can be, with a worker's eyes.
func (k *stock) foresee(w *worker) {
	k.steps, k.hidden = make([]uint8, len(k.samples)), make([]bool, len(k.samples))
	for n := range k.samples {
		s := &k.samples[n]
		seen := s.steps != 0 || s.exclusions != 0 || s.base != 0 || w.lens.Everything ||
			w.lens.Unfiltered
		if s.sure = w.impersonal && s.base == 0; s.sure {
			s.sight, seen = w.look(s.sight)
		}
		k.hidden[n] = !seen
		if s.steps&w.lens.openers != 0 || s.base != 0 {
			k.steps[n] = 1
		}
	}
}

// countCourse counts the person of a chain by the general evaluator.
func (g *gleaner) countCourse(person journey.PersonID, first int32) error {
	g.layOutCourse(first, g.kernel.stock.first, g.kernel.stock.last)
	switch {
	case !slices.ContainsFunc(g.course.all, funnel.TrailTouch.Opens):
		return nil
	case g.course.tied || g.knots[person]:
		g.left = append(g.left, person)
		return nil
	}
	return g.general.countCourse(person, g.sheaves[first].spot, g.course.all)
}

// countCourse counts a person by a course in shown order; at as of people.viewAt.
func (w *worker) countCourse(
	person journey.PersonID, at spot, course funnel.TrailCourse,
) error {
	var view funnel.PersonView
	if !w.impersonal || w.asksPersons {
		view = w.viewOf(person, at)
	}
	if !w.impersonal && !w.matcher.Person(view) {
		return nil
	}
	if w.seeCourse(person, course); len(w.sights) > 0 {
		w.countSights(person, &view)
	}
	return w.failed()
}

// seeCourse lists what the question sees of a course.
func (w *worker) seeCourse(person journey.PersonID, course funnel.TrailCourse) {
	w.sights, w.hasBegun = w.sights[:0], false
	w.atOnce.reset()
	for _, t := range course {
		sample := &w.stock.samples[t.View()]
		s := sample.sight
		s.at = t.At()
		if sample.base != 0 {
			s.become(w.repeatAt(person, sample.base, s.at), w)
		}
		seen := sample.sure
		if !seen {
			s, seen = w.look(s)
		}
		if seen {
			w.sights = append(w.sights, s)
		}
	}
}
