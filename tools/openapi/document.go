package main

import (
	"maps"
	"slices"
	"strings"
)

// object is an object of the document.
type object = map[string]any

// at is an object inside another one, by the names on the way; empty where there is none.
func at(o object, names ...string) object {
	for _, name := range names {
		o, _ = o[name].(object)
	}
	return o
}

// made is an object inside another one, made where there is none.
func made(o object, name string) object {
	inner, is := o[name].(object)
	if !is {
		inner = object{}
		o[name] = inner
	}
	return inner
}

// text is a text of an object, empty where there is none.
func text(o object, name string) string {
	s, _ := o[name].(string)
	return s
}

// operation is a method of the API.
type operation struct {
	path, method string
	object
}

// eachOperation goes through all methods, by path.
func eachOperation(d object, do func(operation)) {
	paths := at(d, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := at(paths, path)
		for _, method := range slices.Sorted(maps.Keys(item)) {
			do(operation{path, method, at(item, method)})
		}
	}
}

// answer is the name of the message that a method answers with.
func (o operation) answer() string {
	return referred(at(o.object, "responses", "200", "content", "application/json", "schema"))
}

// request is the schema of a method's body.
func (o operation) request() object {
	return at(o.object, "requestBody", "content", "application/json", "schema")
}

const schemas = "#/components/schemas/"

// referred is the name of the schema that one refers to.
func referred(schema object) string { return strings.TrimPrefix(text(schema, "$ref"), schemas) }

func reference(kind, name string) object {
	return object{"$ref": "#/components/" + kind + "/" + name}
}

// clone is a copy of a value, whose parts may be changed.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		c := make(object, len(v))
		for name, member := range v {
			c[name] = clone(member)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, member := range v {
			c[i] = clone(member)
		}
		return c
	}
	return v
}

// sentence is the first sentence of a text, on one line.
func sentence(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	for _, end := range []string{". ", ": "} {
		if first, _, found := strings.Cut(text, end); found {
			text = first
		}
	}
	return strings.TrimSuffix(text, ".") + "."
}
