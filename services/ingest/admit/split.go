package admit

import (
	"net/netip"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// MaxMessages is the number of messages in a body: no SDK sends more than 250, and it keeps a body
// of nothing but "{}" from becoming 170,000 refusals.
const MaxMessages = 5000

// Body is the body of a request taken apart: its messages and what they share. The messages are
// parts of the body's bytes, but for those that were written in another form.
type Body struct {
	// Messages are JSON values in the order sent, not looked into. Of a body that holds more than
	// MaxMessages they are one more than that: the rest costs nothing.
	Messages [][]byte
	// WriteKey is the body's own, empty where it states none.
	WriteKey string
	// Envelope holds what the body says of all its messages.
	Envelope Envelope
}

// Envelope is what the messages of one request have in common.
type Envelope struct {
	Site journey.SiteID
	// Key is the write key that they came with.
	Key journey.KeyID
	// Kind is what the endpoint says that its messages are. KindUnknown: each says it itself.
	Kind journey.Kind
	// Imported messages come from an archive: when they were sent says nothing of any clock.
	Imported bool
	// ReceivedAt is when the request was received, UTC.
	ReceivedAt time.Time
	// SentAt is when the batch was sent by the sender's clock. Zero: not stated, or not readable.
	SentAt time.Time
	// Context underlies the context of every message. In canonical form.
	Context journey.Object
	// Privacy is what the site lets be kept. Nil: all defaults.
	Privacy *Privacy
	// Internal tells that they came from one of the site's own networks.
	Internal bool
	// Address and UserAgent are of the browser that made the request; zero where none did. They
	// count for messages whose context says nothing of its own.
	Address   netip.Addr
	UserAgent string
	// refusal of the batch's context, and so of every message.
	refusal *Refusal
	// refusals are of single messages, by their places.
	refusals map[uint32]*Refusal
	// events tells that they came as CloudEvents: those with a refusal are no messages yet.
	events bool
}

// Single reads a body that is one message. Refusal: MalformedJSON. That the message is an object
// is left to Admit, so that what is none can be quarantined.
func Single(body []byte) (Body, *Refusal) {
	p := parts{scanner: scanner{src: body}}
	p.space()
	from := p.at
	if !p.read() {
		return Body{}, p.malformed()
	}
	return Body{Messages: [][]byte{body[from:]}, WriteKey: p.writeKey}, nil
}

// Batch reads a body that is an object with an array "batch" of messages. Members of the same
// name: the last counts. Refusals: MalformedJSON, WrongType, MissingField.
func Batch(body []byte) (Body, *Refusal) {
	p := parts{scanner: scanner{src: body}, many: true}
	p.space()
	first := p.peek()
	if !p.read() {
		return Body{}, p.malformed()
	}
	if first != '{' {
		return Body{}, refuse(WrongType, `want an object with an array "batch" of messages, got %s`,
			typeOf(string(first)))
	}
	if p.batch == 0 || p.batch == 'n' {
		return Body{}, refuse(MissingField, `field "batch" is missing: want an array of messages`)
	}
	if p.batch != '[' {
		return Body{}, wrongType("batch", "an array of messages", string(p.batch))
	}
	b := Body{Messages: p.messages, WriteKey: p.writeKey}
	b.Envelope.SentAt = sentAt(p.sentAt)
	b.Envelope.Context, b.Envelope.refusal = batchContext(p.context)
	return b, nil
}

// parts reads the members of a body that concern all its messages.
type parts struct {
	scanner
	// many tells that the body is a batch.
	many bool
	// batch is the first byte of the member of that name, 0 where there is none.
	batch    byte
	messages [][]byte
	writeKey string
	// sentAt and context are literals, empty where absent.
	sentAt  string
	context []byte
}

// read steps over the whole body and tells whether it is JSON.
func (p *parts) read() bool {
	if p.peek() != '{' {
		return p.skip() && p.end()
	}
	return p.container('{', '}', p.member) && p.end()
}

func (p *parts) member() bool {
	name, ok := p.key()
	if !ok {
		return false
	}
	p.space()
	if p.many && string(name) == `"batch"` {
		p.batch, p.messages = p.peek(), nil
		if p.batch == '[' {
			return p.container('[', ']', p.message)
		}
	}
	value, ok := p.value()
	if ok {
		p.keep(string(name), value)
	}
	return ok
}

func (p *parts) message() bool {
	value, ok := p.value()
	if len(p.messages) <= MaxMessages {
		p.messages = append(p.messages, value)
	}
	return ok
}

func (p *parts) keep(name string, value []byte) {
	switch name {
	case `"writeKey"`:
		p.writeKey = ""
		if value[0] == '"' {
			p.writeKey = unquote(string(value))
		}
	case `"sentAt"`:
		p.sentAt = string(value)
	case `"context"`:
		p.context = value
	}
}

func (p *parts) malformed() *Refusal {
	return refuse(MalformedJSON, "the body is not JSON at byte %d: send JSON as RFC 8259 has it",
		p.at)
}

// ContextOf reads the text of an object as the context that underlies a batch; empty is none. One
// that leaves no message any room is not looked into: reading costs a hundred times its bytes.
// Refusals: TooLarge, MalformedJSON, InvalidUTF8, WrongType, TooDeep, NumberOutOfRange.
func ContextOf(text []byte) (journey.Object, *Refusal) {
	if len(text) == 0 {
		return "", nil
	}
	if len(text) > MaxMessageBytes {
		return "", refuse(TooLarge, "context of the batch: %d bytes, more than %d: send less in it",
			len(text), MaxMessageBytes)
	}
	o, refusal := canonical(text)
	if refusal != nil {
		refusal.Detail = "context of the batch: " + refusal.Detail
		return "", refusal
	}
	return members(o.text), nil
}

func batchContext(literal []byte) (journey.Object, *Refusal) {
	if literal == nil || literal[0] == 'n' {
		return "", nil
	}
	if literal[0] != '{' {
		return "", wrongType("context of the batch", "an object", string(literal[:1]))
	}
	return ContextOf(literal)
}
