package journey_test

import (
	"strings"
	"testing"
)

// stageMistake puts a line into the second stage of the small map, touchpointMistake into its touchpoint,
// personaMistake into its persona, and mistakeBelow adds lines to the map.
func stageMistake(name, line string, want ...string) mistake {
	return mistake{name: name, old: "    title: Purchase\n", new: "    " + line + "\n", want: want}
}

func touchpointMistake(name, line string, want ...string) mistake {
	return mistake{name: name, old: "    importance: 5\n", new: "    " + line + "\n", want: want}
}

func personaMistake(name, members string, want ...string) mistake {
	return mistake{name: name, old: `"pro"}`, new: `"pro", ` + members + "}", want: want}
}

func mistakeBelow(name, lines string, want ...string) mistake {
	return mistake{name: name, new: small + lines + "\n", want: want}
}

func TestParseMapTellsMistakesOfStages(t *testing.T) {
	t.Parallel()
	checkMistakes(t, []mistake{
		stageMistake("long text", "task: "+strings.Repeat("é", 501),
			"5:11 stages[1].task: longer than 500 characters; shorten it"),
		stageMistake("activity without a title", "activities: [{touchpoints: [order]}]",
			"5:18 stages[1].activities[0].title: missing; say in a few words what it is"),
		stageMistake("activity of an unknown touchpoint", "activities: [{title: x, touchpoints: [oder]}]",
			`5:43 stages[1].activities[0].touchpoints[0]: unknown touchpoint "oder"; did you mean `+
				`"order"?`),
		stageMistake("touchpoint twice", "activities: [{title: x, touchpoints: [order, order]}]",
			`5:50 stages[1].activities[0].touchpoints[1]: the touchpoint "order" is listed a second `+
				`time; take it out`),
		stageMistake("barrier that is a number", "barriers: [5]",
			"5:16 stages[1].barriers[0]: this is a number; it must be a text, or a mapping with "+
				"title, touchpoint, remedy"),
		stageMistake("31 ideas", "ideas: ["+strings.Repeat("x,", 31)+"]",
			"5:73 stages[1].ideas[30]: more than 30 ideas; take out what is least needed"),
		stageMistake("empty idea", "behind_the_scenes: ['']",
			"5:25 stages[1].behind_the_scenes[0]: the text is empty; fill it in or take it out"),
		stageMistake("stimulus to nowhere", "stimuli: [{title: x, to: serch}]",
			`5:30 stages[1].stimuli[0].to: unknown stage "serch"; did you mean "search"?`),
		stageMistake("contact", "contact: 1",
			"5:14 stages[1].contact: this is a number; write true or false"),
		stageMistake("nobody", "owner: {}",
			"5:12 stages[1].owner: give at least one of department, person"),
		stageMistake("temperature", "temperature: luke",
			`5:18 stages[1].temperature: "luke" is none of cold, warm, hot`),
		stageMistake("score", "score: 6",
			"5:12 stages[1].score: the score is a whole number from 1 (bad) to 5 (good), or unknown"),
		stageMistake("conversion", "targets: {conversion: 40}",
			"5:27 stages[1].targets.conversion: the number must lie from 0 to 1"),
		stageMistake("experience", "targets: {experience: 0x1}",
			"5:27 stages[1].targets.experience: this is written another way; write a number in "+
				"decimals, as in 12 or 0.5"),
		stageMistake("median time", "targets: {median_time: 2 days}",
			"5:28 stages[1].targets.median_time: this is no duration; write a whole number and one of "+
				"d, h, m, s, as in 90d or 36h"),
		stageMistake("target of an unknown KPI", "targets: {kpis: {nps: 5}}",
			`5:22 stages[1].targets.kpis.nps: unknown KPI "nps"; the map declares none`),
		stageMistake("unknown KPI", "kpis: [nps]",
			`5:12 stages[1].kpis[0]: unknown KPI "nps"; the map declares none`),
	})
}

