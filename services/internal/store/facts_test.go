package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// TestInsertFactsTwice: the second time changes nothing once parts are merged.
func TestInsertFactsTwice(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	facts := []journey.Fact{
		track(1, "u1", "v1"), track(2, "v1"), identify(3, `{"plan":"pro","x":null}`, "u1", "v1"),
		alias(4, "u0", "u1"),
	}
	tables := []string{"touchpoints", "links", "trait_writes"}
	counts := func() (n [3]string) {
		for i, table := range tables {
			n[i] = d.count(t, table)
		}
		return n
	}
	d.insert(t, facts...)
	want := [3]string{"2", "8", "2"}
	if got := counts(); got != want {
		t.Errorf("rows of %v: %v, want %v", tables, got, want)
	}
	d.insert(t, facts...)
	if got := counts(); got == want {
		t.Error("the rows are merged already: nothing is shown")
	}
	d.merge(t, tables...)
	if got := counts(); got != want {
		t.Errorf("rows of %v after the second time: %v, want %v", tables, got, want)
	}
}

// TestTouchpointRow: every column says what the fact says, to the nanosecond.
func TestTouchpointRow(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	f := track(1, "u'1", "v\\1")
	f.Group, f.Index, f.Message = "g\"1", 7, "m\x00\xff"
	f.Properties, f.Context = `{"a":"\u0000é"}`, `{"ip":"::1"}`
	f.OccurredAt = f.OccurredAt.In(time.FixedZone("far", 3600))
	err := d.InsertFacts(t.Context(), []store.Row{{
		Fact: &f, Attribution: journey.Attribution{
			Version: 3, Touchpoint: "order", Stage: "buy", Channel: "ads",
		},
		Campaign: journey.Campaign{Name: "Spring \"26\"", Source: "news'letter", Medium: "E-Mail"},
		Client:   journey.Client{Device: "tablet", Browser: "Firefox", OS: "Android"},
		Traffic:  journey.Internal,
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := d.raw(t, `SELECT site, identity, toUnixTimestamp64Milli(at), hex(message_key),
		toUnixTimestamp64Nano(received_at), batch_index, kind, event, touchpoint, stage, channel,
		map_version, hex(message_id), user_id, anonymous_id, group_id,
		toUnixTimestamp64Nano(occurred_at), toUnixTimestamp64Nano(original_at), properties, context,
		device, browser, os, traffic, campaign, campaign_source, campaign_medium,
		stored_at <= now64(3) AND stored_at > now64(3) - INTERVAL 1 HOUR
		FROM touchpoints FORMAT TSVRaw`)
	key := f.Key()
	want := strings.Join([]string{
		"shop", fmt.Sprint(uint64(user("u'1"))), fmt.Sprint(f.OccurredAt.UnixMilli()),
		fmt.Sprintf("%X", key[:]), fmt.Sprint(f.ReceivedAt.UnixNano()), "7", "track", "Order",
		"order", "buy", "ads", "3", "6D00FF", "u'1", "v\\1", "g\"1",
		fmt.Sprint(f.OccurredAt.UnixNano()), fmt.Sprint(f.OriginalAt.UnixNano()),
		`{"a":"\u0000é"}`, `{"ip":"::1"}`, "tablet", "Firefox", "Android", "internal",
		`Spring "26"`, "news'letter", "E-Mail", "1",
	}, "\t")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

// TestManyMonths: one batch may span any number of partitions: what sites date is theirs.
func TestManyMonths(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	var facts []journey.Fact
	for i := range 200 {
		f := track(i, "v1")
		f.OccurredAt = time.Date(1990, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC)
		facts = append(facts, f)
	}
	d.insert(t, facts...)
	got := d.raw(t, "SELECT count(), uniqExact(toYYYYMM(at)) FROM touchpoints")
	if got != "200\t200" {
		t.Errorf("rows and months: %q, want 200 and 200", got)
	}
}

// TestEarliestAndLatest: the ends of what may occur are stored as they are.
func TestEarliestAndLatest(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	first, last := track(1, "v1"), track(2, "v1")
	first.OccurredAt = time.Unix(0, 0).UTC()
	last.OccurredAt = time.Date(2105, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	d.insert(t, first, last)
	got := d.raw(t, `SELECT groupArray(toUnixTimestamp64Milli(at)),
		groupArray(toUnixTimestamp64Nano(occurred_at)) FROM (SELECT * FROM touchpoints ORDER BY at)`)
	want := fmt.Sprintf("[0,%d]\t[0,%d]", last.OccurredAt.UnixMilli(), last.OccurredAt.UnixNano())
	if got != want {
		t.Errorf("instants %q, want %q", got, want)
	}
}

// TestLinkKnown leaves a visitor's link out, but nothing else.
func TestLinkKnown(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	touch, joined := track(1, "u1", "v1"), alias(2, "u0", "u1")
	joined.Visitor = "v1"
	err := d.InsertFacts(t.Context(), []store.Row{
		{Fact: &touch, LinkKnown: true}, {Fact: &joined, LinkKnown: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	links, err := d.OtherLinks(t.Context(), site, []journey.IdentityID{user("u1")})
	if err != nil {
		t.Fatal(err)
	}
	var want []identity.Link
	for _, l := range linksOf(joined) {
		if l.Alias {
			want = append(want, l)
		}
	}
	if diff := cmp.Diff(shownLinks(want), shownLinks(links)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if got := d.count(t, "touchpoints"); got != "1" {
		t.Errorf("%s touchpoints, want 1", got)
	}
}

func TestFreshUntil(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	fresh := func(of journey.SiteID) time.Time {
		t.Helper()
		at, err := d.FreshUntil(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if at := fresh(site); !at.IsZero() {
		t.Errorf("fresh until %v before anything is stored, want zero", at)
	}
	d.insert(t, track(5, "v1"), track(9, "v1"), track(7, "v1"))
	d.insert(t, track(8, "v1"), identify(100, `{"x":1}`, "u1"))
	d.merge(t, "freshness")
	want := track(9, "v1").ReceivedAt
	if at := fresh(site); !at.Equal(want) || at.Location() != time.UTC {
		t.Errorf("fresh until %v, want %v: the newest touchpoint's", at, want)
	}
	if at := fresh("other"); !at.IsZero() {
		t.Errorf("another site is fresh until %v, want zero", at)
	}
}

// TestNothing: an empty batch asks nothing of the server.
func TestNothing(t *testing.T) {
	t.Parallel()
	away := open(t, "http://127.0.0.1:1/x")
	if err := away.InsertFacts(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := away.InsertReceipts(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if removed, err := away.DeleteReceipts(t.Context(), nil); len(removed) > 0 || err != nil {
		t.Errorf("removed %v, %v", removed, err)
	}
	if links, err := away.FirstLinks(t.Context(), site, nil, 1); len(links) > 0 || err != nil {
		t.Errorf("links %v, %v", links, err)
	}
	if links, err := away.OtherLinks(t.Context(), site, nil); len(links) > 0 || err != nil {
		t.Errorf("links %v, %v", links, err)
	}
	if writes, err := away.LastWrites(t.Context(), site, nil); len(writes) > 0 || err != nil {
		t.Errorf("writes %v, %v", writes, err)
	}
	if names, err := away.Names(t.Context(), site, nil); len(names) > 0 || err != nil {
		t.Errorf("names %v, %v", names, err)
	}
}
