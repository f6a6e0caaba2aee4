package answer

import (
	"cmp"
	"slices"

	"github.com/waystage/waystage/services/funnel"
)

// evaluation finds the attempts of one person after the other. Not safe for concurrent use.
type evaluation struct {
	*gathered
	people    *people
	evaluator *funnel.Evaluator
	matcher   *funnel.Matcher
	places    []uint32
	one       []funnel.Touch
}

func newEvaluation(g *gathered, people *people) *evaluation {
	return &evaluation{
		gathered: g, people: people,
		evaluator: funnel.NewEvaluator(g.program.Question()), matcher: g.program.Matcher(),
	}
}

// attempt is that of the person with a local number, whose runs are given. It holds until the
// next call.
func (e *evaluation) attempt(person int32, runs []run) funnel.Attempt {
	if !e.program.Plain() && !e.matcher.Person(e.people.view(e.persons[person])) {
		return funnel.Attempt{}
	}
	if e.layout.ShownOrder >= 0 {
		return e.evaluator.Evaluate(e.inShownOrder(runs))
	}
	if len(runs) == 1 && e.program.Plain() {
		touches := e.touches[runs[0].from:runs[0].to]
		sortByTime(touches)
		return e.evaluator.Evaluate(touches)
	}
	e.one = e.one[:0]
	for _, r := range runs {
		for i := r.from; i < r.to; i++ {
			e.one = append(e.one, e.touch(i))
		}
	}
	sortByTime(e.one)
	return e.evaluator.Evaluate(e.one)
}

// touch is the touch at that place with the steps that its person and values let it fill.
func (e *evaluation) touch(i uint32) funnel.Touch {
	t := e.touches[i]
	if !e.program.Plain() {
		t.Steps = e.matcher.Steps(t.Steps, &e.views[e.view[i]])
	}
	return t
}

// inShownOrder sorts a person's touches as they are shown and drops receipts stored twice.
func (e *evaluation) inShownOrder(runs []run) []funnel.Touch {
	e.places = e.places[:0]
	for _, r := range runs {
		for i := r.from; i < r.to; i++ {
			e.places = append(e.places, i)
		}
	}
	slices.SortFunc(e.places, func(a, b uint32) int { return e.shown[a].compare(&e.shown[b]) })
	e.one = e.one[:0]
	for k, i := range e.places {
		if k > 0 && e.shown[e.places[k-1]].compare(&e.shown[i]) == 0 {
			continue
		}
		e.one = append(e.one, e.touch(i))
	}
	return e.one
}

// sortByTime sorts touches that mostly are in order: the runs of a person are.
func sortByTime(touches []funnel.Touch) {
	byTime := func(a, b funnel.Touch) int { return cmp.Compare(a.At, b.At) }
	if !slices.IsSortedFunc(touches, byTime) {
		slices.SortFunc(touches, byTime)
	}
}
