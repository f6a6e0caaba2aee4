package journey

import "time"

// Limits of a journey map. A map that exceeds one is refused.
const (
	MaxMapBytes      = 1 << 20
	MinStages        = 2
	MaxStages        = 30
	MaxTouchpoints   = 1000
	MaxChannels      = 100
	MaxPersonas      = 50
	MaxEventsOfRule  = 100
	MaxImportance    = 5
	DefaultLostAfter = 90 * 24 * time.Hour
	MinLostAfter     = time.Hour
	MaxLostAfter     = 3650 * 24 * time.Hour
	// MaxKPIs of a map, and MaxPoints of an imported series.
	MaxKPIs   = 100
	MaxPoints = 500

	maxIDLength       = 63
	maxTitleLength    = 200
	maxTextLength     = 500
	maxConditionRunes = 2000
	// maxListLength bounds lists of what people write, maxReferences those of ids of touchpoints.
	maxListLength = 30
	maxReferences = 100
	minRepeat     = 2
	maxRepeat     = 100

	defaultScoreProperty    = "score"
	defaultCurrencyProperty = "currency"
	// maxConditionsBytes bounds the conditions of a map together: reading them takes up to 50 µs
	// per byte.
	maxConditionsBytes = 100_000
)

// Map is one journey map: the stages in order, and the rules that recognise touchpoints, channels
// and personas, with everything else that a workshop writes on the wall. ParseMap makes it; nobody
// changes it afterwards, its slices included. It is safe for concurrent use. The format stands in
// docs/journey-map.md.
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
	// KPIs in file order.
	KPIs []KPI
	// Money and Referral are nil where the map says nothing of them.
	Money    *Money
	Referral *Referral

	rules rules
}

// Stage is a named position of a journey. Everything but ID and Title may be empty.
type Stage struct {
	ID StageID
	// Title is the id where the file gives none; so are the other titles.
	Title string
	// Task and Goal are the business's; CustomerGoal is what the customer wants to get done.
	Task, Goal, CustomerGoal string
	// Activities of the customer, in order: the columns of the stage.
	Activities []Activity
	// BehindTheScenes is what the organisation does.
	BehindTheScenes []string
	Expectations    Expectations
	Barriers        []Barrier
	Ideas           []string
	// Stimuli move people on.
	Stimuli []Stimulus
	// Contact tells that the contact is got here.
	Contact     bool
	Owner       Owner
	Targets     Targets
	Temperature Temperature
	// Score is the team's own, 1 to 5; 0 is not known.
	Score int
	// KPIs are ids of those that the stage is judged by.
	KPIs []KPIID
}

// KPIID names a KPI of a journey map.
type KPIID string

// Activity is a part of a stage: what the customer does there.
type Activity struct {
	Title       string
	Touchpoints []TouchpointID
}

// Expectations are what the customer expects at a stage, and how to surprise. Each may be empty.
type Expectations struct{ Usual, Best, Worst, Surprise string }

// Barrier is an obstacle.
type Barrier struct {
	Title string
	// Touchpoint marks it in the stream; empty: nothing does.
	Touchpoint TouchpointID
	// Remedy is what is done about it; may be empty.
	Remedy string
}

// Stimulus is a tool that moves people on to a stage.
type Stimulus struct {
	Title string
	// To is the next stage where the file says nothing; empty at the last.
	To StageID
	// Contact tells that it gets the contact.
	Contact bool
}

// Owner answers for something. The zero Owner is nobody.
type Owner struct{ Department, Person string }

// Targets are what a stage should reach. nil and absent are no target.
type Targets struct {
	// Conversion is a share of those of the previous stage, in [0, 1].
	Conversion *float64
	// MedianTime is the median time in the stage.
	MedianTime *time.Duration
	// Experience is a score in [-1, 1].
	Experience *float64
	// KPIs by id, each in the KPI's unit.
	KPIs map[KPIID]float64
}

// Temperature of a stage's traffic.
type Temperature string

// The temperatures; the empty one is not stated.
const (
	Cold Temperature = "cold"
	Warm Temperature = "warm"
	Hot  Temperature = "hot"
)

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
	// Events are the names of track messages; "page" and "screen" are the pages and screens. None
	// where Repeat is there, or where the touchpoint is not live.
	Events []string
	// When is a CEL condition over event, type, properties, context and traits; empty holds always.
	When string
	// Repeat, where it is there, makes it the n-th and every later one of another touchpoint. Then it
	// is live.
	Repeat *Repeat
	Owner  Owner
	Status Status
	// Standard is the service standard that it must meet; Task is what is to be done about it, until
	// Due (YYYY-MM-DD). Each may be empty.
	Standard, Task, Due string
	// Score is the team's own, 1 to 5; 0 is not known.
	Score int
	// Feedback is nil where it carries no score.
	Feedback *Feedback
	// Barrier tells that it marks an obstacle; Contact that it gets the contact.
	Barrier, Contact bool
}

