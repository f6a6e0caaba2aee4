package answer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/query/plan"
)

// way is a way to the touchpoints of a question: packed journeys, touchpoints kept in memory, or
// rows with what of their order is read. Each but the last may turn out not to be sure.
type way struct {
	// fast tells that marks say all; kept that the general evaluator is given touchpoints kept in
	// memory.
	packed, fast, kept bool
	order              plan.Order
}

// ways are those that may answer, the fastest first.
func (in *inquiry) ways() []way {
	var list []way
	marks, ordered := in.byMarks(), in.program.Ordered()
	if marks {
		list = append(list, way{packed: true, fast: true})
	}
	if in.program.Plain() && !ordered && (in.repeats != nil || !marks) {
		list = append(list, way{packed: true})
	}
	if in.byCourses() {
		list = append(list, way{kept: true})
	}
	if !ordered {
		list = append(list, way{order: plan.NoOrder})
	}
	return append(list, way{order: plan.Near}, way{order: plan.Shown})
}

// hurdles are why ways before the one that answered did not.
type hurdles struct{ unsure, notKept bool }

// add takes the error of a way that did not answer.
func (h *hurdles) add(err error) {
	if errors.Is(err, errNotKept) {
		h.notKept = true
	} else {
		h.unsure = true
	}
}

// describe says for people which way answered, and why.
func (in *inquiry) describe(w way, why hurdles) string {
	reasons := in.reasons()
	if len(reasons) == 0 {
		reasons = []string{"values of touchpoints decide"}
	}
	if why.notKept {
		reasons = append(reasons, "touchpoints are not kept in memory")
	}
	if why.unsure {
		reasons = append(reasons, "a faster way could not tell which touchpoint comes first or is "+
			"a copy of another")
	}
	text := "rows"
	switch {
	case w.fast && in.byValues():
		text, reasons = "touchpoints kept in memory", []string{"values of touchpoints alone decide"}
	case w.kept:
		text = "touchpoints kept in memory"
	case w.packed:
		text, reasons = "packed journeys", []string{"names of steps alone decide"}
	case w.order == plan.Near:
		text += " in shown order"
	case w.order == plan.Shown:
		text += " in shown order with message ids"
	}
	if (w.fast || w.kept) && in.untied > 0 {
		reasons = append(reasons, fmt.Sprintf(
			"and the order within a millisecond, of %d persons", in.untied))
	}
	return text + ": " + strings.Join(reasons, ", ")
}

// reasons are why the touchpoints of a question are read as rows.
func (in *inquiry) reasons() []string {
	q, s := in.program.Question(), in.program.Scope()
	var list []string
	for _, r := range []struct {
		holds bool
		text  string
	}{
		{s.FirstTime != 0, "first_time looks at all time"},
		{s.Unfiltered, "sessions are cut by all touchpoints"},
		{s.Everything, "touchpoints that fill no step matter"},
		{q.Order == funnel.Any, "steps come in any order"},
		{
			slices.ContainsFunc(q.Steps, func(s funnel.Step) bool { return s.Optional }),
			"steps may be left out",
		},
		{
			slices.ContainsFunc(q.Steps, func(s funnel.Step) bool { return s.Within != nil }),
			"steps have bounds of their own",
		},
		{q.Count == funnel.PerAttempt, "every attempt counts"},
		{q.Simultaneity > 0, "times may differ by simultaneity"},
		{len(q.Hold) > 0, "values are held"},
		{len(q.Exclusions) > 0, "exclusions are asked"},
		{q.Filter != nil, "a filter looks at values"},
		{q.Unit.Kind != funnel.PersonUnit, "units are values of touchpoints or persons"},
		{in.program.BreaksTouches(), "a breakdown splits by touchpoints"},
		{in.program.Overlaps(), "a touchpoint may fill several steps"},
	} {
		if r.holds {
			list = append(list, r.text)
		}
	}
	return list
}
