package answer

import (
	"iter"
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// sibling is the place in entries of an identity, and one more than that of the one before it of
// the same person, 0 for none.
type sibling struct{ place, before uint32 }

// join remembers that the identity at a place is a person's who is named by another.
func (d *directory) join(person journey.PersonID, place uint32) {
	before, _ := d.lastSibling.get(uint64(person))
	d.siblings = append(d.siblings, sibling{place, uint32(before)})
	d.lastSibling.set(uint64(person), uint64(len(d.siblings)))
}

// joined are the places of the identities of a person who is named by another.
func (d *directory) joined(p journey.PersonID) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for next, _ := d.lastSibling.get(uint64(p)); next > 0; {
			s := d.siblings[next-1]
			// It may have gone to another person.
			if d.entries[s.place].person == p && !yield(s.place) {
				return
			}
			next = uint64(s.before)
		}
	}
}

// identitiesOf lists the identities of persons, per person ascending.
func (d *directory) identitiesOf(
	persons []journey.PersonID,
) map[journey.PersonID][]journey.IdentityID {
	d.mutex.RLock()
	defer d.mutex.RUnlock()
	return d.identitiesIn(persons)
}

// identitiesIn is identitiesOf where the directory is locked.
func (d *directory) identitiesIn(
	persons []journey.PersonID,
) map[journey.PersonID][]journey.IdentityID {
	of := make(map[journey.PersonID][]journey.IdentityID, len(persons))
	for _, p := range persons {
		var list []journey.IdentityID
		if e, known := d.entryOf(journey.IdentityID(p)); known && e.person == p {
			list = append(list, journey.IdentityID(p))
		}
		for place := range d.joined(p) {
			list = append(list, d.entries[place].identity)
		}
		if len(list) == 0 {
			list = append(list, journey.IdentityID(p))
		}
		slices.Sort(list)
		of[p] = slices.Compact(list)
	}
	return of
}
