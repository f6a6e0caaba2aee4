// Package enrich says what one message tells of itself: touchpoint, stage and channel by the
// version of the journey map that was in force when it was received, the channel by the usual
// rules where the map gives none, what it was made with, and whether it is a customer's at all.
// It is pure.
package enrich

import "github.com/waystage/waystage/services/journey"

// Attribute attributes a fact by the map in force at its received_at, so that a record gives the
// same row whenever it is read. Where no map was in force, or the map gives no channel, the channel
// is that of Channel. The zero Attribution where the fact is no touchpoint.
func Attribute(editions journey.Editions, f *journey.Fact) journey.Attribution {
	return AttributeBy(editions.At(f.ReceivedAt), f)
}

// AttributeBy attributes a fact by a map; nil is none.
func AttributeBy(m *journey.Map, f *journey.Fact) journey.Attribution {
	var a journey.Attribution
	if m != nil {
		a = m.Attribute(f)
	}
	if a.Channel == "" {
		a.Channel = Channel(f)
	}
	return a
}
