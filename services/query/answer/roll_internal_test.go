package answer

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// TestRoll: by its roll a shelf knows of each row what the directory does, whatever came since the
// roll was made: identities that had no entry, other persons, a directory read anew.
func TestRoll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := newDirectory(nil)
		personas := []uint32{d.personas.number([]byte("a")), d.personas.number([]byte("b"))}
		drawn := rapid.Custom(func(t *rapid.T) uint64 {
			return rapid.Uint64Range(1, 30).Draw(t, "bits") << 59
		})
		s := &shelf{identities: rapid.SliceOfN(drawn, 0, 12).Draw(t, "rows")}
		slices.Sort(s.identities)
		s.index()
		k := &stock{shelves: []*shelf{s}}
		type known struct {
			persona journey.PersonaID
			repeats []journey.Boundary
		}
		model := make(map[uint64]known)
		g := &gleaner{fastScratch: &fastScratch{}, kernel: &kernel{gathered: &gathered{}, directory: d}}
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			if rapid.IntRange(0, 5).Draw(t, "anew") == 0 {
				d.forget()
				clear(model)
			}
			for range rapid.IntRange(0, 4).Draw(t, "entries") {
				id := drawn.Draw(t, "identity")
				person := min(id, drawn.Draw(t, "person"))
				if rapid.Bool().Draw(t, "alone") {
					person = id
				}
				var repeats []journey.Boundary
				if rapid.Bool().Draw(t, "repeats") {
					repeats = []journey.Boundary{{At: rapid.Int64Range(1, 9).Draw(t, "begin")}}
				}
				persona := rapid.SampledFrom(personas).Draw(t, "persona")
				d.put(entry{identity: journey.IdentityID(id), person: journey.PersonID(person)},
					persona, repeats)
				if person != id {
					repeats = nil // those of the person are with the identity that names it
				}
				model[id] = known{journey.PersonaID(d.personas.list[persona]), repeats}
			}
			if err := k.call(t.Context(), d, 2); err != nil {
				t.Fatal(err)
			}
			for id := range d.strangers {
				if _, known := d.place(id); known {
					t.Fatalf("%x has an entry, and is taken for a stranger", id)
				}
			}
			ordinals := make(map[[2]uint64]uint64)
			for row, at := range s.roll.Load().spots {
				id, b := s.identities[row], s.roll.Load().badges[row]
				if _, linked := d.linked(id); at > 0 && b.linked() != linked {
					t.Fatalf("the badge of %x says %v of whether it is alone", id, !b.linked())
				}
				if (at > 0) != (b.ordinal() > 0) {
					t.Fatalf("identity %x at %d has the ordinal %d", id, at, b.ordinal())
				}
				place := [2]uint64{uint64(bucketOf(id)), uint64(b.ordinal())}
				if other, taken := ordinals[place]; taken && other != id && at > 0 {
					t.Fatalf("identities %x and %x have one ordinal", id, other)
				}
				ordinals[place] = id
				person, linked := g.linked(id, at)
				if want, is := d.linked(id); linked != is || linked && person != want {
					t.Fatalf("identity %x of person %x, %v; want %x, %v", id, person, linked, want, is)
				}
				if linked && at > 0 && d.whoseAt[at-1].named != d.spotOf(person) {
					t.Fatalf("person %x is named at %d, want %d", person, d.whoseAt[at-1].named,
						d.spotOf(person))
				}
				if at != d.spotOf(id) {
					t.Fatalf("identity %x is at %d, want %d", id, at, d.spotOf(id))
				}
				want := model[id]
				p := journey.PersonID(id)
				if got := d.repeatsOf(p, at); !slices.Equal(got, want.repeats) {
					t.Fatalf("repeats of %x: %v, want %v", id, got, want.repeats)
				}
				if got, _ := d.personaOf(p, at); got != want.persona {
					t.Fatalf("persona of %x: %q, want %q", id, got, want.persona)
				}
			}
		}
	})
}
