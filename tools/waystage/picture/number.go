package picture

import (
	"fmt"
	"math"
	"strconv"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// Number writes a number with a comma between thousands.
func Number[N ~int | ~int64 | ~uint32 | ~uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	out := make([]byte, 0, len(digits)+len(digits)/3)
	for i := range len(digits) {
		if left := len(digits) - i; i > 0 && left%3 == 0 && digits[i-1] != '-' {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", share*100) }

// share is a share with its interval, "–" where there is none.
func share(s *funnelv1.Share) string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%s [%.1f–%.1f]", percent(s.GetValue()), s.GetLow()*100, s.GetHigh()*100)
}

// Span writes a length of time in its two largest units: "3 d 4 h", "12 min 5 s", "250 ms".
func Span(seconds float64) string {
	if math.IsNaN(seconds) || seconds < 0 {
		return "–"
	}
	if seconds < 1 {
		return fmt.Sprintf("%.0f ms", seconds*1000)
	}
	whole := int64(seconds + 0.5)
	for i, u := range spanUnits[:len(spanUnits)-1] {
		if whole < u.seconds {
			continue
		}
		less := spanUnits[i+1]
		text := fmt.Sprintf("%s %s", Number(whole/u.seconds), u.name)
		if rest := whole % u.seconds / less.seconds; rest > 0 {
			text += fmt.Sprintf(" %d %s", rest, less.name)
		}
		return text
	}
	return fmt.Sprintf("%d s", whole)
}

var spanUnits = []struct {
	seconds int64
	name    string
}{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// day writes a bound of a range: only the day where it is a midnight in UTC.
func day(t time.Time) string {
	t = t.UTC()
	if t.Truncate(24 * time.Hour).Equal(t) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}
