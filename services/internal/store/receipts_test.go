package store_test

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

func (d database) receipts(t *testing.T, from, to time.Time, of ...journey.Fact) []journey.Receipt {
	t.Helper()
	keys := map[journey.SiteID][]journey.MessageKey{}
	for _, f := range of {
		keys[f.Site] = append(keys[f.Site], f.Key())
	}
	found, err := d.Receipts(t.Context(), keys, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (d database) insertReceipts(t *testing.T, receipts ...journey.Receipt) {
	t.Helper()
	if err := d.InsertReceipts(t.Context(), receipts); err != nil {
		t.Fatal(err)
	}
}

func sorted(receipts []journey.Receipt) []journey.Receipt {
	return slices.SortedFunc(slices.Values(receipts), func(a, b journey.Receipt) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), a.Compare(b))
	})
}

// TestReceipts: what was stored is found as it was, once, to the nanosecond.
func TestReceipts(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	first := track(1, "u1", "v'\\1")
	nanoLater := first
	nanoLater.ReceivedAt = first.ReceivedAt.Add(time.Nanosecond)
	sameInstant := first
	sameInstant.Index = 4
	there := first
	there.Site = "other"
	joined, other := alias(2, "u'0", "u1"), track(3, "v1")
	stored := []journey.Receipt{
		journey.ReceiptOf(&first), journey.ReceiptOf(&nanoLater), journey.ReceiptOf(&sameInstant),
		journey.ReceiptOf(&there), journey.ReceiptOf(&joined), journey.ReceiptOf(&other),
	}
	d.insertReceipts(t, stored...)
	d.insertReceipts(t, stored[:2]...)
	long := 8 * 24 * time.Hour
	got := d.receipts(t, noon.Add(-long), noon.Add(long), first, there, joined)
	if diff := gocmp.Diff(sorted(stored[:5]), sorted(got)); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	got = d.receipts(t, first.ReceivedAt, first.ReceivedAt, first)
	want := []journey.Receipt{stored[0], stored[2]}
	if diff := gocmp.Diff(want, sorted(got)); diff != "" {
		t.Errorf("receipts of one instant, both ends inside (-want +got):\n%s", diff)
	}
	later := nanoLater.ReceivedAt
	got = d.receipts(t, later, later.Add(time.Hour), first)
	if diff := gocmp.Diff(stored[1:2], sorted(got)); diff != "" {
		t.Errorf("receipts from a nanosecond later (-want +got):\n%s", diff)
	}
	if got = d.receipts(t, noon, noon.Add(long)); len(got) > 0 {
		t.Errorf("receipts of no message: %v", got)
	}
}

