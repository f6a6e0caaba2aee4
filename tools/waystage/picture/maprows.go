package picture

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
)

// mapRow is a row of a map: a cell for each stage, lines of at most so many columns.
type mapRow struct {
	name string
	cell func(d *mapDrawing, s *journeyv1.Stage, columns int) []string
}

// mapRows from top to bottom. Those without anything in any stage of a band are left out.
var mapRows = []mapRow{
	{"", (*mapDrawing).standing},
	{"task", textRow((*journeyv1.Stage).GetTask)},
	{"goal", textRow((*journeyv1.Stage).GetGoal)},
	{"customer's goal", textRow((*journeyv1.Stage).GetCustomerGoal)},
	{"activities", (*mapDrawing).activities},
	{"touchpoints", (*mapDrawing).touchpoints},
	{"expectations", (*mapDrawing).expectations},
	{"barriers", func(d *mapDrawing, s *journeyv1.Stage, columns int) []string {
		return d.barriers(s.GetBarriers(), columns)
	}},
	{"stimuli", (*mapDrawing).stimuli},
	{"behind the scenes", listRow((*journeyv1.Stage).GetBehindTheScenes)},
	{"ideas", listRow((*journeyv1.Stage).GetIdeas)},
	{"targets", func(d *mapDrawing, s *journeyv1.Stage, columns int) []string {
		return bullets(d.targets(s.GetTargets()), "◎ ", columns)
	}},
	{"KPIs", func(d *mapDrawing, s *journeyv1.Stage, columns int) []string {
		return bullets(mapped(s.GetKpis(), d.kpiTitle), "· ", columns)
	}},
	{"owner", func(_ *mapDrawing, s *journeyv1.Stage, columns int) []string {
		return wrap(ownerText(s.GetOwner()), columns, 0)
	}},
}

func textRow(
	get func(*journeyv1.Stage) string,
) func(*mapDrawing, *journeyv1.Stage, int) []string {
	return func(_ *mapDrawing, s *journeyv1.Stage, columns int) []string {
		return wrap(get(s), columns, 0)
	}
}

func listRow(
	get func(*journeyv1.Stage) []string,
) func(*mapDrawing, *journeyv1.Stage, int) []string {
	return func(_ *mapDrawing, s *journeyv1.Stage, columns int) []string {
		return bullets(get(s), "· ", columns)
	}
}

// bullets are texts, each wrapped under a sign.
func bullets(texts []string, sign string, columns int) []string {
	var lines []string
	for _, text := range texts {
		lines = append(lines, wrap(sign+text, columns, 2)...)
	}
	return lines
}

func mapped(list []string, to func(string) string) []string {
	all := make([]string, len(list))
	for i, each := range list {
		all[i] = to(each)
	}
	return all
}

// standing says in short how warm the traffic is, the team's score, and whether the contact is got.
func (d *mapDrawing) standing(s *journeyv1.Stage, columns int) []string {
	text := joinedBy(" · ", temperatures[s.GetTemperature()], scoreText(s.Score), contactText(s))
	return d.dimmed(wrap(text, columns, 0))
}

var temperatures = map[journeyv1.Temperature]string{
	journeyv1.Temperature_TEMPERATURE_COLD: "cold",
	journeyv1.Temperature_TEMPERATURE_WARM: "warm",
	journeyv1.Temperature_TEMPERATURE_HOT:  "hot",
}

// scoreText draws a score of the team, 1 to 5; empty where it is not known.
func scoreText(score *uint32) string {
	const most = 5
	if score == nil {
		return ""
	}
	n := int(min(*score, most))
	return strings.Repeat("★", n) + strings.Repeat("☆", most-n)
}

func contactText(from interface{ GetContact() bool }) string {
	if from.GetContact() {
		return "contact"
	}
	return ""
}

func (d *mapDrawing) dimmed(lines []string) []string {
	for i := range lines {
		lines[i] = d.paint(dim, lines[i])
	}
	return lines
}

