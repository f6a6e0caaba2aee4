package picture

import (
	"fmt"
	"io"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// Linted writes what lint found in a file, a line each that editors and machines can read, and
// then how many there are.
func (p Paper) Linted(w io.Writer, file string, findings []journey.Finding) error {
	d := &drawing{Paper: p}
	colors := map[journey.Severity]string{
		journey.LintError: red, journey.LintWarning: yellow, journey.LintNote: dim,
	}
	counts := map[journey.Severity]int{}
	for _, f := range findings {
		counts[f.Severity]++
		path := ""
		if f.Path != "" {
			path = f.Path + ": "
		}
		d.line("%s:%d:%d: %s: %s%s", plain(file), f.Line, f.Column,
			p.paint(colors[f.Severity], string(f.Severity)), plain(path), plain(f.Message))
	}
	if len(findings) == 0 {
		d.line("%s: nothing to mend.", plain(file))
		return d.to(w)
	}
	d.line("%s", strings.Join([]string{
		plural(counts[journey.LintError], "error"), plural(counts[journey.LintWarning], "warning"),
		plural(counts[journey.LintNote], "note"),
	}, ", ")+".")
	return d.to(w)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// effects are the parts of a comparison of maps.
var effects = []struct {
	effect journey.Effect
	says   string
}{
	{journey.ForMessages, "For messages received after publishing:"},
	{journey.ForPersons, "At once, for everything past and future:"},
	{journey.OnPaper, "On paper only:"},
}

// Changes draws what changes from one map to another, by what it changes.
func (p Paper) Changes(w io.Writer, changes []journey.Change) error {
	d := &drawing{Paper: p}
	if len(changes) == 0 {
		d.line("Both mean the same.")
		return d.to(w)
	}
	for _, e := range effects {
		said := false
		for _, c := range changes {
			if c.Effect != e.effect {
				continue
			}
			if !said {
				d.line("%s", d.paint(bold, e.says))
				said = true
			}
			d.change(c)
		}
	}
	if journey.Attributes(changes) {
		return d.to(w)
	}
	d.line("%s", d.paint(dim, "Attribution stays as it is."))
	return d.to(w)
}

func (d *drawing) change(c journey.Change) {
	d.line("  %s", plain(c.Path))
	d.side(red, "- ", c.Old)
	d.side(green, "+ ", c.New)
}

// side writes the old or the new value, if there is one.
func (d *drawing) side(color, sign, text string) {
	const indent = "    "
	for _, line := range wrap(text, d.width()-len(indent)-len(sign), 0) {
		d.line("%s%s", indent, d.paint(color, sign+line))
		sign = "  "
	}
}
