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
	// Previous is the id that an alias gives up, empty for other kinds.
	Previous string
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
	if f.Kind == Alias {
		r.Previous = f.Previous
	}
	return r
}

// Ends are the identities whose persons may change with the receipt: whose fact it is, and those
// that it may link. In no order; one may appear twice.
func (r Receipt) Ends() []IdentityID {
	ends := []IdentityID{r.Identity}
	if r.Visitor != "" {
		ends = append(ends, VisitorIdentity(r.Site, r.Visitor))
	}
	if r.Previous != "" {
		ends = append(ends, UserIdentity(r.Site, UserID(r.Previous)),
			VisitorIdentity(r.Site, VisitorID(r.Previous)))
	}
	return ends
}

// Compare orders receipts of one message: the smallest counts.
func (r Receipt) Compare(s Receipt) int {
	return cmp.Or(r.ReceivedAt.Compare(s.ReceivedAt), cmp.Compare(r.Index, s.Index))
}
