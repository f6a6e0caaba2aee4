package answer

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// TestIdentitiesIn: the identities of persons are those whose newest entry names them, whoever they
// were of before.
func TestIdentitiesIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := newDirectory(nil)
		person := make(map[journey.IdentityID]journey.PersonID)
		for range rapid.IntRange(0, 40).Draw(t, "entries") {
			id := journey.IdentityID(rapid.Uint64Range(1, 8).Draw(t, "identity") << 60)
			of := journey.PersonID(rapid.Uint64Range(1, 8).Draw(t, "person") << 60)
			person[id] = of
			d.put(entry{identity: id, person: of}, 0, nil)
		}
		var asked []journey.PersonID
		for p := range uint64(10) {
			asked = append(asked, journey.PersonID(p<<60))
		}
		for p, got := range d.identitiesIn(asked) {
			var want []journey.IdentityID
			for id, of := range person {
				if of == p {
					want = append(want, id)
				}
			}
			if slices.Sort(want); len(want) == 0 {
				want = append(want, journey.IdentityID(p))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("person %s has %v, want %v", p, got, want)
			}
		}
	})
}
