package wire

import (
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
	value, err := marshal.Marshal(&collectv1.QuarantinedMessage{
		Site:             valid(string(q.Site)),
		StageOfRefusal:   valid(string(q.By)),
		Reason:           valid(q.Reason),
		Detail:           valid(q.Detail),
		Payload:          payload,
		PayloadTruncated: cut,
		ReceivedAt:       timestamppb.New(q.ReceivedAt),
		BatchIndex:       q.Index,
		Source:           valid(q.Source),
	})
	if err != nil {
		return nil, fmt.Errorf("encoding a quarantined message of site %s: %w", q.Site, err)
	}
	return value, nil
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
	if m.Reason == "" {
		return Quarantined{}, fmt.Errorf("decoding a quarantined message: %w", missing("reason"))
	}
	if err := m.ReceivedAt.CheckValid(); err != nil {
		return Quarantined{}, fmt.Errorf("decoding a quarantined message: received_at: %w", err)
	}
	return Quarantined{
		Site:       journey.SiteID(m.Site),
		By:         Refuser(m.StageOfRefusal),
		Reason:     m.Reason,
		Detail:     m.Detail,
		Payload:    m.Payload,
		PayloadCut: m.PayloadTruncated,
		ReceivedAt: m.ReceivedAt.AsTime(),
		Index:      m.BatchIndex,
		Source:     m.Source,
	}, nil
}
