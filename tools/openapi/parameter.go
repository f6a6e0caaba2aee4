package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// segment is a collection and the parameter that names one of it.
var segment = regexp.MustCompile(`/([A-Za-z]+)s/\{([\w.]+)\}`)

// renameParameters names the parameters of all paths for what they hold, and puts methods together
// whose paths are the same then.
func renameParameters(d object) {
	renamed := object{}
	paths := at(d, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := at(paths, path)
		name := path
		for _, found := range segment.FindAllStringSubmatch(path, -1) {
			noun, parameter := found[1], found[2]
			name = strings.Replace(name, "{"+parameter+"}", "{"+noun+"}", 1)
			for method := range item {
				renameParameter(at(item, method), parameter, noun)
			}
		}
		maps.Copy(made(renamed, name), item)
	}
	d["paths"] = renamed
}

func renameParameter(operation object, parameter, noun string) {
	list, _ := operation["parameters"].([]any)
	for _, p := range list {
		p, _ := p.(object)
		if p["name"] != parameter || p["in"] != "path" {
			continue
		}
		p["name"] = noun
		p["description"] = strings.TrimSpace("The " + noun + " part of the resource name: " +
			text(p, "description"))
	}
}

// stateRequired gives every schema that requires a property that property: the generator leaves
// them out where it says that one of several is required.
func stateRequired(v any) {
	switch v := v.(type) {
	case object:
		if names, is := v["required"].([]any); is {
			for _, name := range names {
				properties := made(v, "properties")
				if name, _ := name.(string); properties[name] == nil {
					properties[name] = object{}
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			stateRequired(v[name])
		}
	case []any:
		for _, member := range v {
			stateRequired(member)
		}
	}
}
