package question

import (
	"fmt"
	"strconv"
	"strings"
)

// scanner walks over a text that somebody typed.
type scanner struct {
	text string
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t", s.text[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) end() bool { return s.at >= len(s.text) }

// rest steps over all that comes.
func (s *scanner) rest() string {
	from := s.at
	s.at = len(s.text)
	return s.text[from:]
}

// take steps over a piece of text if it comes next.
func (s *scanner) take(piece string) bool {
	if !strings.HasPrefix(s.text[s.at:], piece) {
		return false
	}
	s.at += len(piece)
	return true
}

// word is a quoted text, or all that comes before one of the stop bytes, without white space at
// its ends. quoted tells which.
func (s *scanner) word(stops string) (word string, quoted bool, err error) {
	s.space()
	if !s.end() && s.text[s.at] == '"' {
		word, err = s.quoted()
		s.space()
		return word, true, err
	}
	from := s.at
	for s.at < len(s.text) && strings.IndexByte(stops, s.text[s.at]) < 0 {
		s.at++
	}
	return strings.TrimSpace(s.text[from:s.at]), false, nil
}

// quoted reads a text in double quotes, with the escapes of JSON and Go.
func (s *scanner) quoted() (string, error) {
	prefix, err := strconv.QuotedPrefix(s.text[s.at:])
	if err != nil {
		return "", s.wrong(`a closing " is missing, or a \ stands before a letter that means nothing`)
	}
	text, err := strconv.Unquote(prefix)
	if err != nil {
		return "", s.wrong("the quoted text cannot be read")
	}
	s.at += len(prefix)
	return text, nil
}

// wrong tells what is wrong at the present place.
func (s *scanner) wrong(format string, args ...any) error {
	return fmt.Errorf("%q at character %d: %w",
		s.text, len([]rune(s.text[:s.at]))+1, fmt.Errorf(format, args...))
}
