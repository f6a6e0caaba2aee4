// Package wire translates between facts and the bytes of records on Kafka: the values of the
// touchpoints topic and of the quarantine topic, and their keys. It is pure.
package wire

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
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

// Encode is the value of a fact's record: a waystage.collect.v1.Record, in the bytes that the
// library writes deterministically. It is written by hand because it is on the way of every
// message: a quarter of the library's time. Errors: a text of the fact is not UTF-8.
func Encode(f *journey.Fact) ([]byte, error) {
	w := recordWriter{out: make([]byte, 0, encodedBytes(f))}
	w.text(1, string(f.Site))
	w.text(2, string(f.Message))
	w.number(3, uint64(kindNumbers[f.Kind]))
	w.text(4, string(f.User))
	w.text(5, string(f.Visitor))
	w.text(6, f.Previous)
	w.text(7, string(f.Group))
	w.text(8, f.Event)
	w.instant(9, f.OccurredAt)
	w.instant(10, f.OriginalAt)
	w.instant(11, f.ReceivedAt)
	w.number(12, uint64(f.Index))
	w.text(13, string(f.Properties))
	w.text(14, string(f.Traits))
	w.text(15, string(f.Context))
	w.number(16, protowire.EncodeBool(f.Internal))
	if w.wrong != 0 {
		return nil, fmt.Errorf("encoding a %s message of site %q: field %d is not UTF-8", f.Kind,
			f.Site, w.wrong)
	}
	return w.out, nil
}

// fixedBytes is what a record takes besides its texts, at most: names and lengths of 11 texts,
// three instants, two numbers and a flag.
const fixedBytes = 11*6 + 3*20 + 3*12

func encodedBytes(f *journey.Fact) int {
	return fixedBytes + len(f.Site) + len(f.Message) + len(f.User) + len(f.Visitor) +
		len(f.Previous) + len(f.Group) + len(f.Event) + len(f.Properties) + len(f.Traits) +
		len(f.Context)
}

// recordWriter writes fields that are not zero, as proto3 has it.
type recordWriter struct {
	out []byte
	// wrong is the first field whose text is not UTF-8, 0 while there is none.
	wrong protowire.Number
}

func (w *recordWriter) text(field protowire.Number, text string) {
	if text == "" {
		return
	}
	if w.wrong == 0 && !utf8.ValidString(text) {
		w.wrong = field
	}
	w.out = protowire.AppendTag(w.out, field, protowire.BytesType)
	w.out = protowire.AppendString(w.out, text)
}

func (w *recordWriter) number(field protowire.Number, n uint64) {
	if n == 0 {
		return
	}
	w.out = protowire.AppendTag(w.out, field, protowire.VarintType)
	w.out = protowire.AppendVarint(w.out, n)
}

// instant writes a google.protobuf.Timestamp.
func (w *recordWriter) instant(field protowire.Number, at time.Time) {
	seconds, nanos := uint64(at.Unix()), uint64(at.Nanosecond())
	size := 0
	if seconds != 0 {
		size += 1 + protowire.SizeVarint(seconds)
	}
	if nanos != 0 {
		size += 1 + protowire.SizeVarint(nanos)
	}
	w.out = protowire.AppendTag(w.out, field, protowire.BytesType)
	w.out = protowire.AppendVarint(w.out, uint64(size))
	w.number(1, seconds)
	w.number(2, nanos)
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

// KindOf is a kind by its number. KindUnknown if it has none, or is unspecified.
func KindOf(number collectv1.Kind) journey.Kind { return kinds[number] }

var kinds = func() map[collectv1.Kind]journey.Kind {
	m := make(map[collectv1.Kind]journey.Kind, len(kindNumbers))
	for kind, number := range kindNumbers {
		m[number] = kind
	}
	return m
}()
