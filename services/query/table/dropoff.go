package table

import (
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// dropOffRow is what one part of an answer lost between two steps.
type dropOffRow struct {
	part    part
	dropOff *funnelv1.DropOff
	facts   *funnelv1.AnswerFacts
}

// dropOffs is a row per pair of steps: those of all units, then of each group.
func dropOffs(m *funnelv1.AskDropOffResponse, by []string) Table {
	type drop = funnelv1.DropOff
	return lay(all(
		dropOffPart(namesOf(m, by)),
		under(func(r dropOffRow) *drop { return r.dropOff }, all(
			pairColumns(),
			[]column[*drop]{
				number("reached", (*drop).GetReached),
				number("went_on", (*drop).GetWentOn),
				number("lost", (*drop).GetLost),
				number("in_window", (*drop).GetInWindow),
			},
			shareColumns("drop_off", (*drop).GetDropOff),
			shareColumns("lost_share", (*drop).GetLostShare),
			[]column[*drop]{flag("worst", (*drop).GetWorst)},
		)...),
		under(func(r dropOffRow) *funnelv1.AnswerFacts { return r.facts }, factColumns()...),
	), dropOffRows(m))
}

func dropOffRows(m *funnelv1.AskDropOffResponse) []dropOffRow {
	var rows []dropOffRow
	add := func(p part, list []*funnelv1.DropOff) {
		for _, d := range list {
			rows = append(rows, dropOffRow{p, d, m.GetFacts()})
		}
	}
	add(part{name: "whole"}, m.GetDropOffs())
	for _, g := range m.GetGroups() {
		add(groupPart(g.GetValues(), g.GetOther()), g.GetDropOffs())
	}
	return rows
}

func namesOf(m *funnelv1.AskDropOffResponse, by []string) []string {
	for _, g := range m.GetGroups() {
		by = namesFor(by, g.GetValues())
	}
	return by
}

func dropOffPart(by []string) []column[dropOffRow] {
	return under(func(r dropOffRow) part { return r.part }, partColumns(by)...)
}

// pairColumns say between which steps.
func pairColumns() []column[*funnelv1.DropOff] {
	type drop = funnelv1.DropOff
	return []column[*drop]{
		number("from_step", (*drop).GetFromStep),
		text("from_label", (*drop).GetFromLabel),
		number("to_step", (*drop).GetToStep),
		text("to_label", (*drop).GetToLabel),
	}
}

// departureRow is one of the values that sum up what units did after their last step.
type departureRow struct {
	dropOffRow

	departure *funnelv1.Departure
	// measure says what is counted, rank its place among the values of that measure, from 1.
	measure string
	rank    int
	name    string
	missing bool
	touched *funnelv1.TouchpointShare
	count   uint32
	share   *funnelv1.Share
}

// departures is a row per value: what units did that filled a step and not the next.
func departures(m *funnelv1.AskDropOffResponse, by []string) Table {
	var rows []departureRow
	for _, lost := range dropOffRows(m) {
		for _, d := range lost.dropOff.GetDepartures() {
			rows = append(rows, departureRows(departureRow{dropOffRow: lost, departure: d})...)
		}
	}
	of := func(r departureRow) dropOffRow { return r.dropOffRow }
	return lay(all(
		under(of, dropOffPart(namesOf(m, by))...),
		under(func(r departureRow) *funnelv1.DropOff { return r.dropOff }, pairColumns()...),
		departureColumns(),
		under(func(r departureRow) *funnelv1.AnswerFacts { return r.facts }, factColumns()...),
	), rows)
}

func departureColumns() []column[departureRow] {
	type row = departureRow
	return all([]column[row]{
		text("outcome", func(r row) string { return word(r.departure.GetOutcome(), "OUTCOME_") }),
		number("units", func(r row) uint32 { return r.departure.GetCount() }),
		text("measure", func(r row) string { return r.measure }),
		number("rank", func(r row) int { return r.rank }),
		filled("name", func(r row) string { return r.name }),
		flag("missing", func(r row) bool { return r.missing }),
		filled("touchpoint", func(r row) string { return r.touched.GetTouchpoint() }),
		filled("stage", func(r row) string { return r.touched.GetStage() }),
		filled("event", func(r row) string { return r.touched.GetEvent() }),
		number("count", func(r row) uint32 { return r.count }),
	}, shareColumns("share", func(r row) *funnelv1.Share { return r.share }))
}

// departureRows are those of one departure, in the order of its fields.
func departureRows(of departureRow) []departureRow {
	d := of.departure
	var rows []departureRow
	named := func(measure string, list ...*funnelv1.NamedShare) {
		for i, s := range list {
			if s == nil {
				continue
			}
			row := of
			row.measure, row.rank = measure, i+1
			row.name, row.missing, row.count, row.share =
				s.GetName(), s.GetMissing(), s.GetCount(), s.GetShare()
			rows = append(rows, row)
		}
	}
	touched := func(measure string, list []*funnelv1.TouchpointShare) {
		for i, s := range list {
			row := of
			row.measure, row.rank, row.touched = measure, i+1, s
			row.name, row.count, row.share = s.GetTouchpoint()+s.GetEvent(), s.GetCount(), s.GetShare()
			rows = append(rows, row)
		}
	}
	named("silent", d.GetSilent())
	named("went_back", d.GetWentBack())
	named("diverted", d.GetDiverted())
	touched("last_touchpoint", d.GetLastTouchpoints())
	touched("next_touchpoint", d.GetNextTouchpoints())
	named("channel", d.GetChannels()...)
	named("barrier", d.GetBarriers()...)
	return rows
}

// word is an enum's name without its prefix, in small letters.
func word(value interface{ String() string }, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(value.String(), prefix))
}
