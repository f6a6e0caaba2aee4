package journey_test

import (
	"strings"
	"testing"

	"github.com/waystage/waystage/services/journey"
)

const (
	noAnchors = " anchors (&) and aliases (*) are not used in maps; repeat the text, or quote it"
)

var refusedShapes = []mistake{
	{name: "alias bomb", new: "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", want: []string{
		"1:4" + noAnchors, "2:4" + noAnchors, "2:8" + noAnchors, "2:12" + noAnchors,
		"3:5" + noAnchors, "3:9" + noAnchors,
	}},
	{name: "merge key", old: "title: A small map", new: "<<: {title: x}", want: []string{
		"1:1 merge keys (<<) are not used in maps; repeat the members",
	}},
	{name: "tag", old: "A small map", new: "!!binary aGVsbG8=", want: []string{
		"1:8 tags (!) are not used in maps; take it out, or quote the text",
	}},
	{name: "complex key", new: "? a\n: b\n", want: []string{
		"1:1 complex keys (?) are not used in maps; write the key and a colon",
	}},
	{name: "two documents", old: "stages:\n", new: "---\nstages:\n", want: []string{
		"2:1 a second document; a file holds one map",
	}},
	{name: "document end", old: "stages:\n", new: "...\nstages:\n", want: []string{
		"2:1 a document end (...); a file holds one map: take the line out",
	}},
	{name: "tabs", old: "  - id: search\n  - id", new: "\t- id: search\n \t- id", want: []string{
		"3:1 a tab as indentation; use spaces", "4:2 a tab as indentation; use spaces",
	}},
	{name: "NUL", old: "A small", new: "A\x00small", want: []string{
		"1:9 the control character U+0000; take it out",
	}},
	{name: "text that turns direction", old: "A small", new: "A\u202esmall", want: []string{
		"1:9 the control character U+202E; take it out",
	}},
	{name: "invalid UTF-8", old: "A small", new: "é\xff small", want: []string{
		"1:9 the text is not UTF-8 here; save the file as UTF-8",
	}},
	{name: "unclosed quote", new: `title: "A small map`, want: []string{
		"1:8 the text is no YAML: could not find end character of double-quoted text; check " +
			"indentation, quotes and brackets",
	}},
	{name: "brackets", new: "stages: " + strings.Repeat("[", 100_000), want: []string{
		"1:100007 more than 100,000 words and signs; shorten the map",
	}},
	{name: "deep brackets", new: "stages: " + strings.Repeat("[", 1000), want: []string{
		"1:20 nested too deep; a map needs no more than a list of touchpoints with their events",
	}},
	{name: "deep braces", new: strings.Repeat("{a: ", 1000), want: []string{
		"1:49 nested too deep; a map needs no more than a list of touchpoints with their events",
	}},
	{name: "deep lists", new: strings.Repeat("- ", 1000), want: []string{
		"1:25 nested too deep; a map needs no more than a list of touchpoints with their events",
	}},
	{name: "deep blocks", new: stairs(20), want: []string{
		"13:14 nested too deep; a map needs no more than a list of touchpoints with their events",
	}},
	{name: "many members", new: strings.Repeat("a:\n", 20_000), want: []string{
		"501:2 more than 500 members in one place; take out what the map does not need",
	}},
	{name: "many members in braces", new: "{" + strings.Repeat("a,", 20_000) + "}", want: []string{
		"1:1003 more than 500 members in one place; take out what the map does not need",
	}},
	{name: "many entries", new: strings.Repeat("-\n", 20_000), want: []string{
		"2001:1 a list of more than 2,000 entries; shorten it",
	}},
	{name: "many empty lines", new: "title: |\n" + strings.Repeat("  \n", 20_000), want: []string{
		"102:1 more than 100 empty lines; take them out",
	}},
	{name: "too large", new: strings.Repeat("#", journey.MaxMapBytes+1), want: []string{
		"1:1 the map has 1048577 bytes, more than 1 MiB; shorten it",
	}},
}

func TestParseMapRefusesWhatMapsDoNotUse(t *testing.T) {
	t.Parallel()
	checkMistakes(t, refusedShapes)
}

func stairs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}
