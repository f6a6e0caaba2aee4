package api

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	const (
		hour  = funnelv1.Interval_INTERVAL_HOUR
		daily = funnelv1.Interval_INTERVAL_DAY
		week  = funnelv1.Interval_INTERVAL_WEEK
		month = funnelv1.Interval_INTERVAL_MONTH
	)
	const sunday = funnelv1.WeekStart_WEEK_START_SUNDAY
	for _, c := range []struct {
		name, zone, from, to string
		interval             funnelv1.Interval
		start                funnelv1.WeekStart
		compat               funnelv1.Compat
		want                 []string
	}{
		{
			name: "days, one of 23 hours", zone: "Europe/Berlin", interval: daily,
			from: "2026-03-28T12:00:00Z", to: "2026-03-30T22:00:00Z",
			want: []string{"2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		},
		{
			name: "days, one of 25 hours", zone: "Europe/Berlin", interval: daily,
			from: "2026-10-24T22:00:00Z", to: "2026-10-25T23:00:00.001Z",
			want: []string{"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		},
		{
			name: "days, one without a midnight", zone: "America/Havana", interval: daily,
			from: "2026-03-07T12:00:00Z", to: "2026-03-09T12:00:00Z",
			want: []string{
				"2026-03-07T05:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z",
			},
		},
		{
			name: "days, one that clocks skipped", zone: "Pacific/Apia", interval: daily,
			from: "2011-12-29T12:00:00Z", to: "2011-12-31T12:00:00Z",
			want: []string{
				"2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z",
			},
		},
		{
			name: "weeks from Monday", zone: "UTC", interval: week,
			from: "2026-03-01T00:00:00Z", to: "2026-03-10T00:00:00Z", // from a Sunday on
			want: []string{"2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"},
		},
		{
			name: "weeks from Sunday", zone: "UTC", interval: week, start: sunday,
			from: "2026-03-01T00:00:00Z", to: "2026-03-08T00:00:00Z",
			want: []string{"2026-03-01T00:00:00Z"},
		},
		{
			name: "weeks of posthog", zone: "UTC", interval: week,
			compat: funnelv1.Compat_COMPAT_POSTHOG,
			from:   "2026-03-03T00:00:00Z", to: "2026-03-09T00:00:00Z",
			want: []string{"2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"},
		},
		{
			name: "weeks of posthog, Monday stated", zone: "UTC", interval: week,
			compat: funnelv1.Compat_COMPAT_POSTHOG, start: funnelv1.WeekStart_WEEK_START_MONDAY,
			from: "2026-03-03T00:00:00Z", to: "2026-03-10T00:00:00Z",
			want: []string{"2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"},
		},
		{
			name: "a week over a change of clocks", zone: "America/New_York", interval: week,
			from: "2026-03-05T00:00:00Z", to: "2026-03-20T00:00:00Z",
			want: []string{"2026-03-02T05:00:00Z", "2026-03-09T04:00:00Z", "2026-03-16T04:00:00Z"},
		},
		{
			name: "months", zone: "Europe/Berlin", interval: month,
			from: "2026-01-31T12:00:00Z", to: "2026-04-15T00:00:00Z",
			want: []string{
				"2025-12-31T23:00:00Z", "2026-01-31T23:00:00Z", "2026-02-28T23:00:00Z",
				"2026-03-31T22:00:00Z",
			},
		},
		{
			name: "hours, one shown twice", zone: "Europe/Berlin", interval: hour,
			from: "2026-10-25T00:10:00Z", to: "2026-10-25T03:00:00Z",
			want: []string{"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
		},
		{
			name: "hours away from those of UTC", zone: "Asia/Kolkata", interval: hour,
			from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:30:00.001Z",
			want: []string{"2025-12-31T23:30:00Z", "2026-01-01T00:30:00Z", "2026-01-01T01:30:00Z"},
		},
		{
			name: "hours, clocks half an hour back", zone: "Australia/Lord_Howe", interval: hour,
			from: "2026-04-04T14:10:00Z", to: "2026-04-04T17:00:00Z",
			want: []string{
				"2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z",
				"2026-04-04T16:30:00Z",
			},
		},
		{
			name: "hours, from after clocks were put half an hour back", zone: "Australia/Lord_Howe",
			interval: hour, from: "2026-04-04T15:10:00Z", to: "2026-04-04T16:00:00Z",
			want: []string{"2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"},
		},
		{
			name: "the end of a day shown twice", zone: "America/Havana", interval: daily,
			from: "2026-11-01T05:30:00Z", to: "2026-11-02T06:00:00Z",
			want: []string{"2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			q := funnel.Question{From: instantOf(t, c.from), To: instantOf(t, c.to)}
			r := &reader{surroundings: surroundings{zone: zone}}
			m := &funnelv1.Trend{Interval: c.interval, WeekStart: c.start}
			var got []string
			for _, at := range r.buckets(trendField, r.trend(m, presets[c.compat]), q) {
				got = append(got, at.Format(time.RFC3339Nano))
			}
			if diff := cmp.Diff(c.want, got); diff != "" || len(r.invalid) > 0 {
				t.Errorf("(-want +got):\n%s%v", diff, r.invalid)
			}
		})
	}
}

func instantOf(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestTooManyBuckets: they are made no further than it takes to see that they are too many.
func TestTooManyBuckets(t *testing.T) {
	t.Parallel()
	q := funnel.Question{
		From: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	r := &reader{surroundings: surroundings{zone: time.UTC}}
	m := &funnelv1.Trend{Interval: funnelv1.Interval_INTERVAL_HOUR}
	if n := len(r.buckets(trendField, r.trend(m, preset{}), q)); n != funnel.MaxBuckets+1 {
		t.Errorf("%d buckets", n)
	}
	q.From = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	m = &funnelv1.Trend{
		Interval: funnelv1.Interval_INTERVAL_WEEK, WeekStart: funnelv1.WeekStart_WEEK_START_SUNDAY,
	}
	if r.buckets(trendField, r.trend(m, preset{}), q) != nil || len(r.invalid) != 1 {
		t.Errorf("a bucket of the year 0: %v", r.invalid)
	}
}
