package picture

import (
	"fmt"
	"math"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// mostReasons is how many reasons are drawn.
const mostReasons = 10

// lostReasons draws what separates those who were lost from those who went on, a line each: what is
// significant; of the others it tells how many there are.
func (d *drawing) lostReasons(all []*funnelv1.Reason) {
	var reasons []*funnelv1.Reason
	for _, r := range all {
		if r.GetSignificant() && len(reasons) < mostReasons {
			reasons = append(reasons, r)
		}
	}
	switch {
	case len(all) == 0:
		return
	case len(reasons) == 0:
		d.line("  nothing goes with being lost beyond chance; --json has what was looked at")
		return
	}
	names := make([]string, len(reasons))
	odds := make([]string, len(reasons))
	for i, r := range reasons {
		names[i], odds[i] = reasonName(r), oddsOf(r)
	}
	d.line("  what goes with being lost:")
	name, odd := widest(names, 8, d.width()-4), widest(odds, 8, d.width()-4)
	for i, r := range reasons {
		rest := fmt.Sprintf("q %s, met by %s of the lost and %s of those who went on",
			chance(r.GetQValue()), ratio(r.GetLostWith(), r.GetLost()),
			ratio(r.GetWentOnWith(), r.GetWentOn()))
		if name+odd+len(rest)+6 <= d.width() {
			d.line("    %s %s %s", d.paint(red, fit(names[i], name)), fit(odds[i], odd), rest)
			continue
		}
		d.line("    %s", d.paint(red, fit(names[i], name)))
		for _, line := range wrap(odds[i]+", "+rest, d.width()-6, 0) {
			d.line("      %s", line)
		}
	}
	if more := len(all) - len(reasons); more > 0 {
		d.line("    %s", d.paint(dim, Number(more)+" more could be by chance; --json has all"))
	}
}

func reasonName(r *funnelv1.Reason) string {
	switch r.GetKind() {
	case funnelv1.ReasonKind_REASON_KIND_BARRIER:
		return "barrier " + r.GetName()
	case funnelv1.ReasonKind_REASON_KIND_PROPERTY:
		return r.GetName() + " = " + r.GetValue()
	case funnelv1.ReasonKind_REASON_KIND_EVENT:
		return fmt.Sprintf("event %q", r.GetName())
	}
	return r.GetName()
}

func oddsOf(r *funnelv1.Reason) string {
	return fmt.Sprintf("odds ×%s [%s–%s]", times(r.GetOddsRatio()), times(r.GetLow()),
		times(r.GetHigh()))
}

// times writes a multiple with two digits that tell.
func times(n float64) string {
	if n >= 10 || n == 0 {
		return fmt.Sprintf("%.0f", n)
	}
	digits := max(1, 1-int(math.Floor(math.Log10(n))))
	return fmt.Sprintf("%.*f", min(digits, 4), n)
}

// ratio is a part of a whole in whole percent.
func ratio(part, whole uint32) string {
	switch {
	case whole == 0:
		return "none"
	case part > 0 && uint64(part)*200 < uint64(whole):
		return "<1 %"
	}
	return fmt.Sprintf("%.0f %%", float64(part)/float64(whole)*100)
}
