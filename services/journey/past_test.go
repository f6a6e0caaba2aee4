package journey_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// morning is an instant to which tests count, in milliseconds since 1970.
var morning = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).UnixMilli()

const (
	minute = int64(time.Minute / time.Millisecond)
	hour   = 60 * minute
	day    = 24 * hour
)

// deed is a touchpoint so many milliseconds after morning.
func deed(after int64, event string, identity journey.IdentityID) journey.Deed {
	at := (morning + after) * int64(time.Millisecond)
	return journey.Deed{
		Identity: identity, OccurredAt: at, OriginalAt: at, ReceivedAt: at, Event: event,
		Message: journey.MessageID(fmt.Sprint(event, after)),
	}
}

func by(d journey.Deed, channel journey.ChannelID) journey.Deed {
	d.Channel = channel
	return d
}

func worth(d journey.Deed, values ...journey.Value) journey.Deed {
	d.Values = values
	return d
}

// judge is a map of one persona, "yes", with a condition.
func judge(t testing.TB, condition string) *journey.Map {
	t.Helper()
	m, err := journey.ParseMap(fmt.Sprintf("{title: x, stages: [{id: a}, {id: b}], "+
		"personas: [{id: yes, when: %q}], "+
		"touchpoints: [{id: a, stage: a, events: [x]}]}", condition))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// buyer has two identities, three sessions and two orders.
func buyer() *journey.Past {
	number := journey.NumberValue
	return &journey.Past{
		Traits: map[string]journey.Value{
			"plan": journey.TextValue("pro"), "since": journey.TextValue("2026-02-01T00:00:00Z"),
		},
		Groups: map[string]journey.GroupID{"company": "acme"},
		AsOf:   morning + 10*day + hour,
		Deeds: []journey.Deed{
			deed(0, "page", 1),
			by(deed(30*minute, "page", 1), "seo"),
			worth(by(deed(40*minute, "Order", 2), "email"), number(10)),
			worth(deed(2*day, "Order", 2), number(5.5)),
			worth(by(deed(3*day, "Refund", 1), "phone"), journey.TextValue("7")),
		},
	}
}

// TestPersonaConditions states what conditions of personas mean, on one person.
func TestPersonaConditions(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]bool{
		`count("Order") == 2`:                                  true,
		`count("Order") > 2`:                                   false,
		`count("page") == 2`:                                   true,
		`count("order") == 0`:                                  true,
		`count("Order") * 2 + 1 == 5`:                          true,
		`count("Order") >= 2.0`:                                true,
		`sum("Order", "total") == 15.5`:                        true,
		`sum("Order", "total") > 15`:                           true,
		`sum("Order", "total") / double(count("Order")) > 7.0`: true,
		`sum("Refund", "total") == 0.0`:                        true,
		`sum("Other", "total") == 0.0`:                         true,
		`sum("Order", "total") / double(count("None")) > 0.0`:  true,
		`count("Order") / count("None") >= 0`:                  false,

		`first_channel == "seo"`:             true,
		`last_channel == "phone"`:            true,
		`first_channel in ["seo", "direct"]`: true,
		`touchpoints == 5`:                   true,
		`sessions == 4`:                      true,

		`first_at == timestamp("2026-03-01T08:00:00Z")`:                    true,
		`last_at == timestamp("2026-03-04T08:00:00Z")`:                     true,
		`last_at - first_at == duration("72h")`:                            true,
		`last("Order") - first("Order") > duration("47h")`:                 true,
		`first("Order") < last("Refund")`:                                  true,
		`first("None") < as_of`:                                            false,
		`!(first("None") < as_of)`:                                         false,
		`count("None") > 0 && days_since(last("None")) > 3`:                false,
		`count("None") == 0 || days_since(last("None")) > 3`:               true,
		`days_since(last_at) == 7`:                                         true,
		`days_since(first("Order")) == 10`:                                 true,
		`days_since(as_of) == 0`:                                           true,
		`days_since(timestamp("2026-03-11T09:00:00.001Z")) == -1`:          true,
		`days_since(timestamp(traits.since)) == 38`:                        true,
		`days_since(traits.since) == 38`:                                   false,
		`as_of == timestamp("2026-03-11T09:00:00Z")`:                       true,
		`groups.company == "acme"`:                                         true,
		`groups.team == "acme"`:                                            false,
		`"company" in groups && !has(groups.team)`:                         true,
		`groups.exists(g, groups[g].startsWith("ac"))`:                     true,
		`traits.plan == "pro" && count("Order") >= 2 && sessions > 1`:      true,
		`traits.absent == "x" || count("Order") == 2`:                      true,
		`["Order", "page"].all(e, e != "")`:                                true,
		`traits.exists(k, k == "plan") && touchpoints > 0`:                 true,
		`size(first_channel) == 3 && first_channel.matches("^s")`:          true,
		`double(count("Order")) / double(touchpoints) == 0.4`:              true,
		`(count("Order") > 1 ? sum("Order", "total") : 0.0) > 10.0`:        true,
		`int(sum("Order", "total")) == 15`:                                 true,
		`string(count("Order")) == "2"`:                                    true,
		`type(count("Order")) == int && type(sum("Order", "x")) == double`: true,
		`last_at < as_of && as_of - last_at < duration("200h")`:            true,
		`first("page") == first_at`:                                        true,
		`last("Order") == timestamp("2026-03-03T08:00:00Z")`:               true,
		`last("Order") >= timestamp("2026-03-03T08:00:00.001Z")`:           false,
	} {
		t.Run(condition, func(t *testing.T) {
			t.Parallel()
			want := map[bool]journey.PersonaID{true: "yes", false: journey.Unassigned}[want]
			if got := judge(t, condition).PersonaOf(personOf(t, condition)); got != want {
				t.Errorf("PersonaOf = %q, want %q", got, want)
			}
		})
	}
}

