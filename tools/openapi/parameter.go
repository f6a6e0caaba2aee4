package main

import (
	"regexp"
	"strings"
)

var (
	// pathKey is the line that begins a path, in the generator's own layout.
	pathKey = regexp.MustCompile(`(?m)^    "(/[^"]*)": \{$`)
	// segment is a collection and the parameter that names one of it.
	segment = regexp.MustCompile(`/([A-Za-z]+)s/\{(\w+)\}`)
)

// finish renames the parameters of all paths; everything else stays as it is, byte for byte.
func finish(document string) string {
	var b strings.Builder
	starts := pathKey.FindAllStringIndex(document, -1)
	end := 0
	for i, start := range starts {
		b.WriteString(document[end:start[0]])
		end = len(document)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		b.WriteString(finishPath(document[start[0]:end]))
	}
	b.WriteString(document[end:])
	return b.String()
}

// finishPath renames the parameters of one path, from its key to the next path's.
func finishPath(text string) string {
	key := pathKey.FindStringSubmatch(text)[1]
	renamed := key
	for _, found := range segment.FindAllStringSubmatch(key, -1) {
		noun, parameter := found[1], found[2]
		renamed = strings.Replace(renamed, "{"+parameter+"}", "{"+noun+"}", 1)
		text = renameParameter(text, parameter, noun)
	}
	return strings.Replace(text, `"`+key+`"`, `"`+renamed+`"`, 1)
}

func renameParameter(text, parameter, noun string) string {
	declared := regexp.MustCompile(
		`"name": "` + parameter + `",(\s+)"in": "path",(?:(\s+)"description": ")?`)
	return declared.ReplaceAllStringFunc(text, func(found string) string {
		found = strings.Replace(found, `: "`+parameter+`"`, `: "`+noun+`"`, 1)
		if strings.HasSuffix(found, `"description": "`) {
			found += "The " + noun + " part of the resource name: "
		}
		return found
	})
}
