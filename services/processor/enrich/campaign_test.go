package enrich_test

import (
	"strings"
	"testing"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/enrich"
)

func TestCampaignOf(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 199) + "éé"
	for _, c := range []struct {
		name, context string
		want          journey.Campaign
	}{
		{"nothing is said", ``, journey.Campaign{}},
		{"no campaign", page("?q=bread", "https://www.google.com/"), journey.Campaign{}},
		{
			"as sent", `{"campaign":{"content":"x","medium":"E-Mail","name":" Spring Sale ",` +
				`"source":"Newsletter"}}`,
			journey.Campaign{Name: "Spring Sale", Source: "Newsletter", Medium: "E-Mail"},
		},
		{
			"of the address", page("?utm_source=google&utm_medium=cpc&utm_campaign=Brand+%7C+EN", ""),
			journey.Campaign{Name: "Brand | EN", Source: "google", Medium: "cpc"},
		},
		{
			"of an address in full", `{"page":{"url":"https://www.shop.example/bread/?gclid=Cj0K&` +
				`utm_source=google&utm_medium=cpc&utm_campaign=fr%C3%BChling#top"}}`,
			journey.Campaign{Name: "frühling", Source: "google", Medium: "cpc"},
		},
		{
			"of the search alone", `{"page":{"search":"?utm_campaign=x"}}`,
			journey.Campaign{Name: "x"},
		},
		{
			"what is stated wins", `{"campaign":{"name":"stated"},"page":{"url":` +
				`"https://a.example/?utm_campaign=x&utm_source=y"}}`,
			journey.Campaign{Name: "stated"},
		},
		{
			"what is stated says nothing", `{"campaign":{"content":"x","name":" "},"page":{"url":` +
				`"https://a.example/?utm_campaign=x"}}`,
			journey.Campaign{Name: "x"},
		},
		{"no text", `{"campaign":{"name":7}}`, journey.Campaign{}},
		{"only a fragment", page("#utm_campaign=x", ""), journey.Campaign{}},
		{
			"a broken address", `{"page":{"url":"https://a.example/?utm_campaign=%zz&utm_source=s"}}`,
			journey.Campaign{Source: "s"},
		},
		{
			"cut between letters", `{"campaign":{"name":"` + long + `"}}`,
			journey.Campaign{Name: strings.Repeat("a", 199)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := journey.Fact{Kind: journey.Page, Event: "page", Context: journey.Object(c.context)}
			if got := enrich.CampaignOf(&f); got != c.want {
				t.Errorf("CampaignOf = %+v, want %+v", got, c.want)
			}
			f.Kind = journey.Identify
			if got := enrich.CampaignOf(&f); got != (journey.Campaign{}) {
				t.Errorf("an identify message has the campaign %+v", got)
			}
		})
	}
}
