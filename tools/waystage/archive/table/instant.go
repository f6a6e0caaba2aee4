package table

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
	_ "time/tzdata" // a machine without zone files must know every zone

	"github.com/ncruces/go-strftime"
)

// Formats of instants that are no patterns.
const (
	formatISO       = "iso"
	formatUnix      = "unix"
	formatUnixMilli = "unix-ms"
)

// clock reads instants as the file writes them.
type clock struct {
	format string
	zone   *time.Location
}

// newClock takes a format, "" for ISO 8601, and a zone of the IANA database, "" for UTC. Errors:
// neither is known.
func newClock(format, zone string) (clock, error) {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return clock{}, fmt.Errorf("zone %q is not known: give a name of the IANA database, such as "+
			"Europe/Berlin", zone)
	}
	c := clock{format: format, zone: location}
	switch format {
	case "", formatISO, formatUnix, formatUnixMilli:
		return c, nil
	}
	return c, checkPattern(format)
}

// checkPattern refuses patterns that cannot be meant. A sample is written and read again.
func checkPattern(format string) error {
	const remedy = `give iso, unix, unix-ms, or a pattern such as "%d.%m.%Y %H:%M" ` +
		`(31.01.2026 17:05): %Y year, %y of two digits, %m month, %d day, %H hour, %I of twelve ` +
		`with %p for AM and PM, %M minute, %S second, %z zone as +01:00, %b Jan, %B January`
	switch {
	case !strings.Contains(format, "%"):
		return fmt.Errorf("format %q has no %% sign: %s", format, remedy)
	case strings.Contains(format, "%Z"):
		return errors.New("%Z, the short name of a zone, does not say which: name the zone by " +
			"zone, and leave it out of the file")
	}
	sample := time.Date(2026, 11, 21, 15, 4, 5, 0, time.UTC)
	read, err := strftime.Parse(format, strftime.Format(format, sample))
	if err != nil {
		return fmt.Errorf("format %q cannot be read by: %w; %s", format, err, remedy)
	}
	if read.Year() != sample.Year() || read.YearDay() != sample.YearDay() {
		return fmt.Errorf("format %q does not hold year, month and day: %s", format, remedy)
	}
	return nil
}

// read gives the instant that a text states. Errors say what would be readable.
func (c clock) read(text string) (time.Time, error) {
	switch c.format {
	case "", formatISO:
		return c.iso(text)
	case formatUnix:
		return sinceEpoch(text, time.Second)
	case formatUnixMilli:
		return sinceEpoch(text, time.Millisecond)
	}
	at, err := strftime.Parse(c.format, text)
	if err != nil {
		return at, fmt.Errorf("%q is not written as %s: mend it, or give another format",
			clipped(text), c.format)
	}
	if strings.Contains(c.format, "%z") || strings.Contains(c.format, "%:z") {
		return at.UTC(), nil
	}
	return c.place(at, text)
}

// isoZoned and isoLocal are the forms of ISO 8601 with and without a zone, each also with a
// fraction.
var (
	isoZoned = []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700", "2006-01-02T15:04Z07",
		"20060102T150405Z0700",
	}
	isoLocal = []string{
		"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02", "20060102T150405", "20060102",
	}
)

func (c clock) iso(text string) (time.Time, error) {
	plain := strings.ToUpper(strings.Join(strings.Fields(text), " "))
	if day, rest, found := strings.Cut(plain, " "); found && !strings.Contains(day, "T") {
		plain = day + "T" + rest
	}
	plain = strings.ReplaceAll(plain, " ", "")
	if local, found := strings.CutSuffix(plain, "UTC"); found {
		plain = local + "Z"
	}
	// A zone stands behind the day; the day has signs of its own.
	zoned := strings.ContainsAny(plain[min(len(plain), len("2006-01-02")):], "Z+-")
	layouts := isoLocal
	if zoned {
		layouts = isoZoned
	}
	for _, layout := range layouts {
		at, err := time.Parse(layout, plain)
		switch {
		case err != nil:
		case zoned:
			return at.UTC(), nil
		default:
			return c.place(at, text)
		}
	}
	return time.Time{}, fmt.Errorf("%q is no instant of ISO 8601, such as 2026-01-31 17:05: mend "+
		`it, or say how it is written by format, such as "%%d.%%m.%%Y %%H:%%M"`, clipped(text))
}

// place gives the instant at which clocks of the zone show what at shows in UTC: the first of two,
// where they show it twice. A day alone begins when it begins there, also where midnight is
// skipped.
func (c clock) place(at time.Time, text string) (time.Time, error) {
	year, month, day := at.Date()
	there := time.Date(year, month, day, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), c.zone)
	begin, _ := there.ZoneBounds()
	if wall(there) != wall(at) {
		_, end := there.ZoneBounds()
		switch {
		case at.Truncate(24*time.Hour) != at:
			return at, fmt.Errorf("clocks of %s never showed %q, they were put forward: check the "+
				"zone", c.zone, clipped(text))
		case wall(there) > wall(at):
			return begin.UTC(), nil
		}
		return end.UTC(), nil
	}
	if begin.IsZero() {
		return there.UTC(), nil
	}
	_, now := there.Zone()
	_, before := begin.Add(-1).Zone()
	earlier := there.Add(time.Duration(now-before) * time.Second)
	if earlier.Before(begin) && wall(earlier) == wall(at) {
		return earlier.UTC(), nil
	}
	return there.UTC(), nil
}

func wall(at time.Time) string { return at.Format("2006-01-02T15:04:05.999999999") }

// sinceEpoch reads a count since 1970, with a fraction or without.
func sinceEpoch(text string, unit time.Duration) (time.Time, error) {
	const maxDigits = 40
	count, ok := new(big.Rat).SetString(text)
	if !ok || len(text) > maxDigits || strings.ContainsAny(text, "eEpPxX/_") {
		return time.Time{}, fmt.Errorf("%q is no count of %s since 1970: mend it, or give another "+
			"format", clipped(text), map[time.Duration]string{
			time.Second: "seconds", time.Millisecond: "milliseconds",
		}[unit])
	}
	count.Mul(count, new(big.Rat).SetInt64(int64(unit)))
	nanos := new(big.Int).Div(count.Num(), count.Denom())
	if !nanos.IsInt64() {
		return time.Time{}, fmt.Errorf("%q is more than can be counted: is it in another unit?",
			clipped(text))
	}
	return time.Unix(0, nanos.Int64()).UTC(), nil
}
