package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// journeys are the packed journeys of identities as texts, each once: instant, a space, and the
// code of its label.
func (d database) journeys(t *testing.T) []string {
	t.Helper()
	var found []string
	err := d.Stream(t.Context(), store.Query{
		SQL: "SELECT identity, CAST(touches AS Array(UInt64)) FROM journeys",
		Columns: []store.Column{
			{Name: "identity", Type: store.UInt64}, {Name: "touches", Type: store.UInt64s},
		},
	}, func(b *store.Block) error {
		elements, ends := b.UInt64s(1)
		from := uint64(0)
		for i, id := range b.UInt64(0) {
			for _, e := range elements[from:ends[i]] {
				found = append(found, fmt.Sprintf("%x %d %d", id, journey.Packed(e).At(),
					journey.Packed(e).Code()))
			}
			from = ends[i]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// packed is what stands in the journeys for a fact, and mark what says that it was removed.
func packed(f journey.Fact) string {
	code := journey.LabelOf(&f, journey.Attribution{}).Code(f.Site)
	return fmt.Sprintf("%x %d %d", f.Identity(), f.At(), code)
}

func mark(f journey.Fact) string { return fmt.Sprintf("%x %d 0", f.Identity(), f.At()) }

func checkJourneys(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("journeys %s (-want +got):\n%s", when, diff)
	}
}

// TestJourneys: touchpoints are packed as they are stored, removed ones are marked, and a rebuild
// gives the same without what was removed.
func TestJourneys(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	a, b, c := track(1, "u1"), track(2, "u1"), track(3, "v1")
	c.Event = "Other"
	old := track(4, "v1")
	old.OccurredAt = noon.AddDate(-30, 0, 0)
	d.insert(t, a, b, c, old, identify(5, `{"x":1}`, "u1"))
	checkJourneys(t, "at first", d.journeys(t), packed(a), packed(b), packed(c), packed(old))
	_, err := d.DeleteReceipts(t.Context(), []journey.Receipt{journey.ReceiptOf(&b)})
	if err != nil {
		t.Fatal(err)
	}
	checkJourneys(t, "with a mark", d.journeys(t), packed(a), packed(b), mark(b), packed(c),
		packed(old))
	d.merge(t, "journeys")
	checkJourneys(t, "merged", d.journeys(t), packed(a), packed(b), mark(b), packed(c), packed(old))
	for range 2 {
		var done []string
		err = d.RebuildJourneys(t.Context(), func(n, of int) {
			done = append(done, fmt.Sprint(n, " of ", of))
		})
		if err != nil {
			t.Fatal(err)
		}
		checkJourneys(t, "rebuilt", d.journeys(t), packed(a), packed(c), packed(old))
		if diff := cmp.Diff([]string{"1 of 2", "2 of 2"}, done); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
	}
	d.insert(t, b)
	checkJourneys(t, "going on", d.journeys(t), packed(a), packed(b), packed(c), packed(old))
}

// TestJourneysRemovedMeanwhile: what is removed while the journeys are rebuilt is marked in the
// new ones, if it was packed before. What comes meanwhile is there.
func TestJourneysRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	early, late := track(1, "v1"), track(2, "v1")
	early.OccurredAt = noon.AddDate(-1, 0, 0)
	d.insert(t, early, late)
	fresh := track(3, "v2")
	err := d.RebuildJourneys(t.Context(), func(done, _ int) {
		if done != 1 {
			return
		}
		d.insert(t, fresh)
		_, err := d.DeleteReceipts(t.Context(), []journey.Receipt{
			journey.ReceiptOf(&early), journey.ReceiptOf(&late),
		})
		if err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	checkJourneys(t, "rebuilt", d.journeys(t), packed(early), mark(early), packed(fresh))
}

func TestLabels(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	a := track(1, "v1")
	said := journey.Attribution{Version: 1, Touchpoint: "order", Stage: "buy"}
	for range 2 {
		err := d.InsertFacts(t.Context(), []store.Row{{Fact: &a}, {Fact: &a, Attribution: said}})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.Labels(t.Context(), site, 10)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, l := range got {
		if l.Code != l.Label.Code(site) {
			t.Errorf("code %d of %+v, want %d", l.Code, l.Label, l.Label.Code(site))
		}
		texts = append(texts, fmt.Sprintf("%s/%s/%s", l.Event, l.Touchpoint, l.Stage))
	}
	slices.Sort(texts)
	if diff := cmp.Diff([]string{"Order//", "Order/order/buy"}, texts); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if got, err := d.Labels(t.Context(), site, 1); len(got) != 1 || err != nil {
		t.Errorf("at most one label: %v, %v", got, err)
	}
	if got, err := d.Labels(t.Context(), "other", 9); len(got) > 0 || err != nil {
		t.Errorf("labels of another site: %v, %v", got, err)
	}
}
