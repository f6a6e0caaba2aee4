package admit

import "github.com/waystage/waystage/services/journey"

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
	value := w.end(w.at) + 1
	m = member{name: w.at, value: value, end: w.end(value)}
	w.past(m.end)
	return m, true
}

// element gives the next element of an array.
func (w *walker) element() (literal string, ok bool) {
	if w.text[w.at] == ']' {
		return "", false
	}
	from, end := w.at, w.end(w.at)
	w.past(end)
	return w.text[from:end], true
}

// end is the place behind the literal that begins at a place.
func (w *walker) end(at int) int { return at + journey.LiteralEnd(w.text[at:]) }

func (w *walker) past(end int) {
	w.at = end
	if w.text[end] == ',' {
		w.at++
	}
}

// name is the member's name, decoded.
func (w *walker) name(m member) string { return unquote(w.text[m.name : m.value-1]) }

func (w *walker) value(m member) string { return w.text[m.value:m.end] }
