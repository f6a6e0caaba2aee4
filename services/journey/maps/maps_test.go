package maps_test

import (
	"testing"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
)

func grocery(t *testing.T) *journey.Map {
	t.Helper()
	m, err := journey.ParseMap(maps.Grocery())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestGroceryRecognises has a message for each touchpoint that has a condition; the others are
// recognised by their first event.
func TestGroceryRecognises(t *testing.T) {
	t.Parallel()
	m := grocery(t)
	properties := map[journey.TouchpointID]journey.Object{
		"landing_page": `{"name":"Landing"}`, "home": `{"name":"Home"}`,
		"recipe": `{"name":"Recipe"}`, "how_it_works": `{"name":"How It Works"}`,
		"not_served": `{"served":false}`, "nothing_found": `{"results":0}`,
		"out_of_stock": `{"in_stock":false}`, "delivery_late": `{"minutes_late":16}`,
	}
	for _, touchpoint := range m.Touchpoints {
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
