package admit

import "strings"

// walker steps over the members of an object or the elements of an array. Its text is in
// canonical form: known to be JSON, without white space.
type walker struct {
	text string
	at   int
}

func walk(text string) walker { return walker{text: text, at: 1} }

// member gives the next member of an object.
func (w *walker) member() (m member, ok bool) {
	if w.text[w.at] == '}' {
		return member{}, false
	}
	value := textEnd(w.text, w.at) + 1
	m = member{name: w.at, value: value, end: valueEnd(w.text, value)}
	w.past(m.end)
	return m, true
}

// element gives the next element of an array.
func (w *walker) element() (literal string, ok bool) {
	if w.text[w.at] == ']' {
		return "", false
	}
	from, end := w.at, valueEnd(w.text, w.at)
	w.past(end)
	return w.text[from:end], true
}

func (w *walker) past(end int) {
	w.at = end
	if w.text[end] == ',' {
		w.at++
	}
}

// name is the member's name, decoded.
func (w *walker) name(m member) string { return unquote(w.text[m.name : m.value-1]) }

func (w *walker) value(m member) string { return w.text[m.value:m.end] }

// valueEnd is the place behind the value that begins at a place inside a container.
func valueEnd(text string, at int) int {
	for depth := 0; ; at++ {
		switch text[at] {
		case '"':
			at = textEnd(text, at) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
	}
}

// textEnd is the place behind the text that begins at a place.
func textEnd(text string, at int) int {
	for at++; ; {
		closer := strings.IndexByte(text[at:], '"')
		escape := strings.IndexByte(text[at:at+closer], '\\')
		if escape < 0 {
			return at + closer + 1
		}
		at += escape + len(`\"`)
	}
}
