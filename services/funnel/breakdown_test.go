package funnel

import (
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

func TestValuesOf(t *testing.T) {
	t.Parallel()
	value := func(texts ...string) []GroupValue {
		var values []GroupValue
		for _, text := range texts {
			values = append(values, GroupValue{Value: text})
		}
		return values
	}
	missing := []GroupValue{{Missing: true}}
	for _, c := range []struct {
		name, literal string
		want          []GroupValue
	}{
		{name: "absent", literal: "", want: missing},
		{name: "null", literal: "null", want: missing},
		{name: "a text", literal: `"a"`, want: value("a")},
		{name: "the empty text", literal: `""`, want: value("")},
		{name: "a whole number", literal: "5", want: value("5")},
		{name: "the same number", literal: "5.0", want: value("5")},
		{name: "a large number", literal: "1e21", want: value("1000000000000000000000")},
		{name: "a boolean", literal: "true", want: value("true")},
		{name: "an object", literal: `{"b":1,"a":2}`, want: value(`{"a":2,"b":1}`)},
		{name: "an array", literal: `["a","b"]`, want: value("a", "b")},
		{name: "each once, by text", literal: `["5",5,5.0,"a","5"]`, want: value("5", "a")},
		{name: "nulls are left out", literal: `[null,"a",null]`, want: value("a")},
		{name: "nothing but nulls", literal: `[null]`, want: missing},
		{name: "an empty array", literal: `[]`, want: missing},
		{name: "the empty text in an array", literal: `[""]`, want: value("")},
		{
			name: "arrays and objects in an array", literal: `[["b", "a"],{"y":1,"x":null},true]`,
			want: value(`["b","a"]`, `{"x":null,"y":1}`, "true"),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := ValuesOf(journey.ParseValue([]byte(c.literal)))
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// with is a touchpoint with properties.
func with(f AttributedFact, properties string) AttributedFact {
	f.Properties = journey.Object(properties)
	return f
}

// drawn is an answer in short: the groups with their counts, "-" for a missing value, "…" for the
// other ones.
func drawn(answer Answer) [][]any {
	line := func(name string, steps []StepNumbers) []any {
		cells := []any{name}
		for _, n := range counts(steps) {
			cells = append(cells, n)
		}
		return cells
	}
	lines := [][]any{line("all", answer.Steps)}
	for _, g := range answer.Groups {
		var names []string
		for _, v := range g.Values {
			if v.Missing {
				names = append(names, "-")
			} else {
				names = append(names, v.Value)
			}
		}
		if g.Other {
			names = []string{"…"}
		}
		lines = append(lines, line(strings.Join(names, "|"), g.Steps))
	}
	return lines
}

func TestBreakdown(t *testing.T) {
	t.Parallel()
	by := func(name string, a Attribution) Breakdown {
		return Breakdown{By: Property, Name: name, Attribution: a}
	}
	step := func(name string, n int) Breakdown {
		return Breakdown{By: Property, Name: name, Attribution: StepTouch, Step: n}
	}
	type lines = [][]any
	for _, c := range []struct {
		name    string
		facts   []AttributedFact
		by      []Breakdown
		change  func(*Question)
		want    lines
		overlap bool
	}{
		{
			name: "the first value that is not missing, of touchpoints that match a step",
			facts: []AttributedFact{
				with(track("1", "u1", "other", 1), `{"p":"o"}`), track("2", "u1", "view", 2),
				with(track("3", "u1", "buy", 3), `{"p":"b"}`),
				with(track("4", "u1", "buy", 4), `{"p":"c"}`),
			},
			by: []Breakdown{by("p", FirstTouch)}, want: lines{{"all", 1, 1}, {"b", 1, 1}},
		},
		{
			name: "the last one",
			facts: []AttributedFact{
				with(track("2", "u1", "view", 2), `{"p":"a"}`),
				with(track("3", "u1", "buy", 3), `{"p":"b"}`),
				track("4", "u1", "buy", 4), with(track("5", "u1", "other", 5), `{"p":"o"}`),
			},
			by: []Breakdown{by("p", LastTouch)}, want: lines{{"all", 1, 1}, {"b", 1, 1}},
		},
		{
			name: "of the range, though later steps count: the first",
			facts: []AttributedFact{
				with(track("0", "u1", "view", 1), `{"p":"before"}`),
				track("1", "u1", "view", 2), with(track("3", "u1", "buy", 4), `{"p":"after"}`),
			},
			change: func(q *Question) {
				q.From, q.To = day0.Add(2*time.Minute), day0.Add(4*time.Minute)
			},
			by: []Breakdown{by("p", FirstTouch)}, want: lines{{"all", 1, 1}, {"-", 1, 1}},
		},
		{
			name: "of the range, though later steps count: the last",
			facts: []AttributedFact{
				with(track("1", "u1", "view", 2), `{"p":"in"}`),
				with(track("3", "u1", "buy", 4), `{"p":"after"}`),
			},
			change: func(q *Question) { q.To = day0.Add(4 * time.Minute) },
			by:     []Breakdown{by("p", LastTouch)}, want: lines{{"all", 1, 1}, {"in", 1, 1}},
		},
		{
			name: "nothing after as_of",
			facts: []AttributedFact{
				track("1", "u1", "view", 1), with(track("2", "u1", "view", 3), `{"p":"late"}`),
			},
			change: func(q *Question) { q.AsOf = day0.Add(2 * time.Minute) },
			by:     []Breakdown{by("p", FirstTouch)}, want: lines{{"all", 1, 0}, {"-", 1, 0}},
		},
		{
			name: "what the filter hides gives no value",
			facts: []AttributedFact{
				with(track("1", "u1", "view", 1), `{"p":"hidden","q":1}`),
				with(track("2", "u1", "view", 2), `{"p":"seen"}`),
			},
			change: func(q *Question) {
				q.Filter = Condition{Name: "q", Operator: IsNotSet}
			},
			by: []Breakdown{by("p", FirstTouch)}, want: lines{{"all", 1, 0}, {"seen", 1, 0}},
		},
		{
			name: "missing and the empty text are two, and missing ranks last among equals",
			facts: []AttributedFact{
				track("1", "u1", "view", 1), with(track("2", "u2", "view", 1), `{"p":""}`),
				with(track("3", "u3", "view", 1), `{"p":"x"}`), track("4", "u4", "view", 1),
				track("5", "u4", "buy", 2), with(track("6", "u5", "view", 1), `{"p":null}`),
				with(track("7", "u6", "view", 1), `{"p":""}`), track("8", "u6", "buy", 2),
				with(track("9", "u7", "view", 1), `{"p":""}`),
			},
			by:   []Breakdown{by("p", FirstTouch)},
			want: lines{{"all", 7, 2}, {"", 3, 1}, {"-", 3, 1}, {"x", 1, 0}},
		},
		{
			name: "every element of an array, once",
			facts: []AttributedFact{
				with(track("1", "u1", "view", 1), `{"p":["x","y","x"]}`), track("2", "u1", "buy", 2),
				with(track("3", "u2", "view", 1), `{"p":"x"}`),
			},
			by:   []Breakdown{by("p", FirstTouch)},
			want: lines{{"all", 2, 1}, {"x", 2, 1}, {"y", 1, 1}}, overlap: true,
		},
		{
			name: "past the limit: one, added up",
			facts: []AttributedFact{
				with(track("1", "u1", "view", 1), `{"p":"a"}`), track("2", "u1", "buy", 2),
				with(track("3", "u2", "view", 1), `{"p":["b","c"]}`),
				with(track("5", "u3", "view", 1), `{"p":"c"}`),
			},
			change: func(q *Question) { q.Limit = 1 },
			by:     []Breakdown{by("p", FirstTouch)},
			want:   lines{{"all", 3, 1}, {"a", 1, 1}, {"…", 3, 0}}, overlap: true,
		},
		{
			name: "ALL sees touchpoints that carry the value, and only them",
			facts: []AttributedFact{
				with(track("1", "u1", "view", 1), `{"p":"x"}`),
				with(track("2", "u1", "buy", 2), `{"p":"y"}`),
				with(track("3", "u1", "buy", 3), `{"p":["x","z"]}`),
				track("4", "u1", "view", 4),
			},
			by:   []Breakdown{by("p", EveryTouch)},
			want: lines{{"all", 1, 1}, {"x", 1, 1}, {"-", 1, 0}}, overlap: true,
		},
		{
			name: "STEP 1: once per value of the touchpoints that match it",
			facts: []AttributedFact{
				with(track("1", "u1", "view", 1), `{"p":"x"}`),
				with(track("2", "u1", "view", 2), `{"p":"y"}`),
				with(track("3", "u1", "buy", 3), `{"p":"z"}`),
				with(track("4", "u1", "view", 4), `{"p":"w"}`),
			},
			by:   []Breakdown{step("p", 0)},
			want: lines{{"all", 1, 1}, {"x", 1, 1}, {"y", 1, 1}, {"w", 1, 0}}, overlap: true,
		},
		{
			name: "STEP 2: who has no such touchpoint is left out, who has but not in time is not",
			facts: []AttributedFact{
				track("1", "u1", "view", 1), with(track("2", "u1", "buy", 2), `{"p":"x"}`),
				track("3", "u2", "view", 1),
				with(track("4", "u3", "buy", 1), `{"p":"early"}`), track("5", "u3", "view", 2),
				track("6", "u4", "view", 1), track("7", "u4", "buy", 2),
			},
			by:   []Breakdown{step("p", 1)},
			want: lines{{"all", 4, 2}, {"x", 1, 1}, {"-", 1, 1}, {"early", 1, 0}}, overlap: true,
		},
		{
			name: "STEP 2 of touchpoints that no attempt may see: those past the range and the window",
			facts: []AttributedFact{
				track("1", "u1", "view", 1), with(track("2", "u1", "buy", 12), `{"p":"last"}`),
				with(track("3", "u1", "buy", 13), `{"p":"past"}`),
			},
			change: func(q *Question) {
				q.To, q.Window = day0.Add(2*time.Minute+time.Millisecond), 10*time.Minute
			},
			by: []Breakdown{step("p", 1)}, want: lines{{"all", 1, 0}, {"last", 1, 0}}, overlap: true,
		},
		{
			name: "a pair comes from one touchpoint, the first with any of the two",
			facts: []AttributedFact{
				track("1", "u1", "view", 1), with(track("2", "u1", "view", 2), `{"p":"a"}`),
				with(track("3", "u1", "buy", 3), `{"p":"b","q":"c"}`),
				track("4", "u2", "view", 1),
				with(track("5", "u3", "view", 1), `{"q":"c"}`),
			},
			by:   []Breakdown{by("p", FirstTouch), by("q", FirstTouch)},
			want: lines{{"all", 3, 1}, {"a|-", 1, 1}, {"-|c", 1, 0}, {"-|-", 1, 0}},
		},
		{
			name: "with different attributions each by itself",
			facts: []AttributedFact{
				with(track("1", "u1", "view", 1), `{"p":"a"}`),
				with(track("2", "u1", "buy", 2), `{"p":"b","q":["c","d"]}`),
			},
			by:   []Breakdown{by("p", FirstTouch), by("q", LastTouch)},
			want: lines{{"all", 1, 1}, {"a|c", 1, 1}, {"a|d", 1, 1}}, overlap: true,
		},
		{
			name: "two steps",
			facts: []AttributedFact{
				with(track("1", "u1", "view", 1), `{"p":"a"}`),
				with(track("2", "u1", "view", 2), `{"p":"b"}`),
				with(track("3", "u1", "buy", 2), `{"p":"c"}`),
			},
			by:   []Breakdown{step("p", 0), step("p", 1)},
			want: lines{{"all", 1, 1}, {"a|c", 1, 1}, {"b|c", 1, 1}}, overlap: true,
		},
		{
			name: "the person's trait as of as_of, its elements too",
			facts: []AttributedFact{
				track("1", "u1", "view", 1), identify("2", "v1", "u1", `{"plan":["x","y"]}`, 2),
				identify("3", "v1", "u1", `{"plan":"late"}`, 9), track("4", "u2", "view", 1),
			},
			change: func(q *Question) { q.AsOf = day0.Add(5 * time.Minute) },
			by:     []Breakdown{{By: Trait, Name: "plan", Attribution: OfPerson}},
			want:   lines{{"all", 2, 0}, {"x", 1, 0}, {"y", 1, 0}, {"-", 1, 0}}, overlap: true,
		},
		{
			name: "persona and a value of touchpoints",
			facts: []AttributedFact{
				with(track("1", "u1", "view", 1), `{"p":"a"}`),
				identify("2", "v1", "u1", `{"plan":"pro"}`, 2),
				with(track("4", "u2", "view", 1), `{"p":"a"}`),
			},
			by:   append([]Breakdown{by("p", FirstTouch)}, byPersona...),
			want: lines{{"all", 2, 0}, {"a|pro", 1, 0}, {"a|unassigned", 1, 0}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			q.Breakdowns = c.by
			if c.change != nil {
				c.change(&q)
			}
			answer, _ := ask(t, c.facts, q)
			if diff := gocmp.Diff(c.want, drawn(answer)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if answer.Overlap != c.overlap {
				t.Errorf("overlap is %t, want %t", answer.Overlap, c.overlap)
			}
		})
	}
}

// TestBreakdownSubjects: every subject by its first touchpoint, or its person.
func TestBreakdownSubjects(t *testing.T) {
	t.Parallel()
	f := with(track("1", "u1", "Experiment Viewed", 1),
		`{"experiment_id":"E","variation_id":7,"$feature/F":true,"$groups":{"team":"t"}}`)
	f.Channel, f.Client = "web", journey.Client{Device: "tv", Browser: "Links", OS: "Plan 9"}
	f.Campaign = journey.Campaign{Name: "n", Source: "s", Medium: "m"}
	facts := []AttributedFact{f, group("2", "u1", "g", "", 2), group("3", "u1", "h", "team", 2)}
	for _, c := range []struct {
		by   Breakdown
		want string
	}{
		{by: Breakdown{By: OfChannel}, want: "web"},
		{by: Breakdown{By: OfDevice}, want: "tv"},
		{by: Breakdown{By: OfBrowser}, want: "Links"},
		{by: Breakdown{By: OfOS}, want: "Plan 9"},
		{by: Breakdown{By: OfCampaign}, want: "n"},
		{by: Breakdown{By: OfCampaign, Name: CampaignName}, want: "n"},
		{by: Breakdown{By: OfCampaign, Name: CampaignSource}, want: "s"},
		{by: Breakdown{By: OfCampaign, Name: CampaignMedium}, want: "m"},
		{by: Breakdown{By: OfGroup}, want: "g"},
		{by: Breakdown{By: OfGroup, Name: "team"}, want: "t"},
		{by: Breakdown{By: OfGroup, Name: "team", Attribution: OfPerson}, want: "h"},
		{by: Breakdown{By: OfGroup, Name: "x"}, want: "-"},
		{by: Breakdown{By: Variant, Name: "E"}, want: "7"},
		{by: Breakdown{By: Variant, Name: "F"}, want: "true"},
		{by: Breakdown{By: Variant, Name: "E", Attribution: OfPerson}, want: "7"},
		{by: Breakdown{By: Variant, Name: "F", Attribution: OfPerson}, want: "-"},
		{by: Breakdown{By: Persona, Attribution: OfPerson}, want: "unassigned"},
	} {
		q := validQuestion()
		q.Steps[0].Target.Kind, q.Breakdowns = AnyEvent, []Breakdown{c.by}
		q.Steps[0].Target.Name = ""
		answer, _ := ask(t, facts, q)
		want := [][]any{{"all", 1, 0}, {c.want, 1, 0}}
		if diff := gocmp.Diff(want, drawn(answer)); diff != "" {
			t.Errorf("by %+v (-want +got):\n%s", c.by, diff)
		}
	}
}

// group joins a group.
func group(id, who, name, groupType string, minute int) AttributedFact {
	f := fact(journey.Group, id, who, minute)
	f.Group = journey.GroupID(name)
	if groupType != "" {
		f.Traits = journey.Object(`{"groupType":"` + groupType + `"}`)
	}
	return f
}
