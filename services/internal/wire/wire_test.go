package wire

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/journey"
)

func example() journey.Fact {
	return journey.Fact{
		Site: "shop", Message: "m-1", Kind: journey.Track, User: "u-7", Visitor: "v-9",
		Group: "g-1", Event: "Order Completed",
		OccurredAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		OriginalAt: time.Date(2026, 1, 2, 3, 0, 5, 6, time.UTC),
		ReceivedAt: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
		Index:      3,
		Properties: `{"total":12.50}`, Traits: `{"plan":"pro"}`, Context: `{"ip":"192.0.2.0"}`,
	}
}

func exampleQuarantined() Quarantined {
	return Quarantined{
		Site: "shop", By: ByIngest, Reason: "no_identity", Detail: "say who it was",
		Payload: []byte(`{"type":"track"}`), Index: 4, Source: "/v1/batch",
		ReceivedAt: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
	}
}

// TestGolden holds the bytes on the log: what older versions wrote must stay readable, and what
// this one writes must stay readable to them.
func TestGolden(t *testing.T) {
	t.Parallel()
	fact, quarantined := example(), exampleQuarantined()
	value, err := Encode(&fact)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(golden(t, "record.hex"), value); diff != "" {
		t.Errorf("record bytes changed (-golden +now), now %x:\n%s", value, diff)
	}
	if value, err = EncodeQuarantined(&quarantined); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(golden(t, "quarantined.hex"), value); diff != "" {
		t.Errorf("quarantine bytes changed (-golden +now), now %x:\n%s", value, diff)
	}
	back, err := Decode(golden(t, "record.hex"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fact, back); diff != "" {
		t.Errorf("golden record reads otherwise (-want +got):\n%s", diff)
	}
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fact := drawFact(t)
		value, err := Encode(&fact)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(value)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fact, back); diff != "" {
			t.Fatalf("round trip (-want +got):\n%s", diff)
		}
	})
}

func drawFact(t *rapid.T) journey.Fact {
	text := rapid.StringN(1, 20, -1)
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(0, rapid.Int64().Draw(t, "nanos")).UTC().Truncate(time.Duration(
			rapid.SampledFrom([]int64{1, 1e6, 1e9}).Draw(t, "precision")))
	})
	at = at.Filter(func(at time.Time) bool { return !at.Before(earliest) && !at.After(latest) })
	object := rapid.SampledFrom([]journey.Object{"", `{"a":1}`, `{"ключ":"\u0000"}`})
	return journey.Fact{
		Site:    journey.SiteID(text.Draw(t, "site")),
		Message: journey.MessageID(text.Draw(t, "message")),
		Kind: rapid.SampledFrom([]journey.Kind{
			journey.Track, journey.Page, journey.Screen, journey.Identify, journey.Group,
			journey.Alias,
		}).Draw(t, "kind"),
		User:     journey.UserID(text.Draw(t, "user")),
		Visitor:  journey.VisitorID(rapid.String().Draw(t, "visitor")),
		Group:    journey.GroupID(rapid.String().Draw(t, "group")),
		Previous: text.Draw(t, "previous"), Event: text.Draw(t, "event"),
		OccurredAt: at.Draw(t, "occurred"), OriginalAt: at.Draw(t, "original"),
		ReceivedAt: at.Draw(t, "received"), Index: rapid.Uint32().Draw(t, "index"),
		Properties: object.Draw(t, "properties"), Traits: object.Draw(t, "traits"),
		Context: object.Draw(t, "context"), Internal: rapid.Bool().Draw(t, "internal"),
	}
}

// TestEncodeWritesTheLibrarysBytes reads what was written by hand with the library, field by field,
// and has the library write it again.
func TestEncodeWritesTheLibrarysBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fact := drawFact(t)
		value, err := Encode(&fact)
		if err != nil {
			t.Fatal(err)
		}
		var r collectv1.Record
		if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(value, &r); err != nil {
			t.Fatal(err)
		}
		again, err := marshal.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(again, value); diff != "" {
			t.Fatalf("bytes (-library +by hand):\n%s", diff)
		}
	})
}

