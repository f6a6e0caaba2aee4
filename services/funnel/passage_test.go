package funnel

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/journey"
)

func TestPassages(t *testing.T) {
	t.Parallel()
	const minute = 60_000
	view := func(minute int) AttributedFact { return at("view", "viewed", "look", "", minute) }
	buy := func(minute int) AttributedFact { return at("buy", "bought", "pay", "", minute) }
	other := func(minute int) AttributedFact { return at("other", "", "", "", minute) }
	fail := func(minute int) AttributedFact { return at("fail", "failed", "pay", "", minute) }
	met := func(kind ReasonKind, name string, minutes int64) Meeting {
		return Meeting{Candidate{Kind: kind, Name: name}, minutes * minute}
	}
	for _, c := range []struct {
		name   string
		facts  []AttributedFact
		change func(*Question)
		want   []Passage
	}{
		{
			name:  "went on, then lost: each thing once, when it came first",
			facts: []AttributedFact{view(1), other(2), other(3), fail(4), buy(5), other(7)},
			want: []Passage{
				{Depth: 1, Length: 4 * minute, Met: []Meeting{
					met(ByEvent, "other", 1), met(ByBarrier, "failed", 3),
				}},
				{Depth: 2, Lost: true, Length: 6 * minute, Met: []Meeting{met(ByEvent, "other", 2)}},
			},
		},
		{
			name:  "at the instant of a step nothing is met, at that of the deadline it is",
			facts: []AttributedFact{other(1), view(1), fail(1), other(11), fail(12)},
			want: []Passage{
				{Depth: 1, Lost: true, Length: 10 * minute, Met: []Meeting{met(ByEvent, "other", 10)}},
			},
		},
		{
			name: "the targets of the first and the next step are none, others are",
			facts: []AttributedFact{
				view(1), at("stay", "", "", "", 2), view(3), buy(4), view(5), buy(5),
			},
			want: []Passage{
				{Depth: 1, Length: minute},
				{
					Depth: 2, Lost: true, Length: 9 * minute,
					Met: []Meeting{met(ByTouchpoint, "rebought", 1)},
				},
			},
		},
		{
			name: "converted", facts: []AttributedFact{view(1), buy(2), at("stay", "", "", "", 3)},
			want: []Passage{{Depth: 1, Length: minute}, {Depth: 2, Length: minute}},
		},
		{
			name:   "in window",
			facts:  []AttributedFact{view(1), other(2), buy(3), other(4)},
			change: func(q *Question) { q.AsOf = day0.Add(6 * time.Minute) },
			want: []Passage{
				{Depth: 1, Length: 2 * minute, Met: []Meeting{met(ByEvent, "other", 1)}},
			},
		},
		{
			name: "values of the properties asked, of an array each",
			facts: []AttributedFact{
				view(1), with(other(2), `{"size":["s","m"],"colour":"red","x":1}`),
				with(fail(3), `{"size":"m","colour":null}`), buy(4), at("stay", "", "", "", 5),
			},
			change: func(q *Question) { q.Reasons.Properties = []string{"size", "colour"} },
			want: []Passage{
				{Depth: 1, Length: 3 * minute, Met: []Meeting{
					met(ByEvent, "other", 1),
					{Candidate{ByProperty, "size", "s"}, minute},
					{Candidate{ByProperty, "size", "m"}, minute},
					{Candidate{ByProperty, "colour", "red"}, minute},
					met(ByBarrier, "failed", 2),
				}},
				{Depth: 2, Length: minute},
			},
		},
		{
			name:  "any event is a target where it may fill the step",
			facts: []AttributedFact{view(1), other(2), fail(3), buy(4), buy(5), other(6), view(7)},
			change: func(q *Question) {
				q.Steps[1] = Step{Target: Target{Kind: AnyEvent}, Conditions: []Condition{
					{Subject: OfEvent, Operator: Equal, Values: values(text("buy"))},
				}}
			},
			want: []Passage{
				{Depth: 1, Length: 3 * minute, Met: []Meeting{
					met(ByEvent, "other", 1), met(ByBarrier, "failed", 2),
				}},
				{Depth: 2, Lost: true, Length: 7 * minute, Met: []Meeting{
					met(ByTouchpoint, "rebought", 1), met(ByEvent, "other", 2),
				}},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			q.Window, q.Reasons = 10*time.Minute, &Reasons{}
			q.Steps = append(q.Steps, event("stay"))
			if c.change != nil {
				c.change(&q)
			}
			_, results, err := Reference(c.facts, deeds, q)
			if err != nil {
				t.Fatal(err)
			}
			if len(results) != 1 {
				t.Fatalf("%d results", len(results))
			}
			if diff := gocmp.Diff(c.want, results[0].Passages, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("reference (-want +got):\n%s", diff)
			}
			got := passagesOf(t, c.facts, q)
			if diff := gocmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("counter (-want +got):\n%s", diff)
			}
		})
	}
}

