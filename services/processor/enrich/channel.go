package enrich

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// Channels that Channel gives.
const (
	PaidSearch journey.ChannelID = "paid_search"
	PaidSocial journey.ChannelID = "paid_social"
	PaidVideo  journey.ChannelID = "paid_video"
	Display    journey.ChannelID = "display"
	Paid       journey.ChannelID = "paid"
	SEO        journey.ChannelID = "seo"
	Social     journey.ChannelID = "social"
	Video      journey.ChannelID = "video"
	Messenger  journey.ChannelID = "messenger"
	Email      journey.ChannelID = "email"
	SMS        journey.ChannelID = "sms"
	Push       journey.ChannelID = "push"
	Partner    journey.ChannelID = "partner"
	Referral   journey.ChannelID = "referral"
	Campaign   journey.ChannelID = "campaign"
	Direct     journey.ChannelID = "direct"
)

// Channel is where a touchpoint came from by the usual default channel grouping: what an
// advertisement added to the address, else the campaign, else the referrer, else direct. Empty
// where the touchpoint is no arrival (the referrer is of the same site), where nothing is said of
// a page or a campaign, and for what is no touchpoint. It depends on the message alone.
//
// The rules are those of Google Analytics 4 (support.google.com/analytics/answer/9756891), less
// shopping, audio and cross-network, with messengers besides; see docs/semantics.md, "Channels".
func Channel(f *journey.Fact) journey.ChannelID {
	if !f.Kind.IsTouchpoint() {
		return ""
	}
	a := arrivalOf(f.Context)
	if c := a.byClick(adClicks); c != "" {
		return c
	}
	if c := a.campaign.channel(); c != "" {
		return c
	}
	if !a.onPage {
		return ""
	}
	if c := a.byClick(clicks); c != "" {
		return c
	}
	return a.byReferrer()
}

// arrival is what a message says of how its visitor came.
type arrival struct {
	// onPage tells that it is of a page at all.
	onPage   bool
	query    url.Values
	campaign campaign
	// stated is the campaign as its maker wrote it.
	stated journey.Campaign
	// address is the page's own; referrer is where the visitor came from.
	address, referrer string
}

func arrivalOf(context journey.Object) arrival {
	var a arrival
	var page, stated, from string
	for name, literal := range context.All() {
		switch name {
		case "page":
			page = literal
		case "campaign":
			stated = literal
		case "referrer":
			from = literal
		}
	}
	a.state(campaignOf(journey.Object(stated)))
	a.readPage(journey.Object(page))
	if a.referrer == "" {
		a.referrer = journey.Unquote(journey.Object(from).Literal("url"))
	}
	if a.campaign == (campaign{}) {
		a.state(journey.Campaign{
			Name:   a.query.Get("utm_campaign"),
			Source: a.query.Get("utm_source"), Medium: a.query.Get("utm_medium"),
		})
	}
	return a
}

func (a *arrival) state(c journey.Campaign) {
	a.stated = c
	a.campaign = campaign{source: lower(c.Source), medium: word(c.Medium), name: lower(c.Name)}
}

func (a *arrival) readPage(page journey.Object) {
	var search string
	for name, literal := range page.All() {
		a.onPage = true
		switch name {
		case "url":
			a.address = journey.Unquote(literal)
		case "search":
			search = journey.Unquote(literal)
		case "referrer":
			// rudder-js says "$direct" where there is none.
			if text := journey.Unquote(literal); text != "$direct" {
				a.referrer = text
			}
		}
	}
	if search == "" {
		_, search, _ = strings.Cut(a.address, "?")
		search, _, _ = strings.Cut(search, "#")
	}
	if search = strings.TrimPrefix(search, "?"); search != "" {
		a.query, _ = url.ParseQuery(search) // what can be read of it is
	}
}

// click is a parameter that a service adds to the addresses of those whom it sends.
type click struct {
	parameter string
	channel   journey.ChannelID
}

