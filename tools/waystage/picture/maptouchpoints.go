package picture

import (
	"fmt"
	"slices"
	"strings"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
)

// touchpoints are those of a stage: the title with a sign of its status, and, smaller, what else is
// known of it.
func (d *mapDrawing) touchpoints(s *journeyv1.Stage, columns int) []string {
	var lines []string
	for _, t := range d.m.GetTouchpoints() {
		if t.GetStage() != s.GetId() {
			continue
		}
		sign, color := signOf(t)
		for i, line := range wrap(sign+" "+t.GetTitle(), columns, 2) {
			if i == 0 && color != "" {
				line = strings.Replace(line, sign, d.paint(color, sign), 1)
			}
			lines = append(lines, line)
		}
		for _, text := range d.about(t) {
			lines = append(lines, d.below(text, columns)...)
		}
	}
	return lines
}

// signOf is the sign of a touchpoint: ● live, ◌ planned, ✕ missing, ▲ an obstacle.
func signOf(t *journeyv1.Touchpoint) (sign, color string) {
	switch {
	case t.GetStatus() == journeyv1.TouchpointStatus_TOUCHPOINT_STATUS_PLANNED:
		return "◌", yellow
	case t.GetStatus() == journeyv1.TouchpointStatus_TOUCHPOINT_STATUS_MISSING:
		return "✕", red
	case t.GetBarrier():
		return "▲", red
	}
	return "●", green
}

// about is what is known of a touchpoint, a line each: where it comes from and what it is, the
// standard, what is to be done.
func (d *mapDrawing) about(t *journeyv1.Touchpoint) []string {
	channel := "any channel"
	if t.GetChannel() != "" {
		channel = d.channelTitle(t.GetChannel())
	}
	if r := t.GetRepeat(); r != nil {
		channel = fmt.Sprintf("%s %s and later", ordinal(r.GetFrom()), d.touchpointTitle(r.GetOf()))
	}
	importance := ""
	if t.GetImportance() > 0 {
		importance = fmt.Sprintf("importance %d", t.GetImportance())
	}
	return slices.DeleteFunc([]string{
		joinedBy(" · ", channel, statusText(t), importance, scoreText(t.Score), feedbackText(t),
			contactText(t), ownerText(t.GetOwner())),
		labelled("standard: ", t.GetStandard()), labelled("to do: ", taskText(t)),
	}, func(text string) bool { return text == "" })
}

func ordinal(n uint32) string {
	switch n {
	case 2:
		return "2nd"
	case 3:
		return "3rd"
	}
	return fmt.Sprintf("%dth", n)
}

func statusText(t *journeyv1.Touchpoint) string {
	switch t.GetStatus() {
	case journeyv1.TouchpointStatus_TOUCHPOINT_STATUS_PLANNED:
		return "planned"
	case journeyv1.TouchpointStatus_TOUCHPOINT_STATUS_MISSING:
		return "missing"
	}
	return ""
}

func feedbackText(t *journeyv1.Touchpoint) string {
	kind := strings.TrimPrefix(t.GetFeedback().GetKind().String(), "FEEDBACK_KIND_")
	switch {
	case t.GetFeedback() == nil:
		return ""
	case len(kind) > len("CSAT"):
		kind = strings.ToLower(kind)
	}
	return kind + " in " + t.GetFeedback().GetProperty()
}

// taskText is what is to be done and until when.
func taskText(t *journeyv1.Touchpoint) string {
	if t.GetDue() == "" {
		return t.GetTask()
	}
	return joinedBy(", ", t.GetTask(), "until "+t.GetDue())
}

func labelled(label, text string) string {
	if text == "" {
		return ""
	}
	return label + text
}

// titleOf finds the title of an id; the id itself where nothing has it.
func titleOf[E interface {
	GetId() string
	GetTitle() string
}](list []E, id string) string {
	for _, e := range list {
		if e.GetId() == id {
			return e.GetTitle()
		}
	}
	return id
}

func (d *mapDrawing) touchpointTitle(id string) string {
	return titleOf(d.m.GetTouchpoints(), id)
}

func (d *mapDrawing) touchpointTitles(ids []string) string {
	return strings.Join(mapped(ids, d.touchpointTitle), ", ")
}

func (d *mapDrawing) channelTitle(id string) string { return titleOf(d.m.GetChannels(), id) }

func (d *mapDrawing) stageTitle(id string) string { return titleOf(d.whole.GetStages(), id) }

func (d *mapDrawing) kpiTitle(id string) string { return titleOf(d.m.GetKpis(), id) }

// kpi finds a KPI. nil where nothing has the id.
func (d *mapDrawing) kpi(id string) *journeyv1.Kpi {
	for _, k := range d.m.GetKpis() {
		if k.GetId() == id {
			return k
		}
	}
	return nil
}
