package world

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

var (
	liveEnd   = time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC)
	liveStart = liveEnd.AddDate(0, 0, -30)
)

// everyScenario runs a test for each of them.
func everyScenario(t *testing.T, test func(t *testing.T, s Scenario)) {
	t.Helper()
	for _, s := range Scenarios() {
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func TestLiveIsCutAnywhere(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		start := liveEnd.AddDate(0, 0, -5)
		whole := NewLive(s, 3).Between(start, liveEnd)
		var parts []Message
		live := NewLive(s, 3)
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
		if reflect.DeepEqual(whole, NewLive(s, 4).Between(start, liveEnd)) {
			t.Error("two seeds made the same world")
		}
	})
}

func TestLiveHasADemonstrationsSize(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		messages := NewLive(s, 1).Between(liveStart, liveEnd)
		touchpoints, ids, senders := 0, map[string]bool{}, map[string]bool{}
		for i, m := range messages {
			if i > 0 && m.Timestamp.Before(messages[i-1].Timestamp) {
				t.Fatalf("message %d is earlier than the one before it", i)
			}
			if m.Type != "identify" && m.Type != "group" {
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
	})
}

func TestMessagesAreSegmentMessages(t *testing.T) {
	t.Parallel()
	needed := map[string][]string{
		"track": {"event"}, "page": {"name", "anonymousId"}, "screen": {"name", "anonymousId"},
		"identify": {"traits", "userId", "anonymousId"}, "group": {"groupId", "userId", "traits"},
	}
	everyScenario(t, func(t *testing.T, s Scenario) {
		for _, m := range NewLive(s, 1).Between(liveEnd.AddDate(0, 0, -3), liveEnd) {
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatalf("encoding %+v: %v", m, err)
			}
			var fields map[string]any
			if err := json.Unmarshal(text, &fields); err != nil {
				t.Fatalf("decoding %s: %v", text, err)
			}
			for _, name := range append(needed[m.Type], "type", "messageId", "timestamp", "context") {
				if fields[name] == nil || fields[name] == "" {
					t.Fatalf("there is no %q in %s", name, text)
				}
			}
			if m.UserID == "" && m.AnonymousID == "" {
				t.Fatalf("nobody is behind %s", text)
			}
		}
	})
}

// TestCompaniesAreWhole looks for names that nothing has.
func TestCompaniesAreWhole(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		l := NewLive(s, 1)
		c, used := l.company, map[string]bool{identify: true, group: true, account: true, exposure: true}
		use := func(id string) {
			if used[id] = true; id != "" && l.acts[id] == nil {
				t.Errorf("there is no act %q", id)
			}
		}
		use(c.signUp)
		use(c.sale)
		use(c.refund)
		for i := range c.scenes {
			for _, each := range c.scenes[i].script {
				use(each.do)
				use(each.obstacle)
			}
			for _, each := range c.scenes[i].linger {
				use(each.act)
			}
		}
		for i := range c.kinds {
			k := &c.kinds[i]
			for id := range k.favours {
				use(id)
			}
			if len(k.sources) != len(c.sources) || len(k.returns) != len(c.sources) {
				t.Errorf("kind %q has not a weight for each source", k.name)
			}
			for _, stage := range k.route {
				if !slices.Contains(l.Stages(), stage) {
					t.Errorf("kind %q travels through %q, which is no stage", k.name, stage)
				}
			}
		}
		for id := range l.acts {
			if !used[id] {
				t.Errorf("nobody ever does %q", id)
			}
		}
		if len(l.acts) != len(c.acts) {
			t.Error("two acts have one id")
		}
	})
}

// TestWorldsHaveLife sees that everything worth asking about happens in a demonstration's time.
func TestWorldsHaveLife(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		l := NewLive(s, 1)
		totals := l.Totals(liveStart, liveEnd)
		for i := range l.company.acts {
			a := &l.company.acts[i]
			if a.at != "" && totals.Touchpoints[journey.TouchpointID(a.name())] == 0 {
				t.Errorf("nobody does %q", a.id)
			}
		}
		for _, r := range l.company.repeats {
			if n := totals.Touchpoints[r.touchpoint]; n < 20 {
				t.Errorf("%d times somebody does %q", n, r.touchpoint)
			}
		}
		for _, r := range l.company.personas {
			if n := totals.Personas[r.persona]; n < 60 {
				t.Errorf("%d persons are %q", n, r.persona)
			}
		}
		if totals.Members < 50 || totals.IncomeCents < 10*totals.RefundCents || totals.RefundCents == 0 {
			t.Errorf("the totals are %+v", totals)
		}
		ask := buying(l, 1)
		ask.By = ByVariant
		variants := l.True(ask)
		rates := make(map[string]float64)
		for name, counts := range variants {
			rates[name] = float64(counts[2]) / float64(counts[0])
		}
		control, other := l.company.trial.variations[0].name, l.company.trial.variations[1].name
		if rates[other] < rates[control]*1.1 {
			t.Errorf("the variations convert alike: %v", rates)
		}
		ask.By = ByPersona
		if counts := l.True(ask); len(counts) != len(l.company.personas)+1 {
			t.Errorf("these personas enter: %v", counts)
		}
	})
}

// TestWholeMapHasDropOff follows those who travel through all stages in their order.
func TestWholeMapHasDropOff(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		l := NewLive(s, 1)
		ask := published(l)
		total := make([]int, len(ask.Stages))
		for _, of := range l.True(ask) {
			for k, n := range of {
				total[k] += n
			}
		}
		for k := 1; k < len(total); k++ {
			if total[k] >= total[k-1] {
				t.Errorf("step %d has %d persons after %d", k+1, total[k], total[k-1])
			}
		}
		if total[0] < 500 || total[len(total)-1] < 10 {
			t.Errorf("the funnel %v is not worth showing", total)
		}
	})
}

// TestDrawsKeepTheirBounds checks what properties can be.
func TestDrawsKeepTheirBounds(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(1, 1))
	got := make(map[any]bool)
	for range 2000 {
		got[score(0, 10)(dice, mood(dice.Float64()*2-1))] = true
		if v := amount(5, 6)(dice, 0).(float64); v < 5 || v > 6 {
			t.Fatalf("an amount is %v", v)
		}
		if v := whole(-2, 2)(dice, 0).(int); v < -2 || v > 2 {
			t.Fatalf("a whole number is %v", v)
		}
	}
	want := make(map[any]bool)
	for i := range 11 {
		want[i] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
}