func (d *mapDrawing) activities(s *journeyv1.Stage, columns int) []string {
	var lines []string
	for _, a := range s.GetActivities() {
		lines = append(lines, wrap("· "+a.GetTitle(), columns, 2)...)
		if len(a.GetTouchpoints()) > 0 {
			lines = append(lines, d.below(d.touchpointTitles(a.GetTouchpoints()), columns)...)
		}
	}
	return lines
}

// below is a smaller text under an entry.
func (d *mapDrawing) below(text string, columns int) []string {
	lines := wrap(text, columns-2, 0)
	for i := range lines {
		lines[i] = "  " + lines[i]
	}
	return d.dimmed(lines)
}

func (d *mapDrawing) expectations(s *journeyv1.Stage, columns int) []string {
	return bullets(expectationTexts(s.GetExpectations()), "", columns)
}

func expectationTexts(e *journeyv1.Expectations) []string {
	var texts []string
	for _, each := range []struct{ what, text string }{
		{"usual", e.GetUsual()},
		{"best", e.GetBest()},
		{"worst", e.GetWorst()},
		{"surprise", e.GetSurprise()},
	} {
		if each.text != "" {
			texts = append(texts, each.what+": "+each.text)
		}
	}
	return texts
}

func (d *mapDrawing) barriers(barriers []*journeyv1.Barrier, columns int) []string {
	var lines []string
	for _, b := range barriers {
		for _, line := range wrap("▲ "+b.GetTitle(), columns, 2) {
			lines = append(lines, d.paint(red, line))
		}
		if t := d.touchpointTitle(b.GetTouchpoint()); t != "" && t != b.GetTitle() {
			lines = append(lines, d.below("seen as "+t, columns)...)
		}
		for _, line := range wrap("↳ "+b.GetRemedy(), columns-2, 2) {
			if b.GetRemedy() != "" {
				lines = append(lines, "  "+d.paint(green, line))
			}
		}
	}
	return lines
}

func (d *mapDrawing) stimuli(s *journeyv1.Stage, columns int) []string {
	texts := make([]string, 0, len(s.GetStimuli()))
	for _, each := range s.GetStimuli() {
		text := each.GetTitle()
		if to := each.GetTo(); to != "" && to != d.stageAfter(s) {
			text += " → " + d.stageTitle(to)
		}
		if each.GetContact() {
			text += " (contact)"
		}
		texts = append(texts, text)
	}
	return bullets(texts, "→ ", columns)
}

// stageAfter is the id of the next stage; empty at the last.
func (d *mapDrawing) stageAfter(s *journeyv1.Stage) string {
	stages := d.m.GetStages()
	if i := slices.Index(stages, s) + 1; i < len(stages) {
		return stages[i].GetId()
	}
	return ""
}

// targets are what should be reached, one a text.
func (d *mapDrawing) targets(t *journeyv1.Targets) []string {
	var texts []string
	if t.GetConversion() != 0 || t != nil && t.Conversion != nil {
		texts = append(texts, "conversion "+percent(t.GetConversion()))
	}
	if t != nil && t.MedianSeconds != nil {
		texts = append(texts, "median time "+Span(t.GetMedianSeconds()))
	}
	if t != nil && t.Experience != nil {
		texts = append(texts, fmt.Sprintf("experience %+.2f", t.GetExperience()))
	}
	for _, id := range slices.Sorted(maps.Keys(t.GetKpis())) {
		texts = append(texts, d.kpiTitle(id)+" "+d.kpiValue(id, t.GetKpis()[id]))
	}
	return texts
}

// kpiValue is a value in the unit of a KPI.
func (d *mapDrawing) kpiValue(id string, value float64) string {
	unit := ""
	if k := d.kpi(id); k != nil {
		unit = k.GetUnit()
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	switch unit {
	case "share":
		return percent(value)
	case "seconds":
		return Span(value)
	case "money":
		return strings.TrimSpace(text + " " + d.m.GetMoney().GetCurrency())
	case "count":
		return text
	}
	return strings.TrimSpace(text + " " + unit)
}

func ownerText(o *journeyv1.Owner) string {
	return joinedBy(", ", o.GetPerson(), o.GetDepartment())
}
