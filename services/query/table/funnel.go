package table

import (
	"google.golang.org/protobuf/proto"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// stepRow is a step of one part of an answer, or of the one that it is set beside.
type stepRow struct {
	// answer is asked or compared.
	answer string
	part   part
	step   *funnelv1.StepResult
	facts  *funnelv1.AnswerFacts
}

// steps is a row per step: those of all units, then of each group; then the same of the answer
// that this one is set beside.
func steps(m *funnelv1.AskFunnelResponse, by []string) Table {
	facts := m.GetFacts()
	rows := stepRows("asked", facts, m.GetSteps(), m.GetGroups())
	if c := m.GetComparison(); c != nil {
		rows = append(rows, stepRows("compared", besideFacts(m), c.GetSteps(), c.GetGroups())...)
	}
	return lay(stepColumns(namesIn(m, by)), rows)
}

func stepRows(
	answer string, facts *funnelv1.AnswerFacts,
	whole []*funnelv1.StepResult, groups []*funnelv1.GroupResult,
) []stepRow {
	var rows []stepRow
	add := func(p part, steps []*funnelv1.StepResult) {
		for _, s := range steps {
			rows = append(rows, stepRow{answer, p, s, facts})
		}
	}
	add(part{name: "whole"}, whole)
	for _, g := range groups {
		add(groupPart(g.GetValues(), g.GetOther()), g.GetSteps())
	}
	return rows
}

func stepColumns(by []string) []column[stepRow] {
	type step = funnelv1.StepResult
	return all(
		[]column[stepRow]{text("answer", func(r stepRow) string { return r.answer })},
		under(func(r stepRow) part { return r.part }, partColumns(by)...),
		under(func(r stepRow) *step { return r.step }, numberColumns()...),
		under(func(r stepRow) *funnelv1.AnswerFacts { return r.facts }, factColumns()...),
	)
}

// numberColumns are the numbers of a step.
func numberColumns() []column[*funnelv1.StepResult] {
	type step = funnelv1.StepResult
	return all(
		[]column[*step]{
			number("step", (*step).GetStep),
			text("label", (*step).GetLabel),
			number("count", (*step).GetCount),
		},
		shareColumns("conversion_from_previous", (*step).GetConversionFromPrevious),
		shareColumns("conversion_from_first", (*step).GetConversionFromFirst),
		[]column[*step]{
			number("lost", (*step).GetLost),
			number("in_window", (*step).GetInWindow),
		},
		spanColumns("from_previous", (*step).GetFromPrevious),
		spanColumns("from_entry", (*step).GetFromEntry),
	)
}

// besideFacts is what the answer rests on that this one is set beside.
func besideFacts(m *funnelv1.AskFunnelResponse) *funnelv1.AnswerFacts {
	beside, c := &funnelv1.AnswerFacts{}, m.GetComparison()
	proto.Merge(beside, m.GetFacts())
	beside.FromTime, beside.ToTime, beside.AsOf = c.GetFromTime(), c.GetToTime(), c.GetAsOf()
	return beside
}

// answerParts gives every part of an answer that has a place for more than steps, as rows without a
// step: all units, which whole holds, then each group; then the same of the answer that this one is
// set beside.
func answerParts(
	m *funnelv1.AskFunnelResponse, whole *funnelv1.GroupResult,
	add func(r stepRow, g *funnelv1.GroupResult),
) {
	add(stepRow{answer: "asked", part: part{name: "whole"}, facts: m.GetFacts()}, whole)
	for _, g := range m.GetGroups() {
		p := groupPart(g.GetValues(), g.GetOther())
		add(stepRow{answer: "asked", part: p, facts: m.GetFacts()}, g)
	}
	c := m.GetComparison()
	if c == nil {
		return
	}
	beside := besideFacts(m)
	add(stepRow{answer: "compared", part: part{name: "whole"}, facts: beside}, &funnelv1.GroupResult{
		Steps: c.GetSteps(), Trend: c.GetTrend(), TimeToConvert: c.GetTimeToConvert(),
	})
	for _, g := range c.GetGroups() {
		p := groupPart(g.GetValues(), g.GetOther())
		add(stepRow{answer: "compared", part: p, facts: beside}, g)
	}
}

// namesIn are the names of the breakdowns of an answer.
func namesIn(m *funnelv1.AskFunnelResponse, by []string) []string {
	for _, g := range m.GetGroups() {
		by = namesFor(by, g.GetValues())
	}
	return by
}
