package table

import (
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// trendRow is a step of one bucket of one part of an answer.
type trendRow struct {
	stepRow

	bucket *funnelv1.TrendBucket
	// number is that of the bucket, from 1.
	number int
}

// trend is a row per bucket and step: those of all units, then of each group; then the groups of
// the answer that this one is set beside.
func trend(m *funnelv1.AskFunnelResponse, by []string) Table {
	var rows []trendRow
	whole := &funnelv1.GroupResult{Trend: m.GetTrend()}
	answerParts(m, whole, func(r stepRow, g *funnelv1.GroupResult) {
		for i, b := range g.GetTrend() {
			for _, r.step = range b.GetSteps() {
				rows = append(rows, trendRow{r, b, i + 1})
			}
		}
	})
	type row = trendRow
	return lay(all(
		[]column[row]{
			text("answer", func(r row) string { return r.answer }),
			number("bucket", func(r row) int { return r.number }),
		},
		under(func(r row) *funnelv1.TrendBucket { return r.bucket },
			instant("bucket_from_time", (*funnelv1.TrendBucket).GetFromTime),
			instant("bucket_to_time", (*funnelv1.TrendBucket).GetToTime),
		),
		under(func(r row) part { return r.part }, partColumns(namesIn(m, by))...),
		under(func(r row) *funnelv1.StepResult { return r.step }, numberColumns()...),
		under(func(r row) *funnelv1.AnswerFacts { return r.facts }, factColumns()...),
	), rows)
}

// timeRow is a percentile or a bin of a distribution.
type timeRow struct {
	stepRow

	of *funnelv1.Distribution
	// measure is mean, percentile or bin.
	measure string
	// percent, seconds and bin are nil where the measure has none.
	percent, seconds any
	bin              *funnelv1.Bin
}

// timesToConvert is a row per mean, percentile and bin: those of all units, then of each group.
func timesToConvert(m *funnelv1.AskFunnelResponse, by []string) Table {
	var rows []timeRow
	whole := &funnelv1.GroupResult{TimeToConvert: m.GetTimeToConvert()}
	answerParts(m, whole, func(r stepRow, g *funnelv1.GroupResult) {
		rows = append(rows, timeRows(timeRow{stepRow: r, of: g.GetTimeToConvert()})...)
	})
	type row = timeRow
	return lay(all(
		[]column[row]{text("answer", func(r row) string { return r.answer })},
		under(func(r row) part { return r.part }, partColumns(namesIn(m, by))...),
		[]column[row]{
			number("from_step", func(r row) uint32 { return r.of.GetFromStep() }),
			number("to_step", func(r row) uint32 { return r.of.GetToStep() }),
			number("units", func(r row) uint32 { return r.of.GetCount() }),
			text("measure", func(r row) string { return r.measure }),
			{"percent", Number, func(r row) any { return r.percent }},
			{"seconds", Number, func(r row) any { return r.seconds }},
			{"bin_from_seconds", Number, func(r row) any { return r.ofBin(r.bin.GetFromSeconds()) }},
			{"bin_to_seconds", Number, func(r row) any { return r.ofBin(r.bin.GetToSeconds()) }},
			{"bin_units", Count, func(r row) any { return r.ofBin(int64(r.bin.GetCount())) }},
		},
		under(func(r row) *funnelv1.AnswerFacts { return r.facts }, factColumns()...),
	), rows)
}

// timeRows are those of one distribution, none where there is none.
func timeRows(of timeRow) []timeRow {
	d := of.of
	if d.GetSpans() == nil {
		return nil
	}
	of.measure, of.seconds = "mean", d.GetSpans().GetMeanSeconds()
	rows := []timeRow{of}
	of.measure = "percentile"
	for _, p := range d.GetPercentiles() {
		of.percent, of.seconds = p.GetPercent(), p.GetSeconds()
		rows = append(rows, of)
	}
	of.measure, of.percent, of.seconds = "bin", nil, nil
	for _, b := range d.GetBins() {
		of.bin = b
		rows = append(rows, of)
	}
	return rows
}

// ofBin is a value of a bin, nil where the row is none.
func (r timeRow) ofBin(value any) any {
	if r.bin == nil {
		return nil
	}
	return value
}
