package answer

import (
	"strings"
	"testing"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// TestLimits: a question that needs too much fails, and is told what to do.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name               string
		touchpoints, bytes int
		want               string
	}{
		{name: "as many as may be", touchpoints: MaxTouchpoints, bytes: MaxBytes},
		{
			name: "touchpoints", touchpoints: MaxTouchpoints + 1,
			want: "more than 80000000 touchpoints; ask about a shorter range",
		},
		{
			name: "bytes", touchpoints: 1, bytes: MaxBytes + 1,
			want: "more than 2000 MB of touchpoints and their values; ask about a shorter range",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := new(gathered).keep(block{}, c.touchpoints, c.bytes)
			if c.want == "" {
				if err != nil {
					t.Errorf("%v, want no error", err)
				}
				return
			}
			if fault.Of(err) != fault.TooLarge || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one of kind TooLarge with %q", err, c.want)
			}
		})
	}
}

// TestExplainedLimit: a unit that is too big to be explained is refused by name.
func TestExplainedLimit(t *testing.T) {
	t.Parallel()
	w := worker{
		kernel:  &kernel{explaining: &explaining{}},
		touches: make([]funnel.Touch, MaxExplained+1),
	}
	w.explain(result{person: 255})
	if fault.Of(w.err) != fault.TooLarge || !strings.Contains(w.err.Error(), "00000000000000ff") {
		t.Errorf("%v, want one of kind TooLarge that names the person", w.err)
	}
}

// TestUnitName: an error names the unit that it is about.
func TestUnitName(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]result{
		"person 00000000000000ff": {person: 255}, `the unit "acme"`: {unit: "acme"},
	} {
		if got := name(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestHeldDeeds: touchpoints of persons with one identity are held until it is through, those of
// others until all are there, and no more than may be.
func TestHeldDeeds(t *testing.T) {
	t.Parallel()
	deeds := func(ids ...journey.IdentityID) []journey.Deed {
		list := make([]journey.Deed, len(ids))
		for i, id := range ids {
			list[i] = journey.Deed{Identity: id, Index: uint32(i)}
		}
		return list
	}
	for _, c := range []struct {
		name  string
		deeds []journey.Deed
		fails bool
	}{
		{name: "many persons", deeds: deeds(1, 1, 1, 2, 2, 2, 3, 3, 3)},
		{name: "one identity with too many", deeds: deeds(1, 2, 2, 2, 2), fails: true},
		{name: "a person of several", deeds: deeds(1, 2, 2, 7, 7, 8)},
		{name: "a person of several with too many", deeds: deeds(1, 2, 2, 7, 7, 8, 9), fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(nil)
			for _, id := range []journey.IdentityID{7, 8} {
				d.put(entry{identity: id, person: 7}, 0, nil)
			}
			f := folder{
				people: &people{directory: d, anew: true, known: make(map[journey.PersonID]known)},
				most:   3, scattered: map[journey.PersonID]bool{7: true},
				held: make(map[journey.PersonID][]journey.Deed),
			}
			var err error
			for _, deed := range c.deeds {
				if err = f.add(deed); err != nil {
					break
				}
			}
			if (err != nil) != c.fails || c.fails && fault.Of(err) != fault.TooLarge {
				t.Errorf("%v, want TooLarge: %t", err, c.fails)
			}
		})
	}
}
