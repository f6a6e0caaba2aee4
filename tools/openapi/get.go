package main

import (
	"maps"
	"slices"
)

// addGets adds, to each method bound to POST whose request may be said in words, the GET that asks
// the same: words and the request's own fields are its parameters. The server makes them by the
// same rule (services/internal/rpc).
func addGets(d object) {
	for _, item := range at(d, "paths") {
		post := at(item.(object), "post") //nolint:forcetypeassert // every path is an object
		words := at(operation{object: post}.request(), "properties", "words")
		if words == nil {
			continue
		}
		get, _ := clone(post).(object)
		delete(get, "requestBody")
		get["operationId"] = text(post, "operationId") + "ByGet"
		get["summary"] = text(post, "summary") + " By GET, for tools that can do nothing else."
		of := at(d, "components", "schemas", referred(words))
		parameters, _ := get["parameters"].([]any)
		get["parameters"] = append(parameters, queryOf(operation{object: post}.request(), of)...)
		item.(object)["get"] = get
	}
}

// queryOf makes fields parameters. A field of the request that is named as a word is, is called so
// with "Number" at its end, or "Value" where it is a text.
func queryOf(request, words object) []any {
	var list []any
	properties := at(words, "properties")
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		list = append(list, queryParameter(name, at(properties, name)))
	}
	own := at(request, "properties")
	required, _ := request["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if name == "words" {
			continue
		}
		p := queryParameter(name, at(own, name))
		if properties[name] != nil {
			p["name"] = name + "Number"
			if text(at(own, name), "type") == "string" {
				p["name"] = name + "Value"
			}
		}
		if slices.Contains(required, any(name)) {
			p["required"] = true
		}
		list = append(list, p)
	}
	return list
}

// queryParameter is a field in a query. A message is written as JSON; where there are several of
// it, each is a value alone or the JSON of it.
func queryParameter(name string, schema object) object {
	p := object{"name": name, "in": "query", "description": text(schema, "description")}
	plain, _ := clone(schema).(object)
	delete(plain, "description")
	switch ref := referred(plain); {
	case at(plain, "items")["$ref"] != nil:
		p["description"] = text(schema, "description") + " Each is a value, or the JSON of a " +
			referred(at(plain, "items")) + "."
		p["schema"] = object{"type": "array", "items": object{"type": "string"}}
	case ref == "waystage.funnel.v1.FunnelQuestion":
		p["content"] = object{"application/json": object{"schema": plain}}
	case ref != "":
		p["description"] = text(schema, "description") +
			" By its name, or the last part of it in small letters: lost."
		p["schema"] = object{"type": "string"}
	default:
		p["schema"] = plain
	}
	return p
}
