package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// sighting is one that occurred between two seconds after midnight.
func sighting(
	event, property string, t journey.SightingType, count uint64, first, last int,
	examples ...string,
) journey.Sighting {
	midnight := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	return journey.Sighting{
		Site: site, Name: journey.Name{Event: event, Property: property}, Type: t, Count: count,
		FirstAt:  midnight.Add(time.Duration(first) * time.Second),
		LastAt:   midnight.Add(time.Duration(last) * time.Second),
		Examples: examples,
	}
}

// brief is what was seen of names, one line each.
func brief(seen []journey.Seen) []string {
	var lines []string
	for _, s := range seen {
		line := fmt.Sprintf("%s/%s %d %s-%s", s.Event, s.Property, s.Count,
			s.FirstAt.Format("05"), s.LastAt.Format("05"))
		for _, t := range s.Types {
			line += fmt.Sprintf(" %s:%d", t.Type, t.Count)
		}
		for _, e := range s.Examples {
			line += " " + e
		}
		lines = append(lines, line)
	}
	return lines
}

func newCatalogue(t *testing.T) database {
	t.Helper()
	d := newDatabase(t)
	for _, batch := range [][]journey.Sighting{
		{
			sighting("Order", "", journey.EventSighting, 3, 5, 9),
			sighting("Order", "total", journey.NumberSighting, 2, 5, 6, "1", "2"),
			sighting("Order", "total", journey.TextSighting, 3, 4, 8, `"3"`),
			sighting("Order", "Coupon", journey.TextSighting, 9, 1, 2, `"x"`),
			sighting("", "plan", journey.TextSighting, 7, 1, 2, `"pro"`, `"free"`),
			sighting("", "", journey.EventOverflow, 4, 1, 2),
			sighting("", "", journey.PropertyOverflow, 40, 1, 2),
		},
		{
			sighting("Order", "", journey.EventSighting, 4, 3, 7),
			sighting("page", "", journey.EventSighting, 100, 1, 30),
			sighting("Alpha", "", journey.EventSighting, 7, 1, 1),
			sighting("page", "path", journey.TextSighting, 5, 1, 2, `"/1"`, `"/2"`, `"/3"`, `"/4"`, `"/5"`),
			sighting("Order", "total", journey.NumberSighting, 2, 7, 9, "2", "4"),
			sighting("", "", journey.EventOverflow, 1, 3, 9),
		},
		{sighting("page", "path", journey.TextSighting, 1, 3, 3, `"/6"`, `"/7"`)},
	} {
		if err := d.InsertSightings(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	other := sighting("Other", "", journey.EventSighting, 1, 1, 1)
	other.Site = "other"
	if err := d.InsertSightings(t.Context(), []journey.Sighting{other}); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCatalogue: sightings of many batches add up, before parts are merged and after.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	d := newCatalogue(t)
	for _, when := range []string{"as inserted", "merged"} {
		for _, c := range []struct {
			name string
			q    journey.CatalogueQuery
			want []string
		}{
			{"all", journey.CatalogueQuery{Properties: true, Traits: true}, []string{
				`Order/Coupon 9 01-02 text:9 "x"`,
				`Order/total 7 04-09 number:4 text:3 1 2 4 "3"`,
				"page/path 6 01-03 text:6",
				`/plan 7 01-02 text:7 "free" "pro"`,
			}},
			{"an event's", journey.CatalogueQuery{Event: "Order", Properties: true, Traits: true}, []string{
				`Order/Coupon 9 01-02 text:9 "x"`, `Order/total 7 04-09 number:4 text:3 1 2 4 "3"`,
			}},
			{"traits", journey.CatalogueQuery{Traits: true}, []string{`/plan 7 01-02 text:7 "free" "pro"`}},
			{"by a text", journey.CatalogueQuery{Contains: "coU", Properties: true}, []string{
				`Order/Coupon 9 01-02 text:9 "x"`,
			}},
			{"none", journey.CatalogueQuery{Contains: "%", Properties: true, Traits: true}, nil},
		} {
			got, err := d.CatalogueProperties(t.Context(), site, c.q)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i].Property == "path" {
					// Which of the seven stay is left to the server.
					if len(got[i].Examples) != journey.MaxExamples {
						t.Errorf("%s: %d examples, want 5: %v", when, len(got[i].Examples), got[i].Examples)
					}
					got[i].Examples = nil
				}
			}
			if diff := cmp.Diff(c.want, brief(got)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", when, c.name, diff)
			}
		}
		d.checkEvents(t, when)
		d.merge(t, "catalogue")
	}
}

