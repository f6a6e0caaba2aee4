package funnel

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// fact is a message at a minute of day0, received as it happened.
func fact(kind journey.Kind, id, who string, minute int) AttributedFact {
	at := day0.Add(time.Duration(minute) * time.Minute)
	f := AttributedFact{Fact: journey.Fact{
		Site: "shop", Message: journey.MessageID(id), Kind: kind,
		OccurredAt: at, OriginalAt: at, ReceivedAt: at,
	}}
	if who[0] == 'u' {
		f.User = journey.UserID(who)
	} else {
		f.Visitor = journey.VisitorID(who)
	}
	return f
}

func track(id, who, event string, minute int) AttributedFact {
	f := fact(journey.Track, id, who, minute)
	f.Event = event
	return f
}

func identify(id, visitor, user, traits string, minute int) AttributedFact {
	f := fact(journey.Identify, id, visitor, minute)
	f.User, f.Traits = journey.UserID(user), journey.Object(traits)
	return f
}

// plans is a map with a persona per plan, of two stages, where "view" and "buy" are touchpoints.
var plans = parseMap(`
title: Plans
stages: [{id: look, title: Look}, {id: pay, title: Pay}]
touchpoints:
  - {id: viewed, title: Viewed, stage: look, events: [view]}
  - {id: bought, title: Bought, stage: pay, events: [buy]}
personas:
  - {id: pro, title: Pro, when: traits.plan == "pro"}
  - {id: free, title: Free, when: traits.plan == "free"}
`)

func parseMap(source string) *journey.Map {
	m, err := journey.ParseMap(source)
	if err != nil {
		panic(err)
	}
	return m
}

// byPersona is the breakdown by persona.
var byPersona = []Breakdown{{By: Persona, Attribution: OfPerson}}

func ask(t testing.TB, facts []AttributedFact, q Question) (Answer, []Result) {
	t.Helper()
	answer, persons, err := Reference(facts, plans, q)
	if err != nil {
		t.Fatal(err)
	}
	return answer, persons
}

func counts(steps []StepNumbers) []int {
	n := make([]int, len(steps))
	for k, s := range steps {
		n[k] = s.Count
	}
	return n
}

func TestReference(t *testing.T) {
	t.Parallel()
	copyAt := func(f AttributedFact, receivedMinute int, event string) AttributedFact {
		f.ReceivedAt, f.Event = day0.Add(time.Duration(receivedMinute)*time.Minute), event
		return f
	}
	trait := func(name, value string) Filter {
		return Condition{Subject: Trait, Name: name, Operator: Equal, Values: values(text(value))}
	}
	tests := []struct {
		name   string
		facts  []AttributedFact
		change func(*Question)
		counts []int
	}{
		{name: "no facts", counts: []int{0, 0}},
		{
			name: "an anonymous view and a user's purchase are two without a link",
			facts: []AttributedFact{
				track("1", "visitor", "view", 1), track("2", "user", "buy", 2),
			},
			counts: []int{1, 0},
		},
		{
			name: "and one with it, whenever it came",
			facts: []AttributedFact{
				track("1", "visitor", "view", 1), track("2", "user", "buy", 2),
				identify("3", "visitor", "user", "", 60*24*90),
			},
			counts: []int{1, 1},
		},
		{
			name: "the copy received first counts",
			facts: []AttributedFact{
				copyAt(track("1", "user", "", 1), 9, "view"), track("2", "user", "buy", 2),
				copyAt(track("1", "user", "", 1), 8, "other"),
			},
			counts: []int{0, 0},
		},
		{
			name: "copies are no second touchpoint",
			facts: []AttributedFact{
				track("1", "user", "view", 1), copyAt(track("1", "user", "", 1), 2, "view"),
			},
			change: func(q *Question) { q.Steps = []Step{event("view"), event("view")} },
			counts: []int{1, 0},
		},
		{
			name: "identify is no touchpoint",
			facts: []AttributedFact{
				track("1", "user", "view", 1), identify("2", "visitor", "user", "", 3),
			},
			change: func(q *Question) { q.Steps[1].Target = Target{Kind: AnyEvent} },
			counts: []int{1, 0},
		},
		{
			name: "traits as of as_of filter persons",
			facts: []AttributedFact{
				track("1", "user", "view", 1), track("2", "user", "buy", 2),
				identify("3", "visitor", "user", `{"plan":"pro"}`, 3),
				identify("4", "visitor", "user", `{"plan":"free"}`, 5),
			},
			change: func(q *Question) {
				q.AsOf, q.Filter = day0.Add(4*time.Minute), trait("plan", "pro")
			},
			counts: []int{1, 1},
		},
		{
			name: "traits after as_of are not seen",
			facts: []AttributedFact{
				track("1", "user", "view", 1), track("2", "user", "buy", 2),
				identify("3", "visitor", "user", `{"plan":"pro"}`, 5),
			},
			change: func(q *Question) {
				q.AsOf, q.Filter = day0.Add(4*time.Minute), trait("plan", "pro")
			},
			counts: []int{0, 0},
		},
		{
			name: "personas filter persons",
			facts: []AttributedFact{
				track("1", "user1", "view", 1), track("2", "user2", "view", 2),
				identify("3", "visitor", "user1", `{"plan":"pro"}`, 5),
			},
			change: func(q *Question) {
				q.Filter = Condition{
					Subject: Persona, Operator: Equal, Values: values(text("unassigned")),
				}
			},
			counts: []int{1, 0},
		},
		{
			name: "the order of one millisecond is the shown one",
			facts: []AttributedFact{
				track("b", "user", "view", 1), track("a", "user", "view", 1),
				track("c", "user", "buy", 1),
			},
			change: func(q *Question) { q.Steps = append(q.Steps, event("view")) },
			counts: []int{1, 1, 1},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			if test.change != nil {
				test.change(&q)
			}
			answer, persons := ask(t, test.facts, q)
			if diff := gocmp.Diff(test.counts, counts(answer.Steps)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, p := range persons {
				if p.Persona == "" {
					t.Errorf("person %v has no persona", p.Person)
				}
			}
			if len(persons) != test.counts[0] {
				t.Errorf("%d persons listed, want %d", len(persons), test.counts[0])
			}
		})
	}
}