func TestParseMapTellsMistakesOfTouchpoints(t *testing.T) {
	t.Parallel()
	const repeat = "    repeat: {of: order}\n"
	checkMistakes(t, []mistake{
		touchpointMistake("status", "status: plan",
			`14:13 touchpoints[0].status: "plan" is none of live, planned, missing`),
		touchpointMistake("due", "due: 2027-02-30",
			`14:10 touchpoints[0].due: "2027-02-30" is no day; write it as YYYY-MM-DD, as in 2027-03-31`),
		touchpointMistake("feedback", "feedback: {kind: csta}",
			`14:22 touchpoints[0].feedback.kind: "csta" is none of nps, csat, ces, review, sentiment; `+
				`did you mean "csat"?`),
		touchpointMistake("feedback of no kind", "feedback: {property: stars}",
			"14:15 touchpoints[0].feedback.kind: missing; write one of nps, csat, ces, review, sentiment"),
		{
			name: "repeat with a rule", old: "    importance: 5\n", new: repeat, want: []string{
				`14:13 touchpoints[0].repeat: "order" is itself a repeat; name the touchpoint that it ` +
					`repeats, and say from the how manieth on by from`,
				"15:13 touchpoints[0].events: a repeat is recognised by the touchpoint it repeats; take " +
					"events out, or take repeat out",
				"16:11 touchpoints[0].when: a repeat is recognised by the touchpoint it repeats; take " +
					"when out, or take repeat out",
			},
		},
		mistakeBelow("repeat from the first", "  - {id: again, stage: search, repeat: {of: order, from: 1}}",
			"17:58 touchpoints[1].repeat.from: this must be a whole number from 2 to 100"),
		mistakeBelow("repeat of nothing", "  - {id: again, stage: search, repeat: {from: 3}}",
			"17:40 touchpoints[1].repeat.of: missing; name the touchpoint that is repeated"),
		mistakeBelow("planned repeat",
			"  - {id: again, stage: search, status: planned, repeat: {of: order}}",
			"17:40 touchpoints[1].status: a repeat is live from the beginning; take status out, or take "+
				"repeat out until it is wanted"),
		mistakeBelow("planned without a stage", "  - {id: plan, status: planned}",
			"17:5 touchpoints[1].stage: missing; name one of the stages of the map"),
		mistakeBelow("live without events", "  - {id: plan, stage: search}",
			"17:5 touchpoints[1].events: missing; list at least one name of a track message, or page, "+
				"or screen"),
	})
}

func TestParseMapTellsMistakesOfPersonas(t *testing.T) {
	t.Parallel()
	checkMistakes(t, []mistake{
		personaMistake("entry channel", "entry_channel: soeo",
			`9:58 personas[0].entry_channel: unknown channel "soeo"; did you mean "seo"?`),
		personaMistake("empty order", "order: []",
			"9:50 personas[0].order: the list is empty; name the stages of the persona's map, or take "+
				"it out"),
		personaMistake("order of one text", "order: search",
			`9:50 personas[0].order: this is a text; it must be a list`),
		personaMistake("stage twice", "order: [search, search]",
			`9:59 personas[0].order[1]: the stage "search" is listed a second time; take it out`),
		personaMistake("override of no stage", "stages: [{targets: {conversion: 0.1}}]",
			"9:52 personas[0].stages[0].stage: missing; name one of the stages of the map"),
		personaMistake("override twice", "stages: [{stage: search}, {stage: search}]",
			`9:77 personas[0].stages[1].stage: the stage "search" is there a second time; write both `+
				`as one`),
	})
}

