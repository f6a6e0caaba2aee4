package admit

import (
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// Pieces are the members of a message that came apart, as over gRPC. Empty ones are absent.
type Pieces struct {
	Kind                           journey.Kind
	Message                        journey.MessageID
	User, Visitor, Previous, Group string
	Event, Name                    string
	Timestamp                      string
	Properties, Traits, Context    string
}

// Assemble writes messages in pieces as messages of the Segment form. Properties, traits and
// context are each the text of one JSON object, and can say nothing of any other member: a message
// where one is something else is refused by Admit, and holds it as a text.
func Assemble(messages []Pieces) Body {
	b := Body{Messages: make([][]byte, len(messages))}
	for i := range messages {
		message, refusal := messages[i].assemble()
		b.Messages[i] = message
		if refusal == nil {
			continue
		}
		if b.Envelope.refusals == nil {
			b.Envelope.refusals = map[uint32]*Refusal{}
		}
		refusal.Message = messages[i].id()
		b.Envelope.refusals[uint32(i)] = refusal
	}
	return b
}

// id is the message's id as a refusal may carry it, empty where it can be none.
func (m *Pieces) id() journey.MessageID {
	id := string(m.Message)
	if !IsIdentity(id) || len(id) > MaxIDBytes || strings.IndexByte(id, 0) >= 0 {
		return ""
	}
	return m.Message
}

// assemble writes the members in the order of their names.
func (m *Pieces) assemble() (message []byte, first *Refusal) {
	whole := func(field, text string) string {
		literal, refusal := wholeObject(field, text)
		if first == nil {
			first = refusal
		}
		return literal
	}
	kind := ""
	if m.Kind != journey.KindUnknown {
		kind = quoted(m.Kind.String())
	}
	var w writer
	w.member("anonymousId", quoted(m.Visitor))
	w.member("context", whole("context", m.Context))
	w.member("event", quoted(m.Event))
	w.member("groupId", quoted(m.Group))
	w.member("messageId", quoted(string(m.Message)))
	w.member("name", quoted(m.Name))
	w.member("previousId", quoted(m.Previous))
	w.member("properties", whole("properties", m.Properties))
	w.member("timestamp", quoted(m.Timestamp))
	w.member("traits", whole("traits", m.Traits))
	w.member("type", kind)
	w.member("userId", quoted(m.User))
	return []byte(orEmpty(w.object())), first
}

// wholeObject is a text that is one JSON object, or else the text as a literal, with the refusal.
func wholeObject(field, text string) (literal string, refusal *Refusal) {
	if text == "" {
		return "", nil
	}
	s := scanner{src: []byte(text)}
	s.space()
	first := s.at
	switch {
	case !s.skip() || !s.end():
		return quoted(text), refuse(MalformedJSON,
			"field %q: not JSON at byte %d: send the text of one JSON object", field, s.at)
	case text[first] != '{':
		return quoted(text), wrongType(field, "the text of an object", text[first:])
	}
	return text, nil
}
