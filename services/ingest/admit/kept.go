package admit

import (
	"bytes"
	"regexp"

	"github.com/waystage/waystage/services/journey"
)

// Kept is what quarantine may keep of a refused message: enough to judge it again.
type Kept struct {
	// Payload is the message as sent where the site's settings take nothing out of it.
	Payload []byte
	// Context is the context of its batch, and what the request tells of its sender.
	Context journey.Object
	// Withheld tells that nothing may be kept.
	Withheld bool
}

// Kept is what quarantine may keep of a message that Admit refused. Denied properties and
// addresses are taken out as they are of facts. Where a site denies properties, members that are
// never read go too, and a message is withheld that cannot be read as far as those members; where
// it asks for consent, one that does not state it.
func (env *Envelope) Kept(message []byte) Kept {
	p := env.Privacy
	kept := Kept{Payload: message, Context: env.observed(env.Context)}
	if p.denies() {
		kept.Context = p.context.strip(kept.Context)
	}
	if !p.denies() && !p.asksConsent() && !p.findsAddress(message) {
		return kept
	}
	o, refusal := canonical(message)
	in := fields{object: o}
	switch {
	case refusal != nil && (p.denies() || p.asksConsent()):
		return Kept{Withheld: true}
	case refusal != nil:
		kept.Payload = p.withoutAddresses(message)
		return kept
	case p.asksConsent() && !p.consent.given(&in, overlay(env.Context, in.values("context"))):
		return Kept{Withheld: true}
	}
	text, ok := p.keptMembers(&o)
	if !ok {
		return Kept{Withheld: true}
	}
	if text != o.text {
		kept.Payload = []byte(text)
	}
	return kept
}

// findsAddress tells whether a message may hold an address that must not be kept as it is.
func (p *Privacy) findsAddress(message []byte) bool {
	return p.handling() != journey.KeepIP &&
		(bytes.Contains(message, []byte(`ip"`)) || bytes.Contains(message, []byte(`\u`)))
}

// keptMembers is the text of a message less what may not be kept. Not ok: it has no object where
// denied properties would be looked for.
func (p *Privacy) keptMembers(o *object) (text string, ok bool) {
	var w writer
	for _, m := range o.members {
		value, ok := p.keptValue(o.name(m), o.value(m))
		if !ok {
			return "", false
		}
		if value != "" {
			w.copied(o.text[m.name:m.value] + value)
		}
	}
	return orEmpty(w.object()), true
}

// readMembers are those that make a fact, beside properties, traits and context.
var readMembers = map[string]bool{
	"type": true, "event": true, "name": true, "category": true, "messageId": true,
	"userId": true, "anonymousId": true, "previousId": true, "groupId": true,
	"timestamp": true, "originalTimestamp": true, "sentAt": true,
}

// keptValue is the literal of a message's member less what may not be kept of it, empty where
// that is all.
func (p *Privacy) keptValue(name, literal string) (kept string, ok bool) {
	switch name {
	case "properties", "traits", "context":
		return p.keptObject(name, literal)
	case "ip", "request_ip":
		literal = p.addressLiteral(literal)
	}
	switch {
	case !p.denies():
		return literal, true
	case p.asksConsent() && p.consent.leadsThrough(name):
		if p.properties.has(name) {
			return "", true
		}
		return string(p.properties.below(name).appendStripped(nil, literal)), true
	case !readMembers[name] || isNaming(name) && p.properties.has(name):
		return "", true
	}
	return literal, true
}

// isNaming tells whether a member becomes a property of a page or screen.
func isNaming(name string) bool { return name == "name" || name == "category" }

func (p *Privacy) keptObject(name, literal string) (kept string, ok bool) {
	if literal[0] != '{' {
		return literal, literal == "null" || !p.denies()
	}
	o := members(literal)
	if name == "context" {
		o = rewrite(o, edit{name: "ip", present: p.addressLiteral})
	}
	if !p.denies() {
		return orEmpty(o), true
	}
	below := map[string]denied{"properties": p.properties, "traits": p.traits, "context": p.context}
	return orEmpty(below[name].strip(o)), true
}

// addressMember finds members that hold an address in a text that is no JSON, cut ones too.
var addressMember = regexp.MustCompile(`("(?:request_)?ip"\s*:\s*")([^"]*)`)

// withoutAddresses is a message that cannot be read, its addresses as they may be kept.
func (p *Privacy) withoutAddresses(message []byte) []byte {
	var kept []byte
	done := 0
	for _, found := range addressMember.FindAllSubmatchIndex(message, -1) {
		from, to := found[4], found[5]
		kept = append(append(kept, message[done:from]...), p.addressText(string(message[from:to]))...)
		done = to
	}
	return append(kept, message[done:]...)
}
