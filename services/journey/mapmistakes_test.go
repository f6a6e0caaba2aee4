package journey_test

import (
	"fmt"
	"strings"
	"testing"
)

const (
	emptyMap  = "1:1 the map is empty; it needs at least a title and two stages"
	noMapping = "it must be a mapping with title, lost_after, stages, channels, personas, " +
		"touchpoints, money, referral, kpis"
)

var mistakesOfShape = []mistake{
	{name: "comment only", new: "# nothing\n", want: []string{emptyMap}},
	{name: "text", new: "hello", want: []string{"1:1 this is a text; " + noMapping}},
	{name: "list", new: "\n\n- a\n", want: []string{"3:1 this is a list; " + noMapping}},
	{name: "empty object", new: "{}", want: []string{
		"1:1 title: missing; name the map",
		"1:1 stages: missing; list 2 to 30 of them, in order",
		"1:1 touchpoints: missing; list at least one; without them no stage is ever reached",
	}},
	{name: "unknown name", old: "title: A", new: "titel: A", want: []string{
		`1:1 unknown name "titel"; did you mean "title"?`,
		"1:1 title: missing; name the map",
	}},
	{name: "unknown name inside", old: "importance", new: "weight", want: []string{
		`14:5 touchpoints[0]: unknown name "weight"; known: id, title, stage, channel, ` +
			"importance, events, when, repeat, owner, status, standard, task, due, score, feedback, " +
			"barrier, contact",
	}},
	{name: "repeated name", old: "    importance: 5\n", new: "    stage: search\n", want: []string{
		"14:5 touchpoints[0].stage: given a second time; the first is on line 12: keep one",
	}},
	{name: "number as a title", old: "A small map", new: "404", want: []string{
		"1:8 title: this is a number; it must be a text: put it in quotes",
	}},
	{name: "boolean as an id", old: "id: search", new: "id: true", want: []string{
		"3:9 stages[0].id: this is a boolean; it must be a text: put it in quotes",
	}},
	{name: "no value", old: "stage: purchase", new: "stage:", want: []string{
		"12:5 touchpoints[0].stage: this is empty; it must be a text: fill it in or take it out",
	}},
	{name: "blank text", old: "A small map", new: `" "`, want: []string{
		"1:8 title: the text is empty; fill it in or take it out",
	}},
	{name: "control character", old: "A small map", new: `"A\u001b[2J"`, want: []string{
		"1:8 title: the text has the control character U+001B; take it out",
	}},
	{name: "long text", old: "A small map", new: strings.Repeat("é", 201), want: []string{
		"1:8 title: longer than 200 characters; shorten it",
	}},
	{name: "list for an object", old: "{id: seo", new: "[{id: seo", want: []string{
		"8:1 the text is no YAML: ',' or ']' must be specified; check indentation, quotes " +
			"and brackets",
	}},
	{name: "object for a list", old: "[Order Completed]", new: "{page: x}", want: []string{
		"15:13 touchpoints[0].events: this is a mapping; it must be a list",
	}},
	{name: "text for a list", old: "[Order Completed]", new: "Order Completed", want: []string{
		"15:13 touchpoints[0].events: this is a text; it must be a list",
	}},
	{
		name: "text for an object", old: "{id: pro, when: traits.plan == \"pro\"}", new: "pro",
		want: []string{
			"9:5 personas[0]: this is a text; it must be a mapping with id, title, when, " +
				"needs, factors, value, offer, entry_channel, order, stages",
		},
	},
}

func TestParseMapTellsMistakesOfShape(t *testing.T) {
	t.Parallel()
	checkMistakes(t, mistakesOfShape)
}

const (
	idSpelling = "write 1 to 63 of a-z, 0-9, _ and -, beginning with a letter"
	noDuration = "lost_after: this is no duration; write a whole number and one of d, h, m, " +
		"s, as in 90d or 36h"
	noImportance = "touchpoints[0].importance: the " +
		"importance is a whole number from 1 (low) to 5 (high)"
)

