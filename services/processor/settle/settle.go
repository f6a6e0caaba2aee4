// Package settle decides which of several copies of one message counts: the one received first,
// by (received_at, place in its batch). It is pure.
//
// The processor writes the rows of a batch, then its receipts, and only then reads the receipts
// of the same messages back. So of two processors that hold copies of one message at the same
// time at least one sees both, and by then the rows of both are there to be removed. A run that
// is killed leaves rows that nobody knows of; its records come again, if in other batches, and
// what they list as beaten covers those rows. The test plays this in every order.
package settle

import (
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// Message names a message of a site.
type Message struct {
	Site journey.SiteID
	Key  journey.MessageKey
}

func messageOf(r journey.Receipt) Message { return Message{r.Site, r.Key} }

// Batch is what is known of the copies of the messages of a batch.
type Batch struct {
	// own are the receipts of the batch in its order.
	own       []journey.Receipt
	ownCopies map[Message][]journey.Receipt
	// before are the receipts that were stored when the batch began, per message ascending.
	before map[Message][]journey.Receipt
	// stored are the places in own of the receipts that count.
	stored []int
}

// New prepares a batch. own are its receipts in its order, known the stored receipts of the same
// messages in any order.
func New(own, known []journey.Receipt) *Batch {
	b := &Batch{own: own, ownCopies: byMessage(own), before: byMessage(known)}
	best := make(map[Message]journey.Receipt, len(own))
	for m, receipts := range b.before {
		best[m] = receipts[0]
	}
	for _, r := range own {
		if least, ok := best[messageOf(r)]; !ok || r.Compare(least) < 0 {
			best[messageOf(r)] = r
		}
	}
	taken := make(map[Message]bool, len(own))
	for i, r := range own {
		m := messageOf(r)
		if best[m].Compare(r) != 0 || taken[m] {
			continue
		}
		taken[m] = true
		b.stored = append(b.stored, i)
	}
	return b
}

// Counting lists the places of the receipts that count as far as is known, ascending, one per
// message: their rows are to be written. A receipt whose rows are there already (a replay) is
// listed too, see Known.
func (b *Batch) Counting() []int { return b.stored }

// Known tells whether the receipt at that place was stored when the batch began. Its rows are
// there; what follows from them may not be.
func (b *Batch) Known(i int) bool {
	return place(b.before[messageOf(b.own[i])], b.own[i]) >= 0
}

// First tells whether no copy of the message at that place was stored when the batch began.
func (b *Batch) First(i int) bool { return len(b.before[messageOf(b.own[i])]) == 0 }

// Beaten lists the receipts that do not count and whose rows may be there, given the stored
// receipts of the same messages after the batch was written. Each is listed once, in no order.
//
// Only one sort of loser is left out, because somebody else is sure to have seen to it: one that
// had lost already when the batch began, if the batch brings the message for the first time. Its
// rows are removed by whoever brought it or what beat it first. Those of a batch that comes again
// are listed all, since its first run may have been killed before it removed them.
func (b *Batch) Beaten(after []journey.Receipt) []journey.Receipt {
	var beaten []journey.Receipt
	for m, receipts := range byMessage(after) {
		again := b.again(m)
		for _, r := range receipts[1:] {
			if again || place(b.before[m], r) < 1 {
				beaten = append(beaten, r)
			}
		}
	}
	return beaten
}

// Fresh tells of a beaten receipt whether it is the batch's own and was not stored when the batch
// began. So nothing but a run that was killed between rows and receipts, or this one, can have
// written its rows; and unless there are any, nothing ever followed from it.
func (b *Batch) Fresh(r journey.Receipt) bool {
	m := messageOf(r)
	return place(b.ownCopies[m], r) >= 0 && place(b.before[m], r) < 0
}

// again tells whether a copy of the message that the batch brings was stored when it began.
func (b *Batch) again(m Message) bool {
	return slices.ContainsFunc(b.ownCopies[m], func(r journey.Receipt) bool {
		return place(b.before[m], r) >= 0
	})
}

// place finds a receipt among those of its message; -1 if it is not there.
func place(among []journey.Receipt, r journey.Receipt) int {
	return slices.IndexFunc(among, func(s journey.Receipt) bool { return s.Compare(r) == 0 })
}

// byMessage gathers receipts per message, ascending, each once.
func byMessage(receipts []journey.Receipt) map[Message][]journey.Receipt {
	by := make(map[Message][]journey.Receipt, len(receipts))
	for _, r := range receipts {
		by[messageOf(r)] = append(by[messageOf(r)], r)
	}
	for m, list := range by {
		slices.SortFunc(list, journey.Receipt.Compare)
		by[m] = slices.CompactFunc(list, func(a, b journey.Receipt) bool {
			return a.Compare(b) == 0
		})
	}
	return by
}
