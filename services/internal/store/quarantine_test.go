package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// refused is a message that was refused so many seconds after noon.
func refused(second int, reason string) wire.Quarantined {
	return wire.Quarantined{
		Site: site, By: wire.ByIngest, Reason: reason, Detail: "is 'wrong' \\",
		Payload:    []byte(fmt.Sprintf("{\"n\":%d,\"x\":\"\xff\x00\"}", second)),
		ReceivedAt: noon.Add(time.Duration(second) * time.Second), Index: 3, Source: "/v1/batch",
		Key: "k1", Kind: journey.Track, SentAt: noon, Context: `{"a":1}`, Internal: true,
	}
}

func everything() wire.Selection {
	return wire.Selection{Site: site, From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	all := []wire.Quarantined{
		refused(1, "no_identity"), refused(2, "bad_time"), refused(3, "bad_time"),
		refused(4, "it's \\ odd"), refused(5, "bad_time"),
	}
	all[2].Key, all[4].Payload = "k2", []byte(strings.Repeat("x", wire.MaxPayloadBytes))
	other := refused(1, "bad_time")
	other.Site = "blog"
	for range 2 { // a batch may come twice
		if err := d.InsertQuarantined(ctx, append(slices.Clone(all), other)); err != nil {
			t.Fatal(err)
		}
	}
	newest := slices.Clone(all)
	slices.Reverse(newest)
	for name, c := range map[string]struct {
		of   func(*wire.Selection)
		want []wire.Quarantined
	}{
		"all":       {func(*wire.Selection) {}, newest},
		"reason":    {func(s *wire.Selection) { s.Reason = "it's \\ odd" }, all[3:4]},
		"key":       {func(s *wire.Selection) { s.Key = "k2" }, all[2:3]},
		"from":      {func(s *wire.Selection) { s.From = all[3].ReceivedAt }, newest[:2]},
		"just from": {func(s *wire.Selection) { s.From = all[3].ReceivedAt.Add(1) }, newest[:1]},
		"to":        {func(s *wire.Selection) { s.To = all[1].ReceivedAt }, all[:1]},
		"all stated": {func(s *wire.Selection) {
			s.Reason, s.Key, s.From = "bad_time", "k1", all[2].ReceivedAt
		}, all[4:]},
		"nothing": {func(s *wire.Selection) { s.Reason = "too_large" }, nil},
	} {
		of := everything()
		c.of(&of)
		got, err := d.Quarantined(ctx, of, wire.Span{Limit: 10})
		if diff := gocmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	counts, err := d.QuarantineReasons(ctx, everything())
	want := []wire.ReasonCount{
		{Reason: "bad_time", Count: 3},
		{Reason: "it's \\ odd", Count: 1},
		{Reason: "no_identity", Count: 1},
	}
	if diff := gocmp.Diff(want, counts); diff != "" || err != nil {
		t.Errorf("reasons: %v (-want +got):\n%s", err, diff)
	}
	one, err := d.QuarantinedByID(ctx, site, all[1].ID())
	if diff := gocmp.Diff(all[1], one); diff != "" || err != nil {
		t.Errorf("by id: %v (-want +got):\n%s", err, diff)
	}
	for _, strange := range []string{other.ID(), strings.Repeat("0", 32)} {
		if _, err := d.QuarantinedByID(ctx, site, strange); fault.Of(err) != fault.NotFound {
			t.Errorf("by id %s: %v, want NotFound", strange, err)
		}
	}
}

// TestQuarantinePages: pages go on where the one before ended, both ways, whatever comes in
// between and although several were received at one instant.
func TestQuarantinePages(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	var all []wire.Quarantined
	for i := range 7 {
		q := refused(i/3, "bad_time")
		q.Index = uint32(i)
		all = append(all, q)
	}
	if err := d.InsertQuarantined(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for _, oldest := range []bool{true, false} {
		seen := map[string]int{}
		var order []time.Time
		span := wire.Span{OldestFirst: oldest, Limit: 2}
		for page := 0; ; page++ {
			got, err := d.Quarantined(t.Context(), everything(), span)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				seen[got[i].ID()]++
				order = append(order, got[i].ReceivedAt)
			}
			if len(got) < span.Limit {
				break
			}
			place := wire.PlaceOf(&got[len(got)-1])
			span.After = &place
			if !oldest { // new ones stand before what was given
				late := refused(100+page, "bad_time")
				if err := d.InsertQuarantined(t.Context(), []wire.Quarantined{late}); err != nil {
					t.Fatal(err)
				}
			}
		}
		compare := time.Time.Compare
		if !oldest {
			compare = func(a, b time.Time) int { return b.Compare(a) }
		}
		if !slices.IsSortedFunc(order, compare) || len(order) != len(all) {
			t.Errorf("oldest first %v: %v, want %d in order", oldest, order, len(all))
		}
		for i := range all {
			if seen[all[i].ID()] != 1 {
				t.Errorf("oldest first %v: message %d was given %d times", oldest, i, seen[all[i].ID()])
			}
		}
	}
}

// TestQuarantineReplayed: what was taken after a fix is left out, in whatever order the two come.
func TestQuarantineReplayed(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	first, second := refused(1, "bad_time"), refused(2, "bad_time")
	done, doneToo := first, second
	done.ReplayedAt, doneToo.ReplayedAt = noon.Add(time.Hour), noon.Add(time.Hour)
	for _, q := range []wire.Quarantined{first, done, doneToo, second} {
		if err := d.InsertQuarantined(ctx, []wire.Quarantined{q}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		got, err := d.Quarantined(ctx, everything(), wire.Span{Limit: 10})
		if len(got) != 0 || err != nil {
			t.Errorf("waiting: %v, %v; want none", got, err)
		}
		counts, err := d.QuarantineReasons(ctx, everything())
		if len(counts) != 0 || err != nil {
			t.Errorf("counted as waiting: %v, %v; want none", counts, err)
		}
		of := everything()
		of.Replayed = true
		got, err = d.Quarantined(ctx, of, wire.Span{Limit: 10})
		if diff := gocmp.Diff([]wire.Quarantined{doneToo, done}, got); diff != "" || err != nil {
			t.Errorf("all: %v (-want +got):\n%s", err, diff)
		}
		one, err := d.QuarantinedByID(ctx, site, first.ID())
		if diff := gocmp.Diff(done, one); diff != "" || err != nil {
			t.Errorf("by id: %v (-want +got):\n%s", err, diff)
		}
		d.merge(t, "quarantine")
	}
}

// TestQuarantineOddTimes: Kafka's clock may say anything; that keeps no other message out.
func TestQuarantineOddTimes(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	good := refused(1, "bad_time")
	early, late := good, good
	early.ReceivedAt = time.UnixMilli(-1)
	late.ReceivedAt = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	err := d.InsertQuarantined(t.Context(), []wire.Quarantined{early, good, late})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.QuarantinedByID(t.Context(), site, good.ID())
	if diff := gocmp.Diff(good, got); diff != "" || err != nil {
		t.Errorf("its neighbour: %v (-want +got):\n%s", err, diff)
	}
}

// TestQuarantineEnds: what is older than 90 days is not given, whether it was removed or not.
func TestQuarantineEnds(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.raw(t, "SYSTEM STOP MERGES quarantine")
	young, old := refused(1, "bad_time"), refused(2, "bad_time")
	now := time.Now().UTC()
	young.ReceivedAt, old.ReceivedAt = now.AddDate(0, 0, -89), now.AddDate(0, 0, -91)
	if err := d.InsertQuarantined(t.Context(), []wire.Quarantined{young, old}); err != nil {
		t.Fatal(err)
	}
	if n := d.count(t, "quarantine"); n != "2" {
		t.Fatalf("%s messages are stored, want 2", n)
	}
	all := wire.Selection{Site: site, To: now}
	got, err := d.Quarantined(t.Context(), all, wire.Span{Limit: 9})
	if diff := gocmp.Diff([]wire.Quarantined{young}, got); diff != "" || err != nil {
		t.Errorf("%v, messages (-want +got):\n%s", err, diff)
	}
	reasons, err := d.QuarantineReasons(t.Context(), all)
	want := []wire.ReasonCount{{Reason: "bad_time", Count: 1}}
	if diff := gocmp.Diff(want, reasons); diff != "" || err != nil {
		t.Errorf("%v, reasons (-want +got):\n%s", err, diff)
	}
	if _, err := d.QuarantinedByID(t.Context(), site, young.ID()); err != nil {
		t.Error(err)
	}
	if _, err := d.QuarantinedByID(t.Context(), site, old.ID()); fault.Of(err) != fault.NotFound {
		t.Errorf("the old one by its id: %v", err)
	}
}