func TestKey(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		fact journey.Fact
		want string
	}{
		{"user", journey.Fact{Site: "shop", User: "u", Visitor: "v"}, "shop/u"},
		{"visitor", journey.Fact{Site: "shop", Visitor: "v"}, "shop/v"},
		{"slash in id", journey.Fact{Site: "shop", User: "a/b"}, "shop/a/b"},
	}
	for _, tt := range tests {
		if got := string(Key(&tt.fact)); got != tt.want {
			t.Errorf("%s: key %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(*collectv1.Record)
		want  string
	}{
		{"no site", func(r *collectv1.Record) { r.Site = "" }, "site"},
		{"no message id", func(r *collectv1.Record) { r.MessageId = "" }, "message_id"},
		{"no kind", func(r *collectv1.Record) { r.Kind = 0 }, "kind"},
		{"a kind from the future", func(r *collectv1.Record) { r.Kind = 99 }, "kind"},
		{"nobody", func(r *collectv1.Record) { r.UserId, r.AnonymousId = "", "" }, "user_id"},
		{"no event", func(r *collectv1.Record) { r.Event = "" }, "event"},
		{"alias of nothing", func(r *collectv1.Record) { r.Kind, r.PreviousId = 6, "" }, "previous_id"},
		{"no occurred_at", func(r *collectv1.Record) { r.OccurredAt = nil }, "occurred_at"},
		{"no received_at", func(r *collectv1.Record) { r.ReceivedAt = nil }, "received_at"},
		{
			"nanos", func(r *collectv1.Record) { r.OriginalAt = &timestamppb.Timestamp{Nanos: -1} },
			"original_at",
		},
		{"year 9999", func(r *collectv1.Record) {
			r.OccurredAt = timestamppb.New(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
		}, "occurred_at"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var r collectv1.Record
			if err := proto.Unmarshal(golden(t, "record.hex"), &r); err != nil {
				t.Fatal(err)
			}
			tt.spoil(&r)
			value, err := proto.Marshal(&r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = Decode(value); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that names %s", err, tt.want)
			}
		})
	}
}

func TestDecodeWithoutOriginalAt(t *testing.T) {
	t.Parallel()
	var r collectv1.Record
	if err := proto.Unmarshal(golden(t, "record.hex"), &r); err != nil {
		t.Fatal(err)
	}
	r.OriginalAt = nil
	value, err := proto.Marshal(&r)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Decode(value)
	if err != nil || !f.OriginalAt.Equal(f.OccurredAt) {
		t.Errorf("original_at %v, error %v; want occurred_at %v", f.OriginalAt, err, f.OccurredAt)
	}
}

func TestEncodeRefusesInvalidUTF8(t *testing.T) {
	t.Parallel()
	f := example()
	f.Event = "\xff"
	if _, err := Encode(&f); err == nil {
		t.Error("no error")
	}
}

func TestQuarantined(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		in   func(*Quarantined)
		want func(*Quarantined)
	}{
		{"as it is", func(*Quarantined) {}, func(*Quarantined) {}},
		{
			"everything", func(q *Quarantined) {
				q.Key, q.Kind, q.Context = "k1", journey.Track, `{"locale":"de"}`
				q.SentAt, q.ReplayedAt = q.ReceivedAt.Add(-time.Second), q.ReceivedAt.Add(time.Hour)
				q.Imported, q.Internal = true, true
			},
			func(q *Quarantined) {
				q.Key, q.Kind, q.Context = "k1", journey.Track, `{"locale":"de"}`
				q.SentAt, q.ReplayedAt = q.ReceivedAt.Add(-time.Second), q.ReceivedAt.Add(time.Hour)
				q.Imported, q.Internal = true, true
			},
		},
		{
			"withheld",
			func(q *Quarantined) { q.Payload, q.Withheld = nil, true },
			func(q *Quarantined) { q.Payload, q.Withheld = nil, true },
		},
		{
			"binary payload",
			func(q *Quarantined) { q.Payload = []byte("\x00\xff{") },
			func(q *Quarantined) { q.Payload = []byte("\x00\xff{") },
		},
		{
			"payload at the limit",
			func(q *Quarantined) { q.Payload = bytes.Repeat([]byte{'a'}, MaxPayloadBytes) },
			func(q *Quarantined) { q.Payload = bytes.Repeat([]byte{'a'}, MaxPayloadBytes) },
		},
		{
			"payload over the limit",
			func(q *Quarantined) { q.Payload = bytes.Repeat([]byte{'a'}, MaxPayloadBytes+1) },
			func(q *Quarantined) {
				q.Payload, q.PayloadCut = bytes.Repeat([]byte{'a'}, MaxPayloadBytes), true
			},
		},
		{
			"detail that is no UTF-8",
			func(q *Quarantined) { q.Detail = "a\xffb" },
			func(q *Quarantined) { q.Detail = "a\uFFFDb" },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in, want := exampleQuarantined(), exampleQuarantined()
			tt.in(&in)
			tt.want(&want)
			value, err := EncodeQuarantined(&in)
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeQuarantined(value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuarantinedID(t *testing.T) {
	t.Parallel()
	first := exampleQuarantined()
	same := exampleQuarantined()
	same.Reason, same.Detail, same.ReplayedAt = "too_deep", "flatter", time.Unix(9, 0)
	if first.ID() != same.ID() {
		t.Error("another reason, or that it was replayed, makes another id")
	}
	ids := map[string]bool{first.ID(): true}
	for _, change := range []func(*Quarantined){
		func(q *Quarantined) { q.Site = "other" },
		func(q *Quarantined) { q.Index++ },
		func(q *Quarantined) { q.ReceivedAt = q.ReceivedAt.Add(1) },
		func(q *Quarantined) { q.Payload = []byte("x") },
		func(q *Quarantined) { q.Source = "/v1/track" },
		func(q *Quarantined) { q.Key = "k" },
	} {
		q := exampleQuarantined()
		change(&q)
		ids[q.ID()] = true
	}
	if len(ids) != 7 {
		t.Errorf("%d ids of 7 messages", len(ids))
	}
	if got, want := first.Message().Name, "sites/shop/quarantinedMessages/"+first.ID(); got != want {
		t.Errorf("name %q, want %q", got, want)
	}
}

func TestDecodeQuarantinedRefuses(t *testing.T) {
	t.Parallel()
	for name, value := range map[string][]byte{
		"empty":     nil,
		"no record": []byte("\xff\xff"),
		"no time":   {0x1a, 1, 'x'},
	} {
		if _, err := DecodeQuarantined(value); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	fact := example()
	value, err := Encode(&fact)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add(value[:len(value)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		fact, err := Decode(value)
		if err != nil {
			return
		}
		again, err := Encode(&fact)
		if err != nil {
			t.Fatalf("decoded but not encodable: %v", err)
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("encoded but not decodable: %v", err)
		}
		if diff := cmp.Diff(fact, back); diff != "" {
			t.Fatalf("not a fixpoint (-first +second):\n%s", diff)
		}
		if fact.At() != fact.OccurredAt.UnixNano()/1e6 && fact.OccurredAt.Nanosecond()%1e6 == 0 {
			t.Fatalf("nanoseconds of %s overflow", fact.OccurredAt)
		}
	})
}

func FuzzDecodeQuarantined(f *testing.F) {
	q := exampleQuarantined()
	value, err := EncodeQuarantined(&q)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add(value[:len(value)/2])
	f.Fuzz(func(t *testing.T, value []byte) {
		if q, err := DecodeQuarantined(value); err == nil && q.Reason == "" {
			t.Fatal("decoded without a reason")
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	fact := example()
	for b.Loop() {
		if _, err := Encode(&fact); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	fact := example()
	value, err := Encode(&fact)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Decode(value); err != nil {
			b.Fatal(err)
		}
	}
}
