package table

import (
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// testRow is a group and how its conversion compares with that of all others together.
type testRow struct {
	part  part
	group *funnelv1.GroupResult
	facts *funnelv1.AnswerFacts
}

// tests is a row per group that has a test.
func tests(m *funnelv1.AskFunnelResponse, by []string) Table {
	var rows []testRow
	for _, g := range m.GetGroups() {
		if g.GetTest() != nil {
			rows = append(rows, testRow{groupPart(g.GetValues(), g.GetOther()), g, m.GetFacts()})
		}
	}
	type test = funnelv1.GroupTest
	decimal := func(name string, of func(*test) float64) column[*test] {
		return column[*test]{name, Number, func(t *test) any { return of(t) }}
	}
	return lay(all(
		under(func(r testRow) part { return r.part }, partColumns(namesIn(m, by))...),
		under(func(r testRow) *test { return r.group.GetTest() },
			decimal("difference", (*test).GetDifference), decimal("difference_low", (*test).GetLow),
			decimal("difference_high", (*test).GetHigh), decimal("p_value", (*test).GetPValue),
			decimal("q_value", (*test).GetQValue), flag("significant", (*test).GetSignificant),
			flag("small_sample", (*test).GetSmallSample),
			column[*test]{"probability_best", Number, func(t *test) any {
				if t.ProbabilityBest == nil {
					return nil
				}
				return t.GetProbabilityBest()
			}},
		),
		under(func(r testRow) *funnelv1.AnswerFacts { return r.facts }, factColumns()...),
	), rows)
}

// reasonRow is a reason of one part of an answer, between two steps.
type reasonRow struct {
	dropOffRow

	reason *funnelv1.Reason
	// rank is its place among those of the two steps, from 1.
	rank int
}

// reasons is a row per reason: what goes with being lost between two steps.
func reasons(m *funnelv1.AskDropOffResponse, by []string) Table {
	var rows []reasonRow
	for _, lost := range dropOffRows(m) {
		for i, r := range lost.dropOff.GetReasons() {
			rows = append(rows, reasonRow{lost, r, i + 1})
		}
	}
	type reason = funnelv1.Reason
	decimal := func(name string, of func(*reason) float64) column[*reason] {
		return column[*reason]{name, Number, func(r *reason) any { return of(r) }}
	}
	return lay(all(
		under(func(r reasonRow) dropOffRow { return r.dropOffRow }, dropOffPart(namesOf(m, by))...),
		under(func(r reasonRow) *funnelv1.DropOff { return r.dropOff }, pairColumns()...),
		[]column[reasonRow]{number("rank", func(r reasonRow) int { return r.rank })},
		under(func(r reasonRow) *reason { return r.reason },
			text("kind", func(r *reason) string { return word(r.GetKind(), "REASON_KIND_") }),
			text("name", (*reason).GetName), filled("value", (*reason).GetValue),
			number("lost_with", (*reason).GetLostWith), number("lost", (*reason).GetLost),
			number("went_on_with", (*reason).GetWentOnWith), number("went_on", (*reason).GetWentOn),
			decimal("odds_ratio", (*reason).GetOddsRatio), decimal("odds_ratio_low", (*reason).GetLow),
			decimal("odds_ratio_high", (*reason).GetHigh), decimal("p_value", (*reason).GetPValue),
			decimal("q_value", (*reason).GetQValue), flag("significant", (*reason).GetSignificant),
		),
		under(func(r reasonRow) *funnelv1.AnswerFacts { return r.facts }, factColumns()...),
	), rows)
}