// personOf is the buyer with the values of the properties that a condition reads, "total" being the
// only one that there is.
func personOf(t testing.TB, condition string) *journey.Past {
	p, properties := buyer(), judge(t, condition).PersonNeeds().Properties
	for i := range p.Deeds {
		if len(properties) != 1 || properties[0] != "total" {
			p.Deeds[i].Values = make([]journey.Value, len(properties))
		}
	}
	return p
}

func TestPersonaOfNobody(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]journey.PersonaID{
		`touchpoints == 0 && sessions == 0`:        "yes",
		`first_channel == "" && last_channel ==""`: "yes",
		`first_at < as_of`:                         journey.Unassigned,
		`last_at < as_of || true`:                  "yes",
		`count("Order") == 0 && size(groups) == 0`: "yes",
		`days_since(last_at) > 3`:                  journey.Unassigned,
		`size(traits) == 0`:                        "yes",
	} {
		if got := judge(t, condition).PersonaOf(&journey.Past{AsOf: morning}); got != want {
			t.Errorf("%s gives %q, want %q", condition, got, want)
		}
	}
}

// TestPersonaSeesUntilAsOf: a touchpoint of the very millisecond counts, the next one does not.
func TestPersonaSeesUntilAsOf(t *testing.T) {
	t.Parallel()
	m := judge(t, `count("Order") == 1 && touchpoints == 1 && sessions == 1`)
	for asOf, want := range map[int64]journey.PersonaID{
		morning - 1: journey.Unassigned, morning: "yes", morning + day - 1: "yes",
		morning + day: journey.Unassigned,
	} {
		late := deed(0, "Order", 1)
		late.OccurredAt += 999_999 // of the same millisecond
		p := journey.Past{Deeds: []journey.Deed{late, deed(day, "Order", 1)}, AsOf: asOf}
		if got := m.PersonaOf(&p); got != want {
			t.Errorf("as of %d ms the persona is %q, want %q", asOf-morning, got, want)
		}
	}
}

// TestSumIsInShownOrder: floating-point sums depend on the order, so it is fixed.
func TestSumIsInShownOrder(t *testing.T) {
	t.Parallel()
	number := journey.NumberValue
	p := journey.Past{AsOf: math.MaxInt64, Deeds: []journey.Deed{
		worth(deed(0, "Order", 1), number(1e16)), worth(deed(1, "Order", 1), number(1)),
		worth(deed(2, "Order", 1), number(-1e16)), worth(deed(3, "Order", 1), number(1)),
	}}
	if got := judge(t, `sum("Order", "total") == 1.0`).PersonaOf(&p); got != "yes" {
		t.Errorf("1e16 + 1 - 1e16 + 1 is not 1 but %v",
			judge(t, `sum("Order", "total") == 1.0`).ExplainPersona(&p))
	}
}

