package answer

import (
	"fmt"
	"strings"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/query/plan"
)

// way is a way to the touchpoints of a question: packed journeys, or rows with what of their order
// is read. Each but the last may turn out not to be sure.
type way struct {
	// fast tells that marks of packed journeys say all.
	packed, fast bool
	order        plan.Order
}

// ways are those that may answer, the fastest first.
func (in *inquiry) ways() []way {
	rows := []way{{order: plan.NoOrder}, {order: plan.Near}, {order: plan.Shown}}
	switch {
	case in.program.Ordered() && in.byMarks():
		return append([]way{{packed: true, fast: true}}, rows[1:]...)
	case in.program.Ordered():
		return rows[1:]
	case in.byMarks() && in.repeats != nil:
		return append([]way{{packed: true, fast: true}, {packed: true}}, rows...)
	case in.byMarks():
		return append([]way{{packed: true, fast: true}}, rows...)
	case in.program.Plain():
		return append([]way{{packed: true}}, rows...)
	default:
		return rows
	}
}

// describe says for people which way answered, and why. late tells that faster ones were not sure.
func (in *inquiry) describe(w way, late bool) string {
	reasons := in.reasons()
	if late {
		reasons = append(reasons, "a faster way could not tell which touchpoint comes first or is "+
			"a copy of another")
	}
	text := "rows"
	switch {
	case w.fast && in.byValues():
		text, reasons = "touchpoints kept in memory", []string{"values of touchpoints alone decide"}
	case w.packed:
		text, reasons = "packed journeys", []string{"names of steps alone decide"}
	case w.order == plan.Near:
		text += " in shown order"
	case w.order == plan.Shown:
		text += " in shown order with message ids"
	}
	if w.fast && in.untied > 0 {
		reasons = append(reasons, fmt.Sprintf(
			"and the order within a millisecond, of %d persons", in.untied))
	}
	if len(reasons) == 0 {
		reasons = []string{"values of touchpoints decide"}
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
