package picture

import (
	"fmt"
	"strconv"
	"strings"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
)

// kpis draws what the KPIs are.
func (d *mapDrawing) kpis() {
	if len(d.m.GetKpis()) == 0 {
		return
	}
	d.part("KPIs")
	for _, k := range d.m.GetKpis() {
		text := d.paint(bold, plain(k.GetTitle()))
		if k.GetUnit() != "" {
			text += d.paint(dim, " · "+plain(k.GetUnit()))
		}
		d.line("%s", text)
		for _, line := range wrap(d.kpiText(k), d.width()-2, 2) {
			d.line("  %s", line)
		}
	}
	d.line("")
}

// kpiText says in words how a KPI is computed, or which series it is.
func (d *mapDrawing) kpiText(k *journeyv1.Kpi) string {
	if s := k.GetSeries(); s != nil {
		return d.seriesText(k, s)
	}
	f := k.GetFormula()
	values := f.GetProperty()
	of := d.subject(f.GetOf())
	if f.GetTo() != nil {
		values, of = "time", "from "+of+" to "+d.subject(f.GetTo())
	} else if values != "" {
		of = "of " + of
	}
	counted := "touchpoints "
	if f.GetPersons() {
		counted = "persons with "
	}
	switch f.GetFunction() {
	case journeyv1.KpiFunction_KPI_FUNCTION_COUNT:
		return counted + of
	case journeyv1.KpiFunction_KPI_FUNCTION_SHARE:
		return counted + of + ", as a share of those with " + d.subject(f.GetAmong())
	case journeyv1.KpiFunction_KPI_FUNCTION_SUM:
		return "sum of " + values + " " + of
	case journeyv1.KpiFunction_KPI_FUNCTION_MEAN:
		return "mean " + values + " " + of
	}
	return percentileText(f.GetPercentile()) + " of " + values + " " + of
}

func percentileText(p float64) string {
	if p == 50 {
		return "median"
	}
	return "percentile " + strconv.FormatFloat(p, 'f', -1, 64)
}

func (d *mapDrawing) subject(s *journeyv1.KpiSubject) string {
	text := ""
	switch {
	case s.GetTouchpoint() != "":
		text = d.touchpointTitle(s.GetTouchpoint())
	case s.GetStage() != "":
		text = "stage " + d.stageTitle(s.GetStage())
	default:
		text = "event " + s.GetEvent()
	}
	if s.GetCondition() != "" {
		text += " where " + s.GetCondition()
	}
	return text
}

// seriesText shows the last few points.
func (d *mapDrawing) seriesText(k *journeyv1.Kpi, s *journeyv1.KpiSeries) string {
	const most = 4
	points := s.GetPoints()
	texts := make([]string, 0, most)
	if left := len(points) - most; left > 0 {
		texts = append(texts, fmt.Sprintf("%d earlier", left))
		points = points[left:]
	}
	for _, p := range points {
		texts = append(texts, p.GetDate()+": "+d.kpiValue(k.GetId(), p.GetValue()))
	}
	text := strings.Join(texts, " · ")
	if s.GetSource() == "" {
		return text
	}
	return s.GetSource() + ": " + text
}

// channels draws those of the map.
func (d *mapDrawing) channels() {
	if len(d.m.GetChannels()) == 0 {
		return
	}
	d.part("channels")
	titles := make([]string, len(d.m.GetChannels()))
	for i, c := range d.m.GetChannels() {
		titles[i] = c.GetTitle()
		if owner := ownerText(c.GetOwner()); owner != "" {
			titles[i] += " (" + owner + ")"
		}
	}
	for _, line := range wrap(strings.Join(titles, " · "), d.width(), 0) {
		d.line("%s", line)
	}
}

// rules draws every rule in the order in which it is tried.
func (d *mapDrawing) rules() {
	d.part("touchpoints, in the order in which they are tried")
	for _, t := range d.m.GetTouchpoints() {
		d.rule(t.GetId(), d.recognised(t), t.GetCondition())
	}
	d.line("")
	d.part("channels, in the order in which they are tried")
	for _, c := range d.m.GetChannels() {
		text := ""
		if c.GetCondition() == "" {
			text = "only stated by touchpoints"
		}
		d.rule(c.GetId(), text, c.GetCondition())
	}
	d.line("")
	d.part("personas, in the order in which they are tried")
	for _, p := range d.m.GetPersonas() {
		d.rule(p.GetId(), "", p.GetCondition())
	}
}

// recognised says by what a touchpoint is.
func (d *mapDrawing) recognised(t *journeyv1.Touchpoint) string {
	text := strings.Join(t.GetEvents(), ", ")
	if r := t.GetRepeat(); r != nil {
		text = fmt.Sprintf("%s %s and later", ordinal(r.GetFrom()), r.GetOf())
	}
	return joinedBy(" · ", text, statusText(t))
}

func (d *mapDrawing) rule(id, text, condition string) {
	const columns = 22
	lines := wrap(text, d.width()-columns-1, 2)
	for _, line := range wrap(labelled("when ", condition), d.width()-columns-1, 5) {
		lines = append(lines, d.paint(dim, line))
	}
	for _, line := range lines {
		d.line("%s %s", fit(id, columns), line)
		id = ""
	}
}