func TestPersonNeeds(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]journey.PersonNeeds{
		`traits.plan == "pro" && groups.company == "x"`: {},
		`count("B") > 1 || last("A") > first("B")`:      {Events: []string{"A", "B"}},
		`sum("B", "y") > sum("A", "x") + sum("B", "x")`: {
			Events: []string{"A", "B"}, Properties: []string{"x", "y"},
		},
		`first_channel == "seo"`:                    {All: true},
		`last_channel == "seo"`:                     {All: true},
		`touchpoints > 1`:                           {All: true},
		`sessions > 1`:                              {All: true},
		`first_at != last_at`:                       {All: true},
		`days_since(last("A")) > 3`:                 {Events: []string{"A"}, AsOf: true},
		`as_of > timestamp("2026-01-01T00:00:00Z")`: {AsOf: true},
	} {
		if diff := cmp.Diff(want, judge(t, condition).PersonNeeds()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", condition, diff)
		}
	}
}

func TestPersonNeedsOfRepeats(t *testing.T) {
	t.Parallel()
	m := parse(t, repeats)
	want := journey.PersonNeeds{Bases: []journey.TouchpointID{"call", "order"}}
	if diff := cmp.Diff(want, m.PersonNeeds()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	needs := m.PersonNeeds()
	for _, c := range []struct {
		event      string
		touchpoint journey.TouchpointID
		want       bool
	}{{"Order", "order", true}, {"Order", "", false}, {"Call", "call", true}, {"order", "visit", false}} {
		if got := needs.Wants(c.event, c.touchpoint); got != c.want {
			t.Errorf("Wants(%q, %q) = %v", c.event, c.touchpoint, got)
		}
	}
}

const repeats = `title: x
stages: [{id: a}, {id: b}]
touchpoints:
  - {id: order, stage: a, events: [Order]}
  - {id: call, stage: a, events: [Call]}
  - {id: visit, stage: a, events: [Visit]}
  - {id: second, stage: b, repeat: {of: order}}
  - {id: fourth, stage: b, repeat: {of: order, from: 4}}
  - {id: recall, stage: b, repeat: {of: call, from: 2}}
`

func TestBoundaries(t *testing.T) {
	t.Parallel()
	order := func(after int64) journey.Deed {
		d := deed(after, "Order", 1)
		d.Touchpoint = "order"
		return d
	}
	other := func(after int64) journey.Deed {
		d := deed(after, "Order", 1) // the same event, attributed otherwise
		d.Touchpoint = "visit"
		return d
	}
	for _, c := range []struct {
		name  string
		deeds []journey.Deed
		want  []journey.Boundary
	}{
		{"none", nil, nil},
		{"one is no repeat", []journey.Deed{order(0)}, nil},
		{"others do not count", []journey.Deed{order(0), other(1), other(2)}, nil},
		{
			"the second",
			[]journey.Deed{order(0), other(1), order(2)},
			[]journey.Boundary{{Touchpoint: "second", At: morning + 2}},
		},
		{
			"of one instant the first is none",
			[]journey.Deed{order(5), order(5)},
			[]journey.Boundary{{Touchpoint: "second", At: morning + 5, Before: 1}},
		},
		{
			"each rule by itself",
			[]journey.Deed{order(0), order(1), order(2), order(2), order(2)},
			[]journey.Boundary{
				{Touchpoint: "second", At: morning + 1},
				{Touchpoint: "fourth", At: morning + 2, Before: 1},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, parse(t, repeats).Boundaries(c.deeds)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestBoundariesTellRepeats: by the boundary exactly those are repeats that are the n-th or a later
// one in shown order.
func TestBoundariesTellRepeats(t *testing.T) {
	t.Parallel()
	m := parse(t, repeats)
	rapid.Check(t, func(t *rapid.T) {
		var deeds []journey.Deed
		after := int64(0)
		for range rapid.IntRange(0, 12).Draw(t, "touchpoints") {
			after += rapid.Int64Range(0, 1).Draw(t, "gap")
			d := deed(after, "Order", 1)
			d.Touchpoint = rapid.SampledFrom([]journey.TouchpointID{"order", "visit"}).Draw(t, "is")
			d.Index = uint32(len(deeds))
			deeds = append(deeds, d)
		}
		boundaries := m.Boundaries(deeds)
		for from, repeat := range map[int]journey.TouchpointID{2: "second", 4: "fourth"} {
			nth, ofInstant := 0, map[int64]int{}
			for i, d := range deeds {
				if d.Touchpoint != "order" {
					continue
				}
				nth++
				at := d.OccurredAt / 1e6
				if got := begun(boundaries, repeat, at, ofInstant[at]); got != (nth >= from) {
					t.Fatalf("touchpoint %d is %s: %v, want %v", i, repeat, got, nth >= from)
				}
				ofInstant[at]++
			}
		}
	})
}

// begun tells whether the base's touchpoint of that place in its instant is a repeat.
func begun(boundaries []journey.Boundary, of journey.TouchpointID, at int64, place int) bool {
	for _, b := range boundaries {
		if b.Touchpoint == of {
			return at > b.At || at == b.At && place >= b.Before
		}
	}
	return false
}

func TestExplainPersona(t *testing.T) {
	t.Parallel()
	m := parse(t, `title: x
stages: [{id: a}, {id: b}]
touchpoints: [{id: a, stage: a, events: [x]}]
personas:
  - {id: gone, when: 'traits.address.city == "Rome" && traits["home town"] == "Rome"'}
  - {id: rich, when: 'sum("Order", "total") > 100.0 || count("Order") > 5'}
  - {id: regular, when: 'count("Order") >= 2 && groups.company == "acme" && count("Order") < 9'}
  - {id: late, when: 'days_since(last("Order")) > 2 && first_channel == "seo" && touchpoints > 1'}
  - {id: odd, when: 'count("Order") / count("None") > 0'}
  - {id: kind, when: 'traits.plan > 5 && traits.exists(k, k == "plan")'}
`)
	number, text := journey.NumberValue, journey.TextValue
	total := journey.RuleInput{Expression: `sum("Order", "total")`, Value: number(15.5)}
	orders := journey.RuleInput{Expression: `count("Order")`, Value: number(2)}
	plan := journey.RuleInput{Expression: "traits.plan", Value: text("pro")}
	want := []journey.RuleResult{
		{
			Persona: "gone", Outcome: journey.RuleNotEvaluated, Reason: `there is no "address"`,
			Inputs: []journey.RuleInput{
				{Expression: "traits.address.city"}, {Expression: `traits["home town"]`},
			},
		},
		{Persona: "rich", Outcome: journey.RuleFailed, Inputs: []journey.RuleInput{total, orders}},
		{Persona: "regular", Outcome: journey.RuleChosen, Inputs: []journey.RuleInput{
			orders, {Expression: "groups.company", Value: text("acme")},
		}},
		{Persona: "late", Outcome: journey.RuleLater, Inputs: []journey.RuleInput{
			{Expression: "as_of", Value: text("2026-03-11T09:00:00.000Z")},
			{Expression: `last("Order")`, Value: text("2026-03-03T08:00:00.000Z")},
			{Expression: "first_channel", Value: text("seo")},
			{Expression: "touchpoints", Value: number(5)},
		}},
		{
			Persona: "odd", Outcome: journey.RuleNotEvaluated, Reason: "division by zero",
			Inputs: []journey.RuleInput{orders, {Expression: `count("None")`, Value: number(0)}},
		},
		{
			Persona: "kind", Outcome: journey.RuleNotEvaluated,
			Reason: "a value is of another kind than the condition expects",
			Inputs: []journey.RuleInput{plan, {
				Expression: "traits",
				Value:      journey.ParseValue([]byte(`{"plan":"pro","since":"2026-02-01T00:00:00Z"}`)),
			}},
		},
	}
	compare := cmp.Comparer(func(a, b journey.Value) bool { return a == b })
	if diff := cmp.Diff(want, m.ExplainPersona(buyer()), compare); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestExplainEndlessSum: what is shown is always JSON, which knows no endless numbers.
func TestExplainEndlessSum(t *testing.T) {
	t.Parallel()
	m := judge(t, `sum("Order", "total") > 1.0`)
	most := journey.NumberValue(math.MaxFloat64)
	past := &journey.Past{AsOf: morning + day, Deeds: []journey.Deed{
		worth(deed(0, "Order", 1), most), worth(deed(1, "Order", 1), most),
	}}
	got := m.ExplainPersona(past)[0]
	want := journey.TextValue("+Inf")
	if got.Outcome != journey.RuleChosen || got.Inputs[0].Value != want {
		t.Errorf("%+v, want it chosen by %v", got, want)
	}
}

// TestExplainAgrees: what is explained as chosen is the persona, whatever is known of the person.
func TestExplainAgrees(t *testing.T) {
	t.Parallel()
	m := parse(t, `title: x
stages: [{id: a}, {id: b}]
touchpoints: [{id: a, stage: a, events: [x]}]
personas:
  - {id: many, when: count("A") > 3}
  - {id: new, when: days_since(first("A")) < 2}
  - {id: spender, when: 'sum("B", "v") > 4.0'}
  - {id: stayer, when: sessions > 2 || first_channel == "seo"}
`)
	rapid.Check(t, func(t *rapid.T) {
		p := past(t)
		chosen := journey.Unassigned
		for _, r := range m.ExplainPersona(p) {
			if r.Outcome == journey.RuleChosen {
				chosen = r.Persona
			}
		}
		if got := m.PersonaOf(p); got != chosen {
			t.Fatalf("PersonaOf = %q, explained %q", got, chosen)
		}
		if want := byHand(p); chosen != want {
			t.Fatalf("PersonaOf = %q, by hand %q", chosen, want)
		}
	})
}

// byHand tells the persona of TestExplainAgrees' map as its rules say.
func byHand(p *journey.Past) journey.PersonaID {
	var a, sum, first float64
	sessions, firstChannel, last := 0, journey.ChannelID(""), map[journey.IdentityID]int64{}
	for _, d := range p.Deeds {
		at := d.OccurredAt / 1e6
		if at > p.AsOf {
			break
		}
		if d.Event == "A" {
			if a++; a == 1 {
				first = float64(p.AsOf-at) / float64(day)
			}
		}
		if d.Event == "B" && d.Values[0].Kind() == journey.Number {
			sum += d.Values[0].Number()
		}
		if before, seen := last[d.Identity]; !seen || at > before+30*minute {
			sessions++
		}
		last[d.Identity] = at
		if firstChannel == "" {
			firstChannel = d.Channel
		}
	}
	switch {
	case a > 3:
		return "many"
	case a > 0 && math.Floor(first) < 2:
		return "new"
	case sum > 4:
		return "spender"
	case sessions > 2 || firstChannel == "seo":
		return "stayer"
	}
	return journey.Unassigned
}

func past(t *rapid.T) *journey.Past {
	p := &journey.Past{AsOf: morning + rapid.Int64Range(0, 5*day).Draw(t, "as of")}
	after := int64(0)
	for range rapid.IntRange(0, 10).Draw(t, "touchpoints") {
		after += rapid.SampledFrom([]int64{0, 1, 30 * minute, 30*minute + 1, day}).Draw(t, "gap")
		d := deed(after, rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "event"),
			rapid.SampledFrom([]journey.IdentityID{1, 2}).Draw(t, "identity"))
		d.Channel = rapid.SampledFrom([]journey.ChannelID{"", "seo", "email"}).Draw(t, "channel")
		d.Values = []journey.Value{rapid.SampledFrom([]journey.Value{
			{}, journey.NumberValue(3), journey.NumberValue(0.1), journey.TextValue("3"),
		}).Draw(t, "value")}
		p.Deeds = append(p.Deeds, d)
	}
	return p
}

func TestSessions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		at   []int64
		want int
	}{
		{"none", nil, 0},
		{"one", []int64{5}, 1},
		{"at once", []int64{5, 5}, 1},
		{"the idle limit is within", []int64{0, 30 * minute}, 1},
		{"just above it", []int64{0, 30*minute + 1}, 2},
		{"long, but never silent", []int64{0, 20 * minute, 40 * minute, 60 * minute}, 1},
		{"over midnight", []int64{16*hour - minute, 16 * hour, 16*hour + minute}, 1},
		{"days", []int64{0, day, 2 * day}, 3},
	} {
		if got := journey.Sessions(c.at); got != c.want {
			t.Errorf("%s: %d sessions, want %d", c.name, got, c.want)
		}
	}
}

// BenchmarkPersonaOf evaluates four rules over facts of fifty touchpoints.
func BenchmarkPersonaOf(b *testing.B) {
	m, err := journey.ParseMap(`title: x
stages: [{id: a}, {id: b}]
touchpoints: [{id: a, stage: a, events: [x]}]
personas:
  - {id: many, when: count("A") > 300}
  - {id: rich, when: 'sum("B", "v") > 400.0 && traits.plan == "pro"'}
  - {id: new, when: days_since(first("A")) < 2}
  - {id: other, when: count("B") > 100}
`)
	if err != nil {
		b.Fatal(err)
	}
	p := &journey.Past{
		Traits: map[string]journey.Value{"plan": journey.TextValue("pro")}, AsOf: morning + 5*day,
	}
	for i := range int64(50) {
		p.Deeds = append(p.Deeds, worth(deed(i*minute, []string{"A", "B"}[i%2], 1),
			journey.NumberValue(1)))
	}
	b.ReportAllocs()
	for b.Loop() {
		m.PersonaOf(p)
	}
}
