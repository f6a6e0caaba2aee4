package picture

import (
	"fmt"
	"io"
	"strings"

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
	lead := fmt.Sprintf("  %s %s ", p.paint(m.color, m.mark), fit(f.About, aboutColumns))
	pad := strings.Repeat(" ", indent+aboutColumns+1)
	for _, line := range wrap(f.Says, rest, 0) {
		d.line("%s%s", lead, line)
		lead = pad
	}
	if f.Do != "" {
		for _, line := range wrap("→ "+f.Do, rest, 2) {
			d.line("%s%s", pad, p.paint(m.color, line))
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
