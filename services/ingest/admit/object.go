package admit

import (
	"slices"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// object is a JSON object in canonical form, with its members found: names unique and in the
// order of their bytes.
type object struct {
	text    string
	members []member
}

// member lies at [name, value) and [value, end) of the text; a colon ends the first.
type member struct{ name, value, end int }

// find is the place of a member by name.
func (o *object) find(name string) (int, bool) {
	return slices.BinarySearchFunc(o.members, name, func(m member, name string) int {
		return strings.Compare(o.name(m), name)
	})
}

// has tells whether there is a member of that name, null or not.
func (o *object) has(name string) bool {
	_, there := o.find(name)
	return there
}

// literal is the value of a member by name, "" where it is absent or null.
func (o *object) literal(name string) string {
	i, ok := o.find(name)
	if !ok {
		return ""
	}
	if v := o.value(o.members[i]); v != "null" {
		return v
	}
	return ""
}

// name is the member's name, decoded.
func (o *object) name(m member) string { return unquote(o.text[m.name : m.value-1]) }

func (o *object) value(m member) string { return o.text[m.value:m.end] }

// overlay is base with the members of top, which win. Both are canonical.
func overlay(base, top journey.Object) journey.Object {
	if base == "" {
		return top
	}
	if top == "" {
		return base
	}
	merged := make([]byte, 0, len(base)+len(top))
	merged = append(append(merged, base[:len(base)-1]...), ',')
	o, refusal := canonical(append(merged, top[1:]...))
	if refusal != nil {
		return top
	}
	return journey.Object(o.text)
}
