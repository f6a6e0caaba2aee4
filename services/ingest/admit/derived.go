package admit

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"

	"github.com/waystage/waystage/services/journey"
)

// DerivedPrefix begins the ids that are made here.
const DerivedPrefix = "c-"

// carriage are the members that belong to the sending and not to what is said, and those that
// enter the derived id in another form.
var carriage = map[string]bool{
	"sentAt": true, "writeKey": true, "messageId": true, "type": true, "context": true,
}

// derivedID is an id made of the message's content, so that a message sent again without an id is
// known again: the first half of a SHA-256 over its kind, its merged context and its other
// members but nulls. A message that states no time is tied to its receipt and place instead,
// since nothing else tells two equal ones apart.
func (in *fields) derivedID(f *journey.Fact) journey.MessageID {
	h := sha256.New()
	write := func(parts ...string) {
		for _, p := range parts {
			_, _ = io.WriteString(h, p)
		}
	}
	write(f.Kind.String(), "\n", string(f.Context), "\n")
	for _, m := range in.members {
		if value := in.value(m); !carriage[in.name(m)] && value != "null" {
			write(in.text[m.name:m.end], "\n")
		}
	}
	if !in.states("timestamp") && !in.states("originalTimestamp") {
		write(strconv.FormatInt(f.ReceivedAt.UnixNano(), 10), "\n",
			strconv.FormatUint(uint64(f.Index), 10))
	}
	return journey.MessageID(DerivedPrefix + hex.EncodeToString(h.Sum(nil)[:16]))
}

// missingID is the id that a refused message would get if it entered as it was sent. Empty: it has
// one, or it cannot be told what it would be made of.
func (env *Envelope) missingID(index uint32, o *object) journey.MessageID {
	in := fields{object: *o, refusal: env.refusal}
	if in.id("messageId") != "" {
		return ""
	}
	f := journey.Fact{
		Kind: in.kind(env.Kind), Context: overlay(env.Context, in.values("context")),
		ReceivedAt: env.ReceivedAt, Index: index,
	}
	if in.refusal != nil {
		return ""
	}
	return in.derivedID(&f)
}
