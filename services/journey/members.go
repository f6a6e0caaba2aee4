package journey

import (
	"encoding/json"
	"iter"
	"strings"
)

// All gives the members in their order: names, and values as JSON literals, which are parts of the
// object's text. It reads no deeper than it must and decodes nothing. What is no canonical text of
// an object ends where that shows.
func (o Object) All() iter.Seq2[string, string] {
	return func(yield func(name, literal string) bool) {
		rest, is := strings.CutPrefix(string(o), "{")
		for is && rest != "" && rest[0] == '"' {
			end := LiteralEnd(rest)
			if end >= len(rest) || rest[end] != ':' {
				return
			}
			name := Unquote(rest[:end])
			rest = rest[end+1:]
			if end = LiteralEnd(rest); end == 0 || end >= len(rest) || !yield(name, rest[:end]) {
				return
			}
			rest, is = strings.CutPrefix(rest[end:], ",")
		}
	}
}

// Literal is the member of a name as a JSON literal, empty if there is none.
func (o Object) Literal(name string) string {
	for member, literal := range o.All() {
		if member == name {
			return literal
		}
	}
	return ""
}

// Unquote is the text that a JSON literal stands for, empty if it is no text.
func Unquote(literal string) string {
	if len(literal) < 2 || literal[0] != '"' {
		return ""
	}
	if text := literal[1 : len(literal)-1]; strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var text string
	if json.Unmarshal([]byte(literal), &text) != nil {
		return ""
	}
	return text
}

// LiteralEnd is where the JSON literal that a canonical text begins with ends: len(text) where it
// does not, 0 where there is none.
func LiteralEnd(text string) int {
	if text == "" {
		return 0
	}
	switch text[0] {
	case '"':
		return textEnd(text)
	case '{', '[':
		return nestEnd(text)
	}
	if end := strings.IndexAny(text, ",}]"); end >= 0 {
		return end
	}
	return len(text)
}

func textEnd(text string) int {
	for at := 1; ; {
		closer := strings.IndexByte(text[at:], '"')
		if closer < 0 {
			return len(text)
		}
		escape := strings.IndexByte(text[at:at+closer], '\\')
		if escape < 0 {
			return at + closer + 1
		}
		if at += escape + len(`\"`); at >= len(text) {
			return len(text)
		}
	}
}

func nestEnd(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += textEnd(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
