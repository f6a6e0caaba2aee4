package journey

import (
	"net/netip"
	"time"
)

// Site is one property whose customers are followed: its touchpoints, persons and map are its own.
type Site struct {
	ID          SiteID
	DisplayName string
	// TimeZone is the IANA name of the zone of days, weeks and months. Never empty.
	TimeZone string
	// CreatedAt in UTC.
	CreatedAt time.Time
	Privacy   Privacy
}

// Privacy says what is kept of what a site's visitors send. The zero Privacy truncates IP
// addresses and keeps everything else.
type Privacy struct {
	IP IPHandling
	// Denied are properties that are dropped: a name is a member of properties, traits and
	// context, dots go into objects.
	Denied []string
	// Consent is the path of the member that must be true, such as
	// "context.consent.categoryPreferences.analytics". Empty: none is asked for.
	Consent string
	// Internal are the networks of the site's own people.
	Internal []netip.Prefix
}

// PlainNetwork is an IPv4 network where one is written as IPv6, and any other as it is.
func PlainNetwork(network netip.Prefix) netip.Prefix {
	const mapped = 96 // bits of ::ffff:0:0/96
	if network.Addr().Is4In6() && network.Bits() >= mapped {
		return netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-mapped)
	}
	return network
}

// IPHandling says what becomes of IP addresses.
type IPHandling uint8

// The ways: TruncateIP clears the last 8 bits of IPv4 and the last 80 of IPv6.
const (
	TruncateIP IPHandling = iota
	DropIP
	KeepIP
)

const maxSiteIDBytes = 63

// Valid tells whether it is 1 to 63 of a-z, 0-9 and "-", beginning with a letter.
func (id SiteID) Valid() bool {
	if id == "" || len(id) > maxSiteIDBytes || id[0] < 'a' || id[0] > 'z' {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// KeyID names a key of a site. It is no secret.
type KeyID string

// KeyHash is the SHA-256 of a key's secret, the only thing kept of it.
type KeyHash [32]byte

// KeyKind says what a key opens.
type KeyKind uint8

// The kinds: WriteKey sends messages; ReadKey asks questions and reads maps; AdminKey does all
// that ReadKey does, publishes maps, makes and revokes keys.
const (
	KeyUnknown KeyKind = iota
	WriteKey
	ReadKey
	AdminKey
)

var keyKindNames = [...]string{"unknown", "write", "read", "admin"}

// String is the name in rows and logs: "write", "read" or "admin".
func (k KeyKind) String() string {
	if int(k) >= len(keyKindNames) {
		return keyKindNames[0]
	}
	return keyKindNames[k]
}

// ParseKeyKind reads a name. KeyUnknown if there is no such kind.
func ParseKeyKind(name string) KeyKind {
	for k := WriteKey; k <= AdminKey; k++ {
		if keyKindNames[k] == name {
			return k
		}
	}
	return KeyUnknown
}

// Key opens one site for one kind of use.
type Key struct {
	Site SiteID
	ID   KeyID
	Kind KeyKind
	// Label says what it is for, for people. May be empty.
	Label string
	// CreatedAt in UTC.
	CreatedAt time.Time
	// RevokedAt in UTC. Zero while it is good.
	RevokedAt time.Time
	// Origins of pages that may send with a write key, such as "https://shop.example" or
	// "https://*.shop.example". Empty: all of them.
	Origins []string
	// Rate is how many messages a second each ingest takes with a write key. 0: as many as the
	// installation's default.
	Rate float64
}

// Revoked tells whether the key has ended.
func (k Key) Revoked() bool { return !k.RevokedAt.IsZero() }

// Door is what a key opens, and by which rules.
type Door struct {
	Key     Key
	Privacy Privacy
}

// Publication is one published version of a site's journey map.
type Publication struct {
	Version MapVersion
	// Source is the YAML as published. Empty in lists.
	Source string
	// Title of the map. May be empty.
	Title string
	// InForceAt is the instant from which on messages received are attributed by it. UTC.
	InForceAt time.Time
}
