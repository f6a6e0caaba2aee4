package journey

import "github.com/goccy/go-yaml/ast"

// declarations are the entries of a list, each of which declares an id.
type declarations struct {
	// what one entry is.
	what string
	// entries in file order, ids beside them; an id is empty where it could not be read.
	entries []object
	ids     []string
	// lines of the ids, and the ids in the order of declaration.
	lines map[string]int
	order []string
	// unread tells that the list could not be read whole, so that references cannot be checked.
	unread bool
}

// declare reads the entries of a list and their ids.
func (o *object) declare(list, what string, s *shape) declarations {
	d := declarations{what: what, lines: map[string]int{}}
	most := mapShape.field(list).is.most
	if m, present := o.members[list]; present {
		sequence, ok := m.value.(*ast.SequenceNode)
		d.unread = !ok || len(sequence.Values) > most
	}
	for _, entry := range o.entries(list, most, s) {
		d.entries = append(d.entries, entry)
		d.ids = append(d.ids, entry.declareID(&d))
	}
	return d
}

// declareID reads the id of an entry and reports one that was taken.
func (o *object) declareID(in *declarations) string {
	id, m, ok := o.id()
	if !ok {
		return ""
	}
	if line, taken := in.lines[id]; taken {
		o.add(m.at, m.path, "the %s %q is declared a second time; the first is on line %d: "+
			"give it another id", in.what, clipped(id), line)
		return id
	}
	in.lines[id] = m.at.line
	in.order = append(in.order, id)
	return id
}

// refer reads a reference to a declared id. Empty if absent.
func (o *object) refer(name string, to *declarations) string {
	m, present := o.members[name]
	if !present {
		return ""
	}
	return o.referenceOf(m, to)
}

func (r *mapReader) referenceOf(m member, to *declarations) string {
	id, ok := r.textOf(m)
	if _, known := to.lines[id]; ok && !known && !to.unread {
		r.add(m.at, m.path, "unknown %s %q%s", to.what, clipped(id), r.hint(id, to.order))
	}
	return id
}

// hint says which id may be meant, unless more is wrong already than is reported.
func (r *mapReader) hint(id string, known []string) string {
	switch {
	case len(r.found) > maxMapErrors:
		return ""
	case len(known) == 0:
		return "; the map declares none"
	}
	return didYouMean(id, known)
}

// references reads a list of distinct references to declared ids.
func references[ID ~string](o *object, list string, most int, to *declarations) []ID {
	var ids []ID
	seen := map[string]bool{}
	for _, m := range o.bounded(list, most) {
		id := o.referenceOf(m, to)
		if seen[id] && id != "" {
			o.add(m.at, m.path, "the %s %q is listed a second time; take it out", to.what, clipped(id))
			continue
		}
		seen[id] = true
		ids = append(ids, ID(id))
	}
	return ids
}

// entries reads the objects of a list, at most a number of them.
func (o *object) entries(list string, most int, s *shape) []object {
	var objects []object
	for _, m := range o.bounded(list, most) {
		if entry, ok := o.object(m, s); ok {
			objects = append(objects, entry)
		}
	}
	return objects
}

// require reports the absence of a member.
func (o *object) require(name, hint string) {
	if _, present := o.members[name]; !present {
		o.missing(name, hint)
	}
}
