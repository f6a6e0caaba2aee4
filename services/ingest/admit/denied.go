package admit

import (
	"slices"
	"sort"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// denied are names of members to be dropped, dots between levels, in the order of their bytes.
// They share their first used bytes, which led to where they are looked for.
type denied struct {
	names []string
	used  int
}

func newDenied(names []string) denied {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	slices.Sort(names)
	return denied{names: slices.Compact(names)}
}

// and are the names of all.
func (d denied) and(others ...denied) denied {
	var names []string
	for _, set := range append(others, d) {
		for _, name := range set.names {
			names = append(names, name[set.used:])
		}
	}
	return newDenied(names)
}

// within are the names one level deeper, in a member of that name.
func (d denied) within(member string) denied {
	names := make([]string, len(d.names))
	for i, name := range d.names {
		names[i] = member + "." + name[d.used:]
	}
	return newDenied(names)
}

func (d denied) empty() bool { return len(d.names) == 0 }

// through tells whether a member is denied, and gives the names that lead through it.
func (d denied) through(member string) (whole bool, below denied) {
	from := sort.Search(len(d.names), func(i int) bool { return d.names[i][d.used:] >= member })
	for ; from < len(d.names); from++ {
		rest, ok := strings.CutPrefix(d.names[from][d.used:], member)
		if !ok || rest != "" && rest[0] > '.' {
			return whole, denied{}
		}
		if rest == "" {
			whole = true
		} else if rest[0] == '.' {
			break
		}
	}
	below = denied{names: d.names[from:], used: d.used + len(member) + len(".")}
	end := slices.IndexFunc(below.names, func(name string) bool {
		return len(name) < below.used || name[d.used:below.used-1] != member ||
			name[below.used-1] != '.'
	})
	if end >= 0 {
		below.names = below.names[:end]
	}
	return whole, below
}

func (d denied) has(member string) bool {
	whole, _ := d.through(member)
	return whole
}

func (d denied) below(member string) denied {
	_, below := d.through(member)
	return below
}

// strip is a canonical object without the denied members; it stays canonical.
func (d denied) strip(o journey.Object) journey.Object {
	if o == "" || !d.touches(string(o)) {
		return o
	}
	return members(string(d.appendStripped(make([]byte, 0, len(o)), string(o))))
}

// touches tells whether a member of the object is denied or led through.
func (d denied) touches(object string) bool {
	w := walk(object)
	for m, ok := w.member(); ok; m, ok = w.member() {
		if whole, below := d.through(w.name(m)); whole || !below.empty() {
			return true
		}
	}
	return false
}

// appendStripped writes a value without the denied members. Arrays are no level of their own.
func (d denied) appendStripped(dst []byte, value string) []byte {
	if d.empty() {
		return append(dst, value...)
	}
	w := walk(value)
	switch value[0] {
	case '{':
		dst = append(dst, '{')
		for m, ok := w.member(); ok; m, ok = w.member() {
			whole, below := d.through(w.name(m))
			if whole {
				continue
			}
			dst = append(dst, w.text[m.name:m.value]...)
			dst = append(below.appendStripped(dst, w.value(m)), ',')
		}
		return closed(dst, '}')
	case '[':
		dst = append(dst, '[')
		for element, ok := w.element(); ok; element, ok = w.element() {
			dst = append(d.appendStripped(dst, element), ',')
		}
		return closed(dst, ']')
	default:
		return append(dst, value...)
	}
}

// closed puts the closer in the place of the comma behind the last item.
func closed(dst []byte, closer byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = closer
		return dst
	}
	return append(dst, closer)
}
