package api

import (
	"strings"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

const compareField = "question.compare"

// compare makes the question whose answer is set beside that of q. nil where none is.
func (r *reader) compare(
	m *funnelv1.Compare, q funnel.Question, t trend,
) *funnel.Question {
	if m == nil {
		return nil
	}
	switch with := m.GetWith().(type) {
	case *funnelv1.Compare_PreviousPeriod:
		if !with.PreviousPeriod {
			r.bad(compareField+".previous_period", "is true or not stated")
		}
		q = r.previous(q)
	case *funnelv1.Compare_Range:
		q.From, q.To = r.timeRange(compareField+".range", with.Range)
	case *funnelv1.Compare_Filter:
		q.Filter = r.filter(compareField+".filter", with.Filter, 1)
	default:
		r.bad(compareField, "needs one of previous_period, range and filter")
	}
	q.Buckets = r.buckets(compareField, t, q)
	r.checkCompared(m, q)
	return &q
}

// checkCompared adds what the meaning of a question forbids of the compared part.
func (r *reader) checkCompared(m *funnelv1.Compare, q funnel.Question) {
	if r.conditions > MaxConditions {
		return
	}
	part := ""
	switch m.GetWith().(type) {
	case *funnelv1.Compare_Range:
		part = "question.range"
	case *funnelv1.Compare_Filter:
		part = "question.filter"
	}
	for _, v := range q.Check() {
		field := compareField + strings.TrimPrefix(v.Field, "question")
		switch {
		case v.Field == trendField && !r.said(trendField) && !r.said(compareField):
			r.bad(compareField, "its trend %s", v.Message)
		case part == "" || v.Field != part && !strings.HasPrefix(v.Field, part+"."):
		case !r.said(field):
			r.bad(field, "%s", v.Message)
		}
	}
}

// previous moves a question back by the number of local days of its range, rounded up, as_of too.
func (r *reader) previous(q funnel.Question) funnel.Question {
	if !q.From.Before(q.To) || r.zone == nil {
		return q // said elsewhere
	}
	n := localDays(q.From, q.To, r.zone)
	from, to, asOf := moved(q.From, -n, r.zone), moved(q.To, -n, r.zone), moved(q.AsOf, -n, r.zone)
	if from.Year() < 1 || asOf.Year() < 1 {
		r.bad(compareField+".previous_period", "would begin before the year 1: give a range")
		return q
	}
	if !from.Before(to) {
		to = from.Add(q.To.Sub(q.From)) // both in an hour that clocks skip
	}
	q.From, q.To, q.AsOf = from, to, asOf
	return q
}

// localDays is the number of days of a zone from an instant to a later one, rounded up, 1 or more.
func localDays(from, to time.Time, zone *time.Location) int {
	n := max(1, daysApart(from, to)-1)
	for moved(from, n, zone).Before(to) {
		n++
	}
	return n
}

// moved is an instant so many days of a zone later, at the same time of the day; the first instant
// of a day stays one. A day that clocks skip is none.
func moved(at time.Time, days int, zone *time.Location) time.Time {
	local := at.In(zone)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	target := movedDay(midnight, days, zone)
	if firstInstant(midnight, zone).Equal(at) {
		return firstInstant(target, zone)
	}
	return local.AddDate(0, 0, daysApart(midnight, target)).UTC()
}

// movedDay is a day, by its midnight in UTC, so many days of a zone later.
func movedDay(midnight time.Time, days int, zone *time.Location) time.Time {
	target, step := midnight.AddDate(0, 0, days), 1
	if days < 0 {
		step = -1
		target = target.AddDate(0, 0, -skippedDays(target, midnight, zone))
	} else {
		target = target.AddDate(0, 0, skippedDays(midnight, target, zone))
	}
	for firstInstant(target, zone).Equal(firstInstant(target.AddDate(0, 0, 1), zone)) {
		target = target.AddDate(0, 0, step)
	}
	return target
}

// skippedDays is how many days from one on and before another clocks skip, as Samoa's did with
// 30 December 2011.
func skippedDays(from, to time.Time, zone *time.Location) int {
	passed := daysApart(firstInstant(from, zone), firstInstant(to, zone).Add(day/2))
	return max(0, daysApart(from, to)-passed)
}

// daysApart is the number of whole days of 24 h from one instant to another, however far.
func daysApart(from, to time.Time) int {
	return int((to.Unix() - from.Unix()) / int64(day/time.Second))
}
