package world

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/enrich"
)

// published asks about the whole map, over the published time.
func published(l *Live) Ask {
	return Ask{
		Since: liveStart, From: liveStart, To: liveEnd, AsOf: liveEnd, Window: 14 * day,
		Stages: l.Stages(),
	}
}

// buying asks about the sale and what follows, which all personas go through in one order, from so
// many stages before it on.
func buying(l *Live, before int) Ask {
	ask := published(l)
	sale := slices.Index(ask.Stages, l.acts[l.company.sale].at)
	ask.Stages = ask.Stages[sale-before:]
	return ask
}

// attributed makes facts of messages as ingest and processor do, in an order of their own.
func attributed(t *testing.T, m *journey.Map, messages []Message) []funnel.AttributedFact {
	t.Helper()
	facts := make([]funnel.AttributedFact, 0, len(messages))
	for i, each := range messages {
		f := fact(t, each, uint32(i))
		client, _ := enrich.Client(enrich.UserAgent(&f))
		facts = append(facts, funnel.AttributedFact{
			Fact: f, Attribution: enrich.AttributeBy(m, &f), Client: client,
			Campaign: enrich.CampaignOf(&f),
		})
	}
	slices.Reverse(facts)
	return facts
}

// breakdown is what a dimension stands for.
func breakdown(l *Live, by Dimension) funnel.Breakdown {
	return map[Dimension]funnel.Breakdown{
		ByPersona: {By: funnel.Persona, Attribution: funnel.OfPerson},
		ByVariant: {
			By: funnel.Variant, Name: l.Experiment(), Attribution: funnel.OfPerson,
		},
		ByFirstChannel:  {By: funnel.OfChannel, Attribution: funnel.FirstTouch},
		ByFirstCampaign: {By: funnel.OfCampaign, Attribution: funnel.FirstTouch},
		ByFirstDevice:   {By: funnel.OfDevice, Attribution: funnel.FirstTouch},
	}[by]
}

// TestTruthEqualsTheReference compares the numbers counted over the people themselves with those
// of the reference evaluator over the messages they send.
func TestTruthEqualsTheReference(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		m, l := mapOf(t, s), NewLive(s, 5)
		since := liveEnd.AddDate(0, 0, -18)
		facts := attributed(t, m, l.Between(since, liveEnd))
		whole := l.Stages()
		for i, c := range []struct {
			name string
			ask  Ask
		}{
			{"all", Ask{From: since, To: liveEnd, AsOf: liveEnd, Window: 14 * day, Stages: whole}},
			{"from the second stage", Ask{
				From: since, To: liveEnd, AsOf: liveEnd, Window: 20 * day, Stages: whole[1:],
			}},
			{"from the fourth stage", Ask{
				From: since, To: liveEnd, AsOf: liveEnd, Window: 9 * day, Stages: whole[3:],
			}},
			{"one day's window", Ask{
				From: since, To: liveEnd, AsOf: liveEnd, Window: day,
				Stages: []journey.StageID{whole[1], whole[3], whole[4]},
			}},
			{"three days' entries", Ask{
				From: since.Add(3 * day), To: since.Add(6 * day), AsOf: liveEnd, Window: 4 * day,
				Stages: whole[:6],
			}},
			{"as of earlier", Ask{
				From: since, To: liveEnd, AsOf: since.Add(12 * day), Window: 14 * day,
				Stages: []journey.StageID{whole[3], whole[4], whole[6]},
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				c.ask.Since = since
				for _, by := range []int{i, i + 2} {
					c.ask.By = Dimension(by) % (ByFirstDevice + 1)
					checkTruth(t, l, m, facts, c.ask)
				}
			})
		}
	})
}

func checkTruth(
	t *testing.T, l *Live, m *journey.Map, facts []funnel.AttributedFact, ask Ask,
) {
	t.Helper()
	want := l.True(ask)
	got, barriers := reference(t, m, facts, ask, breakdown(l, ask.By))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by %d the true counts differ from the reference (-true +reference):\n%s",
			ask.By, diff)
	}
	if diff := cmp.Diff(l.Barriers(ask), barriers); diff != "" {
		t.Errorf("barriers differ from the reference (-true +reference):\n%s", diff)
	}
	if len(want) < 2 {
		t.Errorf("by %d there are only the groups %v", ask.By, want)
	}
}

// checkGroups compares what groups do together, by each of their types.
func checkGroups(
	t *testing.T, l *Live, m *journey.Map, facts []funnel.AttributedFact, ask Ask,
) {
	t.Helper()
	for _, groupType := range l.GroupTypes() {
		q := question(ask)
		q.Unit = funnel.Unit{Kind: funnel.GroupUnit, Name: groupType}
		answer, _, err := funnel.Reference(facts, m, q)
		if err != nil {
			t.Fatalf("asking the reference about groups: %v", err)
		}
		var got []int
		for _, s := range answer.Steps {
			got = append(got, s.Count)
		}
		want := l.TrueGroups(ask, groupType)
		if diff := cmp.Diff(want, got); diff != "" || want[0] < 10 {
			t.Errorf("groups %s differ from the reference (-true +reference):\n%s", groupType, diff)
		}
	}
}

// question is what an ask is, breakdowns apart.
func question(ask Ask) funnel.Question {
	q := funnel.Question{From: ask.From, To: ask.To, AsOf: ask.AsOf, Window: ask.Window}
	for _, s := range ask.Stages {
		q.Steps = append(q.Steps, funnel.Step{
			Target: funnel.Target{Kind: funnel.Stage, Name: string(s)},
		})
	}
	return q
}

// reference asks the reference evaluator: the counts by value, and the barriers by step.
func reference(
	t *testing.T, m *journey.Map, facts []funnel.AttributedFact, ask Ask, by funnel.Breakdown,
) (map[string][]int, []map[journey.TouchpointID]int) {
	t.Helper()
	q := question(ask)
	q.Breakdowns, q.Limit, q.Departures = []funnel.Breakdown{by}, funnel.DefaultLimit, true
	answer, results, err := funnel.Reference(facts, m, q)
	if err != nil {
		t.Fatalf("asking the reference: %v", err)
	}
	counts := make(map[string][]int)
	for _, g := range answer.Groups {
		for _, s := range g.Steps {
			counts[g.Values[0].Value] = append(counts[g.Values[0].Value], s.Count)
		}
	}
	met := make([]map[journey.TouchpointID]int, len(q.Steps)-1)
	for k := range met {
		met[k] = make(map[journey.TouchpointID]int)
	}
	for _, r := range results {
		leaving := r.Leavings[0]
		if leaving == nil {
			continue
		}
		for _, b := range leaving.Barriers {
			met[r.Attempts[0].Depth-1][b]++
		}
	}
	return counts, met
}
