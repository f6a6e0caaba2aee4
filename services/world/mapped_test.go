package world

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
	"github.com/waystage/waystage/services/processor/enrich"
)

const liveSite journey.SiteID = "demo"

// mapOf is the journey map of a scenario.
func mapOf(t *testing.T, s Scenario) *journey.Map {
	t.Helper()
	source, found := maps.ByName(string(s))
	if !found {
		t.Fatalf("there is no map %q", s)
	}
	m, err := journey.ParseMap(source)
	if err != nil {
		t.Fatalf("parsing the map %q: %v", s, err)
	}
	return m.WithVersion(1)
}

// fact is the message as ingest admits it from an import.
func fact(t *testing.T, m Message, index uint32) journey.Fact {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatalf("encoding %+v: %v", m, err)
	}
	env := admit.Envelope{Site: liveSite, ReceivedAt: liveEnd.AddDate(0, 0, 1), Imported: true}
	f, refusal := admit.Rules{}.Admit(&env, index, text)
	if refusal != nil {
		t.Fatalf("ingest refuses %s: %v", text, refusal)
	}
	return f
}

// TestMapsKnowTheActs holds the worlds to their maps and to what is told by a message alone: every
// touchpoint, stage, channel, campaign and device is the one that the world means.
func TestMapsKnowTheActs(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		m, l := mapOf(t, s), NewLive(s, 1)
		barriers := make(map[journey.TouchpointID]bool)
		for i := range m.Touchpoints {
			barriers[m.Touchpoints[i].ID] = m.Touchpoints[i].Barrier
		}
		channels := make(map[journey.ChannelID]bool)
		l.each(liveStart, liveEnd, func(p *person) {
			for i, b := range p.beats {
				if b.at < liveStart.UnixMilli() || b.at >= liveEnd.UnixMilli() {
					continue
				}
				f := fact(t, p.message(i), uint32(i))
				got := enrich.AttributeBy(m, &f)
				want := journey.Attribution{Version: 1, Stage: b.act.at, Channel: p.channel(b)}
				if b.act.at != "" {
					want.Touchpoint = journey.TouchpointID(b.act.name())
				}
				if !b.act.isTouchpoint() {
					want = journey.Attribution{}
				}
				if got != want {
					t.Fatalf("the map takes %q for %+v, want %+v: %+v", b.act.id, got, want, f)
				}
				if b.act.barrier != barriers[got.Touchpoint] {
					t.Fatalf("whether %q is a barrier differs", b.act.id)
				}
				client, bot := enrich.Client(enrich.UserAgent(&f))
				if b.act.isTouchpoint() && (client.Device != p.device(b) || bot) {
					t.Fatalf("%s is %+v, robot %v, want %q", f.Context, client, bot, p.device(b))
				}
				if name := enrich.CampaignOf(&f).Name; b.act.isTouchpoint() && name != p.campaign(b) {
					t.Fatalf("the campaign of %s is %q, want %q", f.Context, name, p.campaign(b))
				}
				channels[got.Channel] = true
			}
		})
		if len(channels) < 10 {
			t.Errorf("people come by %d channels only: %v", len(channels), channels)
		}
	})
}

// TestMapsAreTravelled holds the stages, repeats, money and orders of the personas of the worlds to
// those of the maps.
func TestMapsAreTravelled(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		m, l := mapOf(t, s), NewLive(s, 1)
		var stages []journey.StageID
		for i := range m.Stages {
			stages = append(stages, m.Stages[i].ID)
		}
		if !slices.Equal(stages, l.Stages()) {
			t.Errorf("the stages are %v, want %v", l.Stages(), stages)
		}
		var repeats []repetition
		for _, each := range m.Touchpoints {
			if r := each.Repeat; r != nil && string(r.Of) == l.company.sale {
				repeats = append(repeats, repetition{r.From, each.ID, each.Stage})
			}
		}
		if !slices.Equal(repeats, l.company.repeats) {
			t.Errorf("the repeats are %v, want %v", l.company.repeats, repeats)
		}
		if m.Money == nil || m.Money.Property != l.company.money ||
			!slices.Contains(m.Money.Touchpoints, journey.TouchpointID(l.company.sale)) ||
			!slices.Contains(m.Money.Refunds, journey.TouchpointID(l.company.refund)) {
			t.Errorf("the map's money is %+v", m.Money)
		}
		checkRoutes(t, m, l, stages)
	})
}

func checkRoutes(t *testing.T, m *journey.Map, l *Live, usual []journey.StageID) {
	t.Helper()
	orders := map[journey.PersonaID][]journey.StageID{journey.Unassigned: usual}
	for i := range m.Personas {
		orders[m.Personas[i].ID] = usual
		if order := m.Personas[i].Order; len(order) > 0 {
			orders[m.Personas[i].ID] = order
		}
	}
	for i := range l.company.kinds {
		k := &l.company.kinds[i]
		known := portrait{told: k.tells, groupType: k.groupType}
		persona := journey.Unassigned
		for _, r := range l.company.personas {
			if persona == journey.Unassigned && r.holds(&known) {
				persona = r.persona
			}
		}
		if !slices.Equal(orders[persona], k.route) {
			t.Errorf("%s travel %v, but on the map %v", k.name, k.route, orders[persona])
		}
	}
}

// TestMapsAreClean: the only findings are plans.
func TestMapsAreClean(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		source, _ := maps.ByName(string(s))
		findings, err := journey.Lint(source, journey.LintOptions{Today: "2026-11-01"})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			if f.Severity != journey.LintNote {
				t.Error(f)
			}
		}
	})
}
