package world

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
)

const liveSite journey.SiteID = "grocer"

var (
	liveEnd   = time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC)
	liveStart = liveEnd.AddDate(0, 0, -30)
)

func TestLiveIsCutAnywhere(t *testing.T) {
	t.Parallel()
	start := liveEnd.AddDate(0, 0, -5)
	whole := NewLive(3).Between(start, liveEnd)
	var parts []Message
	live := NewLive(3)
	dice := rand.New(rand.NewPCG(1, 2))
	for at := start; at.Before(liveEnd); {
		next := at.Add(time.Duration(1 + dice.Int64N(int64(20*time.Hour))))
		if next.After(liveEnd) {
			next = liveEnd
		}
		parts = append(parts, live.Between(at, next)...)
		at = next
	}
	if !reflect.DeepEqual(whole, parts) {
		t.Errorf("%d messages in parts are not the %d of the whole", len(parts), len(whole))
	}
	if reflect.DeepEqual(whole, NewLive(4).Between(start, liveEnd)) {
		t.Error("two seeds made the same world")
	}
}

func TestLiveHasADemonstrationsSize(t *testing.T) {
	t.Parallel()
	messages := NewLive(1).Between(liveStart, liveEnd)
	touchpoints, ids, senders := 0, map[string]bool{}, map[string]bool{}
	for i, m := range messages {
		if i > 0 && m.Timestamp.Before(messages[i-1].Timestamp) {
			t.Fatalf("message %d is earlier than the one before it", i)
		}
		if m.Type != "identify" {
			touchpoints++
		}
		ids[m.MessageID] = true
		if m.Timestamp.After(liveEnd.AddDate(0, 0, -7)) {
			senders[m.AnonymousID] = true
		}
	}
	if touchpoints < 16_000 || touchpoints > 24_000 {
		t.Errorf("30 days have %d touchpoints, want about 20,000", touchpoints)
	}
	if len(ids) != len(messages) {
		t.Errorf("%d messages have %d ids", len(messages), len(ids))
	}
	if len(senders) < 200 {
		t.Errorf("%d visitors came in the last week, want some hundreds", len(senders))
	}
}

func TestMessagesAreSegmentMessages(t *testing.T) {
	t.Parallel()
	for _, m := range NewLive(1).Between(liveEnd.AddDate(0, 0, -3), liveEnd) {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("encoding %+v: %v", m, err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatalf("decoding %s: %v", text, err)
		}
		needed := map[string]string{
			"track": "event", "page": "name", "screen": "name", "identify": "traits",
		}[m.Type]
		for _, name := range []string{"type", "messageId", "anonymousId", "timestamp", needed} {
			if fields[name] == nil || fields[name] == "" {
				t.Fatalf("there is no %q in %s", name, text)
			}
		}
	}
}

// TestMapKnowsTheActs holds the plot to the example map: every stage is the one that the map
// gives, every persona the one that its rules give.
func TestMapKnowsTheActs(t *testing.T) {
	t.Parallel()
	m := groceryMap(t)
	live := NewLive(1)
	done := make(map[uint8]bool)
	channels := make(map[journey.ChannelID]bool)
	live.each(liveStart, liveEnd, func(s *shopper) {
		for i, b := range s.beats {
			f := fact(t, s.message(i), uint32(i))
			if f.Kind == journey.Identify {
				checkPersona(t, m, s, &f)
				continue
			}
			var want journey.StageID
			if stage := acts[b.act].stage; stage != offStage {
				want = m.Stages[stage].ID
			}
			got := m.Attribute(&f)
			if got.Stage != want {
				t.Fatalf("the map puts %q at stage %q, want %q", acts[b.act].name, got.Stage, want)
			}
			done[b.act] = true
			channels[got.Channel] = true
		}
	})
	if len(done) != len(acts)-1 {
		t.Errorf("%d of %d acts are done", len(done), len(acts)-1)
	}
	if len(channels) < 8 {
		t.Errorf("people come by %d channels only: %v", len(channels), channels)
	}
}

func checkPersona(t *testing.T, m *journey.Map, s *shopper, f *journey.Fact) {
	t.Helper()
	traits := identity.Merge(identity.WritesOf(f), f.At())
	if got := m.Persona(traits); got != kinds[s.kind].persona {
		t.Fatalf("the map takes %v for %q, want %q", traits, got, kinds[s.kind].persona)
	}
}

