// Package journey holds the nouns: sites, touchpoints and the other facts that sites send,
// values, and the journey map with its rules. It is pure: no I/O, no clock, no goroutines.
package journey

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
)

// SiteID names a site: 1 to 63 of a-z, 0-9 and "-", beginning with a letter.
type SiteID string

// MessageID is the sender's id of a message, or one derived from its content.
type MessageID string

// UserID is an id that a site gives to a known user.
type UserID string

// VisitorID is an anonymous id: a device or a cookie.
type VisitorID string

// GroupID is an id that a site gives to a group of users.
type GroupID string

// StageID names a stage of a journey map.
type StageID string

// TouchpointID names a touchpoint of a journey map.
type TouchpointID string

// ChannelID names a channel of a journey map.
type ChannelID string

// PersonaID names a persona of a journey map.
type PersonaID string

// Unassigned is the persona of a person for whom no rule holds.
const Unassigned PersonaID = "unassigned"

// MapVersion counts the published maps of a site from 1. 0 means that none was in force.
type MapVersion uint32

// IdentityID is the immutable number of one user id or one visitor id of a site. It is a hash:
// two ids of one site share a number with a probability of n²/2⁶⁵ among n ids.
type IdentityID uint64

// PersonID is the smallest IdentityID of a person's identities. It changes when persons merge.
type PersonID uint64

// String is the public form: 16 hexadecimal digits.
func (p PersonID) String() string { return fmt.Sprintf("%016x", uint64(p)) }

// ParsePersonID reads the public form.
func ParsePersonID(s string) (PersonID, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, fmt.Errorf("parsing person id %q: want 16 hexadecimal digits", s)
	}
	return PersonID(n), nil
}

// UserIdentity is the identity of a user id. User ids and visitor ids are numbered apart: the
// same text as both is two identities.
func UserIdentity(site SiteID, user UserID) IdentityID {
	return identity(site, 'u', string(user))
}

// VisitorIdentity is the identity of a visitor id.
func VisitorIdentity(site SiteID, visitor VisitorID) IdentityID {
	return identity(site, 'v', string(visitor))
}

func identity(site SiteID, space byte, id string) IdentityID {
	sum := digest(string(site), space, id)
	return IdentityID(binary.BigEndian.Uint64(sum[:8]))
}

// MessageKey is a fixed-size stand-in for (site, message id): the first half of a SHA-256.
type MessageKey [16]byte

// KeyOf is the key of a site's message id.
func KeyOf(site SiteID, message MessageID) MessageKey {
	sum := digest(string(site), 'm', string(message))
	return MessageKey(sum[:16])
}

func digest(site string, space byte, id string) [sha256.Size]byte {
	b := make([]byte, 0, len(site)+len(id)+2)
	b = append(b, site...)
	b = append(b, 0, space)
	b = append(b, id...)
	return sha256.Sum256(b)
}
