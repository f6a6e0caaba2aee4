package picture

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"

	"github.com/waystage/waystage/services/doctor"
)

var stateMarks = map[doctor.State]struct{ mark, color string }{
	doctor.Fine: {"✓", green}, doctor.Warn: {"!", yellow}, doctor.Fail: {"✗", red},
	doctor.Skip: {"–", dim},
}

// aboutColumns is the width of what was looked at.
const aboutColumns = 24

// Finding draws one thing that was looked at, with its part's name where a part begins.
func (p Paper) Finding(w io.Writer, f doctor.Finding, begins bool) error {
	d := &drawing{Paper: p}
	if begins {
		d.line("%s", p.paint(bold, f.Part))
	}
	m := stateMarks[f.State]
	const indent = 4
	rest := p.width() - indent - aboutColumns - 1
	text := wrapped(plain(f.Says), rest)
	d.line("  %s %s %s", p.paint(m.color, m.mark), fit(f.About, aboutColumns), text[0])
	pad := strings.Repeat(" ", indent+aboutColumns+1)
	for _, more := range text[1:] {
		d.line("%s%s", pad, more)
	}
	if f.Do != "" {
		for i, line := range wrapped(plain(f.Do), rest-2) {
			arrow := "→ "
			if i > 0 {
				arrow = "  "
			}
			d.line("%s%s", pad, p.paint(m.color, arrow+line))
		}
	}
	return d.to(w)
}

// Findings draws how it stands altogether.
func (p Paper) Findings(w io.Writer, all []doctor.Finding) error {
	count := map[doctor.State]int{}
	for _, f := range all {
		count[f.State]++
	}
	said := []string{fmt.Sprintf("%d fine", count[doctor.Fine])}
	for _, each := range []struct {
		state doctor.State
		words string
	}{
		{doctor.Warn, "to look at"}, {doctor.Fail, "not working"}, {doctor.Skip, "skipped"},
	} {
		if n := count[each.state]; n > 0 {
			said = append(said, p.paint(stateMarks[each.state].color,
				fmt.Sprintf("%d %s", n, each.words)))
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(said, " · "))
	return err
}

// wrapped breaks a text between words into lines of at most so many columns; at least one line.
func wrapped(text string, columns int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case uniseg.StringWidth(line)+1+uniseg.StringWidth(word) > columns:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
