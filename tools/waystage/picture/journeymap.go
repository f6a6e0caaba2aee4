package picture

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
)

// stageColumns is the least width of a stage's column, and gap what stands between two.
const (
	stageColumns = 23
	gap          = " │ "
	gapColumns   = 3
)

// Map draws a journey map with everything that it holds: its stages across, below each what is
// written there, then the personas, the KPIs and the channels. Stages that do not fit beside each
// other go on below.
func (p Paper) Map(w io.Writer, m *journeyv1.JourneyMap) error {
	d := &mapDrawing{drawing: &drawing{Paper: p}, m: m, whole: m}
	d.heading("")
	d.bands()
	d.personas()
	d.kpis()
	d.channels()
	return d.to(w)
}

// PersonaMap draws the map of one of its personas: its own order of stages, and at each what it
// expects, what stands in its way, and what should be reached with it.
func (p Paper) PersonaMap(w io.Writer, m *journeyv1.JourneyMap, persona string) error {
	d := &mapDrawing{drawing: &drawing{Paper: p}, m: OwnMap(m, persona), whole: m}
	d.heading(titleOf(m.GetPersonas(), persona))
	for _, each := range m.GetPersonas() {
		if each.GetId() == persona {
			d.persona(each, false)
		}
	}
	d.line("")
	d.bands()
	d.kpis()
	d.channels()
	return d.to(w)
}

// Rules draws the rules of a map in the order in which they are tried.
func (p Paper) Rules(w io.Writer, m *journeyv1.JourneyMap) error {
	d := &mapDrawing{drawing: &drawing{Paper: p}, m: m, whole: m}
	d.heading("")
	d.rules()
	return d.to(w)
}

// mapDrawing draws one map, which may be a part of a whole one.
type mapDrawing struct {
	*drawing

	m, whole *journeyv1.JourneyMap
}

// evenly is how many of n stand beside each other, at most most, if all rows are to be about as
// long.
func evenly(n, most int) int {
	rows := (n + most - 1) / most
	return (n + max(rows, 1) - 1) / max(rows, 1)
}

func (d *mapDrawing) heading(persona string) {
	line := d.paint(bold, plain(cmp.Or(d.m.GetTitle(), "Journey map")))
	if persona != "" {
		line += d.paint(bold, ": "+plain(persona))
	}
	if d.m.GetVersion() > 0 {
		version := fmt.Sprintf("version %d, in force since %s UTC",
			d.m.GetVersion(), instant(d.m.GetInForceAt().AsTime()))
		if separator := " · "; seenWidth(line+separator+version) <= d.width() {
			line, version = line+d.paint(dim, separator+version), ""
		}
		d.line("%s", line)
		line = d.paint(dim, version)
	}
	if line != "" {
		d.line("%s", line)
	}
	if lost := d.m.GetLostAfterSeconds(); lost > 0 {
		d.wrapped("lost", "after "+Span(lost)+" without a touchpoint")
	}
	d.money()
	if r := d.m.GetReferral(); r != nil {
		d.wrapped("referral", joinedBy(" by ", r.GetCondition(), r.GetBy()))
	}
	d.line("")
}

func (d *mapDrawing) money() {
	m := d.m.GetMoney()
	if m == nil {
		return
	}
	text := m.GetProperty()
	if m.GetCurrency() != "" {
		text += " in " + m.GetCurrency()
	}
	if len(m.GetTouchpoints()) > 0 {
		text += " of " + d.touchpointTitles(m.GetTouchpoints())
	}
	if len(m.GetRefunds()) > 0 {
		text += "; given back by " + d.touchpointTitles(m.GetRefunds())
	}
	d.wrapped("money", text+"; currency by "+m.GetCurrencyProperty())
}

// wrapped writes a name and, beside it, a text of any length; nothing without a text.
func (d *mapDrawing) wrapped(what, text string) {
	d.wrappedIn(0, what, text)
}

// wrappedIn indents besides.
func (d *mapDrawing) wrappedIn(indent int, what, text string) {
	const columns = 10
	room := d.width() - indent - columns - 1
	for _, line := range wrap(text, room, 0) {
		d.line("%s%s %s", strings.Repeat(" ", indent), d.paint(dim, fit(what, columns)), line)
		what = ""
	}
}

func joinedBy(separator string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), separator)
}

// bands draws the stages, as many beside each other as fit.
func (d *mapDrawing) bands() {
	n := len(d.m.GetStages())
	across := evenly(n, (d.width()+gapColumns)/(stageColumns+gapColumns))
	for first := 0; first < n; first += across {
		columns := (d.width()+gapColumns)/across - gapColumns
		d.band(first, min(first+across, n), columns)
	}
}

// band draws the stages from first to before last, each in columns columns.
func (d *mapDrawing) band(first, last, columns int) {
	stages := d.m.GetStages()[first:last]
	heads, rules := make([]string, len(stages)), make([]string, len(stages))
	for i, s := range stages {
		arrow := "▶"
		if first+i == len(d.m.GetStages())-1 {
			arrow = " "
		}
		head := fit(fmt.Sprintf("%d %s", first+i+1, s.GetTitle()), columns-2)
		heads[i] = d.paint(bold, head) + " " + arrow
		rules[i] = strings.Repeat("━", columns)
	}
	d.line("%s", strings.Join(heads, "   "))
	d.line("%s", d.paint(dim, strings.Join(rules, "━┿━")))
	for _, row := range mapRows {
		cells := make([][]string, len(stages))
		for i, s := range stages {
			cells[i] = row.cell(d, s, columns)
		}
		d.row(row.name, cells, columns)
	}
	d.line("")
}

// row draws cells beside each other under the name of the row; nothing where all are empty.
func (d *mapDrawing) row(name string, cells [][]string, columns int) {
	height := 0
	for _, cell := range cells {
		height = max(height, len(cell))
	}
	if height == 0 {
		return
	}
	if name != "" {
		d.rowName(name, len(cells), columns)
	}
	for i := range height {
		line := make([]string, len(cells))
		for j, cell := range cells {
			if i < len(cell) {
				line[j] = cell[i]
			}
			line[j] = padded(line[j], columns)
		}
		d.line("%s", strings.Join(line, d.paint(dim, gap)))
	}
}

func (d *mapDrawing) rowName(name string, cells, columns int) {
	rules := make([]string, cells)
	for i := range rules {
		rules[i] = strings.Repeat("┄", columns)
	}
	rules[0] = name + " " + strings.Repeat("┄", max(0, columns-seenWidth(name)-1))
	d.line("%s", d.paint(dim, strings.Join(rules, "┄┼┄")))
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
