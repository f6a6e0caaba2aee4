package funnel

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

func TestScope(t *testing.T) {
	t.Parallel()
	const hour = int64(3600_000)
	for _, c := range []struct {
		name   string
		change func(*Question)
		want   Scope
		plain  bool
	}{
		{name: "plain", change: func(*Question) {}, want: Scope{After: hour}, plain: true},
		{
			name: "a trend", change: func(q *Question) { q.Buckets = []time.Time{q.From} },
			want: Scope{After: hour}, plain: true,
		},
		{name: "all", change: func(q *Question) { q.Mode = All }, plain: true},
		{
			name: "simultaneity", change: func(q *Question) { q.Simultaneity = 2 * time.Second },
			want: Scope{Before: 2000, After: hour},
		},
		{
			name: "simultaneity under STRICT",
			change: func(q *Question) {
				q.Order, q.Simultaneity = Strict, 2*time.Second
			},
			want: Scope{Everything: true, After: hour},
		},
		{
			name: "simultaneity under ALL",
			change: func(q *Question) {
				q.Mode, q.Simultaneity = All, 2*time.Second
			},
		},
		{
			name: "sessions", change: func(q *Question) { q.Count = PerSession },
			want: Scope{Unfiltered: true, After: hour},
		},
		{
			name: "departures", change: func(q *Question) { q.Departures = true },
			want: Scope{Everything: true, After: hour},
		},
		{
			name: "first times",
			change: func(q *Question) {
				q.Steps = append(q.Steps, event("c"))
				q.Steps[0].FirstTime, q.Steps[2].FirstTime = FirstOfTarget, FirstMatching
			},
			want: Scope{FirstTime: 0b101, After: hour},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			q.Window = time.Hour
			c.change(&q)
			p := programOf(q)
			if diff := gocmp.Diff(c.want, p.Scope()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if p.Plain() != c.plain {
				t.Errorf("plain %t, want %t", p.Plain(), c.plain)
			}
		})
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	q := validQuestion()
	if key, ok := programOf(q).Hold(&TouchView{}); key != "" || !ok {
		t.Errorf("held nothing: %q, %t", key, ok)
	}
	q.Hold = []string{"b", "a"}
	p := programOf(q)
	if diff := gocmp.Diff([]string{"a", "b"}, p.Needs().Properties); diff != "" {
		t.Fatalf("needs (-want +got):\n%s", diff)
	}
	key := func(a, b journey.Value) string {
		key, ok := p.Hold(&TouchView{Properties: []journey.Value{a, b}})
		if !ok {
			return "none"
		}
		return key
	}
	five := key(number(5), text("x"))
	if got := key(text("5"), text("x")); got != five {
		t.Errorf("5 and \"5\" are two: %q, %q", five, got)
	}
	if key(text("ab"), text("c")) == key(text("a"), text("bc")) {
		t.Error("two pairs of values are one")
	}
	if got := key(journey.Value{}, text("x")); got != "none" {
		t.Errorf("without a value: %q", got)
	}
}

func TestExclusions(t *testing.T) {
	t.Parallel()
	q := validQuestion()
	q.Exclusions = []Exclusion{
		{
			Target: Target{Event, "cancel"}, To: 1,
			Conditions: []Condition{{Name: "p", Operator: Equal, Values: values(number(1))}},
		},
		{
			Target: Target{Event, "cancel"}, To: 1,
			Conditions: []Condition{
				{Subject: Trait, Name: "plan", Operator: Equal, Values: values(text("pro"))},
			},
		},
		{Target: Target{Stage, "lost"}, To: 1},
	}
	q.Filter = Condition{Subject: OfChannel, Operator: NotEqual, Values: values(text("bot"))}
	p := programOf(q)
	targets := p.ExclusionTargets("cancel", journey.Attribution{Stage: "lost"})
	if targets != 0b111 {
		t.Fatalf("targets %b", targets)
	}
	if got := p.ExclusionTargets("other", journey.Attribution{Stage: "lost"}); got != 0b100 {
		t.Errorf("of the stage %b", got)
	}
	for _, c := range []struct {
		plan, channel string
		p             float64
		want          uint8
	}{
		{plan: "pro", p: 1, want: 0b111},
		{plan: "free", p: 1, want: 0b101},
		{plan: "pro", p: 2, want: 0b110},
		{plan: "pro", p: 1, channel: "bot", want: 0},
	} {
		m := p.Matcher()
		person := p.Nobody()
		person.Traits[0] = text(c.plan)
		m.Person(person)
		view := &TouchView{
			Properties: []journey.Value{number(c.p)}, Channel: journey.ChannelID(c.channel),
		}
		if got := m.Exclusions(targets, view); got != c.want {
			t.Errorf("%+v: got %b", c, got)
		}
	}
}
