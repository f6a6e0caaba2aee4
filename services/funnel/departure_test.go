package funnel

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/journey"
)

// at is a touchpoint of u1 at a place of the map, through a channel.
func at(event, touchpoint, stage, channel string, minute int) AttributedFact {
	f := track(fmt.Sprint(event, minute), "u1", event, minute)
	f.Touchpoint, f.Stage = journey.TouchpointID(touchpoint), journey.StageID(stage)
	f.Channel = journey.ChannelID(channel)
	return f
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	view := func(minute int) AttributedFact { return at("view", "viewed", "look", "web", minute) }
	buy := func(minute int) AttributedFact { return at("buy", "bought", "pay", "", minute) }
	fail := func(minute int) AttributedFact { return at("fail", "failed", "pay", "", minute) }
	other := func(minute int) AttributedFact { return at("other", "", "", "mail", minute) }
	viewed := Place{Touchpoint: "viewed", Stage: "look"}
	bought := Place{Touchpoint: "bought", Stage: "pay"}
	for _, c := range []struct {
		name   string
		facts  []AttributedFact
		change func(*Question)
		depth  int
		want   *Leaving
	}{
		{
			name: "nothing followed", facts: []AttributedFact{view(1)}, depth: 1,
			want: &Leaving{Manner: Silent, Last: viewed, Channel: "web"},
		},
		{
			name: "what came before the entry is not looked at", depth: 1,
			facts: []AttributedFact{fail(0), other(0), view(1)},
			want:  &Leaving{Manner: Silent, Last: viewed, Channel: "web"},
		},
		{
			name: "converted: nothing to be said", facts: []AttributedFact{view(1), buy(2)}, depth: 3,
			change: func(q *Question) { q.Steps = append(q.Steps[:2:2], Step{Target: Target{Kind: AnyEvent}}) },
			want:   nil,
		},
		{
			name: "something else, without a place in the map", depth: 1,
			facts: []AttributedFact{view(1), other(2), fail(3)},
			want: &Leaving{
				Manner: Diverted, Next: Place{Event: "other"},
				Last: Place{Touchpoint: "failed", Stage: "pay"}, Channel: "web",
				Barriers: []journey.TouchpointID{"failed"},
			},
		},
		{
			name: "back to an earlier stage, then on", depth: 2,
			facts: []AttributedFact{view(1), buy(2), view(3), fail(4)},
			want: &Leaving{
				Manner: WentBack, Next: viewed, Last: Place{Touchpoint: "failed", Stage: "pay"},
				Channel: "web", Barriers: []journey.TouchpointID{"failed"},
			},
		},
		{
			name: "on, and back later", depth: 2,
			facts: []AttributedFact{view(1), buy(2), other(3), view(4)},
			want: &Leaving{
				Manner: Diverted, Next: Place{Event: "other"}, Last: viewed, Channel: "web",
			},
		},
		{
			name: "of the step's instant: no aftermath, but a barrier and a channel", depth: 2,
			facts: []AttributedFact{view(1), buy(2), fail(2), other(2)},
			want: &Leaving{
				Manner: Silent, Last: bought, Channel: "mail",
				Barriers: []journey.TouchpointID{"failed"},
			},
		},
		{
			name: "the end of the window is inside, what follows is not", depth: 1,
			facts:  []AttributedFact{view(1), other(11), fail(12)},
			change: func(q *Question) { q.Window = 10 * time.Minute },
			want: &Leaving{
				Manner: Diverted, Next: Place{Event: "other"}, Last: Place{Event: "other"},
				Channel: "web",
			},
		},
		{
			name: "as_of is inside", depth: 1,
			facts:  []AttributedFact{view(1), other(3), fail(4)},
			change: func(q *Question) { q.AsOf = day0.Add(3 * time.Minute) },
			want: &Leaving{
				Manner: Diverted, Next: Place{Event: "other"}, Last: Place{Event: "other"},
				Channel: "web",
			},
		},
		{
			name: "under ALL nothing from the range's end on", depth: 1,
			facts: []AttributedFact{view(1), other(3)},
			change: func(q *Question) {
				q.Mode, q.To = All, day0.Add(3*time.Minute)
			},
			want: &Leaving{Manner: Silent, Last: viewed, Channel: "web"},
		},
		{
			name: "what the filter hides did not happen", depth: 1,
			facts: []AttributedFact{view(1), other(2), fail(3)},
			change: func(q *Question) {
				q.Filter = Condition{Subject: OfChannel, Operator: NotEqual, Values: values(text("mail"))}
			},
			want: &Leaving{
				Manner: Diverted, Next: Place{Touchpoint: "failed", Stage: "pay"},
				Last: Place{Touchpoint: "failed", Stage: "pay"}, Channel: "web",
				Barriers: []journey.TouchpointID{"failed"},
			},
		},
		{
			name: "the second purchase is a place of its own", depth: 2,
			facts: []AttributedFact{view(1), buy(2), buy(3)},
			want: &Leaving{
				Manner: Diverted, Next: Place{Touchpoint: "rebought", Stage: "stay"},
				Last: Place{Touchpoint: "rebought", Stage: "stay"}, Channel: "web",
			},
		},
		{
			name: "no channel at all", depth: 1,
			facts: []AttributedFact{at("view", "viewed", "look", "", 1)},
			want:  &Leaving{Manner: Silent, Last: viewed},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			q.Departures = true
			q.Steps = append(q.Steps, event("stay"))
			if c.change != nil {
				c.change(&q)
			}
			facts := c.facts
			if c.want == nil {
				facts = append(facts, other(5))
			}
			_, results, err := Reference(facts, deeds, q)
			if err != nil {
				t.Fatal(err)
			}
			if len(results) != 1 || theOne(results[0].Standing).Depth != c.depth {
				t.Fatalf("results %+v, want one of depth %d", results, c.depth)
			}
			if diff := gocmp.Diff(c.want, results[0].Leavings[0], cmpopts.EquateEmpty(), byName); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDepartures: three of four who viewed left, in two ways of two outcomes.
func TestDepartures(t *testing.T) {
	t.Parallel()
	of := func(who string, f AttributedFact) AttributedFact {
		f.User, f.Message = journey.UserID(who), f.Message+journey.MessageID(who)
		return f
	}
	view := func(who string, minute int) AttributedFact {
		return of(who, at("view", "viewed", "look", "web", minute))
	}
	facts := []AttributedFact{
		view("u1", 1), of("u1", at("buy", "bought", "pay", "", 2)),
		view("u2", 1), of("u2", at("fail", "failed", "pay", "mail", 2)),
		of("u2", at("fail", "failed", "pay", "mail", 3)),
		view("u3", 1), of("u3", at("other", "", "", "", 4)),
		view("u4", 50),
	}
	q := validQuestion()
	q.Departures, q.Window, q.AsOf = true, 10*time.Minute, day0.Add(55*time.Minute)
	answer, _, err := Reference(facts, deeds, q)
	if err != nil {
		t.Fatal(err)
	}
	tallied := func(n, of int) Tallied { return Tallied{n, ShareOf(n, of)} }
	place := func(p Place, n, of int) PlaceCount { return PlaceCount{p, tallied(n, of)} }
	named := func(name string, n, of int) NameCount {
		return NameCount{GroupValue{Value: name}, tallied(n, of)}
	}
	failed := Place{Touchpoint: "failed", Stage: "pay"}
	other := Place{Event: "other"}
	want := []Departure{
		{
			Outcome: Lost, Count: 2, Silent: tallied(0, 2), WentBack: tallied(0, 2),
			Diverted:   tallied(2, 2),
			LastPlaces: []PlaceCount{place(failed, 1, 2), place(other, 1, 2)},
			NextPlaces: []PlaceCount{place(failed, 1, 2), place(other, 1, 2)},
			Channels:   []NameCount{named("web", 2, 2)}, Barriers: []NameCount{named("failed", 1, 2)},
		},
		{
			Outcome: InWindow, Count: 1, Silent: tallied(1, 1), WentBack: tallied(0, 1),
			Diverted:   tallied(0, 1),
			LastPlaces: []PlaceCount{place(Place{Touchpoint: "viewed", Stage: "look"}, 1, 1)},
			Channels:   []NameCount{named("web", 1, 1)},
		},
	}
	drops := DropOffs(answer.Steps)
	if diff := gocmp.Diff(want, drops[0].Departures, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(answer.Steps[1].Departures) != 0 {
		t.Errorf("departures from the last step: %+v", answer.Steps[1].Departures)
	}
	q.Departures = false
	answer, _, err = Reference(facts, deeds, q)
	if err != nil || answer.Steps[0].Departures != nil {
		t.Errorf("departures nobody asked for: %+v, %v", answer.Steps[0].Departures, err)
	}
}

// TestFarewellsTop: the ten most frequent, then by name, and shares are of all units.
func TestFarewellsTop(t *testing.T) {
	t.Parallel()
	f, half := newFarewells(), newFarewells()
	for i := range 12 {
		l := Leaving{Manner: Diverted, Last: Place{Event: fmt.Sprint("e", 20-i)}}
		l.Next = Place{Touchpoint: journey.TouchpointID(fmt.Sprint("t", 20-i)), Stage: "s"}
		f.add(&l)
		if i == 11 {
			l.Channel = "web"
			half.add(&l)
		}
	}
	f.merge(half)
	d := f.departure(Lost)
	if len(d.LastPlaces) != 10 || len(d.NextPlaces) != 10 {
		t.Fatalf("%d and %d places, want 10", len(d.LastPlaces), len(d.NextPlaces))
	}
	if first := d.LastPlaces[0]; first.Event != "e9" || first.Count != 2 ||
		*first.Share != *ShareOf(2, 13) {
		t.Errorf("first %+v, want 2 of 13 at e9", first)
	}
	if second, last := d.NextPlaces[1], d.NextPlaces[9]; second.Touchpoint != "t10" ||
		last.Touchpoint != "t18" {
		t.Errorf("from %v to %v, want t10 to t18", second, last)
	}
	want := []NameCount{
		{GroupValue{Missing: true}, Tallied{12, ShareOf(12, 13)}},
		{GroupValue{Value: "web"}, Tallied{1, ShareOf(1, 13)}},
	}
	if diff := gocmp.Diff(want, d.Channels); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
}
