package admit

import (
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// writer writes a canonical object, its members in the order given.
type writer struct {
	strings.Builder
}

// member writes a member whose name needs no escapes; without a literal it writes nothing.
func (w *writer) member(name, literal string) {
	if literal == "" {
		return
	}
	w.next()
	w.WriteByte('"')
	w.WriteString(name)
	w.WriteString(`":`)
	w.WriteString(literal)
}

// copied writes a member from its canonical text.
func (w *writer) copied(text string) {
	w.next()
	w.WriteString(text)
}

func (w *writer) next() {
	if w.Len() == 0 {
		w.WriteByte('{')
		return
	}
	w.WriteByte(',')
}

// object is what was written, empty if that is nothing.
func (w *writer) object() journey.Object {
	if w.Len() == 0 {
		return ""
	}
	w.WriteByte('}')
	return journey.Object(w.String())
}

// edit says what becomes of one member of an object.
type edit struct {
	name string
	// absent gives the literal to set where there is no such member, empty for none. Nil: none.
	absent func() string
	// present makes a new literal of that of the member, empty to drop it. Nil leaves it.
	present func(literal string) string
}

// made is what the edit makes of the member's literal, empty for a member that is not there.
func (e *edit) made(literal string) string {
	switch {
	case literal != "" && e.present != nil:
		return e.present(literal)
	case literal == "" && e.absent != nil:
		return e.absent()
	}
	return literal
}

// room is what rewrite leaves for members that it sets.
const room = 256

// rewrite edits a canonical object; the edits are in the order of their names, which need no
// escapes. It stays canonical.
func rewrite(o journey.Object, edits ...edit) journey.Object {
	var w writer
	w.Grow(len(o) + room)
	for source := walk(orEmpty(o)); ; {
		m, ok := source.member()
		if !ok {
			break
		}
		name := source.name(m)
		for len(edits) > 0 && edits[0].name < name {
			w.member(edits[0].name, edits[0].made(""))
			edits = edits[1:]
		}
		if len(edits) > 0 && edits[0].name == name {
			w.member(name, edits[0].made(source.value(m)))
			edits = edits[1:]
			continue
		}
		w.copied(source.text[m.name:m.end])
	}
	for i := range edits {
		w.member(edits[i].name, edits[i].made(""))
	}
	return w.object()
}

// orEmpty is the text of an object that may have no members.
func orEmpty(o journey.Object) string {
	if o == "" {
		return "{}"
	}
	return string(o)
}
