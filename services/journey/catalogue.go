package journey

import "time"

// Sighting counts what was seen of a name: of an event, of a property or trait by the type of its
// values, or of all names of a site that found no room.
type Sighting struct {
	Site SiteID
	Name
	Type SightingType
	// Count is 1 or more.
	Count uint64
	// FirstAt and LastAt are when the first and the last occurred. UTC.
	FirstAt, LastAt time.Time
	// Examples are up to MaxExamples distinct values as JSON texts, none for events.
	Examples []string
}

// MaxExamples is how many examples are kept of the values of one type.
const MaxExamples = 5

// Name is a name in a site's catalogue: of an event where Property is empty, of a trait where Event
// is, else of a property of that event.
type Name struct{ Event, Property string }

// SightingType is what a sighting is of.
type SightingType string

// The types: an event; types of values; names of events, and of properties and traits, without
// room, whose Name is empty.
const (
	EventSighting    SightingType = "event"
	TextSighting     SightingType = "text"
	NumberSighting   SightingType = "number"
	BooleanSighting  SightingType = "boolean"
	ArraySighting    SightingType = "array"
	ObjectSighting   SightingType = "object"
	EventOverflow    SightingType = "overflow_event"
	PropertyOverflow SightingType = "overflow_property"
)

// Seen sums up the sightings of a name.
type Seen struct {
	Name
	Count uint64
	// FirstAt and LastAt are when the first and the last occurred. UTC.
	FirstAt, LastAt time.Time
	// Types of values by count, descending; none for events.
	Types []TypeCount
	// Examples are up to MaxExamples distinct values as JSON texts.
	Examples []string
}

// TypeCount is how often values of a type came.
type TypeCount struct {
	Type  SightingType
	Count uint64
}

// Overflow counts what found no room in a catalogue. The zero Overflow where all did.
type Overflow struct {
	Count uint64
	// LastAt is when the last occurred. UTC.
	LastAt time.Time
}

// CatalogueQuery names a part of a site's catalogue of properties and traits.
type CatalogueQuery struct {
	// Event whose properties are wanted; empty: those of all.
	Event string
	// Contains is a text that the names hold, ignoring case; empty: any.
	Contains string
	// Properties and Traits say which of the two are wanted.
	Properties, Traits bool
}
