package picture

import (
	"strings"

	"github.com/rivo/uniseg"
)

// wrap breaks a text into lines of at most so many columns, between words where it can. Later lines
// begin with a hanging indentation. Nothing gives no line.
func wrap(text string, columns, hang int) []string {
	var lines []string
	line, indent := "", ""
	for _, word := range strings.Fields(plain(text)) {
		for _, part := range parts(word, columns-hang) {
			switch {
			case line == "":
				line = part
			case uniseg.StringWidth(line)+1+uniseg.StringWidth(part) <= columns:
				line += " " + part
			default:
				lines = append(lines, line)
				indent = strings.Repeat(" ", hang)
				line = indent + part
			}
		}
	}
	if line == "" {
		return nil
	}
	return append(lines, line)
}

// parts cuts a word that is wider than a line.
func parts(word string, columns int) []string {
	if uniseg.StringWidth(word) <= columns {
		return []string{word}
	}
	var all []string
	part, used := "", 0
	for graphemes := uniseg.NewGraphemes(word); graphemes.Next(); {
		if used+graphemes.Width() > columns && part != "" {
			all = append(all, part)
			part, used = "", 0
		}
		part += graphemes.Str()
		used += graphemes.Width()
	}
	return append(all, part)
}

// padded fills a text that may be painted up to a number of columns, counting only what is seen.
func padded(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-seenWidth(text)))
}

// seenWidth is the width of a text without its escape sequences for color.
func seenWidth(text string) int {
	for _, code := range []string{bold, dim, red, green, yellow, reset} {
		text = strings.ReplaceAll(text, code, "")
	}
	return uniseg.StringWidth(text)
}
