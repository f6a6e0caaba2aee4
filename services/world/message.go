package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Message is what a shopper's browser sends: encoding/json makes a message of Segment's HTTP API
// of it, for /v1/batch or for the method of its type.
type Message struct {
	// Type is track, page, screen or identify.
	Type        string         `json:"type"`
	MessageID   string         `json:"messageId"`
	AnonymousID string         `json:"anonymousId"`
	UserID      string         `json:"userId,omitempty"`
	Event       string         `json:"event,omitempty"`
	Name        string         `json:"name,omitempty"`
	Properties  map[string]any `json:"properties,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
	Context     map[string]any `json:"context,omitempty"`
	// Timestamp is when it occurs. There is no sentAt, so that it is never corrected.
	Timestamp time.Time `json:"timestamp"`
}

// source is where visits come from.
type source struct {
	referrer       string
	origin, medium string
}

var sources = [...]source{
	{referrer: "https://www.google.com/"},
	{referrer: "https://www.google.com/", origin: "google", medium: "cpc"},
	{referrer: "https://www.instagram.com/"},
	{referrer: "https://news.example/food", origin: "news", medium: "display"},
	{origin: "weekly", medium: "email"},
	{referrer: "https://www.youtube.com/watch", origin: "youtube", medium: "video"},
	{origin: "friend", medium: "referral"},
	{},
}

const shop = "https://grocer.example/"

// message writes the beat at ordinal out in full.
func (s *shopper) message(ordinal int) Message {
	b := s.beats[ordinal]
	a := acts[b.act]
	dice := rand.New(rand.NewPCG(s.seed^mix(s.number), uint64(ordinal)))
	m := Message{
		Type: a.kind.String(), MessageID: dashed(dice.Uint64(), dice.Uint64()),
		AnonymousID: s.visitor(b.device), Timestamp: time.UnixMilli(b.at).UTC(),
		Context: s.context(ordinal),
	}
	if b.known {
		m.UserID = s.user()
	}
	switch a.kind {
	case journey.Identify:
		m.Traits = s.traits()
		return m
	case journey.Track:
		m.Event = a.name
	default:
		m.Name = a.name
	}
	m.Properties = properties(a, dice)
	return m
}

func (s *shopper) user() string { return fmt.Sprintf("shopper-%x", s.number) }

func (s *shopper) visitor(device uint8) string {
	return dashed(mix(s.seed^s.number<<2|uint64(device)), mix(s.number+uint64(device)<<60))
}

func dashed(high, low uint64) string {
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x",
		high>>32, high>>16&0xffff, high&0xffff, low>>48, low&(1<<48-1))
}

// context is the page, the campaign of the first visit, and the device.
func (s *shopper) context(ordinal int) map[string]any {
	b := s.beats[ordinal]
	a := acts[b.act]
	path := strings.ToLower(strings.ReplaceAll(a.name, " ", "-"))
	page := map[string]any{"path": "/" + path, "url": shop + path, "referrer": shop}
	context := map[string]any{"page": page, "locale": "en-GB"}
	if b.device == 1 {
		context["device"] = map[string]any{"type": "ios"}
	}
	if from := sources[s.source]; a.stage == awareness {
		page["referrer"] = from.referrer
		if from.medium != "" {
			context["campaign"] = map[string]any{
				"source": from.origin, "medium": from.medium, "name": "autumn",
			}
		}
	}
	return context
}

// traits are those that the map's personas look for.
func (s *shopper) traits() map[string]any {
	n := int(mix(s.number) >> 8 % 20)
	traits := map[string]any{
		"email": s.user() + "@mail.example", "plan": [...]string{"basic", "plus"}[n%2],
	}
	switch kinds[s.kind].persona {
	case "students":
		traits["occupation"], traits["age"] = "student", 18+n/3
	case "families":
		traits["occupation"], traits["age"], traits["children"] = "employed", 28+n, 1+n%3
	case "seniors":
		traits["occupation"], traits["age"] = "retired", 62+n
	case "professionals":
		traits["occupation"], traits["age"], traits["children"] = "employed", 25+n, 0
	}
	return traits
}

// properties are those that the map's rules look at, and some that questions may.
func properties(a act, dice *rand.Rand) map[string]any {
	p := map[string]any{"category": segments[dice.IntN(len(segments))]}
	if a.kind != journey.Track {
		p["name"] = a.name
	}
	switch a.flavor {
	case productFlavor:
		p["sku"] = fmt.Sprintf("sku-%03d", dice.IntN(400))
		p["price"] = money(dice, 1, 15)
		p["in_stock"] = dice.Float64() > 0.06
	case orderFlavor:
		p["order_total"], p["currency"] = money(dice, 20, 160), "EUR"
		p["items"] = 3 + dice.IntN(30)
	case searchFlavor:
		p["query"], p["results"] = p["category"], max(0, dice.IntN(40)-2)
	case postcodeFlavor:
		p["served"] = dice.Float64() > 0.08
	case deliveryFlavor:
		p["minutes_late"] = max(0, int(dice.NormFloat64()*15))
	case scoreFlavor:
		p["score"] = 4 + dice.IntN(7)
	case promotionFlavor:
		p["promotion_id"] = fmt.Sprintf("promo-%d", dice.IntN(9))
	}
	return p
}

// money is an amount in whole cents.
func money(dice *rand.Rand, from, to float64) float64 {
	return float64(int((from+dice.Float64()*(to-from))*100)) / 100
}
