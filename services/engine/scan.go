package engine

import "strings"

// tokenKind tells what a token of SQL is.
type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a keyword, a bare identifier or a number
	tokenQuoted           // a string, or an identifier in quotes
	tokenOther            // one byte of anything else
)

// token is a piece of a statement: text[start:end].
type token struct {
	kind       tokenKind
	start, end int
	depth      int // parentheses, brackets and braces around it
}

// scanner cuts a statement into tokens, leaving out white space and comments. It knows as much SQL
// as it takes to find a keyword outside strings and parentheses, and no more: the engine parses.
type scanner struct {
	text  string
	at    int
	depth int
}

// next gives the next token; tokenEnd at the end of the text, for ever.
func (s *scanner) next() token {
	s.skipBlank()
	if s.at >= len(s.text) {
		return token{kind: tokenEnd, start: s.at, end: s.at, depth: s.depth}
	}
	start := s.at
	var kind tokenKind
	switch c := s.text[s.at]; {
	case isWordByte(c):
		kind = tokenWord
		s.skipWhile(isWordByte)
	case c == '\'' || c == '"' || c == '`':
		kind = tokenQuoted
		s.skipQuoted(c)
	default:
		s.at++
		return s.other(start, c)
	}
	return token{kind: kind, start: start, end: s.at, depth: s.depth}
}

// other makes the token of one byte and follows the nesting: a bracket stands outside itself.
func (s *scanner) other(start int, c byte) token {
	if strings.IndexByte(")]}", c) >= 0 {
		s.depth--
	}
	found := token{kind: tokenOther, start: start, end: s.at, depth: s.depth}
	if strings.IndexByte("([{", c) >= 0 {
		s.depth++
	}
	return found
}

// is tells whether the token is the given keyword, outside all parentheses.
func (s *scanner) is(t token, keyword string) bool {
	return t.kind == tokenWord && t.depth == 0 && strings.EqualFold(s.word(t), keyword)
}

// word gives the text of a token.
func (s *scanner) word(t token) string { return s.text[t.start:t.end] }

// skipBlank passes white space and comments.
func (s *scanner) skipBlank() {
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch {
		case isBlank(rest[0]):
			s.at++
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "# "),
			strings.HasPrefix(rest, "#!"):
			s.skipPast(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			s.skipPast(rest, "*/")
		default:
			return
		}
	}
}

// skipPast passes everything up to and with mark; everything when mark is missing.
func (s *scanner) skipPast(rest, mark string) {
	if i := strings.Index(rest, mark); i >= 0 {
		s.at += i + len(mark)
		return
	}
	s.at = len(s.text)
}

// skipQuoted passes a text in quotes, in which backslashes escape and a doubled quote is one.
func (s *scanner) skipQuoted(quote byte) {
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case quote:
			if s.at+1 < len(s.text) && s.text[s.at+1] == quote {
				s.at++
				continue
			}
			s.at++
			return
		}
	}
	s.at = len(s.text)
}

func (s *scanner) skipWhile(wanted func(byte) bool) {
	for s.at < len(s.text) && wanted(s.text[s.at]) {
		s.at++
	}
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' ||
		c >= 'A' && c <= 'Z' || c >= 0x80
}

func isBlank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}
