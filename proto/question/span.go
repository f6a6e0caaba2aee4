package question

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// spanUnits by their letters. A day is 24 hours and a week 7 days, as in windows.
var spanUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// Span reads a length of time such as "14d", "36h", "1d12h" or "1.5h": numbers with the units w,
// d, h, m, s and ms, added up. It is never negative.
func Span(text string) (time.Duration, error) {
	var sum time.Duration
	rest := strings.TrimSpace(text)
	if rest == "" {
		return 0, spanError(text)
	}
	for rest != "" {
		number, after := cutWhile(rest, "0123456789.")
		unit, next := cutWhile(after, "wdhms")
		n, err := strconv.ParseFloat(number, 64)
		each, known := spanUnits[unit]
		if err != nil || !known {
			return 0, spanError(text)
		}
		part := n * float64(each)
		if part+float64(sum) >= float64(1<<63) {
			return 0, fmt.Errorf("%q is too long: give less than 292 years", text)
		}
		sum += time.Duration(part)
		rest = next
	}
	return sum, nil
}

func spanError(text string) error {
	return fmt.Errorf("%q is no length of time: write it as 14d, 36h, 90m or 1d12h "+
		"(units w, d, h, m, s, ms)", text)
}

// cutWhile splits a text behind its longest beginning that consists of the given bytes.
func cutWhile(text, of string) (begin, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune(of, r) })
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}
