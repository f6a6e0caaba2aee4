package picture

import (
	"io"
	"strconv"
	"strings"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// Funnel draws the answer of a funnel question: per step a line of numbers and a bar, then a line
// per group, then what the answer rests on. now dates the freshness.
func (p Paper) Funnel(w io.Writer, a *funnelv1.AskFunnelResponse, now time.Time) error {
	d := &drawing{Paper: p}
	d.heading(a.GetFacts())
	c := columnsOf(a.GetSteps(), p)
	d.line("%s", p.paint(dim, c.head()))
	for i, s := range a.GetSteps() {
		d.step(c, a.GetSteps()[0].GetCount(), s, i == len(a.GetSteps())-1)
	}
	labels := labelsOf(a.GetSteps())
	d.distribution(a.GetTimeToConvert(), labels)
	d.trend(a.GetTrend(), labels)
	d.groups(a.GetGroups(), a.GetFacts().GetGroupsOverlap())
	d.tests(a.GetGroups(), a.GetSampleRatio())
	d.comparison(a)
	d.facts(a.GetFacts(), now)
	return d.to(w)
}

// columns are where the numbers of a step stand.
type columns struct {
	number, label, count, share, width int
	// units are what is counted.
	units string
}

// Widths of columns: those of shares with their intervals, and of times.
const (
	shareColumns = 21
	timeColumns  = 11
	gaps         = 4
)

func columnsOf(steps []*funnelv1.StepResult, p Paper) columns {
	width := p.width()
	c := columns{share: shareColumns, width: width, units: p.units()}
	c.number = len(strconv.Itoa(len(steps)))
	counts, labels := []string{c.units}, []string(nil)
	for _, s := range steps {
		counts = append(counts, Number(s.GetCount()))
		labels = append(labels, s.GetLabel())
	}
	c.count = widest(counts, 0, width)
	free := width - c.number - 1 - c.count - 2*shareColumns - timeColumns - gaps
	c.label = widest(labels, 4, max(8, free))
	return c
}

func (c columns) head() string {
	return strings.Repeat(" ", c.number+1) + fit("step", c.label) + " " + right(c.units, c.count) +
		" " + right("of previous", c.share) + " " + right("of first", c.share) +
		" " + right("median", timeColumns)
}

// step draws one step: its numbers, its bar, and what became of those who did not go on.
func (d *drawing) step(c columns, first uint32, s *funnelv1.StepResult, last bool) {
	median := ""
	if s.GetFromPrevious() != nil {
		median = Span(s.GetFromPrevious().GetMedianSeconds())
	}
	previous, whole := share(s.GetConversionFromPrevious()), share(s.GetConversionFromFirst())
	if s.GetStep() == 1 || s.GetOptional() {
		previous, whole = "", "" // it is itself what shares are taken of, or has none
	}
	d.line("%s %s %s %s %s %s",
		right(strconv.Itoa(int(s.GetStep())), c.number), d.paint(bold, fit(s.GetLabel(), c.label)),
		right(Number(s.GetCount()), c.count), right(previous, c.share),
		right(whole, c.share), right(median, timeColumns))
	indent := strings.Repeat(" ", c.number+1)
	if first > 0 && s.GetCount() > 0 {
		part := float64(s.GetCount()) / float64(first)
		d.line("%s%s", indent, d.paint(green, Bar(part, c.width-c.number-1)))
	}
	switch {
	case s.GetOptional():
		d.line("%s%s", indent, d.paint(dim, "↳ optional: it may be left out"))
	case !last:
		d.line("%s%s", indent, d.left(s.GetLost(), s.GetInWindow()))
	}
}

func labelsOf(steps []*funnelv1.StepResult) []string {
	labels := make([]string, len(steps))
	for i, s := range steps {
		labels[i] = s.GetLabel()
	}
	return labels
}

// left says what became of those who did not go on.
func (d *drawing) left(lost, inWindow uint32) string {
	text := d.paint(red, "↳ "+Number(lost)+" lost")
	if inWindow > 0 {
		text += d.paint(yellow, ", "+Number(inWindow)+" in window")
	}
	return text
}

// groups draws a line per breakdown value: its counts and its conversion.
func (d *drawing) groups(groups []*funnelv1.GroupResult, overlap bool) {
	if len(groups) == 0 {
		return
	}
	names := make([]string, len(groups))
	counts := make([]string, len(groups))
	for i, g := range groups {
		names[i] = groupName(g.GetValues(), g.GetOther())
		counts[i] = countsOf(g.GetSteps())
	}
	name := widest(names, 8, max(24, d.width()/3))
	room := d.width() - name - shareColumns - 2
	d.line("")
	d.line("%s", d.paint(dim, fit("group", name)+" "+fit(d.units()+" per step", room)+" "+
		right("last of first", shareColumns)))
	for i, g := range groups {
		if widest(counts[i:i+1], 0, room+1) > room {
			counts[i] = endsOf(g.GetSteps())
		}
		last := g.GetSteps()[max(0, len(g.GetSteps())-1):]
		conversion := "–"
		if len(last) > 0 {
			conversion = share(last[0].GetConversionFromFirst())
		}
		d.line("%s %s %s", d.paint(bold, fit(names[i], name)), fit(counts[i], room),
			right(conversion, shareColumns))
	}
	if overlap {
		who := "A person"
		if d.Unit != "" {
			who = "A unit"
		}
		d.line("%s", d.paint(dim, who+" may stand in several groups: they need not sum."))
	}
}

func countsOf(steps []*funnelv1.StepResult) string {
	texts := make([]string, len(steps))
	for i, s := range steps {
		texts[i] = Number(s.GetCount())
	}
	return strings.Join(texts, " → ")
}

// endsOf are the counts of the first and the last step.
func endsOf(steps []*funnelv1.StepResult) string {
	if len(steps) == 0 {
		return ""
	}
	return Number(steps[0].GetCount()) + " → … → " + Number(steps[len(steps)-1].GetCount())
}

// None stands for a missing value.
const None = "(none)"

func groupName(values []*funnelv1.GroupValue, other bool) string {
	if other {
		return "(all others)"
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.GetValue()
		if v.GetMissing() {
			texts[i] = None
		}
	}
	return strings.Join(texts, " / ")
}
