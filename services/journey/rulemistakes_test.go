package journey_test

import (
	"strings"
	"testing"
)

const (
	inWhen          = "touchpoints[0].when: "
	touchpointNames = "; a condition reads event, type, properties, context, traits"
)

func condition(name, text string, want ...string) mistake {
	return mistake{name: name, old: "properties.total > 100", new: text, want: want}
}

// personaWhen puts a condition in the place of the small map's only one of a persona.
func personaWhen(name, text string, want ...string) mistake {
	return mistake{name: name, old: `traits.plan == "pro"`, new: `'` + text + `'`, want: want}
}

const ofPersona = "personas[0].when: "

var mistakesOfPersonaConditions = []mistake{
	personaWhen("event's name from the person", `count(traits.event) > 1`, "9:34 "+ofPersona+
		`count takes the event's name as a text in the condition itself; write it in quotes, as in `+
		`count("Order Completed")`),
	personaWhen("event's name without quotes", `last(Order) < as_of`, "9:27 "+ofPersona+
		`last takes the event's name as a text in the condition itself; write it in quotes, as in `+
		`last("Order Completed")`),
	personaWhen("property's name from the person", `sum("Order", traits.x) > 1.0`, "9:41 "+ofPersona+
		`sum takes the property's name as a text in the condition itself; write it in quotes, as in `+
		`sum("Order Completed", "order_total")`),
	personaWhen("no name", `count() > 1`, "9:27 "+ofPersona+
		`count takes 1 name, that of the event, as in count("Order Completed")`),
	personaWhen("no property", `sum("Order") > 1.0`, "9:25 "+ofPersona+
		`sum takes 2 names, those of the event and the property, as in `+
		`sum("Order Completed", "order_total")`),
	personaWhen("too many names", `count("Order", "Page") > 1`, "9:27 "+ofPersona+
		`count takes 1 name, that of the event, as in count("Order Completed")`),
	personaWhen("empty name", `first("") < as_of`, "9:28 "+ofPersona+
		`the event's name is empty; fill it in, as in first("Order Completed")`),
	personaWhen("days of nothing", `days_since() > 3`, "9:32 "+ofPersona+
		`days_since takes 1 instant, as in days_since(last_at)`),
	personaWhen("days of a number", `days_since(sessions) > 3`, "9:32 "+ofPersona+
		`days_since cannot be applied to (int)`),
	personaWhen("misspelt function", `cuont("Order") > 3`, "9:27 "+ofPersona+
		`unknown name "cuont"; did you mean "count"?`),
	personaWhen("misspelt variable", `first_chanel == "seo"`, "9:22 "+ofPersona+
		`unknown name "first_chanel"; did you mean "first_channel"?`),
	personaWhen("function as a variable", `count > 3`, "9:22 "+ofPersona+
		`unknown name "count"; count is a function: write its arguments behind it, in parentheses`),
	personaWhen("hidden names", `@past == @past`, "9:22 "+ofPersona+
		"the condition is no CEL expression: token recognition error at: '@'"),
	personaWhen("whole number and not", `sum("Order", "x") == 1`, "9:40 "+ofPersona+
		`== cannot be applied to (double, int); write 2.0 for 2 and double(…) around what is a `+
		`whole number`),
	personaWhen("a count is no text", `count("Order") == "1"`, "9:37 "+ofPersona+
		`== cannot be applied to (int, string)`),
	personaWhen("an instant is no number", `last_at > 5`, "9:30 "+ofPersona+
		`> cannot be applied to (timestamp, int)`),
	personaWhen("a count alone", `count("Order")`, "9:22 "+ofPersona+
		"the condition gives a value of type int, not true or false; compare it with something"),
	personaWhen("function of a touchpoint's condition", `properties.x == 1`, "9:22 "+ofPersona+
		`unknown name "properties"`+personaNames),
}

const personaNames = "; a condition reads traits, groups, first_channel, last_channel, first_at, " +
	"last_at, touchpoints, sessions, as_of"

func TestParseMapTellsMistakesOfPersonaConditions(t *testing.T) {
	t.Parallel()
	checkMistakes(t, mistakesOfPersonaConditions)
}

