package answer

import (
	"slices"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// Where marks alone are asked, no sheaves are bound: what there is of a bucket is read in the order
// in which it lies in memory, what fills a step is kept, and then brought to whom it is of. Rows
// that fill no step, and persons who do not enter, cost no more than being read.

// layout is the marks of the identities of a bucket.
type layout struct {
	// read are the marks as they were read, rows whose they are, and how many of each.
	read []funnel.Mark
	rows []markedRow
	// marks are the same by owner.
	marks  []funnel.Mark
	owners []owner
	// slots have one more than the place in owners of an identity by its ordinal; strays the place by
	// identity, of those of whom no ordinal is known, or one that another has too.
	slots  []uint32
	strays *table
}

// markedRow is a row of a shelf that has marks.
type markedRow struct{ owner, size uint32 }

// owner is an identity that has marks.
type owner struct {
	identity uint64
	// person is that of an identity that may not be its person's only one, 0 of others.
	person uint64
	spot   spot
	badge  badge
	// size is how many marks it has, and begin and end are where those lie that were brought.
	size, begin, end uint32
	// crossings is how many rows begin before the last one ends, as far as that was counted.
	crossings uint8
	// opens tells that one of them opens an attempt.
	opens bool
}

// byMarks tells that marks alone are asked.
func (g *gleaner) byMarks() bool { return g.trail == nil && g.general == nil }

// sheafless tells that marks alone are asked, and that nothing of a person decides what they are.
func (g *gleaner) sheafless() bool {
	return g.byMarks() && (g.kernel.harvest != nil || g.kernel.stock.bases == nil)
}

// layBucket counts the persons of one identity in a bucket and sets the others' marks aside.
func (g *gleaner) layBucket(bucket int) error {
	l := &g.layout
	l.begin(g.kernel.reaped(bucket) / reapedWords)
	defer l.end()
	if !l.readBucket(g.kernel, bucket) {
		return errUnsure
	}
	for i := range l.owners {
		if o := &l.owners[i]; o.badge.linked() || o.spot == 0 {
			o.person, _ = g.linked(o.identity, o.spot)
		}
	}
	return g.countOwners()
}

// reapedWords is how many words a streamed record has at least: its head, and a mark.
const reapedWords = 2

// reaped is how many words of streamed journeys there are of a bucket, of which nobody's ordinal is
// known.
func (k *kernel) reaped(bucket int) (words int) {
	if k.harvest != nil {
		for _, r := range k.harvest.reapers {
			words += len(r.buckets[bucket])
		}
	}
	return words
}

// laySpilled counts the persons of a bucket whose marks were set aside.
func (g *gleaner) laySpilled(bucket int, records [][]uint64) error {
	l := &g.layout
	l.begin(wordsOf(records) / spilledWords)
	defer l.end()
	for _, of := range records {
		l.readRecords(of, bucket, true)
	}
	return g.countOwners()
}

// countOwners counts all whose marks were read, or sets them aside.
func (g *gleaner) countOwners() error {
	g.layout.arrange()
	if g.byPersona != nil {
		g.warmOwners()
	}
	for i := range g.layout.owners {
		if err := g.countOwner(&g.layout.owners[i]); err != nil {
			return err
		}
	}
	return nil
}

// warmOwners is warm for owners who enter.
func (g *gleaner) warmOwners() {
	read, of := uint32(0), g.kernel.directory.whoseAt
	for i := range g.layout.owners {
		if o := &g.layout.owners[i]; o.opens && o.spot > 0 {
			read ^= of[o.spot-1].persona
		}
	}
	g.warmed ^= read
}

// countOwner counts the person of an identity, or sets its marks aside for the person of several.
func (g *gleaner) countOwner(o *owner) error {
	if !o.wanted() {
		return nil
	}
	marks := g.layout.inOrder(o)
	if o.person != 0 {
		spill(g, o.person, o.spot, marks)
		return nil
	}
	person := journey.PersonID(o.identity)
	counted, err := g.counter.CountMarks(marks, g.valuesOf(person, o.spot))
	return g.give(person, counted, err)
}

// begin empties it, and makes room for so many strays.
func (l *layout) begin(strays int) {
	l.read, l.rows, l.owners = l.read[:0], l.rows[:0], l.owners[:0]
	l.strays.reset(roomFor(strays, l.strays))
}

// end forgets whose slots are whose.
func (l *layout) end() {
	for i := range l.owners {
		l.slots[l.owners[i].badge.ordinal()] = 0
	}
}

// readBucket reads what was gathered of a bucket. known is false where a touchpoint is not
// understood.
func (l *layout) readBucket(k *kernel, bucket int) (known bool) {
	if k.harvest != nil {
		for _, r := range k.harvest.reapers {
			l.readRecords(r.buckets[bucket], bucket, false)
		}
		return true
	}
	seen := uint8(0)
	for _, s := range k.stock.shelves {
		seen |= l.readShelf(s, k.stock, bucket)
	}
	return seen < unknownBit
}

// readRecords reads records of a bucket: those of identities, or spilled ones of persons.
func (l *layout) readRecords(records []uint64, bucket int, spilled bool) {
	for at := 0; at < len(records); {
		head, named := records[at], spot(0)
		if at++; spilled {
			named = spot(records[at])
			at++
		}
		size, least := uint32(head&maxRecord), uint8(noStep)
		for _, word := range records[at : at+int(size)] {
			m := funnel.Mark(word)
			least = min(least, uint8(m.Step()))
			l.read = append(l.read, m)
		}
		at += int(size)
		l.give(l.ownerOf(identityOf(bucket, head), named, 0), size, least)
	}
}

// give gives an owner the marks that were read last.
func (l *layout) give(owner, size uint32, least uint8) {
	l.rows = append(l.rows, markedRow{owner, size})
	o := &l.owners[owner]
	o.size += size
	o.opens = o.opens || least == 0
}

// readShelf reads the rows that a shelf has of a bucket. seen has the bits of all their steps.
func (l *layout) readShelf(s *shelf, k *stock, bucket int) (seen uint8) {
	first, last := s.starts[bucket], s.starts[bucket+1]
	if first == last {
		return 0
	}
	begin, _ := s.row(first)
	_, end := s.row(last - 1)
	l.read = slices.Grow(l.read, int(end-begin))
	whole, roll := k.whole(s), s.roll.Load()
	for i := first; i < last; i++ {
		from, to := s.row(i)
		if !whole {
			from, to = s.within(from, to, k.first, k.last)
		}
		before := len(l.read)
		marks, all, least := s.marksOf(from, to, k.steps, l.read)
		l.read = marks
		seen |= all
		if size := uint32(len(marks) - before); size > 0 {
			l.give(l.ownerOf(s.identities[i], roll.spots[i], roll.badges[i]), size, least)
		}
	}
	return seen
}

// ownerOf is the place in owners of an identity. Its ordinal finds it mostly.
func (l *layout) ownerOf(identity uint64, at spot, b badge) uint32 {
	ordinal := b.ordinal()
	if ordinal >= uint32(len(l.slots)) {
		l.slots = append(l.slots, make([]uint32, int(ordinal)+1-len(l.slots))...)
	}
	n := uint32(len(l.owners))
	switch slot := l.slots[ordinal]; {
	case slot > 0 && l.owners[slot-1].identity == identity:
		return slot - 1
	case slot == 0 && ordinal > 0:
		l.slots[ordinal] = n + 1
	default:
		c := l.strays.at(identity)
		if c.key != 0 {
			return uint32(c.value)
		}
		l.strays.put(c, cell{identity, uint64(n)})
		b &= linkedBadge
	}
	l.owners = append(l.owners, owner{identity: identity, spot: at, badge: b})
	return n
}

// wanted tells that the owner's marks are needed: it may enter, or another of the person's
// identities may.
func (o *owner) wanted() bool { return o.opens || o.person != 0 }

// arrange brings marks to their owners, in order.
func (l *layout) arrange() {
	end := uint32(0)
	for i := range l.owners {
		if o := &l.owners[i]; o.wanted() {
			o.begin, o.end = end, end
			end += o.size
		}
	}
	l.marks = slices.Grow(l.marks[:0], int(end))[:end]
	from := uint32(0)
	for _, r := range l.rows {
		if o := &l.owners[r.owner]; o.wanted() {
			l.bring(o, l.read[from:from+r.size])
		}
		from += r.size
	}
}

// bring adds the marks of a row, which are in order of time, to those that an owner has. Months
// follow one another: mostly a row begins after the last one ended.
func (l *layout) bring(o *owner, row []funnel.Mark) {
	inOrder(row)
	to := l.marks[o.begin : o.end+uint32(len(row))]
	o.end += uint32(len(row))
	before := len(to) - len(row)
	crosses := before > 0 && to[before-1] > row[0]
	if crosses && o.crossings <= manyRuns {
		o.crossings++
	}
	if !crosses || o.crossings > manyRuns {
		copy(to[before:], row)
		return
	}
	weave(to, row, 0)
}

// inOrder are the marks of an owner that were brought.
func (l *layout) inOrder(o *owner) []funnel.Mark {
	marks := l.marks[o.begin:o.end]
	if o.crossings > manyRuns {
		slices.Sort(marks)
	}
	return marks
}
