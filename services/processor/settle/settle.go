// Package settle decides which of several copies of one message counts: the one received first,
// by (received_at, place in its batch). It is pure.
//
// The processor writes the rows of a batch, then its receipts, and only then reads the receipts
// of the same messages back. So of two processors that hold copies of one message at the same
// time at least one sees both, and by then the rows of both are there to be removed.
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

// Beaten lists the receipts that do not count and whose rows may be there, given the stored
// receipts of the same messages after the batch was written. Each is listed once, in no order.
func (b *Batch) Beaten(after []journey.Receipt) []journey.Receipt {
	written := make(map[Message]journey.Receipt, len(b.stored))
	replayed := make(map[Message]bool)
	for _, i := range b.stored {
		written[messageOf(b.own[i])] = b.own[i]
		replayed[messageOf(b.own[i])] = b.Known(i)
	}
	var beaten []journey.Receipt
	for m, receipts := range byMessage(after) {
		for _, r := range receipts[1:] {
			if b.mayHaveRows(m, r, written, replayed[m]) {
				beaten = append(beaten, r)
			}
		}
	}
	return beaten
}

// mayHaveRows tells whether a receipt that lost may have rows: this batch wrote them, it was the
// one that counted before, it came while the batch was written, or the batch is a replay, whose
// first run may have been killed before it removed them.
func (b *Batch) mayHaveRows(
	m Message, r journey.Receipt, written map[Message]journey.Receipt, replayed bool,
) bool {
	if w, ok := written[m]; ok && w.Compare(r) == 0 {
		return true
	}
	at := place(b.before[m], r)
	switch {
	case at == 0:
		return true
	case at > 0:
		return replayed
	default:
		return place(b.ownCopies[m], r) < 0
	}
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
