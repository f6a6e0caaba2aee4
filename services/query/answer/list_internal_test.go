package answer

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// TestPages: whatever order attempts are found in and by how many workers, the pages one after the
// other are the whole list, and no list keeps more than twice a page.
func TestPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unit := funnel.Unit{Kind: rapid.SampledFrom([]funnel.UnitKind{
			funnel.PersonUnit, funnel.PropertyUnit,
		}).Draw(t, "unit")}
		var whole []listed
		for n := range rapid.IntRange(0, 12).Draw(t, "units") {
			of := listed{person: journey.PersonID(n + 1)}
			if unit.Kind != funnel.PersonUnit {
				of = listed{unit: fmt.Sprint(n)}
			}
			for of.number = range rapid.IntRange(1, 4).Draw(t, "attempts") {
				whole = append(whole, of)
			}
		}
		found := rapid.Permutation(whole).Draw(t, "found")
		slices.SortFunc(whole, compareListed)
		page := api.Page{Limit: rapid.IntRange(1, 5).Draw(t, "limit")}
		var paged []listed
		for {
			lists := []*list{newList(unit, page), newList(unit, page)}
			for i, of := range found {
				l := lists[i%2]
				if l.add(of); len(l.kept) > 2*(page.Limit+1) {
					t.Fatalf("%d are kept for a page of %d", len(l.kept), page.Limit)
				}
			}
			got, total, more := pageOf(lists)
			if paged = append(paged, got...); total != len(whole) {
				t.Fatalf("total %d, want %d", total, len(whole))
			}
			if !more || len(paged) > len(whole) {
				break
			}
			last := got[len(got)-1]
			page.After, page.AfterUnit, page.AfterNumber = last.person, &last.unit, last.number
		}
		same := cmp.Comparer(func(a, b listed) bool { return compareListed(a, b) == 0 })
		if diff := cmp.Diff(whole, paged, same); diff != "" {
			t.Fatalf("pages (-whole +paged):\n%s", diff)
		}
	})
}
