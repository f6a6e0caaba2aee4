// Package enrich says what the journey map says of a touchpoint: touchpoint, stage and channel, by
// the version in force when the touchpoint was received. It is pure.
package enrich

import "github.com/waystage/waystage/services/journey"

// Attribute attributes a fact by the map in force at its received_at, so that a record gives the
// same row whenever it is read. The zero Attribution where no map was in force, or where the fact
// is no touchpoint.
func Attribute(editions journey.Editions, f *journey.Fact) journey.Attribution {
	m := editions.At(f.ReceivedAt)
	if m == nil {
		return journey.Attribution{}
	}
	return m.Attribute(f)
}