// adClicks are those of advertisements, clicks those of others.
var (
	adClicks = []click{
		{"gclid", PaidSearch},
		{"gbraid", PaidSearch},
		{"wbraid", PaidSearch},
		{"msclkid", PaidSearch},
		{"yclid", PaidSearch},
		{"dclid", Display},
		{"ttclid", PaidSocial},
		{"twclid", PaidSocial},
		{"li_fat_id", PaidSocial},
		{"rdt_cid", PaidSocial},
	}
	clicks = []click{
		{"fbclid", Social},
		{"igsh", Social},
		{"igshid", Social},
		{"mc_eid", Email},
		{"ysclid", SEO},
		{"srsltid", SEO},
	}
)

func (a *arrival) byClick(of []click) journey.ChannelID {
	for _, c := range of {
		if a.query.Get(c.parameter) != "" {
			return c.channel
		}
	}
	return ""
}

func (a *arrival) byReferrer() journey.ChannelID {
	from := hostOf(a.referrer)
	switch {
	case from == "":
		return Direct
	case sameSite(from, hostOf(a.address)):
		return ""
	}
	return organic[sourceOf(from)]
}

// organic are the channels of those who come from somewhere without a campaign.
var organic = map[source]journey.ChannelID{
	unknownSource: Referral, ordinarySite: Referral, searchEngine: SEO, socialNetwork: Social,
	videoSite: Video, messenger: Messenger, mailbox: Email, adNetwork: Display,
}

// campaign is what its maker called it, in lower case.
type campaign struct{ source, medium, name string }

func lower(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// word is a text with one spelling: "E-Mail" and "e_mail" are "e mail".
func word(text string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return r == ' ' || r == '-' || r == '_' || r == '+'
	}), " "))
}

// paidMedium is a medium that somebody pays for: cpc, ppc, cpm, paid-social, retargeting…
var paidMedium = regexp.MustCompile(`^(.*cp.*|ppc|retargeting|remarketing|paid.*)$`)

// mediums are the words for channels among mediums, where no source says otherwise.
var mediums = map[string]journey.ChannelID{
	"display": Display, "banner": Display, "expandable": Display, "interstitial": Display,
	"social": Social, "social network": Social, "social media": Social, "sm": Social,
	"organic": SEO, "seo": SEO,
	"email": Email, "e mail": Email, "mail": Email, "newsletter": Email,
	"affiliate": Partner, "affiliates": Partner, "partner": Partner, "partners": Partner,
	"sms": SMS, "text": SMS, "mms": SMS,
	"messenger": Messenger, "chat": Messenger, "whatsapp": Messenger, "telegram": Messenger,
	"im": Messenger, "push": Push, "web push": Push, "notification": Push, "mobile": Push,
	"referral": Referral, "app": Referral, "link": Referral,
}

// channel is that of a campaign, empty if there is none.
func (c campaign) channel() journey.ChannelID {
	if c == (campaign{}) {
		return ""
	}
	from := sourceOf(c.source)
	if paidMedium.MatchString(c.medium) {
		return c.paid(from)
	}
	if by := mediums[c.medium]; by != "" {
		return by
	}
	switch {
	case strings.HasSuffix(c.medium, "push"):
		return Push
	case strings.Contains(c.medium, "video"):
		return Video
	case from != unknownSource && from != ordinarySite:
		return organic[from]
	}
	if by := mediums[word(c.source)]; by == Email || by == SMS {
		return by
	}
	return Campaign
}

// paid is the channel of a campaign whose medium is paid for.
func (c campaign) paid(from source) journey.ChannelID {
	switch {
	case from == searchEngine || strings.Contains(c.medium, "search"):
		return PaidSearch
	case from == socialNetwork || strings.Contains(c.medium, "social"):
		return PaidSocial
	case from == videoSite || strings.Contains(c.medium, "video"):
		return PaidVideo
	case from == adNetwork || c.medium == "cpm" || strings.Contains(c.medium, "display"):
		return Display
	default:
		return Paid
	}
}
