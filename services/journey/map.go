package journey

import "time"

// Limits of a journey map. A map that exceeds one is refused.
const (
	MaxMapBytes       = 1 << 20
	MinStages         = 2
	MaxStages         = 30
	MaxTouchpoints    = 1000
	MaxChannels       = 100
	MaxPersonas       = 50
	MaxEventsOfRule   = 100
	MaxImportance     = 5
	DefaultLostAfter  = 90 * 24 * time.Hour
	MinLostAfter      = time.Hour
	MaxLostAfter      = 3650 * 24 * time.Hour
	maxIDLength       = 63
	maxTextLength     = 200
	maxConditionRunes = 2000
	// maxConditionsBytes bounds the conditions of a map together: reading them takes up to 50 µs
	// per byte.
	maxConditionsBytes = 100_000
)

// Map is one journey map: the stages in order, and the rules that recognise touchpoints, channels
// and personas. ParseMap makes it; nobody changes it afterwards, its slices included. It is safe
// for concurrent use. The format stands in docs/journey-map.md.
type Map struct {
	// Version is 0 until the map is published.
	Version MapVersion
	Title   string
	// LostAfter is how long a person may be silent before being lost to the journey.
	LostAfter time.Duration
	// Stages in order, 2 to 30. Touchpoints, Channels and Personas in file order, which is the
	// order in which their rules are tried.
	Stages      []Stage
	Touchpoints []Touchpoint
	Channels    []Channel
	Personas    []Persona

	rules rules
}

// Stage is a named position of a journey.
type Stage struct {
	ID StageID
	// Title is the id where the file gives none; so are the other titles.
	Title string
}

// Touchpoint is a named situation in which the customer meets the company, and the rule that
// recognises it.
type Touchpoint struct {
	ID    TouchpointID
	Title string
	Stage StageID
	// Channel is empty where the channel rules decide.
	Channel ChannelID
	// Importance is 1 (low) to 5 (high), 0 where it is not stated.
	Importance int
	// Events are the names of track messages; "page" and "screen" are the pages and screens.
	Events []string
	// When is a CEL condition over event, type, properties, context and traits; empty holds always.
	When string
}

// Channel is a way by which touchpoints come.
type Channel struct {
	ID    ChannelID
	Title string
	// When is a condition as that of a touchpoint; empty never holds: the channel is only stated.
	When string
}

// Persona is a typical representative of a group of persons.
type Persona struct {
	ID    PersonaID
	Title string
	// When is a CEL condition over traits.
	When string
}

// rules are the compiled conditions of a map.
type rules struct {
	// touchpoints by event name, in file order.
	touchpoints map[string][]touchpointRule
	channels    []channelRule
	personas    []personaRule
}

type touchpointRule struct {
	touchpoint *Touchpoint
	// when is nil where there is no condition.
	when *rule
}

type channelRule struct {
	channel ChannelID
	when    *rule
}

type personaRule struct {
	persona PersonaID
	when    *rule
}

// WithVersion is the same map with a version.
func (m *Map) WithVersion(version MapVersion) *Map {
	published := *m
	published.Version = version
	return &published
}
