package api

import (
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

// question makes a message a question and collects what is wrong with it. beside is the one whose
// answer is set beside its answer, nil where none is.
func (r *reader) question(
	q *funnelv1.FunnelQuestion,
) (out funnel.Question, beside *funnel.Question) {
	p := r.preset(q)
	out = funnel.Question{
		Mode:         r.mode(q, p),
		AsOf:         r.asOf(q),
		Window:       r.window(q, p),
		Reentry:      r.reentry(q, p),
		Order:        r.order(q),
		Count:        r.count(q),
		Simultaneity: r.simultaneity(q, p),
		Limit:        funnel.DefaultLimit,
	}
	out.From, out.To = r.timeRange("question.range", q.GetRange())
	out.Steps = r.steps(q.GetSteps())
	out.Hold = q.GetHold()
	out.Exclusions = r.exclusions(q.GetExclusions(), p)
	if q.GetFilter() != nil {
		out.Filter = r.filter("question.filter", q.GetFilter(), 1)
	}
	r.breakdowns(q.GetBreakdowns(), &out)
	out.Unit = r.unit(q.GetUnit())
	trend := r.trend(q.GetTrend(), p)
	out.Buckets = r.buckets(trendField, trend, out)
	out.TimeToConvert = r.timeToConvert(q.GetTimeToConvert())
	r.check(out)
	return out, r.compare(q.GetCompare(), out, trend)
}

func (r *reader) mode(q *funnelv1.FunnelQuestion, p preset) funnel.RangeMode {
	r.enum("question.range_mode", q.GetRangeMode())
	switch q.GetRangeMode() {
	case funnelv1.RangeMode_RANGE_MODE_ENTRY:
		return funnel.Entry
	case funnelv1.RangeMode_RANGE_MODE_ALL:
		return funnel.All
	}
	return p.mode
}

// reentry reads which attempt counts. Stated beside a count that takes several it is refused; what
// a preset sets is then of no effect.
func (r *reader) reentry(q *funnelv1.FunnelQuestion, p preset) funnel.Reentry {
	const field = "question.reentry"
	r.enum(field, q.GetReentry())
	several := q.GetCount() == funnelv1.Count_COUNT_ATTEMPT ||
		q.GetCount() == funnelv1.Count_COUNT_SESSION
	if several && q.GetReentry() != funnelv1.Reentry_REENTRY_UNSPECIFIED {
		r.bad(field, "is stated beside count %s, under which a unit counts with more than one "+
			"attempt: leave it out", shortName(q.GetCount(), "COUNT_"))
	}
	switch {
	case several:
		return funnel.Best
	case q.GetReentry() == funnelv1.Reentry_REENTRY_BEST:
		return funnel.Best
	case q.GetReentry() == funnelv1.Reentry_REENTRY_FIRST:
		return funnel.First
	}
	return p.reentry
}

func (r *reader) order(q *funnelv1.FunnelQuestion) funnel.Order {
	r.enum("question.order", q.GetOrder())
	switch q.GetOrder() {
	case funnelv1.Order_ORDER_STRICT:
		return funnel.Strict
	case funnelv1.Order_ORDER_ANY:
		return funnel.Any
	}
	return funnel.Ordered
}

func (r *reader) count(q *funnelv1.FunnelQuestion) funnel.Count {
	r.enum("question.count", q.GetCount())
	switch q.GetCount() {
	case funnelv1.Count_COUNT_ATTEMPT:
		return funnel.PerAttempt
	case funnelv1.Count_COUNT_SESSION:
		return funnel.PerSession
	}
	return funnel.Once
}

// timeToConvert reads between which steps times are wanted.
func (r *reader) timeToConvert(m *funnelv1.TimeToConvert) *funnel.TimeToConvert {
	if m == nil {
		return nil
	}
	if m.Bins != nil && (m.GetBins() < 1 || m.GetBins() > funnel.MaxBins) {
		r.bad("question.time_to_convert.bins", "are %d: give 1 to %d, or leave them out", m.GetBins(),
			funnel.MaxBins)
	}
	return &funnel.TimeToConvert{
		From: int(m.GetFromStep()) - 1, To: int(m.GetToStep()) - 1, Bins: int(m.GetBins()),
	}
}
