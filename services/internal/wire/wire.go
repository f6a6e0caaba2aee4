// Package wire translates between facts and the bytes of records on Kafka: the values of the
// touchpoints topic and of the quarantine topic, and their keys. It is pure.
package wire

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/journey"
)

// marshal writes fields in the order of their numbers: equal facts are equal bytes.
var marshal = proto.MarshalOptions{Deterministic: true}

// Key is the key of a fact's record: the site, "/", and the user id or, without one, the visitor
// id. A site id holds no "/", so keys of two sites differ. A user id and a visitor id of the same
// text share a key: it only chooses the partition, and says nothing of identity.
func Key(f *journey.Fact) []byte {
	id := string(f.User)
	if id == "" {
		id = string(f.Visitor)
	}
	key := make([]byte, 0, len(f.Site)+1+len(id))
	key = append(key, f.Site...)
	key = append(key, '/')
	return append(key, id...)
}

// Encode is the value of a fact's record: a waystage.collect.v1.Record. Errors: a text of the
// fact is not UTF-8.
func Encode(f *journey.Fact) ([]byte, error) {
	value, err := marshal.Marshal(&collectv1.Record{
		Site:           string(f.Site),
		MessageId:      string(f.Message),
		Kind:           kindNumbers[f.Kind],
		UserId:         string(f.User),
		AnonymousId:    string(f.Visitor),
		PreviousId:     f.Previous,
		GroupId:        string(f.Group),
		Event:          f.Event,
		OccurredAt:     timestamppb.New(f.OccurredAt),
		OriginalAt:     timestamppb.New(f.OriginalAt),
		ReceivedAt:     timestamppb.New(f.ReceivedAt),
		BatchIndex:     f.Index,
		PropertiesJson: string(f.Properties),
		TraitsJson:     string(f.Traits),
		ContextJson:    string(f.Context),
		Internal:       f.Internal,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding a %s message of site %s: %w", f.Kind, f.Site, err)
	}
	return value, nil
}

// Decode reads the value of a record. What it gives satisfies what journey.Fact promises, so that
// readers need no checks of their own: ids, kind and times are there, and nanoseconds since 1970
// of every time fit 64 bits. A record without original_at was not corrected. Errors: the bytes are
// no record, or a field is missing or out of range; the message names it.
func Decode(value []byte) (journey.Fact, error) {
	var r collectv1.Record
	if err := proto.Unmarshal(value, &r); err != nil {
		return journey.Fact{}, fmt.Errorf("decoding a record of %d bytes: %w", len(value), err)
	}
	if r.OriginalAt == nil {
		r.OriginalAt = r.OccurredAt
	}
	if err := check(&r); err != nil {
		return journey.Fact{}, fmt.Errorf("decoding a record of %d bytes: %w", len(value), err)
	}
	return fact(&r), nil
}

func fact(r *collectv1.Record) journey.Fact {
	return journey.Fact{
		Site:       journey.SiteID(r.Site),
		Message:    journey.MessageID(r.MessageId),
		Kind:       kinds[r.Kind],
		User:       journey.UserID(r.UserId),
		Visitor:    journey.VisitorID(r.AnonymousId),
		Group:      journey.GroupID(r.GroupId),
		Previous:   r.PreviousId,
		Event:      r.Event,
		OccurredAt: r.OccurredAt.AsTime(),
		OriginalAt: r.OriginalAt.AsTime(),
		ReceivedAt: r.ReceivedAt.AsTime(),
		Index:      r.BatchIndex,
		Properties: journey.Object(r.PropertiesJson),
		Traits:     journey.Object(r.TraitsJson),
		Context:    journey.Object(r.ContextJson),
		Internal:   r.Internal,
	}
}

func check(r *collectv1.Record) error {
	kind, known := kinds[r.Kind]
	switch {
	case r.Site == "":
		return missing("site")
	case r.MessageId == "":
		return missing("message_id")
	case !known:
		return fmt.Errorf("field kind: no such kind as number %d", r.Kind)
	case r.UserId == "" && r.AnonymousId == "":
		return missing("user_id or anonymous_id")
	case kind.IsTouchpoint() && r.Event == "":
		return missing("event")
	case kind == journey.Alias && (r.UserId == "" || r.PreviousId == ""):
		return missing("user_id and previous_id of an alias")
	}
	return checkTimes(r)
}

func checkTimes(r *collectv1.Record) error {
	for _, t := range []struct {
		field string
		at    *timestamppb.Timestamp
	}{
		{"occurred_at", r.OccurredAt},
		{"original_at", r.OriginalAt},
		{"received_at", r.ReceivedAt},
	} {
		if t.at == nil {
			return missing(t.field)
		}
		if err := t.at.CheckValid(); err != nil {
			return fmt.Errorf("field %s: %w", t.field, err)
		}
		if at := t.at.AsTime(); at.Before(earliest) || at.After(latest) {
			return fmt.Errorf("field %s: %s is outside %s to %s",
				t.field, at.Format(time.RFC3339), earliest.Format(time.RFC3339),
				latest.Format(time.RFC3339))
		}
	}
	return nil
}

// What nanoseconds since 1970 reach in 64 bits, in whole seconds.
var (
	earliest = time.Unix(math.MinInt64/1_000_000_000, 0).UTC()
	latest   = time.Unix(math.MaxInt64/1_000_000_000, 0).UTC()
)

func missing(field string) error { return fmt.Errorf("field %s: missing", field) }

var kindNumbers = map[journey.Kind]collectv1.Kind{
	journey.Track:    collectv1.Kind_KIND_TRACK,
	journey.Page:     collectv1.Kind_KIND_PAGE,
	journey.Screen:   collectv1.Kind_KIND_SCREEN,
	journey.Identify: collectv1.Kind_KIND_IDENTIFY,
	journey.Group:    collectv1.Kind_KIND_GROUP,
	journey.Alias:    collectv1.Kind_KIND_ALIAS,
}

var kinds = func() map[collectv1.Kind]journey.Kind {
	m := make(map[collectv1.Kind]journey.Kind, len(kindNumbers))
	for kind, number := range kindNumbers {
		m[number] = kind
	}
	return m
}()
