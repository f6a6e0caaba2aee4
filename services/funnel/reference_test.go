package funnel

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/identity"
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

func byPlan(traits identity.Traits) journey.PersonaID {
	return journey.PersonaID(traits["plan"].Text())
}

func ask(t testing.TB, facts []AttributedFact, q Question) (Answer, []PersonResult) {
	t.Helper()
	answer, persons, err := Reference(facts, byPlan, q)
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
	q.ByPersona = true
	q.Steps[0].Conditions = []Condition{
		{Name: "price", Operator: NotEqual, Values: values(number(3))},
	}
	answer, persons := ask(t, facts, q)
	if diff := gocmp.Diff([]int{2, 1}, counts(answer.Steps)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if len(answer.Groups) != 2 || answer.Groups[0].Value.Value != "pro" ||
		answer.Groups[1].Value.Value != "unassigned" {
		t.Fatalf("groups %+v, want pro and unassigned", answer.Groups)
	}
	if got := answer.Groups[0].Steps[1].SinceEntry.MeanSeconds; got != 60 {
		t.Errorf("%v seconds from the dear view to the purchase, want 60", got)
	}
	pro := OfPersona("pro")
	listed := Select(persons, Selection{Step: 2, Group: &pro})
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
	if _, _, err := Reference(nil, byPlan, q); err == nil {
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
		q.ByPersona = true
		q.Steps = []Step{event("view"), event("view"), event("buy")}
		q.AsOf = day0.Add(time.Duration(rapid.IntRange(0, 7).Draw(rt, "as_of")) * time.Minute)
		facts := drawFacts(rt)
		want, wantPersons, err := Reference(facts, byPlan, q)
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
		got, gotPersons, err := Reference(rapid.Permutation(facts).Draw(rt, "order"), byPlan, q)
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
