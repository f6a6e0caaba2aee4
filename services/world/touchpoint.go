package world

import (
	"strconv"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Touchpoint is one touchpoint of a benchmark world, small enough to be made by the million.
type Touchpoint struct {
	// At is when it occurred: milliseconds since 1970.
	At int64
	// Number is its own number; message ids are made of it.
	Number uint64
	// Person is numbered from 0.
	Person int
	// Identity is whose touchpoint it is, one of the Benchmark's Identities of the person.
	Identity journey.IdentityID
	// Place is the identity's place among the person's.
	Place uint8
	// Event is an index into Catalogue.
	Event uint8
}

func (b *Benchmark) touchpoint(m moment) Touchpoint {
	person := int(m.packed >> personShift)
	place := uint8(m.packed>>eventBits) & (1<<identityBits - 1)
	return Touchpoint{
		At: m.at, Number: m.packed >> ordinalShift, Person: person, Place: place,
		Identity: b.identities[b.first[person]+uint32(place)],
		Event:    uint8(m.packed),
	}
}

// Message is its message id: 36 characters, as SDKs make them.
func (t Touchpoint) Message() journey.MessageID {
	return journey.MessageID(t.AppendMessage(nil))
}

// AppendMessage appends the message id.
func (t Touchpoint) AppendMessage(to []byte) []byte {
	const digits = "0123456789abcdef"
	high, low := mix(t.Number), mix(^t.Number)
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			to = append(to, '-')
		}
		to = append(to, digits[high>>60])
		high = high<<4 | low>>60
		low <<= 4
	}
	return to
}

var (
	devices = [...]string{
		"phone", "phone", "phone", "phone", "phone", "phone", "desktop", "desktop", "desktop",
		"tablet",
	}
	segments = [...]string{
		"bakery", "dairy", "fruit", "meat", "fish", "drinks", "sweets", "frozen", "home", "pets",
	}
)

// Device is a property: "phone" for six in ten touchpoints, "desktop", or "tablet".
func (t Touchpoint) Device() string {
	return devices[(mix(t.Number)>>32)%uint64(len(devices))]
}

// Category is a property: one of ten, all equally frequent.
func (t Touchpoint) Category() string { return segments[mix(t.Number)%uint64(len(segments))] }

// Amount is a property: a whole number from 1 to 500.
func (t Touchpoint) Amount() int { return int((mix(t.Number)>>40)%500) + 1 }

// AppendProperties appends the properties as canonical JSON: amount, category and device.
func (t Touchpoint) AppendProperties(to []byte) []byte {
	to = append(to, `{"amount":`...)
	to = strconv.AppendInt(to, int64(t.Amount()), 10)
	to = append(to, `,"category":"`...)
	to = append(to, t.Category()...)
	to = append(to, `","device":"`...)
	to = append(to, t.Device()...)
	return append(to, `"}`...)
}

// Fact is the touchpoint as an admitted message, received a second after it occurred.
func (b *Benchmark) Fact(t Touchpoint) journey.Fact {
	at := time.UnixMilli(t.At).UTC()
	f := journey.Fact{
		Site: BenchmarkSite, Message: t.Message(), Kind: journey.Track,
		Event: catalogue[t.Event].Name, OccurredAt: at, OriginalAt: at,
		ReceivedAt: at.Add(time.Second),
		Properties: journey.Object(t.AppendProperties(nil)),
	}
	if user := b.userOf(t.Person); user != "" && t.Place == 0 {
		f.User = user
	} else {
		f.Visitor = visitorOf(t.Person, int(t.Place))
	}
	return f
}

// mix spreads a number over 64 bits (the finalizer of SplitMix64).
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