func TestParseMapTellsMistakesOfMoneyAndKPIs(t *testing.T) {
	t.Parallel()
	const noNumber = `write a number in decimals, as in 12 or 0.5`
	checkMistakes(t, []mistake{
		mistakeBelow("money without a property", "money: {currency: EUR}",
			"17:8 money.property: missing; name the property that holds the amount"),
		mistakeBelow("currency", "money: {property: total, currency: euro}",
			`17:36 money.currency: "euro" is no currency; write the three capitals of ISO 4217, as in EUR`),
		mistakeBelow("refund", "money: {property: total, refunds: [refund]}",
			`17:36 money.refunds[0]: unknown touchpoint "refund"; known: order`),
		mistakeBelow("referral", "referral: {by: code}",
			"17:11 referral.when: missing; say how it is recognised, as in: has(properties.referral_code)"),
		mistakeBelow("referral by a mistake", "referral: {when: properties.code = 1}",
			"17:34 referral.when: the condition is no CEL expression: token recognition error at: '= '"),
		mistakeBelow("no function", "kpis: [{id: k}]",
			"17:8 kpis[0]: give one of count, share, sum, mean, percentile, series"),
		mistakeBelow("two functions", "kpis: [{id: k, count: {of: {stage: search}}, series: {points: {2026-01-01: 1}}}]",
			"17:8 kpis[0]: count and series exclude each other; keep one"),
		mistakeBelow("count of nothing", "kpis: [{id: k, count: {}}]",
			"17:23 kpis[0].count.of: missing; say of which touchpoints, as in: {touchpoint: order}"),
		mistakeBelow("no subject", "kpis: [{id: k, count: {of: {when: 'true'}}}]",
			"17:28 kpis[0].count.of: give one of touchpoint, stage, event"),
		mistakeBelow("share of nothing", "kpis: [{id: k, share: {of: {stage: search}}}]",
			"17:23 kpis[0].share.among: missing; say as a share of which touchpoints, as in: {stage: "+
				"purchase}"),
		mistakeBelow("sum of nothing", "kpis: [{id: k, sum: {of: {touchpoint: order}}}]",
			"17:21 kpis[0].sum.property: missing; name the property whose values are taken"),
		mistakeBelow("mean of nothing", "kpis: [{id: k, mean: {of: {touchpoint: order}}}]",
			"17:22 kpis[0].mean: give one of property, to"),
		mistakeBelow("percentile of both",
			"kpis: [{id: k, percentile: {p: 50, of: {event: a}, property: x, to: {event: b}}}]",
			"17:28 kpis[0].percentile: property and to exclude each other; keep one"),
		mistakeBelow("percentile out of range",
			"kpis: [{id: k, percentile: {p: 100, of: {event: a}, property: x}}]",
			"17:32 kpis[0].percentile.p: the number must lie between 0 and 100, these two left out"),
		mistakeBelow("condition of a KPI", "kpis: [{id: k, count: {of: {event: a, when: foo}}}]",
			`17:45 kpis[0].count.of.when: unknown name "foo"`+touchpointNames),
		mistakeBelow("series of a list", "kpis: [{id: k, series: {points: [1]}}]",
			"17:33 kpis[0].series.points: this is a list; it must be a mapping"),
		mistakeBelow("empty series", "kpis: [{id: k, series: {points: {}}}]",
			"17:33 kpis[0].series.points: there are no values; add one"),
		mistakeBelow("points", "kpis: [{id: k, series: {points: {2026-1-1: 1, 2026-01-01: x, 2026-01-01: 2}}}]",
			`17:34 kpis[0].series.points.2026-1-1: "2026-1-1" is no day; write it as YYYY-MM-DD, as in `+
				`2027-03-31`,
			"17:59 kpis[0].series.points.2026-01-01: this is a text; "+noNumber,
			"17:62 kpis[0].series.points.2026-01-01: given a second time; the first is on line 17: "+
				"keep one"),
		mistakeBelow("KPI twice", "kpis:\n  - {id: k, count: {of: {event: a}}}\n  - {id: k, count: {of: {event: b}}}",
			`19:10 kpis[1].id: the KPI "k" is declared a second time; the first is on line 18: give it `+
				`another id`),
	})
}