func (d database) checkEvents(t *testing.T, when string) {
	t.Helper()
	for contains, want := range map[string][]string{
		"":  {"page/ 100 01-30", "Alpha/ 7 01-01", "Order/ 7 03-09"},
		"R": {"Order/ 7 03-09"},
	} {
		got, err := d.CatalogueEvents(t.Context(), site, contains)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, brief(got)); diff != "" {
			t.Errorf("events %s with %q (-want +got):\n%s", when, contains, diff)
		}
	}
	for of, want := range map[journey.SightingType]journey.Overflow{
		journey.EventOverflow:    {Count: 5, LastAt: sighting("", "", "", 0, 0, 9).LastAt},
		journey.PropertyOverflow: {Count: 40, LastAt: sighting("", "", "", 0, 0, 2).LastAt},
	} {
		got, err := d.CatalogueOverflow(t.Context(), site, of)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", of, when, diff)
		}
	}
}

func TestCatalogueNames(t *testing.T) {
	t.Parallel()
	d := newCatalogue(t)
	got, err := d.CatalogueNames(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	want := []journey.Name{
		{Event: "Order"},
		{Event: "Order", Property: "total"},
		{Event: "Order", Property: "Coupon"},
		{Property: "plan"},
		{Event: "page"},
		{Event: "Alpha"},
		{Event: "page", Property: "path"},
	}
	sorted := cmpopts.SortSlices(func(a, b journey.Name) bool {
		return a.Event+"/"+a.Property < b.Event+"/"+b.Property
	})
	if diff := cmp.Diff(want, got, sorted); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if got, err := d.CatalogueNames(t.Context(), "absent"); len(got) > 0 || err != nil {
		t.Errorf("names of a site without: %v, %v", got, err)
	}
	if got, err := d.CatalogueOverflow(t.Context(), "absent", journey.EventOverflow); err != nil ||
		got != (journey.Overflow{}) {
		t.Errorf("overflow of a site without: %+v, %v", got, err)
	}
}

// TestLabelsEnd: beyond MaxLabels no label of a site is stored any more, those of others are, and
// what is stored tells readers that there are more than they may use.
func TestLabelsEnd(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.raw(t, fmt.Sprintf(`INSERT INTO labels SELECT '%s', 1, toString(number), '', ''
		FROM numbers(%d)`, site, store.MaxLabels))
	insert := func(of journey.SiteID, from, n int) {
		t.Helper()
		rows := make([]store.Row, n)
		for i := range rows {
			f := track(i, "v1")
			f.Site, f.Event = of, fmt.Sprint("new-", from+i)
			rows[i].Fact = &f
		}
		if err := d.InsertFacts(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	for k := range 6 {
		insert(site, 500*k, 500)
	}
	insert("other", 0, 10)
	counts := d.raw(t, "SELECT site, uniqExact(event) FROM labels GROUP BY site ORDER BY site")
	want := fmt.Sprintf("other\t10\nshop\t%d", store.MaxLabels+1000)
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	labels, err := d.Labels(t.Context(), site, store.MaxLabels+1)
	if err != nil || len(labels) <= store.MaxLabels {
		t.Errorf("a reader finds %d labels, %v, want more than %d", len(labels), err, store.MaxLabels)
	}
	if !slices.ContainsFunc(labels, func(l store.Label) bool { return l.Event == "7" }) {
		t.Error("an early label is gone")
	}
}