var mistakesOfConditions = []mistake{
	condition("unknown variable", `propertis.total > 100`,
		"16:11 "+inWhen+`unknown name "propertis"; did you mean "properties"?`),
	condition("unknown far from any", `properties.a == 1 || foo`,
		"16:32 "+inWhen+`unknown name "foo"`+touchpointNames),
	condition("double quotes", `"true && foo"`,
		"16:20 "+inWhen+`unknown name "foo"`+touchpointNames),
	condition("escapes give the beginning", `"true && \"x\" == foo"`,
		"16:11 "+inWhen+`unknown name "foo"`+touchpointNames),
	condition("block text", "|\n      true &&\n        foo", "18:9 "+inWhen+`unknown name "foo"`+
		touchpointNames),
	condition("folded text", ">-\n      true &&\n      foo", "18:7 "+inWhen+`unknown name "foo"`+
		touchpointNames),
	condition("continued text", "true &&\n        é.foo &&\n      foo", "17:9 "+inWhen+
		"the condition is no CEL expression: token recognition error at: 'é'"),
	condition("after wide characters quoted", `'"ééé" == event && foo'`,
		"16:30 "+inWhen+`unknown name "foo"`+touchpointNames),
	condition("two mistakes", `foo == bar`, "16:11 "+inWhen+`unknown name "foo"`+touchpointNames,
		"16:18 "+inWhen+`unknown name "bar"`+touchpointNames),
	condition("syntax", `properties.a ==`,
		"16:26 "+inWhen+"the condition is no CEL expression: mismatched input '<EOF>'"),
	condition("no boolean", `properties.size() + 1`, "16:11 "+inWhen+"the condition gives a value "+
		"of type int, not true or false; compare it with something"),
	condition("types that do not fit", `event > 1`,
		"16:17 "+inWhen+"> cannot be applied to (string, int)"),
	condition("boolean of YAML", `true`, "16:11 "+inWhen+"this is a boolean; it must be a text: "+
		"put it in quotes"),
	condition("pattern", `event.matches("(")`,
		"16:25 "+inWhen+"the pattern of matches is no regular expression: error parsing regexp: "+
			"missing closing ): `(`"),
	condition("pattern from the message", `event.matches(properties.pattern)`,
		"16:35 "+inWhen+"the pattern of matches must be a text in the condition itself"),
	condition("pattern too large", `event.matches("(a{30}){30}")`,
		"16:25 "+inWhen+"the pattern of matches is too large; simplify it"),
	condition("loops too deep",
		`context.exists(a, context.exists(b, context.exists(c, true)))`,
		"16:61 "+inWhen+"all, exists and exists_one may stand in one another only once"),
	condition("a list of variables", `event in [type]`, "16:21 "+inWhen+"a list in a condition "+
		"holds texts, numbers and booleans only; compare with each value by || instead"),
	condition("adding texts", `event + "a" == type`,
		"16:17 "+inWhen+"+ cannot be applied to (string, string)"),
	condition("whole number in arithmetic", `properties.n * 2 > 10`, "16:24 "+inWhen+"numbers of "+
		"messages and traits are doubles; write 2.0 for 2"),
	condition("function not offered", `event.replace("a", "b") == "b"`,
		"16:24 "+inWhen+"replace is not offered in conditions; known: bool, charAt, contains, "+
			"double, duration, dyn, endsWith, hasValue, indexOf, int, lastIndexOf, lowerAscii, "+
			"matches, or, orValue, size, split, startsWith, string, substring, timestamp, trim, "+
			"type, uint, upperAscii, value"),
	condition("nested too deep", `"`+strings.Repeat("(", 60)+`true`+strings.Repeat(")", 60)+`"`,
		"16:12 "+inWhen+"expression recursion limit exceeded: 50"),
	condition("too long", `event == "`+strings.Repeat("a", 2000)+`"`,
		"16:11 "+inWhen+"the condition is longer than 2,000 characters; shorten it"),
	{name: "persona reads an event", old: `traits.plan == "pro"`, new: `event == 'x'`, want: []string{
		`9:21 personas[0].when: unknown name "event"` + personaNames,
	}},
	{name: "persona without a rule", old: `, when: traits.plan == "pro"`, new: "", want: []string{
		`9:5 personas[0].when: missing; say by which traits, as in: traits.plan == "pro"`,
	}},
	{
		name: "channel", old: `context.page.referrer.contains("google")`, new: "contxt.x == 1",
		want: []string{`7:21 channels[0].when: unknown name "contxt"; did you mean "context"?`},
	},
}

func TestParseMapTellsMistakesOfConditions(t *testing.T) {
	t.Parallel()
	checkMistakes(t, mistakesOfConditions)
}