func TestReferenceConditionsAndPersonas(t *testing.T) {
	t.Parallel()
	cheap, dear := track("1", "user1", "view", 1), track("2", "user1", "view", 2)
	cheap.Properties, dear.Properties = `{"price":3}`, `{"price":30}`
	facts := []AttributedFact{
		cheap, dear, track("3", "user1", "buy", 3),
		track("4", "user2", "view", 4),
		identify("5", "visitor", "user1", `{"plan":"pro"}`, 5),
	}
	q := validQuestion()
	q.Breakdowns = byPersona
	q.Steps[0].Conditions = []Condition{
		{Name: "price", Operator: NotEqual, Values: values(number(3))},
	}
	answer, persons := ask(t, facts, q)
	if diff := gocmp.Diff([]int{2, 1}, counts(answer.Steps)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if len(answer.Groups) != 2 || answer.Groups[0].Values[0].Value != "pro" ||
		answer.Groups[1].Values[0].Value != "unassigned" {
		t.Fatalf("groups %+v, want pro and unassigned", answer.Groups)
	}
	if got := answer.Groups[0].Steps[1].SinceEntry.MeanSeconds; got != 60 {
		t.Errorf("%v seconds from the dear view to the purchase, want 60", got)
	}
	listed := Select(q, persons, Selection{Step: 2, Group: []GroupValue{{Value: "pro"}}})
	if len(listed) != 1 || listed[0].Person !=
		journey.PersonID(min(journey.UserIdentity("shop", "user1"),
			journey.VisitorIdentity("shop", "visitor"))) {
		t.Errorf("listed %+v, want user1", listed)
	}
}

func TestReferenceRefuses(t *testing.T) {
	t.Parallel()
	q := validQuestion()
	q.Steps = nil
	if _, _, err := Reference(nil, nil, q); err == nil {
		t.Error("a question without steps is answered")
	}
}

func drawFacts(rt *rapid.T) []AttributedFact {
	var facts []AttributedFact
	for i := range rapid.IntRange(0, 30).Draw(rt, "facts") {
		id := fmt.Sprint("m", i)
		minute := rapid.IntRange(0, 6).Draw(rt, "minute")
		visitor := rapid.SampledFrom([]string{"v1", "v2", "v3"}).Draw(rt, "visitor")
		user := rapid.SampledFrom([]string{"u1", "u2"}).Draw(rt, "user")
		switch rapid.IntRange(0, 4).Draw(rt, "kind") {
		case 0:
			traits := rapid.SampledFrom([]string{`{"plan":"pro"}`, `{"plan":"free"}`, ""}).Draw(rt, "t")
			facts = append(facts, identify(id, visitor, user, traits, minute))
		case 1:
			facts = append(facts, track(id, user, "buy", minute))
		default:
			facts = append(facts, track(id, visitor, "view", minute))
		}
	}
	return facts
}

// TestReferenceIgnoresOrder: the order of arrival and what was sent twice change nothing.
func TestReferenceIgnoresOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		q := validQuestion()
		q.Breakdowns = byPersona
		q.Steps = []Step{event("view"), event("view"), event("buy")}
		q.AsOf = day0.Add(time.Duration(rapid.IntRange(0, 7).Draw(rt, "as_of")) * time.Minute)
		facts := drawFacts(rt)
		want, wantPersons, err := Reference(facts, plans, q)
		if err != nil {
			rt.Fatal(err)
		}
		for _, f := range facts {
			if rapid.Bool().Draw(rt, "again") {
				f.ReceivedAt = f.ReceivedAt.Add(time.Hour)
				f.Properties = `{"later":true}`
				facts = append(facts, f)
			}
		}
		got, gotPersons, err := Reference(rapid.Permutation(facts).Draw(rt, "order"), plans, q)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			rt.Fatalf("answer (-first +shuffled):\n%s", diff)
		}
		if diff := gocmp.Diff(wantPersons, gotPersons); diff != "" {
			rt.Fatalf("persons (-first +shuffled):\n%s", diff)
		}
	})
}

