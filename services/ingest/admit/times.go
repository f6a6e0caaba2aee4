package admit

import (
	"strings"
	"time"

	"github.com/waystage/waystage/services/journey"
)

const (
	// DefaultSkewTolerance is the largest clock difference that is left alone. Some SDKs resend
	// the same bytes, first sentAt included, for over half a minute.
	DefaultSkewTolerance = 2 * time.Minute
	// MaxAhead is how far after its receipt a touchpoint may have occurred.
	MaxAhead = 24 * time.Hour
	// firstYear and lastYear bound what nanoseconds since 1970 can count in 64 bits, and are far
	// from what any clock that runs says.
	firstYear, lastYear = 1900, 2261
)

// layouts are the forms of an instant beside RFC 3339, all with or without a fraction: a zone of
// four or two digits, no zone (then UTC), no seconds, a day alone.
var layouts = []string{
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05Z07",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02",
}

// parseInstant reads ISO 8601 as senders write it. Nanoseconds are kept, what is finer is cut.
func parseInstant(text string) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), true
	}
	text = normal(text)
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), true
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// normal brings "2026-01-02 03:04:05 utc" and its like to the form of RFC 3339.
func normal(text string) string {
	text = strings.ToUpper(strings.TrimSpace(text))
	day, rest, found := strings.Cut(text, " ")
	if found && !strings.Contains(day, "T") {
		text = day + "T" + strings.TrimSpace(rest)
	}
	if clock, zone, found := strings.Cut(text, " "); found {
		text = clock + strings.TrimSpace(zone)
	}
	if clock, found := strings.CutSuffix(text, "UTC"); found {
		return clock + "Z"
	}
	return text
}

func inRange(at time.Time) bool { return firstYear <= at.Year() && at.Year() <= lastYear }

// sentAt reads the literal of a sending time. Zero where there is none to be read: it only
// corrects a clock, so that a message does without.
func sentAt(literal string) time.Time {
	if literal == "" || literal[0] != '"' {
		return time.Time{}
	}
	at, ok := parseInstant(unquote(literal))
	if !ok || !inRange(at) {
		return time.Time{}
	}
	return at
}

// occurred is what a sender's instant is by our clock: moved by received_at − sent_at where that
// is more than the tolerance. A zero sent moves nothing.
func occurred(original, sent, received time.Time, tolerance time.Duration) time.Time {
	if sent.IsZero() {
		return original
	}
	if skew := received.Sub(sent); skew.Abs() > tolerance {
		return original.Add(skew)
	}
	return original
}

// settleTimes fills in the fact's times; a zero stated is none. Refusal: TimeOutOfRange.
func (r Rules) settleTimes(f *journey.Fact, stated, sent time.Time) *Refusal {
	if stated.IsZero() {
		f.OriginalAt, f.OccurredAt = f.ReceivedAt, f.ReceivedAt
		return nil
	}
	f.OriginalAt = stated
	f.OccurredAt = occurred(stated, sent, f.ReceivedAt, r.SkewTolerance)
	if f.OccurredAt.Before(time.Unix(0, 0)) {
		return refuse(TimeOutOfRange, "occurred at %s, before 1970: state when it happened",
			f.OccurredAt.Format(time.RFC3339))
	}
	if f.OccurredAt.After(f.ReceivedAt.Add(MaxAhead)) {
		return refuse(TimeOutOfRange,
			"occurred at %s, more than %s after it was received at %s: set the sender's clock",
			f.OccurredAt.Format(time.RFC3339), MaxAhead, f.ReceivedAt.Format(time.RFC3339))
	}
	return nil
}
