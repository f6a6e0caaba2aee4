package api

import (
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

const trendField = "question.trend"

// trend is how the beginnings of a trend's buckets follow each other; nil where none is asked.
type trend func(at time.Time, zone *time.Location) calendar

// calendar gives beginnings of buckets in UTC, ascending: the first is that of the bucket which
// holds an instant, and every further one comes after the one before.
type calendar func() time.Time

// trend reads the width of buckets.
func (r *reader) trend(m *funnelv1.Trend, p preset) trend {
	if m == nil {
		return nil
	}
	r.enum(trendField+".week_start", m.GetWeekStart())
	begin := p.weekStart
	switch m.GetWeekStart() {
	case funnelv1.WeekStart_WEEK_START_MONDAY:
		begin = time.Monday
	case funnelv1.WeekStart_WEEK_START_SUNDAY:
		begin = time.Sunday
	}
	if !r.enum(trendField+".interval", m.GetInterval()) {
		return nil
	}
	switch m.GetInterval() {
	case funnelv1.Interval_INTERVAL_HOUR:
		return hours
	case funnelv1.Interval_INTERVAL_DAY:
		return days(func(d time.Time) time.Time { return d }, 0, 1)
	case funnelv1.Interval_INTERVAL_WEEK:
		return days(func(d time.Time) time.Time {
			return d.AddDate(0, 0, -(int(d.Weekday()-begin)+7)%7)
		}, 0, 7)
	case funnelv1.Interval_INTERVAL_MONTH:
		return days(func(d time.Time) time.Time { return d.AddDate(0, 0, 1-d.Day()) }, 1, 0)
	}
	r.bad(trendField+".interval", "is required: give HOUR, DAY, WEEK or MONTH")
	return nil
}

// buckets are the beginnings of those of a question's range, one more than there may be where there
// would be too many. nil without a trend, or where the range is no range.
func (r *reader) buckets(field string, t trend, q funnel.Question) []time.Time {
	if t == nil || r.zone == nil || !q.From.Before(q.To) {
		return nil
	}
	next := t(q.From, r.zone)
	list := []time.Time{next()}
	if list[0].Year() < 1 {
		r.bad(field, "would begin before the year 1: give a later range")
		return nil
	}
	for at := next(); at.Before(q.To) && len(list) <= funnel.MaxBuckets; at = next() {
		if at.After(q.From) {
			list = append(list, at)
		} else {
			list[0] = at // clocks showed the end of the day before once more
		}
	}
	return list
}

// days are buckets of whole days: begin gives the first day of the bucket that holds a day, and
// each next one begins so many months and days later.
func days(begin func(day time.Time) time.Time, months, ahead int) trend {
	return func(at time.Time, zone *time.Location) calendar {
		local := at.In(zone)
		date := begin(time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC))
		var last time.Time
		return func() time.Time {
			for {
				first := firstInstant(date, zone)
				date = date.AddDate(0, months, ahead)
				if first.After(last) || last.IsZero() { // else clocks skipped all of it
					last = first
					return first
				}
			}
		}
	}
}

// hours are buckets of hours as clocks in the zone show them: a change of clocks begins one too, so
// that an hour shown twice is two, and clocks that change by half an hour give a shorter one.
func hours(at time.Time, zone *time.Location) calendar {
	begin := at.Truncate(time.Second).In(zone)
	_, offset := begin.Zone()
	begin = begin.Add(-time.Duration(modulo(begin.Unix()+int64(offset), 3600)) * time.Second)
	if change, ok := changeAfter(begin, zone); ok && !change.After(at) {
		begin = change
	}
	first := true
	return func() time.Time {
		if first {
			first = false
			return begin.UTC()
		}
		_, offset := begin.Zone()
		left := 3600 - modulo(begin.Unix()+int64(offset), 3600)
		next := begin.Add(time.Duration(left) * time.Second)
		if change, ok := changeAfter(begin, zone); ok && change.Before(next) {
			next = change
		}
		begin = next
		return begin.UTC()
	}
}

// changeAfter is the first instant after another one at which clocks of a zone change.
func changeAfter(at time.Time, zone *time.Location) (change time.Time, ok bool) {
	at = at.In(zone)
	_, offset := at.Zone()
	for {
		_, end := at.ZoneBounds()
		if end.IsZero() {
			return end, false
		}
		at = end.In(zone)
		if _, after := at.Zone(); after != offset {
			return at, true
		}
	}
}

func modulo(a, b int64) int64 { return (a%b + b) % b }