// TestReferenceRepeats: the second and the fourth purchase of a person, over all visitors and
// however late one arrives, are touchpoints of their own.
func TestReferenceRepeats(t *testing.T) {
	t.Parallel()
	bought := func(id, who string, minute int) AttributedFact {
		f := track(id, who, "buy", minute)
		f.Touchpoint, f.Stage, f.Channel = "bought", "pay", "web"
		return f
	}
	facts := []AttributedFact{
		bought("1", "v1", 1), bought("2", "u1", 2), bought("3", "u1", 3), bought("4", "u1", 4),
		bought("5", "u2", 5), identify("6", "v1", "u1", "", 9),
	}
	stage := func(id string) Step { return Step{Target: Target{Kind: Stage, Name: id}} }
	touchpoint := func(id string) Step { return Step{Target: Target{Kind: Touchpoint, Name: id}} }
	for _, c := range []struct {
		name  string
		steps []Step
		facts []AttributedFact
		want  []int
	}{
		{name: "the first is none", steps: []Step{stage("pay"), stage("pay")}, want: []int{2, 0}},
		{
			name:  "later ones are",
			steps: []Step{stage("pay"), touchpoint("rebought"), touchpoint("rebought"), touchpoint("loyal")},
			want:  []int{2, 1, 1, 1},
		},
		{
			name:  "of two rules that of the greater number",
			steps: []Step{touchpoint("loyal"), stage("stay")}, want: []int{1, 0},
		},
		{
			name: "a channel of the rule, else the row's",
			steps: []Step{
				{
					Target:     Target{Kind: Touchpoint, Name: "rebought"},
					Conditions: []Condition{{Subject: OfChannel, Operator: Equal, Values: values(text("web"))}},
				},
				{
					Target:     Target{Kind: Touchpoint, Name: "loyal"},
					Conditions: []Condition{{Subject: OfChannel, Operator: Equal, Values: values(text("club"))}},
				},
			},
			want: []int{1, 1},
		},
		{
			name:  "one that comes late",
			steps: []Step{touchpoint("loyal"), touchpoint("loyal")},
			facts: []AttributedFact{bought("7", "v1", 0)}, want: []int{1, 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			q.Steps = c.steps
			answer, _, err := Reference(append(c.facts, facts...), deeds, q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, counts(answer.Steps)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestReferenceRepeatsOfRepeats: a rule without a channel leaves the row's own, whatever the rule
// that went before it says.
func TestReferenceRepeatsOfRepeats(t *testing.T) {
	t.Parallel()
	m := parseMap(`
title: Rebuys
stages: [{id: pay}, {id: stay}]
channels: [{id: club}]
touchpoints:
  - {id: bought, stage: pay, events: [buy]}
  - {id: second, stage: stay, channel: club, repeat: {of: bought}}
  - {id: third, stage: stay, repeat: {of: bought, from: 3}}
`)
	var facts []AttributedFact
	for i := range 3 {
		f := track(fmt.Sprint(i), "u1", "buy", i)
		f.Touchpoint, f.Stage, f.Channel = "bought", "pay", "web"
		facts = append(facts, f)
	}
	step := func(id, channel string) Step {
		return Step{Target: Target{Kind: Touchpoint, Name: id}, Conditions: []Condition{
			{Subject: OfChannel, Operator: Equal, Values: values(text(channel))},
		}}
	}
	q := validQuestion()
	q.Steps = []Step{step("bought", "web"), step("second", "club"), step("third", "web")}
	answer, _, err := Reference(facts, m, q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]int{1, 1, 1}, counts(answer.Steps)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReferencePersonas: personas by what persons did, as of as_of, over all their visitors.
func TestReferencePersonas(t *testing.T) {
	t.Parallel()
	facts := []AttributedFact{
		track("1", "v1", "buy", 1), track("2", "u1", "buy", 3), track("2b", "u1", "buy", 3),
		identify("3", "v1", "u1", "", 9),
		track("4", "u2", "buy", 1), track("4", "u2", "buy", 1),
		group("5", "u3", "t", "team", 1), track("6", "u3", "buy", 2),
	}
	facts[7].Channel = "web"
	for _, c := range []struct {
		name   string
		minute int
		want   map[string]int
	}{
		{name: "in the end", minute: 10, want: map[string]int{"buyer": 1, "team": 1, "unassigned": 1}},
		{name: "before the second purchase", minute: 2, want: map[string]int{"team": 1, "unassigned": 2}},
		{name: "before the channel", minute: 1, want: map[string]int{"unassigned": 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			q.Steps[0], q.Breakdowns = event("buy"), byPersona
			q.AsOf = day0.Add(time.Duration(c.minute) * time.Minute)
			answer, results, err := Reference(facts, deeds, q)
			if err != nil {
				t.Fatal(err)
			}
			got, listed := make(map[string]int), make(map[string]int)
			for _, g := range answer.Groups {
				got[g.Values[0].Value] = g.Steps[0].Count
			}
			for _, r := range results {
				listed[string(r.Persona)]++
			}
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(c.want, listed); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
		})
	}
}
