package enrich

import (
	"strings"
	"unicode/utf8"

	"github.com/waystage/waystage/services/journey"
)

// maxCampaignBytes bounds each part of a campaign.
const maxCampaignBytes = 200

// CampaignOf is the campaign that a touchpoint came by as its maker wrote it, without white space
// around it and cut after 200 bytes: that of the message's context, else, where it states neither
// name nor source nor medium, that of the page's address (utm_campaign, utm_source, utm_medium).
// The zero Campaign for what is no touchpoint.
func CampaignOf(f *journey.Fact) journey.Campaign {
	if !f.Kind.IsTouchpoint() {
		return journey.Campaign{}
	}
	c := arrivalOf(f.Context).stated
	return journey.Campaign{Name: tidy(c.Name), Source: tidy(c.Source), Medium: tidy(c.Medium)}
}

func tidy(text string) string {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) <= maxCampaignBytes {
		return text
	}
	end := maxCampaignBytes
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.TrimSpace(text[:end])
}

// campaignOf is the campaign that a context states.
func campaignOf(o journey.Object) journey.Campaign {
	var c journey.Campaign
	for name, literal := range o.All() {
		switch name {
		case "source":
			c.Source = journey.Unquote(literal)
		case "medium":
			c.Medium = journey.Unquote(literal)
		case "name":
			c.Name = journey.Unquote(literal)
		}
	}
	return c
}