// TestReceiptsOutliveQuarantine: they are kept for 105 days, also those stored before that was so.
func TestReceiptsOutliveQuarantine(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.raw(t, "ALTER TABLE receipts MODIFY TTL toDateTime(received_at) + INTERVAL 15 DAY")
	receipt := func(days int) journey.Receipt {
		f := track(days, "u1")
		f.ReceivedAt = time.Now().UTC().AddDate(0, 0, -days)
		return journey.ReceiptOf(&f)
	}
	d.insertReceipts(t, receipt(13), receipt(14))
	up, err := os.ReadFile("migrations/00006_receipts.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, alter, _ := strings.Cut(string(up), "-- +goose Up")
	alter, _, _ = strings.Cut(alter, "-- +goose Down")
	for statement := range strings.SplitSeq(strings.TrimSpace(alter), ";") {
		if statement != "" {
			d.raw(t, statement)
		}
	}
	d.insertReceipts(t, receipt(104), receipt(107))
	d.merge(t, "receipts")
	got := d.raw(t, "SELECT arraySort(groupArray(dateDiff('day', received_at, now()))) FROM receipts")
	if got != "[13,14,104]" {
		t.Errorf("after a merge there are receipts of %s days ago", got)
	}
	lasts := d.raw(t, "SELECT min(delete_ttl_info_max > now() + INTERVAL 80 DAY) FROM system.parts "+
		"WHERE active AND table = 'receipts' AND database = currentDatabase() "+
		"AND min_time > now() - INTERVAL 20 DAY")
	if lasts != "1" {
		t.Error("receipts of before the change go earlier than those of today")
	}
}

// TestDeleteReceipts removes the rows of one copy and leaves its neighbours: another copy of the
// same message, another message, and the receipts.
func TestDeleteReceipts(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	touch, idf := track(1, "u1", "v1"), identify(2, `{"plan":"pro"}`, "u2", "v2")
	joined, neighbour := alias(3, "u0", "u3"), track(4, "u4", "v4")
	beaten := []journey.Fact{touch, idf, joined}
	all := []journey.Fact{touch, idf, joined, neighbour}
	for _, f := range beaten {
		f.Index = 9 // the same instant, another place
		all = append(all, f)
	}
	d.insert(t, all...)
	var receipts []journey.Receipt
	for i := range beaten {
		receipts = append(receipts, journey.ReceiptOf(&beaten[i]))
	}
	d.insertReceipts(t, receipts...)
	removed, err := d.DeleteReceipts(t.Context(), receipts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(sorted(receipts), sorted(removed)); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	for query, want := range map[string]string{
		"SELECT arraySort(groupArray((message_id, batch_index))) FROM touchpoints":  "[('m1',9),('m4',0)]",
		"SELECT arraySort(groupArray((message_id, batch_index))) FROM trait_writes": "[('m2',9)]",
		"SELECT arraySort(groupUniqArray((message_id, batch_index))) FROM links": "[('m1',9),('m2',9)," +
			"('m3',9),('m4',0)]",
		"SELECT count() FROM receipts": "3",
	} {
		if got := d.raw(t, query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	removed, err = d.DeleteReceipts(t.Context(), receipts)
	if err != nil || len(removed) > 0 {
		t.Errorf("removing again gives %v, %v: there is nothing left", removed, err)
	}
}

// TestDeleteReceiptsOfSites: receipts of several sites in one call, and none of a third.
func TestDeleteReceiptsOfSites(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	var facts []journey.Fact
	var receipts []journey.Receipt
	for _, id := range []journey.SiteID{"one", "two", "three"} {
		f := track(1, "u1", "v1")
		f.Site = id
		facts = append(facts, f)
		receipts = append(receipts, journey.ReceiptOf(&f))
	}
	d.insert(t, facts...)
	if _, err := d.DeleteReceipts(t.Context(), receipts[:2]); err != nil {
		t.Fatal(err)
	}
	if got := d.raw(t, "SELECT groupArray(site) FROM touchpoints"); got != "['three']" {
		t.Errorf("sites with touchpoints: %s, want three", got)
	}
}

// TestRelink: when the row goes that stood for a visitor's link, the next one takes its place,
// also if it was stored without a link of its own, or under a visitor id that is hard to write.
func TestRelink(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const hard = "v'\\\"{x:String}"
	first, second, third := track(1, "u1", hard), track(2, "u1", hard), track(3, "u1", hard)
	elsewhere := track(0, "u2", hard)
	err := d.InsertFacts(t.Context(), []store.Row{
		{Fact: &first},
		{Fact: &third, LinkKnown: true},
		{Fact: &second, LinkKnown: true},
		{Fact: &elsewhere},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ beaten, next *journey.Fact }{
		{&first, &second}, {&second, &third}, {&third, nil},
	} {
		receipt := journey.ReceiptOf(step.beaten)
		if _, err := d.DeleteReceipts(t.Context(), []journey.Receipt{receipt}); err != nil {
			t.Fatal(err)
		}
		links, err := d.OtherLinks(t.Context(), site, []journey.IdentityID{user("u1")})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{}
		if step.next != nil {
			want = shownLinks(linksOf(*step.next))
		}
		if diff := gocmp.Diff(want, shownLinks(links), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("links without %s (-want +got):\n%s", step.beaten.Message, diff)
		}
	}
	links, err := d.FirstLinks(t.Context(), site, []journey.IdentityID{visitor(hard)}, 9)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(shownLinks(linksOf(elsewhere)), shownLinks(links)); diff != "" {
		t.Errorf("links of the visitor (-want +got):\n%s", diff)
	}
}

// TestDeleteManyReceipts: more than one statement names.
func TestDeleteManyReceipts(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	var facts []journey.Fact
	var receipts []journey.Receipt
	for i := range 2500 {
		f := track(i, "v1")
		facts = append(facts, f)
		receipts = append(receipts, journey.ReceiptOf(&f))
	}
	d.insert(t, facts...)
	removed, err := d.DeleteReceipts(t.Context(), receipts[1:])
	if err != nil || len(removed) != 2499 {
		t.Errorf("removed %d, %v, want 2499", len(removed), err)
	}
	if got := d.raw(t, "SELECT groupArray(message_id) FROM touchpoints"); got != "['m0']" {
		t.Errorf("left over: %s, want m0", got)
	}
}
