package main

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/waystage/waystage/services/query/table"
)

// addComponents adds what many methods share.
func addComponents(d object) {
	c := made(d, "components")
	responses, headers := made(c, "responses"), made(c, "headers")
	for name, says := range map[string]string{
		"Invalid":         "The request is wrong: each mistake is told, by the name of its field.",
		"Unauthenticated": "There is no token, or an unknown or revoked one.",
		"Forbidden":       "The token does not open this.",
		"NotFound":        "There is no such thing.",
		"NotAcceptable":   "There is no such format of this answer: the message tells those there are.",
		"Exhausted":       "Too many questions at once: ask again after Retry-After.",
		"Unavailable":     "The store is away: ask again after Retry-After.",
		"Other":           "Any other error.",
	} {
		responses[name] = object{"description": says, "content": object{"application/json": object{
			"schema": object{"$ref": schemas + "google.rpc.Status"},
		}}}
	}
	responses["NotModified"] = object{
		"description": "The answer is the one whose entity tag was sent; there is no body.",
		"headers":     object{"ETag": reference("headers", "ETag")},
	}
	header := func(name, kind, says string) {
		headers[name] = object{"description": says, "schema": object{"type": kind}}
	}
	header("ETag", "string", "Weak entity tag of the numbers, without what tells when and how they "+
		"were found. With it in If-None-Match, an answer of the same numbers is 304 without a body.")
	header("X-Next-Page-Token", "string", "next_page_token, absent on the last page.")
	header("X-Total-Size", "integer", "total_size: length of the whole list.")
	header("Link", "string", "The next page as rel=\"next\", absent on the last one.")
	header("Content-Disposition", "string", "A name for the answer's file.")
}

// describe gives a method a short summary, and the whole of it as a description.
func describe(o operation) {
	o.object["description"] = text(o.object, "summary")
	o.object["summary"] = sentence(text(o.object, "summary"))
}

// addFormats adds the formats of tables, and the parameters that ask for them.
func addFormats(o operation) {
	tables := table.Names(protoreflect.FullName(o.answer()))
	if len(tables) == 0 {
		return
	}
	parameters, _ := o.object["parameters"].([]any)
	o.object["parameters"] = append(parameters,
		object{
			"name": "format", "in": "query",
			"description": "Format of the answer. Default: what Accept says, else json.",
			"schema":      object{"type": "string", "enum": []any{"json", "csv", "arrow"}},
		},
		object{
			"name": "table", "in": "query",
			"description": "Which table csv or arrow hold. Default: " + tables[0] + ".",
			"schema":      object{"type": "string", "enum": anyOf(tables)},
		})
	ok := at(o.object, "responses", "200")
	content := made(ok, "content")
	content["text/csv"] = object{"schema": object{
		"type":        "string",
		"description": "RFC 4180 in UTF-8, a line of names first; see docs/bi.md for the columns.",
	}}
	content["application/vnd.apache.arrow.stream"] = object{"schema": object{
		"type": "string", "format": "binary", "description": "The same columns, typed.",
	}}
	made(ok, "headers")["Content-Disposition"] = reference("headers", "Content-Disposition")
	at(o.object, "responses")["406"] = reference("responses", "NotAcceptable")
}

func anyOf(texts []string) []any {
	var list []any
	for _, t := range texts {
		list = append(list, t)
	}
	return list
}

// addErrors adds what any method may answer with besides.
func addErrors(o operation) {
	responses := at(o.object, "responses")
	for status, name := range map[string]string{
		"400": "Invalid", "401": "Unauthenticated", "403": "Forbidden", "404": "NotFound",
		"503": "Unavailable", "default": "Other",
	} {
		responses[status] = reference("responses", name)
	}
	if strings.Contains(o.path, "/funnels:") {
		responses["429"] = reference("responses", "Exhausted")
	}
}

// addTags adds entity tags to reads, and to lists what tells of their pages.
func addTags(o operation) {
	ok := at(o.object, "responses", "200")
	if strings.HasPrefix(o.answer()[strings.LastIndex(o.answer(), ".")+1:], "List") {
		for _, name := range []string{"X-Next-Page-Token", "Link"} {
			made(ok, "headers")[name] = reference("headers", name)
		}
	}
	if strings.HasSuffix(o.path, ":listPersons") {
		made(ok, "headers")["X-Total-Size"] = reference("headers", "X-Total-Size")
	}
	if o.method != "get" {
		return
	}
	made(ok, "headers")["ETag"] = reference("headers", "ETag")
	at(o.object, "responses")["304"] = reference("responses", "NotModified")
	parameters, _ := o.object["parameters"].([]any)
	o.object["parameters"] = append(slices.Clip(parameters), object{
		"name": "If-None-Match", "in": "header", "schema": object{"type": "string"},
		"description": "Entity tag of an answer that the caller has.",
	})
}

// addExamples adds a question as people ask it.
func addExamples(d object) {
	words := object{
		"stages": "search..purchase", "from": "-30d", "by": []any{"channel"},
		"filter": []any{"channel=email|social"},
	}
	eachOperation(d, func(o operation) {
		if at(o.request(), "properties", "words") != nil {
			example := object{"words": words}
			if at(o.request(), "properties", "step") != nil {
				example["step"] = 2
			}
			at(o.object, "requestBody", "content", "application/json")["example"] = example
		}
		list, _ := o.object["parameters"].([]any)
		for _, p := range list {
			p, _ := p.(object)
			name, _ := p["name"].(string)
			if p["in"] == "query" && strings.HasSuffix(text(o.object, "operationId"), "ByGet") &&
				words[name] != nil {
				p["example"] = words[name]
			}
		}
	})
}