// TestTruthEqualsTheReference compares the count over the shoppers themselves with the reference
// evaluator over the messages they send.
func TestTruthEqualsTheReference(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	m := groceryMap(t)
	since := liveEnd.Add(-12 * day)
	facts := attributed(t, m, NewLive(5).Between(since, liveEnd))
	nine := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}
	for _, c := range []struct {
		name string
		ask  Ask
	}{
		{"all", Ask{From: since, To: liveEnd, AsOf: liveEnd, Window: 14 * day, Stages: nine}},
		{"one day's window", Ask{
			From: since, To: liveEnd, AsOf: liveEnd, Window: day, Stages: []int{1, 3, 4, 5},
		}},
		{"three days' entries", Ask{
			From: since.Add(3 * day), To: since.Add(6 * day), AsOf: liveEnd,
			Window: 4 * day, Stages: nine[:7],
		}},
		{"as of earlier", Ask{
			From: since, To: liveEnd, AsOf: since.Add(8 * day), Window: 14 * day,
			Stages: []int{0, 3, 5, 6, 7},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.ask.Since = since
			want := NewLive(5).True(c.ask)
			if len(want) != len(kinds) {
				t.Fatalf("%d personas enter, want all %d", len(want), len(kinds))
			}
			if diff := cmp.Diff(want, reference(t, m, facts, c.ask)); diff != "" {
				t.Errorf("the true counts differ from the reference (-true +reference):\n%s", diff)
			}
		})
	}
}

func TestTruthHasDropOff(t *testing.T) {
	t.Parallel()
	counts := NewLive(1).True(Ask{
		Since: liveStart, From: liveStart, To: liveEnd, AsOf: liveEnd,
		Window: 14 * 24 * time.Hour, Stages: []int{0, 1, 2, 3, 4, 5, 6, 7, 8},
	})
	total := make([]int, stageCount)
	for _, of := range counts {
		for k, n := range of {
			total[k] += n
		}
	}
	for k := 1; k < len(total); k++ {
		if total[k] >= total[k-1] {
			t.Errorf("step %d has %d persons after %d", k+1, total[k], total[k-1])
		}
	}
	if total[0] < 1000 || total[stageCount-1] < 10 {
		t.Errorf("the funnel %v is not worth showing", total)
	}
}

func reference(
	t *testing.T, m *journey.Map, facts []funnel.AttributedFact, ask Ask,
) map[journey.PersonaID][]int {
	t.Helper()
	q := funnel.Question{
		From: ask.From, To: ask.To, AsOf: ask.AsOf, Window: ask.Window,
		ByPersona: true, Limit: funnel.DefaultLimit,
	}
	for _, s := range ask.Stages {
		q.Steps = append(q.Steps, funnel.Step{
			Target: funnel.Target{Kind: funnel.Stage, Name: string(m.Stages[s].ID)},
		})
	}
	persona := func(traits identity.Traits) journey.PersonaID { return m.Persona(traits) }
	answer, _, err := funnel.Reference(facts, persona, q)
	if err != nil {
		t.Fatalf("asking the reference: %v", err)
	}
	counts := make(map[journey.PersonaID][]int)
	for _, g := range answer.Groups {
		for _, s := range g.Steps {
			id := journey.PersonaID(g.Value.Value)
			counts[id] = append(counts[id], s.Count)
		}
	}
	return counts
}

func groceryMap(t *testing.T) *journey.Map {
	t.Helper()
	m, err := journey.ParseMap(maps.Grocery())
	if err != nil {
		t.Fatalf("parsing the example map: %v", err)
	}
	return m
}

// attributed makes facts of messages, in an order of their own.
func attributed(t *testing.T, m *journey.Map, messages []Message) []funnel.AttributedFact {
	t.Helper()
	facts := make([]funnel.AttributedFact, 0, len(messages))
	for i, each := range messages {
		f := fact(t, each, uint32(i))
		facts = append(facts, funnel.AttributedFact{Fact: f, Attribution: m.Attribute(&f)})
	}
	slices.Reverse(facts)
	return facts
}

// fact is the message as ingest would admit it.
func fact(t *testing.T, m Message, index uint32) journey.Fact {
	t.Helper()
	f := journey.Fact{
		Site: liveSite, Message: journey.MessageID(m.MessageID), Kind: journey.ParseKind(m.Type),
		User: journey.UserID(m.UserID), Visitor: journey.VisitorID(m.AnonymousID),
		Event: m.Event, OccurredAt: m.Timestamp, OriginalAt: m.Timestamp,
		ReceivedAt: liveEnd.Add(time.Hour), Index: index,
		Properties: object(t, m.Properties), Traits: object(t, m.Traits),
		Context: object(t, m.Context),
	}
	if f.Kind == journey.Page || f.Kind == journey.Screen {
		f.Event = m.Type
	}
	return f
}

func object(t *testing.T, members map[string]any) journey.Object {
	t.Helper()
	if members == nil {
		return ""
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatalf("encoding %v: %v", members, err)
	}
	return journey.Object(text)
}
