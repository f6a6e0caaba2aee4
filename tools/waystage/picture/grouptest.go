package picture

import (
	"fmt"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// tests draws how the conversion of each group compares with that of all others together.
func (d *drawing) tests(groups []*funnelv1.GroupResult, ratio *funnelv1.SampleRatio) {
	var names []string
	var tested []*funnelv1.GroupResult
	best := false
	for _, g := range groups {
		if g.GetTest() != nil {
			names, tested = append(names, groupName(g.GetValues(), g.GetOther())), append(tested, g)
			best = best || g.GetTest().ProbabilityBest != nil
		}
	}
	if len(tested) > 0 {
		d.line("")
		d.testRows(names, tested, best)
	}
	d.ratio(ratio)
}

// Widths of columns of tests.
const (
	differenceColumns = 25
	chanceColumns     = 7
)

func (d *drawing) testRows(names []string, groups []*funnelv1.GroupResult, best bool) {
	verdict := len("small sample")
	free := d.width() - differenceColumns - 2*chanceColumns - verdict - 4
	if best {
		free -= chanceColumns + 1
	}
	name := widest(append(names, "beside others"), 8, max(8, free))
	head := fit("beside others", name) + " " + right("difference", differenceColumns) + " " +
		right("p", chanceColumns) + " " + right("q", chanceColumns)
	if best {
		head += " " + right("is best", chanceColumns)
	}
	d.line("%s", d.paint(dim, head))
	for i, g := range groups {
		t := g.GetTest()
		line := right(fmt.Sprintf("%+.1f pt [%+.1f – %+.1f]", t.GetDifference()*100, t.GetLow()*100,
			t.GetHigh()*100), differenceColumns) + " " + right(chance(t.GetPValue()), chanceColumns) +
			" " + right(chance(t.GetQValue()), chanceColumns)
		if best {
			text := "–"
			if t.ProbabilityBest != nil {
				text = percent(t.GetProbabilityBest())
			}
			line += " " + right(text, chanceColumns)
		}
		d.line("%s %s %s", d.paint(bold, fit(names[i], name)), line, d.verdict(t))
	}
}

// verdict says what a test tells.
func (d *drawing) verdict(t *funnelv1.GroupTest) string {
	switch {
	case t.GetSmallSample():
		return d.paint(yellow, "small sample")
	case t.GetSignificant():
		return d.paint(green, "significant")
	}
	return ""
}

// chance writes a probability; a small one by its bound.
func chance(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// ratio warns where variants were not drawn evenly.
func (d *drawing) ratio(r *funnelv1.SampleRatio) {
	switch {
	case r == nil:
	case r.GetMismatch():
		d.warning(fmt.Sprintf("the variants were not drawn evenly (p %s): something sends persons to "+
			"one of them more often, so do not trust this experiment", chance(r.GetPValue())))
	default:
		d.line("%s", d.paint(dim, "variants were drawn evenly enough (p "+chance(r.GetPValue())+")"))
	}
}