// passagesOf are those that a counter finds of one person.
func passagesOf(t *testing.T, facts []AttributedFact, q Question) []Passage {
	t.Helper()
	program, err := Compile(q)
	if err != nil {
		t.Fatal(err)
	}
	persons := personsOf(settle(facts), deeds, program)
	units := unitsOf(persons, program)
	course := &Course{}
	for i := range units[0].seen {
		s := &units[0].seen[i]
		course.Touches, course.Views = append(course.Touches, s.Touch), append(course.Views, &s.view)
	}
	counted, err := program.Counter(deeds).Count(course)
	if err != nil {
		t.Fatal(err)
	}
	return counted.Passages
}

// TestPassagesOptional: what fills an optional step between two required ones is met between them.
func TestPassagesOptional(t *testing.T) {
	t.Parallel()
	q := validQuestion()
	q.Steps = []Step{event("view"), event("try"), event("buy")}
	q.Steps[1].Optional, q.Reasons = true, &Reasons{}
	program := programOf(q)
	course := &Course{
		Touches: []Touch{{At: 10, Steps: 1}, {At: 30, Steps: 2}, {At: 40, Steps: 4}},
		Views:   []*TouchView{{Event: "view"}, {Event: "try"}, {Event: "buy"}},
	}
	s := newScout(program, nil, ValuesOf)
	s.follow(course, Attempt{
		Depth: 2, Filled: 7, Times: []int64{10, 30, 40}, Converted: true,
	}, 0)
	first := s.found()
	s.follow(course, Attempt{Depth: 1, Filled: 3, Times: []int64{10, 30}}, 35)
	met := []Meeting{{Candidate{Kind: ByEvent, Name: "try"}, 20}}
	want := []Passage{{Depth: 1, Length: 30, Met: met}}
	if diff := gocmp.Diff(want, s.since(0)[:first]); diff != "" {
		t.Errorf("converted (-want +got):\n%s", diff)
	}
	want = []Passage{{Depth: 1, Lost: true, Length: 25, Met: met}}
	if diff := gocmp.Diff(want, s.since(first)); diff != "" {
		t.Errorf("lost (-want +got):\n%s", diff)
	}
}

// TestPassagesAny: no step's target is met under ANY, whichever fills the ends.
func TestPassagesAny(t *testing.T) {
	t.Parallel()
	q := validQuestion()
	q.Steps, q.Order = []Step{event("view"), event("try"), event("buy")}, Any
	q.Reasons = &Reasons{}
	program := programOf(q)
	course := &Course{
		Touches: []Touch{{At: 10, Steps: 4}, {At: 20, Steps: 4}, {At: 25}, {At: 30, Steps: 1}},
		Views: []*TouchView{
			{Event: "buy"}, {Event: "buy"}, {Touchpoint: "failed"}, {Event: "view"},
		},
	}
	s := newScout(program, &journey.Map{}, ValuesOf)
	s.follow(course, Attempt{Depth: 2, Filled: 3, Times: []int64{10, 30}, InWindow: true}, 0)
	want := []Passage{{Depth: 1, Length: 20, Met: []Meeting{
		{Candidate{Kind: ByTouchpoint, Name: "failed"}, 15},
	}}}
	if diff := gocmp.Diff(want, s.since(0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
