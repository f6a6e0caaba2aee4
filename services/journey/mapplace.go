package journey

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// placeInside is where a character of a scalar's text, counted from 0, stands in the file: exact
// unless the scalar has escapes, else where the scalar begins. Beyond the mistakes that are
// reported it does not look.
func (r *mapReader) placeInside(m member, text string, offset int) place {
	if len(r.found) > maxMapErrors {
		return m.at
	}
	pieces, separator := r.piecesOf(m)
	lines := make([]string, len(pieces))
	for i, p := range pieces {
		lines[i] = p.text
	}
	if !strings.HasPrefix(strings.Join(lines, separator), strings.TrimRight(text, "\n")) {
		return m.at
	}
	for _, p := range pieces {
		length := utf8.RuneCountInString(p.text)
		if offset <= length {
			return place{p.at.line, p.at.column + offset}
		}
		offset -= length + len(separator)
	}
	return m.at
}

// piece is a line's share of a scalar.
type piece struct {
	at   place
	text string
}

// piecesOf are the lines from the beginning of a scalar on, as many as it may have, and what joins
// them in its text.
func (r *mapReader) piecesOf(m member) ([]piece, string) {
	if n, ok := m.value.(*ast.LiteralNode); ok {
		if strings.HasPrefix(n.Start.Value, "|") {
			return r.blockPieces(m.at.line, n.Value.Value), "\n"
		}
		return r.foldedPieces(place{m.at.line + 1, 1}), " "
	}
	start := m.at
	if t := m.value.GetToken().Type; t == token.DoubleQuoteType || t == token.SingleQuoteType {
		start.column++
	}
	return r.foldedPieces(start), " "
}

// blockPieces are the lines under a block scalar's header, without their common indentation.
func (r *mapReader) blockPieces(header int, text string) []piece {
	var pieces []piece
	indentation := -1
	for i := range strings.Count(text, "\n") + 1 {
		line := r.line(header + 1 + i)
		trimmed := strings.TrimLeft(line, " ")
		if indentation < 0 && trimmed != "" {
			indentation = len(line) - len(trimmed)
		}
		cut := min(max(indentation, 0), len(line)-len(trimmed))
		pieces = append(pieces, piece{place{header + 1 + i, cut + 1}, line[cut:]})
	}
	return pieces
}

// foldedPieces are the lines of a scalar whose line ends count as spaces, up to the longest
// condition.
func (r *mapReader) foldedPieces(start place) []piece {
	first := fromColumn(r.line(start.line), start.column)
	pieces := []piece{{start, first}}
	for size := len(first); size <= maxConditionRunes && start.line+len(pieces) <= len(r.lines); {
		line := r.line(start.line + len(pieces))
		text := strings.Trim(line, " ")
		indentation := len(line) - len(strings.TrimLeft(line, " "))
		pieces = append(pieces, piece{place{start.line + len(pieces), indentation + 1}, text})
		size += len(text) + 1
	}
	trimFirst(pieces)
	return pieces
}

// fromColumn is a line from a column on, up to the longest condition.
func fromColumn(line string, column int) string {
	begin, end, at := len(line), len(line), 1
	for i := range line {
		if at == column {
			begin = i
		}
		if at == column+maxConditionRunes+1 {
			end = i
			break
		}
		at++
	}
	return line[begin:max(begin, end)]
}

// trimFirst takes the spaces around the first piece away, as those around the others are.
func trimFirst(pieces []piece) {
	p := &pieces[0]
	text := strings.TrimLeft(p.text, " ")
	p.at.column += len(p.text) - len(text)
	p.text = strings.TrimRight(text, " ")
}

// line is a line of the text by its number from 1; empty beyond the end.
func (r *mapReader) line(number int) string {
	if number < 1 || number > len(r.lines) {
		return ""
	}
	return r.lines[number-1]
}
