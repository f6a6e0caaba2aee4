package admit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

const (
	// EventTypePrefix begins the types of events that say what kind of message they are, such as
	// "waystage.identify". All other types are names of track messages.
	EventTypePrefix = "waystage."
	// EventIDPrefix begins the message ids of events whose source and id make none as they are.
	EventIDPrefix = "ce-"

	specVersion   = "1.0"
	versionMember = "specversion"
)

// CloudEvents reads a body that is one CloudEvent in JSON or an array of them. Each is written as
// a message of the Segment form, in canonical form; one that cannot be stays as it came and is
// refused by Admit. Refusals of the body: MalformedJSON, WrongType. Source: CloudEvents 1.0.2,
// its JSON Event Format, and docs/semantics.md, "CloudEvents".
func CloudEvents(body []byte) (Body, *Refusal) {
	p := parts{scanner: scanner{src: body}}
	p.space()
	first, read := p.peek(), p.skip
	switch first {
	case '{':
		read = p.message
	case '[':
		read = func() bool { return p.container('[', ']', p.message) }
	}
	if !read() || !p.end() {
		return Body{}, p.malformed()
	}
	if first != '{' && first != '[' {
		return Body{}, refuse(WrongType, "want a CloudEvent or an array of them, got %s",
			typeOf(string(first)))
	}
	b := Body{Messages: p.messages, Envelope: Envelope{events: true}}
	if len(b.Messages) > MaxMessages {
		return b, nil
	}
	for i, event := range b.Messages {
		message, refusal := messageOf(event)
		if refusal == nil {
			b.Messages[i] = message
			continue
		}
		if b.Envelope.refusals == nil {
			b.Envelope.refusals = map[uint32]*Refusal{}
		}
		b.Envelope.refusals[uint32(i)] = refusal
	}
	return b, nil
}

// Again is a message out of quarantine as Admit reads it: an event that stayed as it came is
// written as a message, what has no member "specversion" is one already. Refusals: those of an
// event.
func Again(kept []byte) ([]byte, *Refusal) {
	if len(kept) > MaxMessageBytes {
		return kept, nil // Admit's to refuse
	}
	o, refusal := canonicalMessage(kept)
	if refusal != nil || !o.has(versionMember) {
		return kept, nil // Admit's to refuse, or not
	}
	return messageOf(kept)
}

// messageOf writes an event as a message.
func messageOf(event []byte) ([]byte, *Refusal) {
	if len(event) > MaxMessageBytes {
		return nil, refuse(TooLarge, "%d bytes, more than %d: send less in one event",
			len(event), MaxMessageBytes)
	}
	o, refusal := canonicalMessage(event)
	if refusal != nil {
		return nil, refusal
	}
	in := fields{object: o}
	source, id := in.attribute("source"), in.attribute("id")
	message := in.message(eventID(source, id))
	if in.refusal == nil {
		return message, nil
	}
	if source != "" && id != "" {
		in.refusal.Message = eventID(source, id)
	}
	return nil, in.refusal
}

// message is the event as a message of that id. It means nothing beside a refusal.
func (in *fields) message(id journey.MessageID) []byte {
	if in.attribute(versionMember) != specVersion {
		in.refuse(refuse(WrongType, "field %q: want %q", versionMember, specVersion))
	}
	in.instant("time")
	kind, event, data := in.content()
	who := in.parties(kind)
	properties, traits := data, journey.Object("")
	if kind == journey.Identify || kind == journey.Group {
		properties, traits = traits, properties
	}
	var w writer
	w.member("anonymousId", quoted(who.visitor))
	w.member("event", quoted(event))
	w.member("groupId", quoted(who.group))
	w.member("messageId", quoted(string(id)))
	w.member("previousId", quoted(who.previous))
	w.member("properties", string(properties))
	w.member("timestamp", in.literal("time"))
	w.member("traits", string(traits))
	w.member("type", quoted(kind.String()))
	w.member("userId", quoted(who.user))
	return []byte(w.object())
}

// attribute is a text that every event has.
func (in *fields) attribute(name string) string {
	text := in.words(name)
	in.need(text != "", name, "CloudEvents require it")
	return text
}

// content is what an event says: the kind of its message, the name of a track, its data.
func (in *fields) content() (kind journey.Kind, event string, data journey.Object) {
	if in.literal("data_base64") != "" {
		in.refuse(refuse(WrongType,
			`field "data_base64": bytes cannot be read: send an object as "data"`))
	}
	data = in.values("data")
	name := in.attribute("type")
	stated, ours := strings.CutPrefix(name, EventTypePrefix)
	if !ours {
		in.eventName("type", name)
		return journey.Track, name, data
	}
	kind = journey.ParseKind(stated)
	switch kind {
	case journey.KindUnknown:
		in.refuse(refuse(UnknownType, `field "type": behind %q want one of track, page, screen, `+
			`identify, group, alias`, EventTypePrefix))
	case journey.Track:
		literal := ""
		data = rewrite(data, edit{name: "event", present: func(name string) string {
			literal = name
			return ""
		}})
		event = in.textOf("data.event", literal)
		in.eventName("data.event", event)
	}
	return kind, event, data
}

// parties are the ids of an event, empty where it has none.
type parties struct{ user, visitor, group, previous string }

// parties reads who an event is about. Its subject is the user where no attribute says who is.
func (in *fields) parties(kind journey.Kind) parties {
	who := parties{
		user: in.id("userid"), visitor: in.id("anonymousid"),
		group: in.id("groupid"), previous: in.id("previousid"),
	}
	if in.literal("userid") == "" && in.literal("anonymousid") == "" {
		who.user = in.id("subject")
	}
	switch kind {
	case journey.Group:
		in.need(who.group != "", "groupid", "say which group")
	case journey.Alias:
		in.need(who.previous != "", "previousid", "say which id is given up")
		in.need(who.user != "", "userid", "say which id is taken up")
	}
	if who.user == "" && who.visitor == "" {
		in.refuse(refuse(NoIdentity, "none of userid, anonymousid and subject is an id of somebody: "+
			"send at least one, and not a word such as \"null\" or \"anonymous\""))
	}
	return who
}

// eventID is what source and id make unique together. A source holds no blank, so that one
// between them keeps them apart.
func eventID(source, id string) journey.MessageID {
	text := source + " " + id
	if len(text) <= MaxIDBytes && !strings.ContainsAny(source, " \x00") &&
		!strings.Contains(id, "\x00") {
		return journey.MessageID(text)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", len(source), text))
	return journey.MessageID(EventIDPrefix + hex.EncodeToString(sum[:len(sum)/2]))
}
