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
		Mode:    r.mode(q, p),
		AsOf:    r.asOf(q),
		Window:  r.window(q, p),
		Reentry: r.reentry(q, p),
		Limit:   funnel.DefaultLimit,
	}
	out.From, out.To = r.timeRange("question.range", q.GetRange())
	out.Steps = r.steps(q.GetSteps())
	if q.GetFilter() != nil {
		out.Filter = r.filter("question.filter", q.GetFilter(), 1)
	}
	r.breakdowns(q.GetBreakdowns(), &out)
	r.order(q)
	out.Unit = r.unit(q.GetUnit())
	r.simultaneity(q, p)
	r.extras(q)
	r.check(out)
	return out, r.compare(q.GetCompare(), out)
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

func (r *reader) reentry(q *funnelv1.FunnelQuestion, p preset) funnel.Reentry {
	r.enum("question.reentry", q.GetReentry())
	switch q.GetReentry() {
	case funnelv1.Reentry_REENTRY_BEST:
		return funnel.Best
	case funnelv1.Reentry_REENTRY_FIRST:
		return funnel.First
	}
	return p.reentry
}

// order reads what only one value of is answered yet.
func (r *reader) order(q *funnelv1.FunnelQuestion) {
	if r.enum("question.order", q.GetOrder()) {
		r.laterIf(q.GetOrder() > funnelv1.Order_ORDER_ORDERED, "question.order",
			"only ORDERED is answered yet")
	}
	if r.enum("question.count", q.GetCount()) {
		r.laterIf(q.GetCount() > funnelv1.Count_COUNT_ONCE, "question.count",
			"only ONCE is answered yet")
	}
}

// extras refuses what is not answered yet as a whole.
func (r *reader) extras(q *funnelv1.FunnelQuestion) {
	const notYet = "is not answered yet; leave it out"
	if n := len(q.GetHold()); n > maxHold {
		r.bad("question.hold", "at most %d properties, not %d", maxHold, n)
	}
	if n := len(q.GetExclusions()); n > maxExcl {
		r.bad("question.exclusions", "at most %d, not %d", maxExcl, n)
	}
	r.laterIf(len(q.GetHold()) > 0, "question.hold", notYet)
	r.laterIf(len(q.GetExclusions()) > 0, "question.exclusions", notYet)
	r.laterIf(q.GetTrend() != nil, "question.trend", notYet)
	r.laterIf(q.GetTimeToConvert() != nil, "question.time_to_convert", notYet)
}
