package journey_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
)

func TestAttribute(t *testing.T) {
	t.Parallel()
	m := parse(t, `
title: x
stages: [{id: search}, {id: purchase}]
channels:
  - {id: stated}
  - {id: ads, when: context.campaign.medium == "cpc"}
  - {id: ads_too, when: context.campaign.medium == "cpc"}
  - {id: app, when: type == "screen"}
touchpoints:
  - {id: large, stage: purchase, channel: stated, events: [Order, Sale],
     when: properties.total > 100}
  - {id: order, stage: purchase, events: [Order]}
  - {id: never, stage: search, events: [Order]}
  - {id: home, stage: search, events: [page, screen], when: properties.name == "Home"}
`).WithVersion(7)
	const ads = `{"campaign":{"medium":"cpc"}}`
	cases := []struct {
		name string
		fact journey.Fact
		want journey.Attribution
	}{
		{
			"first rule that holds", track("Order", `{"total":101}`, ads),
			journey.Attribution{Version: 7, Touchpoint: "large", Stage: "purchase", Channel: "stated"},
		},
		{
			"next where the first does not", track("Order", `{"total":100}`, ads),
			journey.Attribution{Version: 7, Touchpoint: "order", Stage: "purchase", Channel: "ads"},
		},
		{
			"absent property", track("Order", `{}`, ""),
			journey.Attribution{Version: 7, Touchpoint: "order", Stage: "purchase"},
		},
		{
			"null property", track("Order", `{"total":null}`, ""),
			journey.Attribution{Version: 7, Touchpoint: "order", Stage: "purchase"},
		},
		{
			"property of another kind", track("Order", `{"total":"many"}`, ""),
			journey.Attribution{Version: 7, Touchpoint: "order", Stage: "purchase"},
		},
		{
			"properties that are no object", track("Order", `[1`, ""),
			journey.Attribution{Version: 7, Touchpoint: "order", Stage: "purchase"},
		},
		{
			"second event", track("Sale", `{"total":101}`, ""),
			journey.Attribution{Version: 7, Touchpoint: "large", Stage: "purchase", Channel: "stated"},
		},
		{
			"no rule holds", track("Sale", `{"total":1}`, ads),
			journey.Attribution{Version: 7, Channel: "ads"},
		},
		{"unknown event", track("Else", `{}`, ""), journey.Attribution{Version: 7}},
		{
			"page",
			journey.Fact{Kind: journey.Page, Event: "page", Properties: `{"name":"Home"}`},
			journey.Attribution{Version: 7, Touchpoint: "home", Stage: "search"},
		},
		{
			"screen",
			journey.Fact{Kind: journey.Screen, Event: "screen", Properties: `{"name":"Home"}`},
			journey.Attribution{Version: 7, Touchpoint: "home", Stage: "search", Channel: "app"},
		},
		{"no touchpoint", journey.Fact{Kind: journey.Identify, Context: ads}, journey.Attribution{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, m.Attribute(&c.fact)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func track(event string, properties, context journey.Object) journey.Fact {
	return journey.Fact{
		Kind: journey.Track, Event: event, Properties: properties, Context: context,
	}
}

func TestPersona(t *testing.T) {
	t.Parallel()
	m := parse(t, maps.Grocery())
	number, text := journey.NumberValue, journey.TextValue
	cases := []struct {
		name   string
		traits map[string]journey.Value
		want   journey.PersonaID
	}{
		{"none", nil, journey.Unassigned},
		{"no rule holds", map[string]journey.Value{"age": number(30)}, journey.Unassigned},
		{"text", map[string]journey.Value{"occupation": text("student")}, "students"},
		{"number", map[string]journey.Value{"age": number(60)}, "seniors"},
		{"either side of or", map[string]journey.Value{"occupation": text("retired")}, "seniors"},
		{"first in file order", map[string]journey.Value{
			"occupation": text("employed"), "children": number(2), "age": number(70),
		}, "families"},
		{"of another kind", map[string]journey.Value{"children": text("two")}, journey.Unassigned},
		{"missing", map[string]journey.Value{"children": {}, "age": number(61)}, "seniors"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := m.PersonaOf(&journey.Past{Traits: c.traits}); got != c.want {
				t.Errorf("PersonaOf = %q, want %q", got, c.want)
			}
		})
	}
}

func TestPersonaReadsValuesOfEveryKind(t *testing.T) {
	t.Parallel()
	m := parse(t, strings.Replace(small, `traits.plan == "pro"`,
		`"traits.b && traits.l.exists(x, x == 'a') && traits.o.n == 1 && !has(traits.o.z)"`, 1))
	traits := map[string]journey.Value{
		"b": journey.BoolValue(true),
		"l": journey.ParseValue([]byte(`["b","a"]`)),
		"o": journey.ParseValue([]byte(`{"n":1,"z":null}`)),
	}
	if got := m.PersonaOf(&journey.Past{Traits: traits}); got != "pro" {
		t.Errorf("PersonaOf = %q, want pro", got)
	}
}

func TestPersonaWithoutPersonas(t *testing.T) {
	t.Parallel()
	var m journey.Map
	traits := map[string]journey.Value{"a": journey.NumberValue(1)}
	if got := m.PersonaOf(&journey.Past{Traits: traits}); got != journey.Unassigned {
		t.Errorf("PersonaOf = %q, want unassigned", got)
	}
}

// TestConditions states what conditions mean, on one message.
func TestConditions(t *testing.T) {
	t.Parallel()
	const properties = `{"flag":true,"n":5,"name":"Home","nested":{"list":[1,2,3],"none":null},` +
		`"none":null,"products":[{"tags":["bio"]},{}],"total":99.5,"whole":100}`
	cases := map[string]bool{
		`properties.total > 99`:      true,
		`properties.total > 100`:     false,
		`properties.whole >= 100`:    true,
		`properties.n == 5`:          true,
		`properties.n == 5.0`:        true,
		`properties.n != 5`:          false,
		`5 < properties.total`:       true,
		`properties.n in [4, 5]`:     true,
		`properties.n in [4.0, 5.0]`: true,
		`properties.total + 1.0 == 100.5 && properties.total * 2.0 == 199.0`: true,
		`properties.total + properties.n == 104.5`:                           true,
		`int(properties.n) % 2 == 1`:                                         true,

		`properties.flag`:                        true,
		`!properties.flag`:                       false,
		`properties.name`:                        false,
		`properties.name == "Home"`:              true,
		`properties["name"] == "Home"`:           true,
		`properties.name in ["Home", "Start"]`:   true,
		`properties.name.startsWith("Ho")`:       true,
		`properties.name.lowerAscii() == "home"`: true,
		`properties.name.matches("^H.{2}e$")`:    true,
		`properties.name.size() == 4`:            true,
		`properties.name.split("o").size() == 2`: true,
		`properties.name == 4`:                   false,
		`properties.name > 4`:                    false,
		`string(properties.n) == "5"`:            true,
		`event == "E" && type == "track"`:        true,
		`type(properties.n) == double`:           true,

		`properties.absent == "x"`:                              false,
		`properties.absent != "x"`:                              false,
		`!(properties.absent == "x")`:                           false,
		`properties.absent == "x" || true`:                      true,
		`properties.absent == "x" && false || true`:             true,
		`has(properties.absent)`:                                false,
		`!has(properties.absent)`:                               true,
		`has(properties.none)`:                                  false,
		`has(properties.nested.none)`:                           false,
		`properties.none == null`:                               false,
		`has(properties.absent.member)`:                         false,
		`!has(properties.absent.member)`:                        false,
		`properties.?absent.?member.orValue(1) == 1`:            true,
		`properties.?nested.list.hasValue()`:                    true,
		`has(context.page) || has(traits.x)`:                    false,
		`context.size() == 0`:                                   true,
		`traits.size() == 0`:                                    true,
		`properties.nested.list.all(x, x > 0)`:                  true,
		`properties.nested.list.exists_one(x, x == 2)`:          true,
		`properties.exists(k, k == "total")`:                    true,
		`properties.products.exists(p, "bio" in p.tags)`:        true,
		`properties.products.exists(p, p.tags.exists(t, t==1))`: false,
	}
	for condition, want := range cases {
		t.Run(condition, func(t *testing.T) {
			t.Parallel()
			f := track("E", properties, "")
			if got := holds(t, condition, &f); got != want {
				t.Errorf("holds = %v, want %v", got, want)
			}
		})
	}
}

// holds tells whether a touchpoint with the condition recognises the fact.
func holds(t testing.TB, condition string, f *journey.Fact) bool {
	t.Helper()
	m, err := journey.ParseMap(fmt.Sprintf("{title: x, stages: [{id: a}, {id: b}], "+
		"touchpoints: [{id: a, stage: a, events: [%q], when: %q}]}", f.Event, condition))
	if err != nil {
		t.Fatal(err)
	}
	return m.Attribute(f).Touchpoint == "a"
}

func TestConditionsOfTooGreatCostDoNotHold(t *testing.T) {
	t.Parallel()
	list := journey.Object(`{"l":[` + strings.Repeat("1,", 400) + `1]}`)
	f := track("E", list, "")
	const square = `properties.l.all(a, properties.l.all(b, b == 1))`
	if holds(t, square, &f) {
		t.Errorf("%s over 401 elements holds", square)
	}
	few := track("E", `{"l":[1,1,1]}`, "")
	if !holds(t, square, &few) {
		t.Errorf("%s over 3 elements does not hold", square)
	}
}

// TestConditionsAreFunctions: a loop over an object stops at the bound of costs at the same member
// every time.
func TestConditionsAreFunctions(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, `"k%03d":"%0400d",`, i, i)
	}
	f := track("E", journey.Object(`{`+b.String()+`"z":1}`), "")
	for member, want := range map[string]bool{"k000": true, "k399": false} {
		condition := fmt.Sprintf(
			`properties.exists(k, k == "%s" || properties[k].matches("(a|b)*cccccccccc"))`, member)
		for range 10 {
			if holds(t, condition, &f) != want {
				t.Fatalf("%s holds = %v, want %v", condition, !want, want)
			}
		}
	}
}

// TestAttributeByHand compares with the rules as docs/journey-map.md states them, over random maps
// without conditions.
func TestAttributeByHand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"a", "b", "c", "d", "page"})
		rules := rapid.SliceOfN(
			rapid.SliceOfNDistinct(names, 1, 3, rapid.ID[string]), 1, 8).Draw(t, "rules")
		m, err := journey.ParseMap(mapOf(rules))
		if err != nil {
			t.Fatal(err)
		}
		f := journey.Fact{Kind: journey.Track, Event: names.Draw(t, "event")}
		want := journey.Attribution{}
		for i := len(rules) - 1; i >= 0; i-- {
			for _, event := range rules[i] {
				if event == f.Event {
					want.Touchpoint = journey.TouchpointID(fmt.Sprintf("t%d", i))
					want.Stage = journey.StageID(fmt.Sprintf("s%d", i%2))
				}
			}
		}
		if got := m.Attribute(&f); got != want {
			t.Fatalf("Attribute = %+v, want %+v", got, want)
		}
	})
}

func mapOf(rules [][]string) string {
	var b strings.Builder
	b.WriteString("title: x\nstages: [{id: s0}, {id: s1}]\ntouchpoints:\n")
	for i, events := range rules {
		fmt.Fprintf(&b, "  - {id: t%d, stage: s%d, events: [%s]}\n", i, i%2, strings.Join(events, ","))
	}
	return b.String()
}