// Repeat says that a person's touchpoints Of from the From-th on are another touchpoint.
type Repeat struct {
	Of TouchpointID
	// From is 2 or more.
	From int
}

// Status says whether a touchpoint is there.
type Status string

// The statuses. Only live touchpoints recognise messages.
const (
	Live    Status = "live"
	Planned Status = "planned"
	Absent  Status = "missing"
)

// Feedback says which score a touchpoint carries.
type Feedback struct {
	Kind FeedbackKind
	// Property that holds the score.
	Property string
}

// FeedbackKind is a kind of score.
type FeedbackKind string

// The kinds, with their ranges: 0 to 10, 1 to 5, 1 to 7, 1 to 5, -2 to 2.
const (
	NPS       FeedbackKind = "nps"
	CSAT      FeedbackKind = "csat"
	CES       FeedbackKind = "ces"
	Review    FeedbackKind = "review"
	Sentiment FeedbackKind = "sentiment"
)

// Channel is a way by which touchpoints come.
type Channel struct {
	ID    ChannelID
	Title string
	// When is a condition as that of a touchpoint; empty never holds: the channel is only stated.
	When  string
	Owner Owner
}

// Persona is a typical representative of a group of persons, and what differs on its map.
type Persona struct {
	ID    PersonaID
	Title string
	// When is a CEL condition over traits, groups and facts of the person's touchpoints.
	When string
	// Needs, Factors (what decides), Value (to the company) and Offer may be empty.
	Needs, Factors []string
	Value, Offer   string
	// EntryChannel is the usual one; may be empty.
	EntryChannel ChannelID
	// Order is the persona's own order of stages; those not named are not on its map. None: the map's.
	Order []StageID
	// Stages are what differs, in file order.
	Stages []StageOverride
}

// StageOverride is what differs at a stage for a persona: what is there takes the place of the
// stage's own.
type StageOverride struct {
	Stage        StageID
	Expectations Expectations
	Barriers     []Barrier
	Targets      Targets
}

// Money says which property is money, in which currency, and what gives it back.
type Money struct {
	// Property of the amount; Currency of amounts that state none (ISO 4217); CurrencyProperty of the
	// currency, "currency" where the file says nothing.
	Property, Currency, CurrencyProperty string
	// Touchpoints whose amounts are income, and Refunds whose are given back.
	Touchpoints, Refunds []TouchpointID
}

// Referral says how a referral is recognised.
type Referral struct {
	// When is a condition as that of a touchpoint.
	When string
	// By is the property or trait that names who referred; may be empty.
	By string
}

// KPI is a number that stages are judged by: Formula or Series is there.
type KPI struct {
	ID    KPIID
	Title string
	// Unit in which people read it; may be empty.
	Unit    string
	Formula *Formula
	Series  *Series
}

// Formula computes a KPI from touchpoints.
type Formula struct {
	Function KPIFunction
	// Of which touchpoints.
	Of KPISubject
	// Among is what a share is a share of; nil for others.
	Among *KPISubject
	// Property whose values are taken; empty for Count, Share, and where To is there.
	Property string
	// To is the later end of a span that begins at Of; nil where values are those of Property.
	To *KPISubject
	// Percentile is above 0 and below 100; 0 for other functions.
	Percentile float64
	// Persons tells that persons are counted rather than touchpoints, by Count and Share.
	Persons bool
}

// KPIFunction is what a formula computes.
type KPIFunction string

// The functions.
const (
	Count      KPIFunction = "count"
	Share      KPIFunction = "share"
	Sum        KPIFunction = "sum"
	Mean       KPIFunction = "mean"
	Percentile KPIFunction = "percentile"
)

// KPISubject names touchpoints by one of Touchpoint, Stage and Event.
type KPISubject struct {
	Touchpoint TouchpointID
	Stage      StageID
	Event      string
	// When is a condition as that of a touchpoint; may be empty.
	When string
}

// Series is an imported series of values.
type Series struct {
	// Source may be empty.
	Source string
	// Points, oldest first.
	Points []Point
}

// Point is the value of a series from a day (YYYY-MM-DD) on.
type Point struct {
	Date  string
	Value float64
}

// rules are the compiled conditions of a map.
type rules struct {
	// touchpoints by event name, in file order.
	touchpoints map[string][]touchpointRule
	channels    []channelRule
	personas    []personaRule
	// facts that the rules about persons read.
	facts factPlan
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
