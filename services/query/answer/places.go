package answer

import "github.com/waystage/waystage/services/journey"

// What questions ask of many persons lies in the directory by place.

// spot is one more than a place in entries; 0 for an identity that has none, or of which it was not
// asked.
type spot uint32

// place is where in entries an identity is, if it is there.
func (d *directory) place(identity uint64) (uint32, bool) {
	value, ok := d.numbers.get(identity)
	return uint32(value), ok
}

// spotOf is that of an identity.
func (d *directory) spotOf(identity uint64) spot {
	n, ok := d.place(identity)
	if !ok {
		return 0
	}
	return spot(n) + 1
}

// spotIn is the spot of a person's naming identity, which may be known already.
func (d *directory) spotIn(p journey.PersonID, known spot) spot {
	if known > 0 {
		return known
	}
	return d.spotOf(uint64(p))
}

// append gives an identity a place; link says whose it is.
func (d *directory) append(e entry, persona uint32) uint32 {
	n := uint32(len(d.entries))
	d.entries, d.whoseAt = append(d.entries, e), append(d.whoseAt, whose{persona: persona})
	d.repeatsAt, d.ordinals = append(d.repeatsAt, 0), append(d.ordinals, d.ordinal(e))
	d.numbers.set(uint64(e.identity), uint64(n))
	if d.strangers[uint64(e.identity)] {
		delete(d.strangers, uint64(e.identity))
		for other := range d.joined(journey.PersonID(e.identity)) {
			d.whoseAt[other].named = spot(n) + 1
		}
	}
	return n
}

// ordinal counts an identity, and gives its number among those of its site and bucket.
func (d *directory) ordinal(e entry) uint32 {
	if d.census[e.site] == nil {
		d.census[e.site] = new([bucketCount]uint32)
	}
	count := &d.census[e.site][bucketOf(uint64(e.identity))]
	*count++
	return *count
}

// link remembers that an identity is not its person's only one, if so.
func (d *directory) link(identity, person uint64) {
	if _, known := d.links.get(identity); known || identity != person {
		d.setLink(identity, person)
	}
	if _, known := d.links.get(person); !known && identity != person {
		d.setLink(person, person)
	}
}

func (d *directory) setLink(identity, person uint64) {
	d.links.set(identity, person)
	if n, ok := d.place(identity); ok {
		if d.whoseAt[n].person == 0 {
			d.linkedAt = append(d.linkedAt, n)
		}
		d.whoseAt[n].person, d.whoseAt[n].named = person, d.spotOf(person)
	} else {
		d.strangers[identity] = true
	}
}

// linked is the person of an identity where that may have several. Others are persons of their own.
func (d *directory) linked(identity uint64) (person uint64, is bool) {
	return d.links.get(identity)
}

// repeatsOf are where a person's touchpoints begin to be repeats; known as of spotIn.
func (d *directory) repeatsOf(p journey.PersonID, known spot) []journey.Boundary {
	if len(d.repeats) == 0 {
		return nil
	}
	if at := d.spotIn(p, known); at > 0 && d.repeatsAt[at-1] > 0 {
		return d.repeats[d.repeatsAt[at-1]-1]
	}
	return nil
}

// personaNumber is one more than the number of a person's persona, 0 for a person without an entry;
// known as of spotIn.
func (d *directory) personaNumber(p journey.PersonID, known spot) uint32 {
	at := d.spotIn(p, known)
	if at == 0 {
		return 0
	}
	return d.whoseAt[at-1].persona + 1
}

// personaOf is the persona of a person who has an entry; known as of spotIn.
func (d *directory) personaOf(p journey.PersonID, known spot) (journey.PersonaID, bool) {
	number := d.personaNumber(p, known)
	if number == 0 {
		return "", false
	}
	return journey.PersonaID(d.personas.list[number-1]), true
}
