package picture

import (
	"fmt"
	"io"
	"strings"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
)

// stageColumns is the least width of a stage's column.
const stageColumns = 18

// Map draws a journey map: its stages across, below each its touchpoints with their channels, and
// the personas. Stages that do not fit beside each other go on below.
func (p Paper) Map(w io.Writer, m *journeyv1.JourneyMap) error {
	d := &drawing{Paper: p}
	d.mapHeading(m)
	across := evenly(len(m.GetStages()), (p.width()+1)/(stageColumns+1))
	for first := 0; first < len(m.GetStages()); first += across {
		last := min(first+across, len(m.GetStages()))
		d.stages(m, first, last, (p.width()+1)/across-1)
	}
	d.personas(m.GetPersonas())
	return d.to(w)
}

// evenly is how many of n stand beside each other, at most most, if all rows are to be about as
// long.
func evenly(n, most int) int {
	rows := (n + most - 1) / most
	return (n + max(rows, 1) - 1) / max(rows, 1)
}

func (d *drawing) mapHeading(m *journeyv1.JourneyMap) {
	title := m.GetTitle()
	if title == "" {
		title = "Journey map"
	}
	line := d.paint(bold, plain(title))
	if m.GetVersion() > 0 {
		line += d.paint(dim, fmt.Sprintf(" · version %d, in force since %s UTC",
			m.GetVersion(), instant(m.GetInForceAt().AsTime())))
	}
	d.line("%s", line)
	d.line("")
}

// stages draws the stages from first to before last, each in columns columns.
func (d *drawing) stages(m *journeyv1.JourneyMap, first, last, columns int) {
	var heads, rules []string
	cells := make([][]string, 0, last-first)
	height := 0
	for i, s := range m.GetStages()[first:last] {
		arrow := "▶"
		if first+i == len(m.GetStages())-1 {
			arrow = " "
		}
		head := fit(fmt.Sprintf("%d %s", first+i+1, s.GetTitle()), columns-2)
		heads = append(heads, d.paint(bold, head)+" "+arrow)
		rules = append(rules, strings.Repeat("─", columns))
		column := d.touchpoints(m, s.GetId(), columns)
		height = max(height, len(column))
		cells = append(cells, column)
	}
	d.line("%s", strings.Join(heads, " "))
	d.line("%s", d.paint(dim, strings.Join(rules, " ")))
	for row := range height {
		texts := make([]string, len(cells))
		for i, column := range cells {
			texts[i] = strings.Repeat(" ", columns)
			if row < len(column) {
				texts[i] = column[row]
			}
		}
		d.line("%s", strings.Join(texts, " "))
	}
	d.line("")
}

// touchpoints are those of a stage, two lines each: the title and, smaller, the channel.
func (d *drawing) touchpoints(m *journeyv1.JourneyMap, stage string, columns int) []string {
	var lines []string
	for _, t := range m.GetTouchpoints() {
		if t.GetStage() != stage {
			continue
		}
		channel := "any channel"
		if t.GetChannel() != "" {
			channel = channelTitle(m, t.GetChannel())
		}
		lines = append(lines, fit(t.GetTitle(), columns),
			d.paint(dim, fit("  "+channel, columns)))
	}
	return lines
}

func channelTitle(m *journeyv1.JourneyMap, id string) string {
	for _, c := range m.GetChannels() {
		if c.GetId() == id {
			return c.GetTitle()
		}
	}
	return id
}

func (d *drawing) personas(personas []*journeyv1.Persona) {
	if len(personas) == 0 {
		return
	}
	titles := make([]string, len(personas))
	for i, p := range personas {
		titles[i] = plain(p.GetTitle())
	}
	d.line("%s %s", d.paint(dim, "personas:"), strings.Join(titles, " · "))
}

// Maps draws a list of versions.
func (p Paper) Maps(w io.Writer, list []*journeyv1.JourneyMap) error {
	d := &drawing{Paper: p}
	d.line("%s", p.paint(dim, right("version", 7)+"  "+fit("in force since (UTC)", 20)+"  title"))
	for _, m := range list {
		d.line("%s  %s  %s", right(Number(m.GetVersion()), 7),
			fit(instant(m.GetInForceAt().AsTime()), 20), plain(m.GetTitle()))
	}
	return d.to(w)
}
