// Package admit decides whether a message may enter, and makes a fact of one that may: bytes of a
// Segment message and what came around them go in, a journey.Fact or one typed refusal comes out.
// It is pure: the same bytes at the same received_at always give the same.
//
// The rules stand in docs/semantics.md, "Touchpoints and time" and "What is admitted".
package admit

import (
	"strings"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// MaxMessageBytes is the size of a message as sent, together with the context of its batch.
const MaxMessageBytes = 32 << 10

// Rules are what an installation can set.
type Rules struct {
	// SkewTolerance is the largest difference between sent_at and received_at that is taken for
	// time on the way and not for a wrong clock.
	SkewTolerance time.Duration
}

// Admit reads the message at a place (from 0) of its request. A refusal carries the message's id
// where one could be read.
func (r Rules) Admit(env *Envelope, index uint32, message []byte) (journey.Fact, *Refusal) {
	if size := len(message) + len(env.Context); size > MaxMessageBytes {
		return journey.Fact{}, refuse(TooLarge,
			"%d bytes with the context of its batch, more than %d: send less in one message",
			size, MaxMessageBytes)
	}
	if refusal := env.refusals[index]; refusal != nil {
		return journey.Fact{}, refusal
	}
	o, refusal := canonicalMessage(message)
	if refusal != nil {
		return journey.Fact{}, refusal
	}
	in := fields{object: o}
	in.refusal = env.refusal
	f := r.fact(env, index, &in)
	if in.refusal == nil {
		// Last, so that ids made of the content do not change with the settings.
		in.refusal = env.protect(&in, &f)
	}
	if in.refusal != nil {
		return journey.Fact{}, in.named()
	}
	return f, nil
}

// named is the refusal with the message's id. It is a copy: a batch's refusal is shared.
func (in *fields) named() *Refusal {
	refusal := *in.refusal
	id := fields{object: in.object}
	if text := id.id("messageId"); id.refusal == nil {
		refusal.Message = journey.MessageID(text)
	}
	return &refusal
}

func (r Rules) fact(env *Envelope, index uint32, in *fields) journey.Fact {
	f := journey.Fact{
		Site:       env.Site,
		Kind:       in.kind(env.Kind),
		User:       journey.UserID(in.id("userId")),
		Visitor:    journey.VisitorID(in.id("anonymousId")),
		Group:      journey.GroupID(in.id("groupId")),
		ReceivedAt: env.ReceivedAt,
		Index:      index,
		Properties: in.values("properties"),
		Traits:     in.values("traits"),
		Context:    overlay(env.Context, in.values("context")),
	}
	in.complete(&f)
	stated := in.instant("timestamp")
	if stated.IsZero() {
		stated = in.instant("originalTimestamp")
	}
	if refusal := r.settleTimes(&f, stated, in.sentAt(env)); refusal != nil {
		in.refuse(refusal)
	}
	f.Message = journey.MessageID(in.id("messageId"))
	if f.Message == "" && in.refusal == nil {
		f.Message = in.derivedID(&f)
	}
	return f
}

// sentAt is the message's own sending time, else its batch's. An archive's says nothing.
func (in *fields) sentAt(env *Envelope) time.Time {
	if env.Imported {
		return time.Time{}
	}
	if at := sentAt(in.literal("sentAt")); !at.IsZero() {
		return at
	}
	return env.SentAt
}

func (in *fields) kind(implied journey.Kind) journey.Kind {
	if implied != journey.KindUnknown {
		return implied
	}
	stated := in.words("type")
	kind := journey.ParseKind(stated)
	if kind == journey.KindUnknown {
		in.refuse(refuse(UnknownType,
			`field "type": want one of track, page, screen, identify, group, alias`))
	}
	return kind
}

// complete reads what a kind has of its own and refuses a fact that lacks what its kind needs.
func (in *fields) complete(f *journey.Fact) {
	switch f.Kind {
	case journey.Track:
		f.Event = in.words("event")
		in.eventName("event", f.Event)
	case journey.Page, journey.Screen:
		f.Event = f.Kind.String()
		f.Properties = overlay(in.naming(), f.Properties)
	case journey.Group:
		in.need(f.Group != "", "groupId", "say which group")
	case journey.Alias:
		f.Previous = in.id("previousId")
		in.need(f.Previous != "", "previousId", "say which id is given up")
		in.need(f.User != "", "userId", "say which id is taken up")
	}
	if f.Group == "" {
		f.Group = journey.GroupID(in.within(f.Context, "groupId"))
	}
	if f.User == "" && f.Visitor == "" {
		in.refuse(refuse(NoIdentity, "neither userId nor anonymousId is an id of somebody: "+
			"send at least one, and not a word such as \"null\" or \"anonymous\""))
	}
}

// eventName refuses what cannot be the name of an event.
func (in *fields) eventName(field, name string) {
	in.need(strings.TrimSpace(name) != "", field, "name what happened")
	in.bounded(field, name, MaxEventBytes)
}

func (in *fields) need(there bool, field, remedy string) {
	if !there {
		in.refuse(refuse(MissingField, "field %q is missing or empty: %s", field, remedy))
	}
}

// naming is a page's or screen's name and category as properties: they stand beside them.
func (in *fields) naming() journey.Object {
	var pairs []string
	for _, field := range []string{"category", "name"} {
		if literal := in.literal(field); literal != "" {
			pairs = append(pairs, `"`+field+`":`+literal)
		}
	}
	if pairs == nil {
		return ""
	}
	return journey.Object("{" + strings.Join(pairs, ",") + "}")
}
