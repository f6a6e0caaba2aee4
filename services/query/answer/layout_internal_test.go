package answer

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/funnel"
)

// TestLayout: whoever enters, or may not be alone, has all marks that the question sees of all
// shelves, in order, whatever the directory knows of them: by an ordinal of its own, by one that
// another has too, or by none.
func TestLayout(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const bucket = 3
		badges := make(map[uint64]badge)
		identity := rapid.Custom(func(t *rapid.T) uint64 {
			id := uint64(bucket)<<(64-bucketBits) | rapid.Uint64Range(1, 9).Draw(t, "identity")
			if _, known := badges[id]; !known {
				badges[id] = badge(rapid.Uint32Range(0, 4).Draw(t, "ordinal"))
				if rapid.Bool().Draw(t, "linked") {
					badges[id] |= linkedBadge
				}
			}
			return id
		})
		k := &stock{
			steps: []uint8{0, 1, 2, 3, 0},
			first: rapid.Int64Range(0, 40).Draw(t, "first"), last: maxShelfSpan * 3,
		}
		want := make(map[uint64][]funnel.Mark)
		for range rapid.IntRange(0, 24).Draw(t, "shelves") {
			base := rapid.Int64Range(0, 30).Draw(t, "base")
			s := &shelf{base: base, identities: rapid.SliceOfN(identity, 1, 8).Draw(t, "rows")}
			slices.Sort(s.identities)
			r := &roll{spots: make([]spot, len(s.identities))}
			for i, id := range s.identities {
				r.badges = append(r.badges, badges[id])
				r.spots[i] = spot(badges[id].ordinal())
				at := rapid.SliceOfN(rapid.Uint32Range(0, 20), 1, 6).Draw(t, "instants")
				slices.Sort(at)
				for _, instant := range at {
					code := rapid.Uint16Range(1, 4).Draw(t, "code")
					s.at, s.codes = append(s.at, instant), append(s.codes, code)
					if at := base + int64(instant); k.steps[code] > 0 && at >= k.first {
						want[id] = append(want[id], funnel.MarkOf(at, int(k.steps[code])-1))
					}
				}
				s.ends = append(s.ends, uint32(len(s.at)))
			}
			s.index()
			s.roll.Store(r)
			k.shelves = append(k.shelves, s)
		}
		l := &layout{strays: newTable(bucketBits)}
		for range 2 { // what the first leaves must not matter to the second
			l.begin(0)
			if !l.readBucket(&kernel{gathered: &gathered{stock: k}}, bucket) {
				t.Fatal("a touchpoint was not understood")
			}
			found := make(map[uint64]bool)
			for i := range l.owners {
				o := &l.owners[i]
				if found[o.identity] {
					t.Fatalf("%x is there twice", o.identity)
				}
				found[o.identity] = true
				if o.badge.linked() {
					o.person = 1
				}
			}
			l.arrange()
			for i := range l.owners {
				o := &l.owners[i]
				marks := want[o.identity]
				slices.Sort(marks)
				if opens := slices.ContainsFunc(marks, opening); opens != o.opens {
					t.Fatalf("%x opens an attempt: %v, want %v", o.identity, o.opens, opens)
				}
				if got := l.inOrder(o); o.wanted() && !slices.Equal(got, marks) {
					t.Fatalf("marks of %x: %v, want %v", o.identity, got, marks)
				}
			}
			if len(found) != len(want) {
				t.Fatalf("%d identities, want %d", len(found), len(want))
			}
			l.end()
		}
		if slices.ContainsFunc(l.slots, func(slot uint32) bool { return slot != 0 }) {
			t.Fatal("slots are left over")
		}
	})
}

func opening(m funnel.Mark) bool { return m.Step() == 0 }
