package question

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// Bound is one end of a range: a day of the site's time zone, or an instant.
type Bound struct {
	// Date is the day as YYYY-MM-DD. Empty: At says when.
	Date string
	// At in UTC.
	At time.Time
}

// ParseBound reads a day (2026-11-21), an instant (RFC 3339), "now", or a distance from now such
// as "-30d".
func ParseBound(text string, now time.Time) (Bound, error) {
	text = strings.TrimSpace(text)
	if day, err := time.Parse(time.DateOnly, text); err == nil && day.Year() > 0 {
		return Bound{Date: text}, nil
	}
	at, err := Instant(text, now)
	if err != nil {
		return Bound{}, fmt.Errorf("%q is no time: write a day as 2026-11-21, an instant as "+
			"2026-11-21T09:30:00Z, now, or a distance from now such as -30d", text)
	}
	return Bound{At: at}, nil
}

// Instant reads an instant (RFC 3339), "now", or a distance from now such as "-30d" or "+1h". The
// year is 1 to 9999.
func Instant(text string, now time.Time) (time.Time, error) {
	at, err := instant(strings.TrimSpace(text), now)
	if err != nil || at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%q is no instant: write it as 2026-11-21T09:30:00Z, now, "+
			"or as a distance from now such as -30d", text)
	}
	return at.UTC(), nil
}

func instant(text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if distance, back := strings.CutPrefix(text, "-"); back {
		span, err := Span(distance)
		return now.Add(-span), err
	}
	if distance, ahead := strings.CutPrefix(text, "+"); ahead {
		span, err := Span(distance)
		return now.Add(span), err
	}
	return time.Parse(time.RFC3339Nano, text)
}

func (b Bound) setFrom(r *funnelv1.TimeRange) {
	if b.Date != "" {
		r.From = &funnelv1.TimeRange_FromDate{FromDate: b.Date}
		return
	}
	r.From = &funnelv1.TimeRange_FromTime{FromTime: timestamppb.New(b.At)}
}

func (b Bound) setTo(r *funnelv1.TimeRange) {
	if b.Date != "" {
		r.To = &funnelv1.TimeRange_ToDate{ToDate: b.Date}
		return
	}
	r.To = &funnelv1.TimeRange_ToTime{ToTime: timestamppb.New(b.At)}
}
