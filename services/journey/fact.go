package journey

import (
	"cmp"
	"time"
)

// Kind is what the sender called.
type Kind uint8

// The kinds. Track, page and screen messages are touchpoints; the others change persons.
const (
	KindUnknown Kind = iota
	Track
	Page
	Screen
	Identify
	Group
	Alias
)

var kindNames = [...]string{"unknown", "track", "page", "screen", "identify", "group", "alias"}

// String is the name in messages and rows: "track", "page", …
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return kindNames[0]
	}
	return kindNames[k]
}

// ParseKind reads a name. KindUnknown if there is no such kind.
func ParseKind(name string) Kind {
	for k := Track; k <= Alias; k++ {
		if kindNames[k] == name {
			return k
		}
	}
	return KindUnknown
}

// IsTouchpoint tells whether messages of this kind are touchpoints.
func (k Kind) IsTouchpoint() bool { return k == Track || k == Page || k == Screen }

// Fact is one admitted message: a touchpoint, or a statement about a person.
type Fact struct {
	Site    SiteID
	Message MessageID
	Kind    Kind
	// User, Visitor and Group are empty where the sender gave none or one that is no identity.
	// At least one of User and Visitor is not empty.
	User    UserID
	Visitor VisitorID
	Group   GroupID
	// Previous is the id that an Alias gives up.
	Previous string
	// Event is the name of a Track, "page", or "screen"; empty for other kinds.
	Event string
	// OccurredAt is when it happened, corrected for the sender's clock; OriginalAt is by the
	// sender's clock; ReceivedAt is when ingest took it. UTC, nanoseconds.
	OccurredAt, OriginalAt, ReceivedAt time.Time
	// Index is its place in its batch, from 0.
	Index uint32
	// Properties, Traits and Context as sent, less what the site's privacy settings keep out.
	Properties, Traits, Context Object
	// Internal tells that it came from one of the site's own networks.
	Internal bool
}

// Identity is whose fact it is: the user's where a user id is there, else the visitor's.
func (f *Fact) Identity() IdentityID {
	if f.User != "" {
		return UserIdentity(f.Site, f.User)
	}
	return VisitorIdentity(f.Site, f.Visitor)
}

// At is the instant that counts: milliseconds since 1970.
func (f *Fact) At() int64 { return f.OccurredAt.UnixMilli() }

// Key is the fixed-size stand-in for site and message id.
func (f *Fact) Key() MessageKey { return KeyOf(f.Site, f.Message) }

// CompareShown orders facts as they are shown: by occurred_at, original time, received_at, place
// in the batch, message id. It is total over the facts of a site, copies of a message apart.
func CompareShown(a, b *Fact) int {
	return cmp.Or(
		a.OccurredAt.Compare(b.OccurredAt),
		a.OriginalAt.Compare(b.OriginalAt),
		CompareCopies(a, b),
		cmp.Compare(a.Message, b.Message),
	)
}

// CompareCopies orders copies of one message: the smallest counts.
func CompareCopies(a, b *Fact) int {
	return cmp.Or(a.ReceivedAt.Compare(b.ReceivedAt), cmp.Compare(a.Index, b.Index))
}

// Attribution is what a map version says of a touchpoint: a pure function of the fact and the map.
type Attribution struct {
	// Version is 0 and the rest empty where no map was in force.
	Version MapVersion
	// Touchpoint and Stage are empty where no rule of the map holds.
	Touchpoint TouchpointID
	Stage      StageID
	// Channel is empty where none is known.
	Channel ChannelID
}

// Client is what a touchpoint was made with, as its user agent tells. Each is empty where unknown.
type Client struct {
	// Device is "desktop", "mobile", "tablet" or "tv".
	Device string
	// Browser and OS are names such as "Firefox" and "Android".
	Browser, OS string
}

// Traffic marks touchpoints that are no customer's.
type Traffic string

// The marks. A touchpoint that is both is a robot's.
const (
	Ordinary Traffic = ""
	Bot      Traffic = "bot"
	Internal Traffic = "internal"
)
