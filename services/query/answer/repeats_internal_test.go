package answer

import (
	"slices"
	"testing"

	"github.com/waystage/waystage/services/journey"
)

// TestEachRepeat: a touchpoint of a base counts as what it is at its instant; where repeats begin
// within it, as all that there are, unless labels of the base differ. What was not known once stays
// so.
func TestEachRepeat(t *testing.T) {
	t.Parallel()
	r := &repeats{
		rules: []repeatRule{
			{base: 1, from: 2, steps: 2}, {base: 1, from: 3, steps: 4}, {base: 2, from: 2, steps: 8},
		},
		rule: map[journey.TouchpointID]int{"second": 0, "third": 1, "other": 2},
	}
	begun := r.begin([]journey.Boundary{
		{Touchpoint: "second", At: 10, Before: 1},
		{Touchpoint: "third", At: 20},
		{Touchpoint: "other", At: 5, Before: 3},
		{Touchpoint: "gone", At: 1},
	}, nil)
	own := baseMask{base: 1, steps: 1}
	for _, c := range []struct {
		at     int64
		mixed  bool
		want   []uint32
		unsure bool
	}{
		{at: 5, want: []uint32{1}},
		{at: 9, mixed: true, want: []uint32{1}},
		{at: 10, want: []uint32{1, 2}},
		{at: 10, mixed: true, want: []uint32{1, 2}, unsure: true},
		{at: 11, mixed: true, want: []uint32{2}},
		{at: 20, mixed: true, want: []uint32{4}},
	} {
		var got []uint32
		known := r.each(begun, own, c.at, map[uint32]bool{1: c.mixed}, func(steps uint32) {
			got = append(got, steps)
		})
		if known == c.unsure || known && !slices.Equal(got, c.want) {
			t.Errorf("at %d: %v, known %t, want %v", c.at, got, known, c.want)
		}
	}
	w := &worker{hasBegun: true, begun: begun, kernel: &kernel{gathered: &gathered{
		repeats: r, masks: &masks{mixed: map[uint32]bool{1: true}},
	}}}
	if w.addBase(7, 10, own); !w.unsure {
		t.Error("labels of the base differ, and nothing is unsure")
	}
	if w.addBase(7, 20, own); !w.unsure {
		t.Error("a touchpoint that is known makes sure of one that is not")
	}
}
