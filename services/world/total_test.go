package world

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// TestTotalsEqualWhatIsSent compares the totals with sums over the messages, and the personas with
// those of the reference evaluator.
func TestTotalsEqualWhatIsSent(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		m, l := mapOf(t, s), NewLive(s, 9)
		since := liveEnd.AddDate(0, 0, -12)
		facts := attributed(t, m, l.Between(since, liveEnd))
		totals := l.Totals(since, liveEnd)
		want := sums(m, facts)
		// Repeats are no matter of one message: here they are what they repeat.
		repeats := 0
		for _, r := range l.company.repeats {
			repeats += totals.Touchpoints[r.touchpoint]
			delete(totals.Touchpoints, r.touchpoint)
		}
		totals.Touchpoints[journey.TouchpointID(l.company.sale)] += repeats
		want.Persons, want.Members = totals.Persons, totals.Members
		want.Personas = personas(t, m, facts)
		if diff := cmp.Diff(want, totals); diff != "" {
			t.Errorf("the totals differ (-sent +totals):\n%s", diff)
		}
	})
}

// sums are what a stream of messages tells by itself.
func sums(m *journey.Map, facts []funnel.AttributedFact) Totals {
	t := Totals{Touchpoints: make(map[journey.TouchpointID]int)}
	for i := range facts {
		f := &facts[i]
		amount := cents(f.Properties.Value(m.Money.Property).Number())
		switch {
		case f.Touchpoint != "":
			t.Touchpoints[f.Touchpoint]++
		case f.Kind.IsTouchpoint():
			t.OffMap++
		}
		for _, id := range m.Money.Touchpoints {
			if f.Touchpoint == id {
				t.IncomeCents += amount
			}
		}
		for _, id := range m.Money.Refunds {
			if f.Touchpoint == id {
				t.RefundCents += amount
			}
		}
	}
	return t
}

// personas are those of all who did a touchpoint.
func personas(
	t *testing.T, m *journey.Map, facts []funnel.AttributedFact,
) map[journey.PersonaID]int {
	t.Helper()
	any := funnel.Step{Target: funnel.Target{Kind: funnel.AnyEvent}}
	answer, _, err := funnel.Reference(facts, m, funnel.Question{
		From: liveStart, To: liveEnd, AsOf: liveEnd, Window: day, Steps: []funnel.Step{any, any},
		Breakdowns: []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}},
		Limit:      funnel.DefaultLimit,
	})
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[journey.PersonaID]int)
	for _, g := range answer.Groups {
		counts[journey.PersonaID(g.Values[0].Value)] = g.Steps[0].Count
	}
	return counts
}
