package journey

import (
	"cmp"
	"time"
)

// Receipt is one receipt of a message. Of several receipts of one message the smallest counts.
type Receipt struct {
	Site SiteID
	Key  MessageKey
	// ReceivedAt in UTC.
	ReceivedAt time.Time
	Index      uint32
	Identity   IdentityID
	// Visitor is the visitor seen with a user in the message, empty if there is none.
	Visitor VisitorID
}

// ReceiptOf is the receipt that a fact is.
func ReceiptOf(f *Fact) Receipt {
	r := Receipt{
		Site: f.Site, Key: f.Key(), ReceivedAt: f.ReceivedAt.UTC(), Index: f.Index,
		Identity: f.Identity(),
	}
	if f.User != "" {
		r.Visitor = f.Visitor
	}
	return r
}

// Compare orders receipts of one message: the smallest counts.
func (r Receipt) Compare(s Receipt) int {
	return cmp.Or(r.ReceivedAt.Compare(s.ReceivedAt), cmp.Compare(r.Index, s.Index))
}
