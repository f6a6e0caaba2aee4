package picture

import (
	"fmt"
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// mostRows is how many buckets of a trend get a line each; more are drawn as a line per step.
const mostRows = 40

// trend draws the buckets of an answer in time.
func (d *drawing) trend(buckets []*funnelv1.TrendBucket, labels []string) {
	switch {
	case len(buckets) == 0:
	case len(buckets) <= mostRows:
		d.line("")
		d.bucketRows(buckets)
	default:
		d.line("")
		d.sparklines(buckets, labels)
	}
}

// bucketRows draws a line per bucket: when it begins, a bar of those who entered, the counts of all
// steps, and the share of those who got to the last.
func (d *drawing) bucketRows(buckets []*funnelv1.TrendBucket) {
	counts := make([]string, len(buckets))
	dates := make([]string, len(buckets))
	most := uint32(1)
	for i, b := range buckets {
		dates[i] = day(b.GetFromTime().AsTime())
		counts[i] = countsOf(b.GetSteps())
		most = max(most, entered(b))
	}
	date := widest(dates, len("entered from"), 16)
	count := widest(append(counts, d.units()+" per step"), 8, d.width()/2)
	if widest(counts, 0, count+1) > count {
		for i, b := range buckets {
			counts[i] = endsOf(b.GetSteps())
		}
		count = widest(counts, 8, d.width()/2)
	}
	room := d.width() - date - count - percentColumns - 3
	d.line("%s", d.paint(dim, fit("entered from", date)+" "+fit("entered", room)+" "+
		fit(d.units()+" per step", count)+" "+right("of first", percentColumns)))
	for i, b := range buckets {
		part := float64(entered(b)) / float64(most)
		d.line("%s %s %s %s", d.paint(bold, fit(dates[i], date)),
			padded(d.paint(green, Bar(part, room)), room), fit(counts[i], count),
			right(bare(lastOf(b.GetSteps()).GetConversionFromFirst()), percentColumns))
	}
}

// entered is how many entered in a bucket.
func entered(b *funnelv1.TrendBucket) uint32 {
	return stepAt(b.GetSteps(), 0).GetCount()
}

func lastOf(steps []*funnelv1.StepResult) *funnelv1.StepResult {
	return stepAt(steps, len(steps)-1)
}

// levels fill a character from its bottom.
var levels = []rune("▁▂▃▄▅▆▇█")

// sparklines draws a line per step, every mark being the mean of as many buckets as it takes for
// the line to fit.
func (d *drawing) sparklines(buckets []*funnelv1.TrendBucket, labels []string) {
	label := widest(labels, 4, d.width()/4)
	room := d.width() - label - 1 - peakColumns - 1
	each := (len(buckets) + room - 1) / room
	marks := (len(buckets) + each - 1) / each
	text := fmt.Sprintf("%s buckets", Number(len(buckets)))
	if each > 1 {
		text += fmt.Sprintf(", a mark is the mean of %d", each)
	}
	d.line("%s", d.paint(dim, fit("step", label)+" "+fit(text, room)+" "+
		right("at most", peakColumns)))
	for k, name := range labels {
		means, most := make([]float64, marks), 0.0
		for i := range means {
			part := buckets[i*each : min((i+1)*each, len(buckets))]
			for _, b := range part {
				means[i] += float64(stepAt(b.GetSteps(), k).GetCount()) / float64(len(part))
			}
			most = max(most, means[i])
		}
		d.line("%s %s %s", d.paint(bold, fit(name, label)),
			padded(d.paint(green, spark(means, most)), room),
			right(Number(int64(most+0.5)), peakColumns))
	}
	first, last := buckets[0].GetFromTime().AsTime(), buckets[len(buckets)-1].GetFromTime().AsTime()
	d.ends(label+1, marks, day(first), day(last))
}

// peakColumns is the width of the highest count of a sparkline.
const peakColumns = 9

// ends writes what stands below the first and the last mark of a line.
func (d *drawing) ends(indent, marks int, first, last string) {
	gap := max(1, marks-len(first)-len(last))
	d.line("%s", d.paint(dim, strings.Repeat(" ", indent)+first+strings.Repeat(" ", gap)+last))
}

// spark draws numbers as a line of marks; what is not nothing is at least the lowest mark.
func spark(numbers []float64, most float64) string {
	var line strings.Builder
	for _, n := range numbers {
		switch {
		case n <= 0 || most <= 0:
			line.WriteByte('.')
		default:
			level := int(n / most * float64(len(levels)))
			line.WriteRune(levels[max(0, min(level, len(levels)-1))])
		}
	}
	return line.String()
}

// distribution draws how long it took from one step to another.
func (d *drawing) distribution(t *funnelv1.Distribution, labels []string) {
	if t == nil {
		return
	}
	d.line("")
	head := fmt.Sprintf("time from step %d (%s) to step %d (%s)", t.GetFromStep(),
		labelAt(labels, t.GetFromStep()), t.GetToStep(), labelAt(labels, t.GetToStep()))
	for _, line := range wrap(head, d.width(), 2) {
		d.line("%s", d.paint(dim, line))
	}
	if t.GetCount() == 0 {
		d.line("nobody did both")
		return
	}
	parts := []string{
		Number(t.GetCount()) + " " + d.units(), "mean " + Span(t.GetSpans().GetMeanSeconds()),
	}
	for _, p := range t.GetPercentiles() {
		parts = append(parts, percentile(p.GetPercent())+" "+Span(p.GetSeconds()))
	}
	d.hanging("", parts)
	d.bins(t.GetBins())
}

func percentile(percent float64) string {
	if percent == 50 {
		return "median"
	}
	return fmt.Sprintf("p%g", percent)
}

// labelAt is the label of a step, from 1.
func labelAt(labels []string, step uint32) string {
	if step < 1 || int(step) > len(labels) {
		return "?"
	}
	return plain(labels[step-1])
}

// bins draws a histogram. The last bin, which only holds what is exactly at the end, is left out
// where it is empty.
func (d *drawing) bins(bins []*funnelv1.Bin) {
	if n := len(bins); n > 1 && bins[n-1].GetCount() == 0 {
		bins = bins[:n-1]
	}
	names, counts, most := []string(nil), []string(nil), uint32(1)
	for _, b := range bins {
		from := "0"
		if b.GetFromSeconds() > 0 {
			from = Span(b.GetFromSeconds())
		}
		names = append(names, from+" – "+Span(b.GetToSeconds()))
		counts = append(counts, Number(b.GetCount()))
		most = max(most, b.GetCount())
	}
	name, count := widest(names, 8, d.width()/2), widest(counts, 4, 14)
	for i, b := range bins {
		part := float64(b.GetCount()) / float64(most)
		d.line("%s %s %s", fit(names[i], name), right(counts[i], count),
			d.paint(green, Bar(part, d.width()-name-count-2)))
	}
}
