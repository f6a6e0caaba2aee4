package answer

import (
	"math/rand/v2"
	"testing"
)

// TestRenumber: what was the same stays the same, and what differed differs, in small numbers.
func TestRenumber(t *testing.T) {
	t.Parallel()
	list := make([]uint64, 1000)
	for i := range list {
		list[i] = rand.Uint64N(300) << 50
	}
	was := make(map[uint64]uint64)
	before := append([]uint64(nil), list...)
	above := renumber(list)
	back := make(map[uint64]uint64)
	for i, n := range list {
		if known, is := was[before[i]]; is && known != n || n >= above {
			t.Fatalf("%d is %d and %d of %d", before[i], known, n, above)
		}
		if known, is := back[n]; is && known != before[i] {
			t.Fatalf("%d stands for %d and %d", n, known, before[i])
		}
		was[before[i]], back[n] = n, before[i]
	}
	if int(above) != len(back) {
		t.Errorf("%d numbers, %d used", above, len(back))
	}
}
