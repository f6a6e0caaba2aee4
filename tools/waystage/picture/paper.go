package picture

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// DefaultWidth is the width of a terminal that does not tell.
const DefaultWidth = 80

// minWidth is the least that pictures are made for; narrower terminals wrap them.
const minWidth = 60

// Paper is what is drawn on.
type Paper struct {
	// Width in columns; 0 means DefaultWidth.
	Width int
	// Color says whether escape sequences for color may be written.
	Color bool
	// Unit says whose journey answers are about, as "group:company". Empty: the person.
	Unit string
	// Counted is what is counted of them: "attempts" or "sessions". Empty: they themselves, once.
	Counted string
}

// units are what is counted.
func (p Paper) units() string {
	switch {
	case p.Counted != "":
		return p.Counted
	case p.Unit == "":
		return "persons"
	}
	return "units"
}

func (p Paper) width() int {
	if p.Width == 0 {
		return DefaultWidth
	}
	return max(p.Width, minWidth)
}

// Escape sequences.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

func (p Paper) paint(color, text string) string {
	if !p.Color || text == "" {
		return text
	}
	return color + text + reset
}

// drawing collects lines.
type drawing struct {
	Paper
	text strings.Builder
}

func (d *drawing) line(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	d.text.WriteString(strings.TrimRight(line, " "))
	d.text.WriteByte('\n')
}

func (d *drawing) to(w io.Writer) error {
	_, err := io.WriteString(w, d.text.String())
	return err
}

// eighths are the blocks that fill parts of a column.
var eighths = []rune("▏▎▍▌▋▊▉")

// Bar is a bar of a share of the width in columns. What is not nothing is at least an eighth.
func Bar(share float64, width int) string {
	n := int(share*float64(width)*8 + 0.5)
	n = max(0, min(n, width*8))
	if n == 0 && share > 0 {
		n = 1
	}
	text := strings.Repeat("█", n/8)
	if rest := n % 8; rest > 0 {
		text += string(eighths[rest-1])
	}
	return text
}

// fit cuts a text to a number of columns, or fills it up with spaces. Control characters, which
// could move the terminal's cursor, become spaces.
func fit(text string, columns int) string {
	text = plain(text)
	width := uniseg.StringWidth(text)
	if width <= columns {
		return text + strings.Repeat(" ", columns-width)
	}
	var out strings.Builder
	used := 0
	for graphemes := uniseg.NewGraphemes(text); graphemes.Next(); {
		if used+graphemes.Width() > columns-1 {
			break
		}
		used += graphemes.Width()
		out.WriteString(graphemes.Str())
	}
	return out.String() + "…" + strings.Repeat(" ", columns-1-used)
}

// right puts a text at the right end of a number of columns.
func right(text string, columns int) string {
	return strings.Repeat(" ", max(0, columns-uniseg.StringWidth(text))) + text
}

// plain takes the control characters out of a text that others wrote.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}

// width is the number of columns of the widest text, at least least and at most most.
func widest(texts []string, least, most int) int {
	for _, t := range texts {
		least = max(least, uniseg.StringWidth(plain(t)))
	}
	return min(least, most)
}
