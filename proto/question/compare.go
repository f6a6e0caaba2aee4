package question

import (
	"fmt"
	"strings"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// ParseCompare reads what an answer is set beside: "previous", a range such as
// "2026-10-01..2026-11-01", whose ends are written as those of the question's, or a condition
// behind "filter:".
func ParseCompare(text string, now time.Time) (*funnelv1.Compare, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "previous") {
		return &funnelv1.Compare{With: &funnelv1.Compare_PreviousPeriod{PreviousPeriod: true}}, nil
	}
	if condition, is := strings.CutPrefix(text, "filter:"); is {
		f, err := parseFilter(condition)
		if err != nil {
			return nil, err
		}
		return &funnelv1.Compare{With: &funnelv1.Compare_Filter{Filter: f}}, nil
	}
	from, to, ranged := strings.Cut(text, "..")
	if !ranged {
		return nil, fmt.Errorf("%q: write previous, a range such as 2026-10-01..2026-11-01, or a "+
			"condition behind filter:, such as filter:channel=email", text)
	}
	r := &funnelv1.TimeRange{}
	for _, end := range []struct {
		text string
		set  func(Bound, *funnelv1.TimeRange)
	}{{from, Bound.setFrom}, {to, Bound.setTo}} {
		bound, err := ParseBound(end.text, now)
		if err != nil {
			return nil, err
		}
		end.set(bound, r)
	}
	return &funnelv1.Compare{With: &funnelv1.Compare_Range{Range: r}}, nil
}
