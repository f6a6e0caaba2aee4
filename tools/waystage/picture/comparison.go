package picture

import (
	"fmt"
	"strconv"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// beside heads the numbers of the answer that is compared with.
const beside = "beside"

// Widths of columns of a comparison.
const (
	percentColumns = 8
	changeColumns  = 9
)

// comparison draws an answer beside the one that it is compared with: counts and shares of both,
// and the difference.
func (d *drawing) comparison(a *funnelv1.AskFunnelResponse) {
	c := a.GetComparison()
	if c == nil {
		return
	}
	d.line("")
	d.line("%s", d.paint(dim, "compared with "+entries(c.GetFromTime(), c.GetToTime())))
	labels := make([]string, len(a.GetSteps()))
	for i, s := range a.GetSteps() {
		labels[i] = strconv.Itoa(i+1) + " " + s.GetLabel()
	}
	d.sideBySide("step", labels, "of first", a.GetSteps(), c.GetSteps())
	if len(a.GetGroups()) == 0 && len(c.GetGroups()) == 0 {
		return
	}
	d.line("")
	d.comparedGroups(a.GetGroups(), c.GetGroups())
}

// comparedGroups draws the last step of each group; the groups past the limit stand in the last
// place of either answer.
func (d *drawing) comparedGroups(groups, before []*funnelv1.GroupResult) {
	var labels []string
	var now, then []*funnelv1.StepResult
	last := func(g *funnelv1.GroupResult) *funnelv1.StepResult {
		if g == nil || len(g.GetSteps()) == 0 {
			return nil
		}
		return g.GetSteps()[len(g.GetSteps())-1]
	}
	var otherBefore *funnelv1.GroupResult
	if n := len(before); n > 0 && before[n-1].GetOther() {
		otherBefore = before[n-1]
	}
	for i, g := range groups {
		like := otherBefore
		if g.GetOther() {
			otherBefore = nil
		} else if like = nil; i < len(before) {
			like = before[i]
		}
		labels = append(labels, groupName(g.GetValues(), g.GetOther()))
		now, then = append(now, last(g)), append(then, last(like))
	}
	if otherBefore != nil {
		labels = append(labels, groupName(nil, true))
		now, then = append(now, nil), append(then, last(otherBefore))
	}
	d.sideBySide("group, last step", labels, "of first", now, then)
}

// sideBySide draws a line per pair of results.
func (d *drawing) sideBySide(
	what string, labels []string, share string, now, then []*funnelv1.StepResult,
) {
	counts := []string{d.units(), beside}
	for i := range labels {
		counts = append(counts, Number(now[i].GetCount()), Number(stepAt(then, i).GetCount()))
	}
	count := widest(counts, 6, 14)
	free := d.width() - 2*count - 2*changeColumns - 2*percentColumns - 6
	label := widest(append([]string{what}, labels...), 4, max(8, free))
	line := func(paint string, texts [7]string) {
		d.line("%s %s %s %s %s %s %s", d.paint(paint, fit(texts[0], label)), right(texts[1], count),
			right(texts[2], count), right(texts[3], changeColumns), right(texts[4], percentColumns),
			right(texts[5], percentColumns), right(texts[6], changeColumns))
	}
	line(dim, [7]string{what, d.units(), beside, "change", share, beside, "change"})
	for i := range labels {
		a, b := now[i], stepAt(then, i)
		line(bold, [7]string{
			labels[i], Number(a.GetCount()), Number(b.GetCount()), growth(a.GetCount(), b.GetCount()),
			bare(a.GetConversionFromFirst()), bare(b.GetConversionFromFirst()),
			points(a.GetConversionFromFirst(), b.GetConversionFromFirst()),
		})
	}
}

func stepAt(steps []*funnelv1.StepResult, i int) *funnelv1.StepResult {
	if i < len(steps) {
		return steps[i]
	}
	return nil
}

// growth is a change of a count as a share of what was before.
func growth(now, before uint32) string {
	if before == 0 {
		return "–"
	}
	return fmt.Sprintf("%+.1f %%", (float64(now)-float64(before))/float64(before)*100)
}

// bare is a share without its interval.
func bare(s *funnelv1.Share) string {
	if s == nil {
		return "–"
	}
	return percent(s.GetValue())
}

// points is the difference of two shares, in percentage points.
func points(now, before *funnelv1.Share) string {
	if now == nil || before == nil {
		return "–"
	}
	return fmt.Sprintf("%+.1f pt", (now.GetValue()-before.GetValue())*100)
}