var mistakesOfMeaning = []mistake{
	{name: "capital in an id", old: "id: search", new: "id: Search", want: []string{
		`3:9 stages[0].id: "Search" is no id; ` + idSpelling,
	}},
	{name: "digit first", old: "id: order", new: "id: 1order", want: []string{
		`11:9 touchpoints[0].id: "1order" is no id; ` + idSpelling,
	}},
	{name: "id too long", old: "id: order", new: "id: " + strings.Repeat("a", 64), want: []string{
		`11:9 touchpoints[0].id: "` + strings.Repeat("a", 40) + `…" is no id; ` + idSpelling,
	}},
	{name: "no id", old: "  - id: order\n    stage", new: "  - stage", want: []string{
		"11:5 touchpoints[0].id: missing; give it one of a-z, 0-9, _ and -, beginning with a letter",
	}},
	{name: "same id twice", old: "id: purchase", new: "id: search", want: []string{
		`4:9 stages[1].id: the stage "search" is declared a second time; the first is on ` +
			"line 3: give it another id",
		`12:12 touchpoints[0].stage: unknown stage "purchase"; known: search`,
	}},
	{name: "reserved persona", old: "id: pro", new: "id: unassigned", want: []string{
		`9:10 personas[0].id: "unassigned" is what persons without a persona have; give it ` +
			"another id",
	}},
	{name: "unknown stage", old: "stage: purchase", new: "stage: purchse", want: []string{
		`12:12 touchpoints[0].stage: unknown stage "purchse"; did you mean "purchase"?`,
	}},
	{name: "no stage", old: "    stage: purchase\n", new: "", want: []string{
		"11:5 touchpoints[0].stage: missing; name one of the stages of the map",
	}},
	{name: "unknown channel", old: "channel: seo", new: "channel: radio", want: []string{
		`13:14 touchpoints[0].channel: unknown channel "radio"; known: seo`,
	}},
	{name: "no channels", old: "channels:\n  - {id: seo, " +
		"when: context.page.referrer.contains(\"google\")}\n", new: "", want: []string{
		`11:14 touchpoints[0].channel: unknown channel "seo"; the map declares none`,
	}},
	{
		name: "stages unread", old: "stages:\n  - id: search\n  - id: purchase\n    title: Purchase\n",
		new: "stages: none\n", want: []string{
			"2:9 stages: this is a text; it must be a list",
		},
	},
	{name: "one stage", old: "  - id: search\n", new: "", want: []string{
		"3:3 stages: a map has at least 2 stages; add more",
	}},
	{
		name: "31 stages", old: "  - id: search\n", new: "  - id: search\n" + manyStages(29),
		want: []string{"33:5 stages[30]: more than 30 stages; take out what is least needed"},
	},
	{name: "no events", old: "[Order Completed]", new: "[]", want: []string{
		"15:13 touchpoints[0].events: the list is empty; list at least one name of a track " +
			"message, or page, or screen",
	}},
	{name: "events missing", old: "    events: [Order Completed]\n", new: "", want: []string{
		"11:5 touchpoints[0].events: missing; list at least one name of a track message, or " +
			"page, or screen",
	}},
	{name: "event twice", old: "[Order Completed]", new: "[page, x, page]", want: []string{
		`15:23 touchpoints[0].events[2]: the event "page" is listed a second time; take it out`,
	}},
	{name: "event is a number", old: "[Order Completed]", new: "[404]", want: []string{
		"15:14 touchpoints[0].events[0]: this is a number; it must be a text: put it in quotes",
	}},
	{name: "101 events", old: "[Order Completed]", new: "[" + manyEvents(101) + "]", want: []string{
		"15:804 touchpoints[0].events[100]: more than 100 events; make two touchpoints of it",
	}},
	{
		name: "importance 6", old: "importance: 5", new: "importance: 6",
		want: []string{"14:17 " + noImportance},
	},
	{
		name: "importance 0", old: "importance: 5", new: "importance: 0",
		want: []string{"14:17 " + noImportance},
	},
	{
		name: "importance 1.5", old: "importance: 5", new: "importance: 1.5",
		want: []string{"14:17 " + noImportance},
	},
	{
		name: "importance in words", old: "importance: 5", new: "importance: high",
		want: []string{"14:17 " + noImportance},
	},
	{
		name: "duration without unit", old: "title", new: "lost_after: 90\ntitle",
		want: []string{"1:13 " + noDuration},
	},
	{
		name: "duration of two parts", old: "title", new: "lost_after: 1d12h\ntitle",
		want: []string{"1:13 " + noDuration},
	},
	{
		name: "negative duration", old: "title", new: "lost_after: -1d\ntitle",
		want: []string{"1:13 " + noDuration},
	},
	{name: "duration too short", old: "title", new: "lost_after: 59m\ntitle", want: []string{
		"1:13 lost_after: the duration must lie between 1h and 3650d",
	}},
	{
		name: "duration that overflows", old: "title", new: "lost_after: 999999999d\ntitle",
		want: []string{"1:13 lost_after: the duration must lie between 1h and 3650d"},
	},
}

func TestParseMapTellsMistakesOfMeaning(t *testing.T) {
	t.Parallel()
	checkMistakes(t, mistakesOfMeaning)
}

func manyStages(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  - id: s%d\n", i)
	}
	return b.String()
}

func manyEvents(n int) string {
	events := make([]string, n)
	for i := range events {
		events[i] = fmt.Sprintf("event%d", i)
	}
	return strings.Join(events, ",")
}
