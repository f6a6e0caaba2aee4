package journey

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

// readYAML turns the text of a map into its root node. The text is checked before the library
// sees it and its tokens before the parser does: both take time that grows with the square of
// some shapes. nil if there were mistakes.
func (r *mapReader) readYAML(source string) (root ast.Node) {
	if !r.checkText(source) {
		return nil
	}
	defer func() {
		if recovered := recover(); recovered != nil {
			root = nil
			r.add(place{1, 1}, "", "the text cannot be read as YAML (%v); simplify it", recovered)
		}
	}()
	r.lines = strings.Split(source, "\n")
	tokens := lexer.Tokenize(source)
	guard := tokenGuard{mistakes: &r.mistakes}
	if !guard.accept(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.addSyntax(err)
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		r.add(place{1, 1}, "", "the map is empty; it needs at least a title and two stages")
		return nil
	}
	return file.Docs[0].Body
}

func (r *mapReader) addSyntax(err error) {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil {
		r.add(place{1, 1}, "", "the text is no YAML: %v", err)
		return
	}
	p := syntax.Token.Position
	r.add(place{max(p.Line, 1), max(p.Column, 1)}, "",
		"the text is no YAML: %s; check indentation, quotes and brackets", syntax.Message)
}

// maxBlankLines bounds a run of empty lines, for which the lexer's time grows with the square.
const maxBlankLines = 100

// checkText refuses what no map needs: other encodings than UTF-8, control characters, tabs as
// indentation.
func (r *mapReader) checkText(source string) bool {
	if len(source) > MaxMapBytes {
		r.add(place{1, 1}, "", "the map has %d bytes, more than 1 MiB; shorten it", len(source))
		return false
	}
	blank, line := 0, 0
	for text := range strings.SplitSeq(source, "\n") {
		line++
		r.checkLine(text, line)
		if strings.TrimSpace(text) != "" {
			blank = 0
			continue
		}
		if blank++; blank == maxBlankLines+1 {
			r.add(place{line, 1}, "", "more than %d empty lines; take them out", maxBlankLines)
		}
	}
	return len(r.found) == 0
}

func (r *mapReader) checkLine(text string, line int) {
	column, indentation := 0, true
	for i, c := range text {
		column++
		if complaint := complaintOf(c, text[i:], indentation); complaint != "" {
			r.add(place{line, column}, "", "%s", complaint)
			return
		}
		indentation = indentation && c == ' '
	}
}

func complaintOf(c rune, text string, indentation bool) string {
	if c == utf8.RuneError && !strings.HasPrefix(text, string(utf8.RuneError)) {
		return "the text is not UTF-8 here; save the file as UTF-8"
	}
	if c == '\t' {
		if indentation && strings.TrimSpace(text) != "" {
			return "a tab as indentation; use spaces"
		}
		return ""
	}
	if isControl(c) {
		return fmt.Sprintf("the control character %U; take it out", c)
	}
	return ""
}

// isControl: characters that are no text, and those that only some readers take for line ends or
// that turn the direction of writing.
func isControl(c rune) bool {
	switch {
	case c < ' ', c >= 0x7f && c <= 0x9f, c == 0x2028, c == 0x2029, c == 0xfeff:
		return true
	}
	return c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069
}

// normalised is the text with Unix line ends and without byte order mark.
func normalised(source string) string {
	source = strings.TrimPrefix(source, "\ufeff")
	return strings.ReplaceAll(source, "\r\n", "\n")
}
