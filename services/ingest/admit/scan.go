package admit

import (
	"encoding/binary"
	"math/bits"
)

// scanner walks JSON text as RFC 8259 has it, without decoding. Its methods leave at behind what
// they read and tell whether the grammar held. It does not look at whether texts are UTF-8.
type scanner struct {
	src []byte
	at  int
}

// peek is the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

// take steps over b if it comes next.
func (s *scanner) take(b byte) bool {
	if s.at < len(s.src) && s.src[s.at] == b {
		s.at++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.at < len(s.src) {
		switch s.src[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// end steps over white space and tells whether nothing else is left.
func (s *scanner) end() bool {
	s.space()
	return s.at == len(s.src)
}

// text steps over a text and tells whether it holds escapes.
func (s *scanner) text() (escaped, ok bool) {
	if !s.take('"') {
		return false, false
	}
	for i := s.at; i < len(s.src); i++ {
		if i += plain(s.src[i:]); i == len(s.src) {
			break
		}
		switch c := s.src[i]; {
		case c == '"':
			s.at = i + 1
			return escaped, true
		case c == '\\':
			n := escapeBytes(s.src[i:])
			if n == 0 {
				s.at = i
				return escaped, false
			}
			escaped = true
			i += n - 1
		case c < ' ':
			s.at = i
			return escaped, false
		}
	}
	s.at = len(s.src)
	return escaped, false
}

// plain is how many bytes b begins with that stand for themselves in a text: eight at a time, as
// "Bit Twiddling Hacks" (Anderson) finds a byte less than n, or equal to n, in a word.
func plain(b []byte) int {
	const (
		lows  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		quote, slash := w^(lows*'"'), w^(lows*'\\')
		found := (w-lows*' ')&^w | (quote-lows)&^quote | (slash-lows)&^slash
		if found &= highs; found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for n < len(b) && b[n] >= ' ' && b[n] != '"' && b[n] != '\\' {
		n++
	}
	return n
}

// escapeBytes is the length of the escape that b begins with, 0 if it is none.
func escapeBytes(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

func (s *scanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.src) && '0' <= s.src[s.at] && s.src[s.at] <= '9' {
		s.at++
	}
	return s.at > from
}

func (s *scanner) word(w string) bool {
	if len(s.src)-s.at < len(w) || string(s.src[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

func (s *scanner) scalar() bool {
	switch s.peek() {
	case '"':
		_, ok := s.text()
		return ok
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

// key steps over white space, a member's name and its colon, and gives the name's literal.
func (s *scanner) key() (literal []byte, ok bool) {
	s.space()
	from := s.at
	if _, ok = s.text(); !ok {
		return nil, false
	}
	literal = s.src[from:s.at]
	s.space()
	return literal, s.take(':')
}

// skip steps over white space and one value. It does not recurse: depth costs a byte a level.
func (s *scanner) skip() bool {
	var closers []byte
	for {
		closer, ok := s.open()
		if !ok {
			return false
		}
		if closer != 0 {
			closers = append(closers, closer)
			continue
		}
		if closers, ok = s.next(closers); !ok || len(closers) == 0 {
			return ok
		}
	}
}

// open steps over a scalar or an empty container, or into a container up to its first value: then
// it gives what closes it.
func (s *scanner) open() (closer byte, ok bool) {
	s.space()
	switch {
	case s.take('['):
		closer = ']'
	case s.take('{'):
		closer = '}'
	default:
		return 0, s.scalar()
	}
	s.space()
	if s.take(closer) {
		return 0, true
	}
	if closer == '}' {
		_, ok = s.key()
		return closer, ok
	}
	return closer, true
}

// next steps from behind a value to before the next one, out of containers that end on the way.
func (s *scanner) next(closers []byte) (open []byte, ok bool) {
	for len(closers) > 0 {
		closer := closers[len(closers)-1]
		s.space()
		switch {
		case s.take(closer):
			closers = closers[:len(closers)-1]
		case !s.take(','):
			return nil, false
		case closer == '}':
			_, ok = s.key()
			return closers, ok
		default:
			return closers, true
		}
	}
	return closers, true
}

// value steps over white space and one value, and gives its literal.
func (s *scanner) value() (literal []byte, ok bool) {
	s.space()
	from := s.at
	ok = s.skip()
	return s.src[from:s.at], ok
}

// container steps over an object or array of which item reads an item each.
func (s *scanner) container(opener, closer byte, item func() bool) bool {
	if !s.take(opener) {
		return false
	}
	s.space()
	if s.take(closer) {
		return true
	}
	for item() {
		s.space()
		if s.take(closer) {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
	return false
}
