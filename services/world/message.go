package world

import (
	"net/url"
	"strings"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Message is what a person's device sends, or a company's own system for what is done without:
// encoding/json makes a message of Segment's HTTP API of it, for /v1/batch, for /v1/import or for
// the method of its type.
type Message struct {
	// Type is track, page, screen, identify or group.
	Type      string `json:"type"`
	MessageID string `json:"messageId"`
	// AnonymousID is missing from what companies tell of those whom they know.
	AnonymousID string         `json:"anonymousId,omitempty"`
	UserID      string         `json:"userId,omitempty"`
	GroupID     string         `json:"groupId,omitempty"`
	Event       string         `json:"event,omitempty"`
	Name        string         `json:"name,omitempty"`
	Properties  map[string]any `json:"properties,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
	Context     map[string]any `json:"context,omitempty"`
	// Timestamp is when it occurs. There is no sentAt, so that it is never corrected.
	Timestamp time.Time `json:"timestamp"`
}

// message writes the beat at ordinal out in full.
func (p *person) message(ordinal int) Message {
	b := p.beats[ordinal]
	dice := p.dice(ordinal)
	m := Message{
		MessageID: dashed(dice.Uint64(), dice.Uint64()), Event: b.act.track,
		Timestamp: time.UnixMilli(b.at).UTC(), Context: p.context(b),
	}
	p.sign(&m, b)
	kind := b.act.kind(m.Context["device"] != nil)
	m.Type = kind.String()
	switch kind {
	case journey.Identify:
		m.Traits = p.traits()
	case journey.Group:
		m.GroupID = p.group
		m.Traits = map[string]any{"group_type": p.kind.groupType}
	default:
		m.Name = b.act.page
		m.Properties = p.values(ordinal, dice)
	}
	return m
}

// sign says who it was. Of those who are not known yet also calls and visits are known by the
// visitor's id: of a number shown to one visitor alone, of a code scanned at the door.
func (p *person) sign(m *Message, b beat) {
	if b.known {
		m.UserID = p.user()
	}
	if !b.known || !b.act.offline {
		m.AnonymousID = p.visitor(b.device)
	}
}

// traits are always the same.
func (p *person) traits() map[string]any {
	traits := drawn(p.kind.traits, p.dice(-1), 0)
	traits["email"] = p.user() + "@mail.example"
	return traits
}

// context is the device and, in browsers, the page and how the visit came there.
func (p *person) context(b beat) map[string]any {
	c := p.client(b)
	switch {
	case c == nil:
		return map[string]any{"library": map[string]any{"name": "till"}}
	case c.app:
		return map[string]any{
			"userAgent": c.userAgent + " " + p.company.app, "locale": "en-GB",
			"device": map[string]any{"type": "ios"},
		}
	}
	context := map[string]any{"userAgent": c.userAgent, "locale": "en-GB"}
	page := map[string]any{"referrer": p.company.home}
	context["page"] = page
	path := pathOf(b.act)
	address := strings.TrimSuffix(p.company.home, "/") + path
	if s := p.sourceOf(b); s != nil {
		page["referrer"] = s.referrer
		switch {
		case s.campaign == "":
		case s.byAddress:
			address += "?" + s.query()
		default:
			context["campaign"] = map[string]any{
				"name": s.campaign, "source": s.from, "medium": s.medium,
			}
		}
	}
	page["path"], page["url"] = path, address
	return context
}

func pathOf(a *act) string {
	name := a.page + a.track
	return "/" + strings.ToLower(strings.ReplaceAll(name, " ", "-"))
}

func (s *source) query() string {
	return url.Values{
		"utm_campaign": {s.campaign}, "utm_source": {s.from}, "utm_medium": {s.medium},
	}.Encode()
}
