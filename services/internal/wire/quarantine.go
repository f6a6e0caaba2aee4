package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/journey"
)

// MaxPayloadBytes is how much of a refused payload is kept.
const MaxPayloadBytes = 64 << 10

// Refuser is the service that could not take a message.
type Refuser string

// The refusers.
const (
	ByIngest    Refuser = "ingest"
	ByProcessor Refuser = "processor"
)

// Quarantined is a message that came with a known write key and could not be taken.
type Quarantined struct {
	// Site is empty where the payload was not readable enough to tell.
	Site journey.SiteID
	By   Refuser
	// Reason is a word of the refuser's closed set; Detail says what is wrong and what to do.
	Reason, Detail string
	// Payload as it came, at most MaxPayloadBytes of it; PayloadCut tells that there was more.
	Payload    []byte
	PayloadCut bool
	ReceivedAt time.Time
	// Index is its place in its batch, from 0.
	Index uint32
	// Source is the endpoint that it came by, or "topic/partition/offset".
	Source string
	// Key is the write key that it came with; empty where the processor refused it.
	Key journey.KeyID
	// Kind is what its endpoint says that it is; KindUnknown: it says it itself.
	Kind journey.Kind
	// SentAt, Context and Imported are those of its batch; a zero SentAt was not stated.
	SentAt   time.Time
	Context  journey.Object
	Imported bool
	// Internal tells that it came from one of the site's own networks.
	Internal bool
	// Withheld tells that the site's privacy settings forbid to keep the payload, which is empty.
	Withheld bool
	// ReplayedAt is when it was taken after a fix. Zero while it was not.
	ReplayedAt time.Time
}

// ID names it: equal for the same message received at the same instant at the same place, whatever
// the reason and whether it was replayed. 32 hexadecimal digits.
func (q *Quarantined) ID() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n%d\n%d\n%s\n", q.Site, q.By, q.Source,
		q.ReceivedAt.UnixNano(), q.Index, q.Key)
	_, _ = h.Write(q.Payload)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// QuarantineKey is the key of its record: the site, so that a site's refusals stay in order.
func QuarantineKey(q *Quarantined) []byte { return []byte(q.Site) }

// EncodeQuarantined is the value of its record: a waystage.collect.v1.QuarantinedMessage. A
// payload over MaxPayloadBytes is cut; bytes of the texts that are not UTF-8 become U+FFFD, so
// that nothing can keep a message out of quarantine.
func EncodeQuarantined(q *Quarantined) ([]byte, error) {
	payload, cut := q.Payload, q.PayloadCut
	if len(payload) > MaxPayloadBytes {
		payload, cut = payload[:MaxPayloadBytes], true
	}
	m := quarantinedMessage(q)
	m.Payload, m.PayloadTruncated = payload, cut
	value, err := marshal.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding a quarantined message of site %s: %w", q.Site, err)
	}
	return value, nil
}

func quarantinedMessage(q *Quarantined) *collectv1.QuarantinedMessage {
	m := &collectv1.QuarantinedMessage{
		Site:             valid(string(q.Site)),
		StageOfRefusal:   valid(string(q.By)),
		Reason:           valid(q.Reason),
		Detail:           valid(q.Detail),
		Payload:          q.Payload,
		PayloadTruncated: q.PayloadCut,
		ReceivedAt:       timestamppb.New(q.ReceivedAt),
		BatchIndex:       q.Index,
		Source:           valid(q.Source),
		KeyId:            valid(string(q.Key)),
		Kind:             kindNumbers[q.Kind],
		BatchContextJson: valid(string(q.Context)),
		Imported:         q.Imported,
		Internal:         q.Internal,
		PayloadWithheld:  q.Withheld,
	}
	if !q.SentAt.IsZero() {
		m.SentAt = timestamppb.New(q.SentAt)
	}
	if !q.ReplayedAt.IsZero() {
		m.ReplayedAt = timestamppb.New(q.ReplayedAt)
	}
	return m
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// DecodeQuarantined reads the value of a quarantine record. Errors: the bytes are no such record,
// or it has no reason or no time.
func DecodeQuarantined(value []byte) (Quarantined, error) {
	var m collectv1.QuarantinedMessage
	if err := proto.Unmarshal(value, &m); err != nil {
		return Quarantined{}, fmt.Errorf("decoding a quarantined message of %d bytes: %w",
			len(value), err)
	}
	return QuarantinedOf(&m)
}

// QuarantinedOf reads a message. Errors: it has no reason, or a time that cannot be.
func QuarantinedOf(m *collectv1.QuarantinedMessage) (Quarantined, error) {
	if m.Reason == "" {
		return Quarantined{}, fmt.Errorf("decoding a quarantined message: %w", missing("reason"))
	}
	if err := m.ReceivedAt.CheckValid(); err != nil {
		return Quarantined{}, fmt.Errorf("decoding a quarantined message: received_at: %w", err)
	}
	q := Quarantined{
		Site:       journey.SiteID(m.Site),
		By:         Refuser(m.StageOfRefusal),
		Reason:     m.Reason,
		Detail:     m.Detail,
		Payload:    m.Payload,
		PayloadCut: m.PayloadTruncated,
		ReceivedAt: m.ReceivedAt.AsTime(),
		Index:      m.BatchIndex,
		Source:     m.Source,
		Key:        journey.KeyID(m.KeyId),
		Kind:       kinds[m.Kind],
		Context:    journey.Object(m.BatchContextJson),
		Imported:   m.Imported,
		Internal:   m.Internal,
		Withheld:   m.PayloadWithheld,
	}
	if m.SentAt != nil {
		q.SentAt = m.SentAt.AsTime()
	}
	if m.ReplayedAt != nil {
		q.ReplayedAt = m.ReplayedAt.AsTime()
	}
	return q, nil
}

// Message is it as a message, with its resource name.
func (q *Quarantined) Message() *collectv1.QuarantinedMessage {
	m := quarantinedMessage(q)
	m.Name = "sites/" + string(q.Site) + "/quarantinedMessages/" + q.ID()
	return m
}
