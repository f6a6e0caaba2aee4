package wire

import (
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Selection says which quarantined messages of a site are meant. All that is stated must hold.
type Selection struct {
	Site journey.SiteID
	// Reason and Key; empty: every one.
	Reason string
	Key    journey.KeyID
	// From and To bound when they were received: at From or after, before To.
	From, To time.Time
	// Replayed takes in those that were taken after a fix.
	Replayed bool
}

// Place is where a quarantined message stands in a list: by the time of receipt, then by id.
type Place struct {
	ReceivedAt time.Time
	ID         string
}

// PlaceOf is the place of a message.
func PlaceOf(q *Quarantined) Place { return Place{ReceivedAt: q.ReceivedAt, ID: q.ID()} }

// Span is a part of a list of quarantined messages.
type Span struct {
	// OldestFirst turns the list around; otherwise the newest stand first.
	OldestFirst bool
	// After is the last place of the part before; nil begins the list.
	After *Place
	// Limit is the most messages wanted, 1 or more.
	Limit int
}

// ReasonCount is how many messages were refused for a reason.
type ReasonCount struct {
	Reason string
	Count  uint64
}
