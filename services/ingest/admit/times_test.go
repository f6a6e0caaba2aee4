package admit

import (
	"strings"
	"testing"
	"time"

	"github.com/waystage/waystage/services/journey"
)

func TestTimes(t *testing.T) {
	t.Parallel()
	clock := func(hour, minute, second int) time.Time {
		return time.Date(2026, 1, 2, hour, minute, second, 0, time.UTC)
	}
	tests := []struct {
		name, times string
		sent        time.Time
		imported    bool
		occurred    time.Time
		original    time.Time
	}{
		{"none: receipt", ``, time.Time{}, false, received, received},
		{"empty: receipt", `"timestamp":""`, time.Time{}, false, received, received},
		{
			"timestamp", `"timestamp":"2026-01-02T10:00:00Z"`,
			time.Time{},
			false, clock(10, 0, 0),
			clock(10, 0, 0),
		},
		{
			"original only", `"originalTimestamp":"2026-01-02T10:00:00Z"`,
			time.Time{},
			false,
			clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"both: timestamp",
			`"timestamp":"2026-01-02T10:00:00Z","originalTimestamp":"2026-01-02T11:00:00Z"`,
			time.Time{},
			false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"original beside a timestamp is not looked at",
			`"timestamp":"2026-01-02T10:00:00Z","originalTimestamp":"x"`,
			time.Time{},
			false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"skew within the tolerance",
			`"timestamp":"2026-01-02T10:00:00Z","sentAt":"2026-01-02T11:58:00Z"`,
			time.Time{},
			false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"slow clock", `"timestamp":"2026-01-02T10:00:00Z","sentAt":"2026-01-02T11:57:59Z"`,
			time.Time{},
			false, clock(10, 2, 1), clock(10, 0, 0),
		},
		{
			"fast clock", `"timestamp":"2026-01-03T13:00:00Z","sentAt":"2026-01-03T13:00:00Z"`,
			time.Time{},
			false, clock(12, 0, 0), time.Date(2026, 1, 3, 13, 0, 0, 0, time.UTC),
		},
		{
			"clock of before 1970", `"timestamp":"1969-01-01T00:00:00Z","sentAt":"1969-01-01T00:00:00Z"`,
			time.Time{},
			false, received, time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC),
		},
		{
			"the batch's sentAt", `"timestamp":"2026-01-02T10:00:00Z"`, clock(11, 0, 0), false,
			clock(11, 0, 0), clock(10, 0, 0),
		},
		{
			"the message's sentAt wins",
			`"timestamp":"2026-01-02T10:00:00Z","sentAt":"2026-01-02T12:00:00Z"`,
			clock(11, 0, 0), false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"unreadable sentAt corrects nothing", `"timestamp":"2026-01-02T10:00:00Z","sentAt":5`,
			time.Time{},
			false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"sentAt of the year 1", `"timestamp":"2026-01-02T10:00:00Z","sentAt":"0001-01-01T00:00:00Z"`,
			time.Time{},
			false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"imports are not corrected",
			`"timestamp":"2018-01-02T10:00:00Z","sentAt":"2018-01-02T10:00:01Z"`,
			clock(1, 0, 0), true, time.Date(2018, 1, 2, 10, 0, 0, 0, time.UTC),
			time.Date(2018, 1, 2, 10, 0, 0, 0, time.UTC),
		},
		{
			"24 h ahead", `"timestamp":"2026-01-03T12:00:00Z"`,
			time.Time{},
			false, received.Add(MaxAhead),
			received.Add(MaxAhead),
		},
		{
			"1970", `"timestamp":"1970-01-01T00:00:00Z"`,
			time.Time{},
			false, time.Unix(0, 0).UTC(),
			time.Unix(0, 0).UTC(),
		},
		{
			"receipt is not corrected", `"sentAt":"2026-01-02T10:00:00Z"`,
			time.Time{},
			false, received,
			received,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := single(journey.Track)
			env.SentAt, env.Imported = tt.sent, tt.imported
			message := `{"event":"e","userId":"u",` + tt.times + `}`
			f := mustAdmit(t, env, strings.Replace(message, ",}", "}", 1))
			if !f.OccurredAt.Equal(tt.occurred) || !f.OriginalAt.Equal(tt.original) {
				t.Errorf("occurred %s, original %s; want %s, %s",
					f.OccurredAt, f.OriginalAt, tt.occurred, tt.original)
			}
			if f.OccurredAt.Location() != time.UTC || f.OriginalAt.Location() != time.UTC {
				t.Error("not in UTC")
			}
		})
	}
}

func TestParseInstant(t *testing.T) {
	t.Parallel()
	day := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		text string
		want time.Time
	}{
		{"2020-01-02T03:04:05Z", day},
		{"2020-01-02T03:04:05.6Z", day.Add(600 * time.Millisecond)},
		{"2020-01-02T03:04:05,6Z", day.Add(600 * time.Millisecond)},
		{"2020-01-02T03:04:05.123456789Z", day.Add(123456789)},
		{"2020-01-02T03:04:05.1234567899Z", day.Add(123456789)},
		{"2020-01-02T04:04:05+01:00", day},
		{"2020-01-02T04:04:05+0100", day},
		{"2020-01-02T04:04:05.5+0100", day.Add(500 * time.Millisecond)},
		{"2020-01-02T04:04:05+01", day},
		{"2020-01-02T03:04:05", day},
		{"2020-01-02 03:04:05", day},
		{"2020-01-02 03:04:05.5", day.Add(500 * time.Millisecond)},
		{"2020-01-02 03:04:05Z", day},
		{"2020-01-02 03:04:05 UTC", day},
		{"2020-01-02 04:04:05 +0100", day},
		{"2020-01-02t03:04:05z", day},
		{" 2020-01-02T03:04:05Z ", day},
		{"2020-01-02T03:04Z", day.Truncate(time.Minute)},
		{"2020-01-02T03:04", day.Truncate(time.Minute)},
		{"2020-01-02", day.Truncate(24 * time.Hour)},
	}
	for _, tt := range tests {
		if got, ok := parseInstant(tt.text); !ok || !got.Equal(tt.want) {
			t.Errorf("%q: %s, %t; want %s", tt.text, got, ok, tt.want)
		}
	}
	for _, text := range []string{
		"", "now", "2020", "2020-13-01", "2020-02-30T00:00:00Z", "2020-01-02T25:00:00Z",
		"1577934245000", "2020-01-02T03:04:05 PST", "02.01.2020", "2020-01-02T03:04:05Zz",
		"-001-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
	} {
		if got, ok := parseInstant(text); ok {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}
