package api

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// timeRange reads both ends.
func (r *reader) timeRange(field string, m *funnelv1.TimeRange) (from, to time.Time) {
	if m == nil {
		r.bad(field, "is required")
		return from, to
	}
	switch end := m.GetFrom().(type) {
	case *funnelv1.TimeRange_FromTime:
		from = r.instant(field+".from_time", end.FromTime)
	case *funnelv1.TimeRange_FromDate:
		from = r.date(field+".from_date", end.FromDate)
	default:
		r.bad(field+".from_time", "from_time or from_date is required")
	}
	switch end := m.GetTo().(type) {
	case *funnelv1.TimeRange_ToTime:
		to = r.instant(field+".to_time", end.ToTime)
	case *funnelv1.TimeRange_ToDate:
		to = r.date(field+".to_date", end.ToDate)
	default:
		r.bad(field+".to_time", "to_time or to_date is required")
	}
	return from, to
}

// asOf settles the instant once: what is unstated is the beginning of the call.
func (r *reader) asOf(q *funnelv1.FunnelQuestion) time.Time {
	if q.GetAsOf() == nil {
		return cut(r.now)
	}
	return r.instant("question.as_of", q.GetAsOf())
}

// instant reads a time and cuts it to the precision that counts.
func (r *reader) instant(field string, m *timestamppb.Timestamp) time.Time {
	if err := m.CheckValid(); err != nil {
		r.bad(field, "must be a time of the years 1 to 9999")
		return time.Time{}
	}
	return cut(m.AsTime())
}

// cut is the instant as it counts: UTC, milliseconds, finer parts cut off.
func cut(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

func (r *reader) date(field, text string) time.Time {
	d, err := time.Parse(time.DateOnly, text)
	if err != nil || d.Year() < 1 {
		r.bad(field, "must be a day as YYYY-MM-DD, not %q", text)
		return time.Time{}
	}
	return firstInstant(d, r.zone)
}

// zoneSpan is more than any zone was ever away from UTC.
const zoneSpan = 36 * time.Hour

// firstInstant is the first instant of a day in a zone, in UTC. Where clocks skip midnight, or the
// whole day, it is the instant they skip to; where midnight comes twice, the first.
// midnight is that of the day in UTC.
func firstInstant(midnight time.Time, zone *time.Location) time.Time {
	t := midnight.Add(-zoneSpan).In(zone)
	for {
		_, offset := t.Zone()
		at := midnight.Add(-time.Duration(offset) * time.Second)
		if at.Before(t) {
			return cut(t)
		}
		_, end := t.ZoneBounds()
		if end.IsZero() || at.Before(end) {
			return cut(at)
		}
		t = end
	}
}
