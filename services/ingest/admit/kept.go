package admit

import (
	"bytes"

	"github.com/waystage/waystage/services/journey"
)

// Kept is what quarantine may keep of a refused message: enough to judge it again.
type Kept struct {
	// Payload is the message as sent where the site's settings take nothing out of it and it has an
	// id.
	Payload []byte
	// Context is the context of its batch, and what the request tells of its sender.
	Context journey.Object
	// Withheld tells that nothing may be kept.
	Withheld bool
	// Cut tells that it must not be judged again: it lacks what was wrong with it.
	Cut bool
}

// Kept is what quarantine may keep of the message at a place (from 0) of its request, which Admit
// refused. Denied properties and addresses are taken out as they are of facts. Where a site denies
// properties, members that are never read go too, and a message is withheld that cannot be read;
// where it asks for consent, one that does not state it. A message without an id gets the one that
// is made of what was sent, since what is kept may make another.
func (env *Envelope) Kept(index uint32, message []byte) Kept {
	p := env.Privacy
	kept := Kept{Context: env.observed(env.Context), Cut: env.refusal != nil}
	if p.denies() {
		kept.Context = p.context.strip(kept.Context)
	}
	o, readable := readableOf(message)
	if !readable {
		var ok bool
		if kept.Payload, ok = p.unread(message); !ok {
			return Kept{Withheld: true}
		}
		kept.Cut = kept.Cut || mended(message, kept.Payload)
		return kept
	}
	in := fields{object: o}
	if p.asksConsent() && !p.consent.given(&in, overlay(env.Context, in.values("context"))) {
		return Kept{Withheld: true}
	}
	kept.Payload = message
	if text := env.keptText(index, &o); text != o.text {
		kept.Payload = []byte(text)
	}
	return kept
}

// readableOf reads a message. One that is too large is not looked into, as Admit does not.
func readableOf(message []byte) (o object, ok bool) {
	if len(message) > MaxMessageBytes {
		return object{}, false
	}
	o, refusal := canonicalMessage(message)
	return o, refusal == nil
}

// mended tells whether what was taken out of an unreadable message is what was wrong with it.
func mended(message, kept []byte) bool {
	if bytes.Equal(message, kept) {
		return false
	}
	_, readable := readableOf(kept)
	return readable || len(message) > MaxMessageBytes && len(kept) <= MaxMessageBytes
}

// keptText is the text of a readable message less what may not be kept, with an id if it can have
// one. An event shows by its version that it is one.
func (env *Envelope) keptText(index uint32, o *object) string {
	event := env.events && env.refusals[index] != nil
	text := env.Privacy.keptMembers(o, event)
	if event {
		return string(rewrite(members(text),
			edit{name: versionMember, absent: func() string { return "null" }}))
	}
	if id := env.missingID(index, o); id != "" {
		literal := quoted(string(id))
		return string(rewrite(members(text), edit{
			name:    "messageId",
			absent:  func() string { return literal },
			present: func(string) string { return literal },
		}))
	}
	return text
}

// keptMembers is the text of a message, or of an event that is none yet, less what may not be kept.
func (p *Privacy) keptMembers(o *object, event bool) string {
	var w writer
	for _, m := range o.members {
		if value := p.keptValue(o.name(m), o.value(m), event); value != "" {
			w.copied(o.text[m.name:m.value] + value)
		}
	}
	return orEmpty(w.object())
}

// readMembers are those that make a fact, beside properties, traits and context.
var readMembers = map[string]bool{
	"type": true, "event": true, "name": true, "category": true, "messageId": true,
	"userId": true, "anonymousId": true, "previousId": true, "groupId": true,
	"timestamp": true, "originalTimestamp": true, "sentAt": true,
}

// readAttributes are those of an event that make a message, beside its data.
var readAttributes = map[string]bool{
	versionMember: true, "source": true, "id": true, "type": true, "time": true, "subject": true,
	"userid": true, "anonymousid": true, "previousid": true, "groupid": true,
}

// keptValue is the literal of a member less what may not be kept of it, empty where that is all.
func (p *Privacy) keptValue(name, literal string, event bool) string {
	read := readMembers
	if event {
		read = readAttributes
	}
	switch name {
	case "properties", "traits", "context":
		return p.keptObject(name, literal)
	case "data":
		if event {
			return p.keptObject(name, literal)
		}
	case "data_base64":
		if event && p.denies() {
			return emptied(literal)
		}
	case "ip", "request_ip":
		literal = p.addressLiteral(literal)
	}
	switch {
	case !p.denies() || literal == "":
		return literal
	case p.asksConsent() && p.consent.leadsThrough(name):
		if p.properties.has(name) {
			return ""
		}
		return string(p.properties.below(name).appendStripped(nil, literal))
	case !read[name] || !event && isNaming(name) && p.properties.has(name):
		return ""
	}
	return literal
}

// isNaming tells whether a member becomes a property of a page or screen.
func isNaming(name string) bool { return name == "name" || name == "category" }

// keptObject is the literal of a member that should be an object less what may not be kept.
func (p *Privacy) keptObject(name, literal string) string {
	if literal[0] != '{' {
		return p.keptOther(literal)
	}
	o := members(literal)
	if name == "context" {
		o = rewrite(o, edit{name: "ip", present: p.addressLiteral})
	}
	if !p.denies() {
		return orEmpty(o)
	}
	switch name {
	case "properties":
		o = p.properties.strip(o)
	case "traits":
		o = p.traits.strip(o)
	case "context":
		o = p.context.strip(o)
	case "data":
		o = p.properties.and(p.traits).strip(o)
	}
	return orEmpty(o)
}

// keptOther is the literal of what should be an object less what may not be kept. It stays of its
// type, so that it is refused again.
func (p *Privacy) keptOther(literal string) string {
	text, ok := p.unread([]byte(literal))
	s := scanner{src: text}
	if !ok || !s.skip() || !s.end() {
		return emptied(literal)
	}
	return string(text)
}

// emptied is a literal of the same type that tells nothing: it is refused as the whole one was.
func emptied(literal string) string {
	switch literal[0] {
	case '"':
		return `""`
	case '[':
		return `[]`
	case '{':
		return `{}`
	case 't', 'f', 'n':
		return literal
	default:
		return `0`
	}
}
