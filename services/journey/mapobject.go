package journey

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// object is a YAML mapping being read.
type object struct {
	*mapReader
	at      place
	path    string
	members map[string]member
}

// member is a value with where it stands.
type member struct {
	at    place
	path  string
	value ast.Node
}

// object reads a mapping of a shape, or the text that stands for one. Errors: no mapping, unknown,
// repeated and missing names.
func (r *mapReader) object(from member, s *shape) (object, bool) {
	o := object{mapReader: r, at: from.at, path: from.path, members: map[string]member{}}
	if _, isText := scalarOf(from.value); isText && s.short != "" {
		o.members[s.short] = from
		return o, true
	}
	values, ok := mappingOf(from.value)
	if !ok {
		text := ""
		if s.short != "" {
			text = "a text, or "
		}
		r.add(from.at, from.path, "this is %s; it must be %sa mapping with %s",
			kindOf(from.value), text, strings.Join(s.names(), ", "))
		return o, false
	}
	for _, v := range values {
		o.take(v, s.names())
	}
	o.checkChoice(s)
	return o, true
}

// checkChoice reports that not exactly one of the fields is there that exclude each other, or none
// of those of which some must be.
func (o *object) checkChoice(s *shape) {
	var given []string
	for _, name := range s.one {
		if _, present := o.members[name]; present {
			given = append(given, name)
		}
	}
	switch {
	case len(s.one) > 0 && len(given) == 0:
		o.add(o.at, o.path, "give one of %s", strings.Join(s.one, ", "))
	case len(given) > 1:
		o.add(o.at, o.path, "%s exclude each other; keep one", strings.Join(given, " and "))
	case len(s.some) > 0 && len(o.members) == 0:
		o.add(o.at, o.path, "give at least one of %s", strings.Join(s.some, ", "))
	}
}

// child reads a member that is a mapping. false if it is absent or no mapping.
func (o *object) child(name string, s *shape) (object, bool) {
	m, present := o.members[name]
	if !present {
		return object{}, false
	}
	return o.object(m, s)
}

func (o *object) take(v *ast.MappingValueNode, names []string) {
	key := v.Key.GetToken()
	at := placeOf(v.Key)
	path := joined(o.path, key.Value)
	if !slices.Contains(names, key.Value) {
		o.add(at, o.path, "unknown name %q%s", clipped(key.Value), didYouMean(key.Value, names))
		return
	}
	if earlier, repeated := o.members[key.Value]; repeated {
		o.add(at, path, "given a second time; the first is on line %d: keep one", earlier.at.line)
		return
	}
	m := member{at: placeOf(v.Value), path: path, value: v.Value}
	if _, null := v.Value.(*ast.NullNode); null {
		m.at = at
	}
	o.members[key.Value] = m
	o.places[path] = at
}

// missing reports that a required member is absent.
func (o *object) missing(name, hint string) {
	o.add(o.at, joined(o.path, name), "missing; %s", hint)
}

// text reads a text of at most so many characters, without the spaces around it. Empty if absent
// or wrong.
func (o *object) text(name string, most int) string {
	m, present := o.members[name]
	if !present {
		return ""
	}
	return o.boundedText(m, most)
}

func (r *mapReader) boundedText(m member, most int) string {
	text, ok := r.textOf(m)
	if ok && utf8.RuneCountInString(text) > most {
		r.add(m.at, m.path, "longer than %d characters; shorten it", most)
		return ""
	}
	return strings.TrimSpace(text)
}

// textOf reads a scalar that YAML takes for a text.
func (r *mapReader) textOf(m member) (string, bool) {
	text, ok := scalarOf(m.value)
	if !ok {
		r.add(m.at, m.path, "this is %s; it must be a text%s", kindOf(m.value), quoteHint(m.value))
		return "", false
	}
	if strings.TrimSpace(text) == "" {
		r.add(m.at, m.path, "the text is empty; fill it in or take it out")
		return "", false
	}
	for _, c := range text {
		if isControl(c) && c != '\n' && c != '\t' {
			r.add(m.at, m.path, "the text has the control character %U; take it out", c)
			return "", false
		}
	}
	return text, true
}

// id reads a required id and checks its spelling. An id that is spelled wrong is returned all the
// same, so that what refers to it is not reported too.
func (o *object) id() (string, member, bool) {
	m, present := o.members["id"]
	if !present {
		o.missing("id", "give it one of a-z, 0-9, _ and -, beginning with a letter")
		return "", m, false
	}
	id, ok := o.textOf(m)
	if ok && !isID(id) {
		o.add(m.at, m.path, "%q is no id; write 1 to %d of a-z, 0-9, _ and -, beginning with "+
			"a letter", clipped(id), maxIDLength)
	}
	return id, m, ok
}

func isID(id string) bool {
	if id == "" || len(id) > maxIDLength || id[0] < 'a' || id[0] > 'z' {
		return false
	}
	return !strings.ContainsFunc(id, isNotIDRune)
}

func isNotIDRune(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-'
}

// title reads an optional title, which is the id where it is absent.
func (o *object) title(id string) string {
	return cmp.Or(o.text("title", maxTitleLength), id)
}

// list reads a member's entries. Errors: no list.
func (o *object) list(name string) ([]member, bool) {
	m, present := o.members[name]
	if !present {
		return nil, false
	}
	sequence, ok := m.value.(*ast.SequenceNode)
	if !ok {
		o.add(m.at, m.path, "this is %s; it must be a list", kindOf(m.value))
		return nil, false
	}
	entries := make([]member, len(sequence.Values))
	for i, v := range sequence.Values {
		entries[i] = member{at: placeOf(v), path: fmt.Sprintf("%s[%d]", m.path, i), value: v}
		if _, null := v.(*ast.NullNode); null {
			entries[i].at = m.at
		}
		o.places[entries[i].path] = entries[i].at
	}
	return entries, true
}

func joined(path, name string) string {
	if path == "" {
		return clipped(name)
	}
	return path + "." + clipped(name)
}

// clipped is a text fit to be shown in a message: short and in one line.
func clipped(text string) string {
	const most = 40
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text)
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

func mappingOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func scalarOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// kindOf names what a node is, for messages.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "a boolean"
	case *ast.NullNode:
		return "empty"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "something else"
}

func quoteHint(n ast.Node) string {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return ": put it in quotes"
	case *ast.NullNode:
		return ": fill it in or take it out"
	}
	return ""
}

// placeOf is where a node begins.
func placeOf(n ast.Node) place {
	t := firstToken(n)
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

func firstToken(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return firstToken(n.Values[0])
		}
	case *ast.MappingValueNode:
		return firstToken(n.Key)
	case *ast.LiteralNode:
		return n.Start
	}
	return n.GetToken()
}
