package maps_test

import (
	"testing"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
)

func parsed(t *testing.T, source string) *journey.Map {
	t.Helper()
	m, err := journey.ParseMap(source)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func grocery(t *testing.T) *journey.Map {
	t.Helper()
	return parsed(t, maps.Grocery())
}

func TestByName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"grocery": maps.Grocery(), "airline": maps.Airline(), "tiles": maps.Tiles(),
	} {
		if got, found := maps.ByName(name); !found || got != want || want == "" {
			t.Errorf("the map %q is not what it is", name)
		}
	}
	if _, found := maps.ByName("bakery"); found {
		t.Error("there is a map of a bakery")
	}
}

// TestMapsRecognise has a message for each live touchpoint that has a condition; the others are
// recognised by their first event.
func TestMapsRecognise(t *testing.T) {
	t.Parallel()
	for name, properties := range map[string]map[journey.TouchpointID]journey.Object{
		"grocery": {
			"landing_page": `{"name":"Landing"}`, "home": `{"name":"Home"}`,
			"recipe": `{"name":"Recipe"}`, "how_it_works": `{"name":"How It Works"}`,
			"not_served": `{"served":false}`, "nothing_found": `{"results":0}`,
			"out_of_stock": `{"in_stock":false}`, "delivery_late": `{"minutes_late":16}`,
		},
		"airline": {
			"destination": `{"name":"Destination"}`, "route_map": `{"name":"Route Map"}`,
			"assistance_page": `{"name":"Special Assistance"}`, "baggage_rules": `{"name":"Baggage"}`,
			"no_flights": `{"results":0}`, "long_wait": `{"wait_seconds":301}`,
		},
		"tiles": {
			"gallery": `{"name":"Gallery"}`, "collection": `{"name":"Collection"}`,
			"advice": `{"name":"How To Lay"}`, "nothing_found": `{"results":0}`,
			"quote_late": `{"hours":49}`, "broken_tiles": `{"broken_pieces":1}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, _ := maps.ByName(name)
			checkRecognises(t, parsed(t, source), properties)
		})
	}
}

func checkRecognises(
	t *testing.T, m *journey.Map, properties map[journey.TouchpointID]journey.Object,
) {
	t.Helper()
	for _, touchpoint := range m.Touchpoints {
		if touchpoint.Status != journey.Live {
			continue
		}
		for _, event := range touchpoint.Events {
			f := journey.Fact{
				Kind: kindOf(event), Event: event, Properties: properties[touchpoint.ID],
			}
			got := m.Attribute(&f)
			if got.Touchpoint != touchpoint.ID && event == touchpoint.Events[0] {
				t.Errorf("%s is %q, want %q", event, got.Touchpoint, touchpoint.ID)
			}
			if got.Stage == "" {
				t.Errorf("%s has no stage", event)
			}
		}
	}
}

func kindOf(event string) journey.Kind {
	if kind := journey.ParseKind(event); kind.IsTouchpoint() {
		return kind
	}
	return journey.Track
}

func TestGroceryDerivesChannels(t *testing.T) {
	t.Parallel()
	m := grocery(t)
	cases := []struct {
		name    string
		kind    journey.Kind
		context journey.Object
		want    journey.ChannelID
	}{
		{"friend", journey.Page, `{"campaign":{"medium":"referral"}}`, "referral"},
		{"paid search", journey.Page, `{"campaign":{"medium":"cpc","source":"google"}}`, "paid_search"},
		{"banner", journey.Page, `{"campaign":{"medium":"banner"}}`, "display"},
		{"newsletter", journey.Page, `{"campaign":{"medium":"newsletter"}}`, "email"},
		{"messenger", journey.Page, `{"campaign":{"source":"whatsapp"}}`, "messenger"},
		{"video", journey.Page, `{"page":{"referrer":"https://www.youtube.com/watch"}}`, "video"},
		{"campaign on video", journey.Page, `{"campaign":{"source":"youtube"}}`, "video"},
		{"social", journey.Page, `{"page":{"referrer":"https://m.facebook.com/"}}`, "social"},
		{"no social host", journey.Page, `{"page":{"referrer":"https://netflix.com/"}}`, ""},
		{"partner", journey.Page, `{"campaign":{"medium":"affiliate"}}`, "partner"},
		{"organic search", journey.Page, `{"page":{"referrer":"https://www.google.co.uk/"}}`, "seo"},
		{"screen", journey.Screen, `{}`, "app"},
		{"device", journey.Track, `{"device":{"type":"ios"}}`, "app"},
		{"own site", journey.Page, `{"page":{"referrer":"https://grocer.example/a"}}`, "site"},
		{"no referrer", journey.Page, `{"page":{"path":"/"}}`, "direct"},
		{"empty referrer", journey.Page, `{"page":{"referrer":""}}`, "direct"},
		{"server", journey.Track, `{}`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := journey.Fact{Kind: c.kind, Event: "Else", Context: c.context}
			if got := m.Attribute(&f).Channel; got != c.want {
				t.Errorf("channel %q, want %q", got, c.want)
			}
		})
	}
}

// TestMapsHoldWhatAWorkshopWrites sees that each map shows what a map can hold.
func TestMapsHoldWhatAWorkshopWrites(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"grocery", "airline", "tiles"} {
		source, _ := maps.ByName(name)
		m := parsed(t, source)
		if m.Money == nil || m.Referral == nil || len(m.KPIs) < 8 || len(m.Personas) != 4 {
			t.Errorf("%s lacks money, referral, KPIs or personas", name)
		}
		for _, s := range m.Stages {
			if s.Task == "" || s.Goal == "" || s.CustomerGoal == "" || len(s.Activities) == 0 ||
				s.Expectations.Best == "" || s.Expectations.Worst == "" ||
				s.Expectations.Usual == "" || s.Expectations.Surprise == "" ||
				s.Owner.Department == "" {
				t.Errorf("%s: stage %s is not written out: %+v", name, s.ID, s)
			}
		}
		for _, p := range m.Personas {
			if len(p.Needs) == 0 || len(p.Factors) == 0 || p.Value == "" || p.Offer == "" ||
				p.EntryChannel == "" || len(p.Stages) == 0 {
				t.Errorf("%s: persona %s is not written out: %+v", name, p.ID, p)
			}
		}
		has := make(map[any]bool)
		for _, each := range m.Touchpoints {
			has[each.Status] = true
			has["barrier"] = has["barrier"] || each.Barrier
			has["repeat"] = has["repeat"] || each.Repeat != nil
			has["contact"] = has["contact"] || each.Contact
			if each.Feedback != nil {
				has[each.Feedback.Kind] = true
			}
		}
		for _, what := range []any{
			journey.Live, journey.Planned, journey.Absent, journey.NPS, journey.CSAT,
			"barrier", "repeat", "contact",
		} {
			if !has[what] {
				t.Errorf("%s has no touchpoint that is %v", name, what)
			}
		}
	}
}
