// Package funnel holds the meaning of a funnel question: which touchpoints fill which steps, which
// attempt of a person counts, and what the numbers are. It is pure, and it is the reference:
// whatever reads touchpoints from a store must give the answers that this package gives on the
// same facts. The rules stand in docs/semantics.md.
package funnel

import (
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Limits of a question.
const (
	MinSteps      = 2
	MaxSteps      = 30
	MinWindow     = time.Second
	DefaultWindow = 14 * 24 * time.Hour
	MaxBreakdowns = 2
	DefaultLimit  = 25
	MaxLimit      = 1000
	MaxHold       = 3
	MaxExclusions = 8
	MaxBuckets    = 10_000
	MaxBins       = 60
	// SessionGap between two touchpoints, and longer ones do, ends a session.
	SessionGap = journey.SessionIdle
)

// Question asks how units, persons by default, travel through an ordered list of steps.
type Question struct {
	// From (inside) and To (outside) bound the entries; under All every touchpoint.
	From, To time.Time
	Mode     RangeMode
	// AsOf hides every touchpoint and trait change that occurred after it.
	AsOf  time.Time
	Steps []Step
	Order Order
	// Window is the time allowed from the entry, inclusive at its end.
	Window  time.Duration
	Reentry Reentry
	// Count says how often a unit counts.
	Count Count
	// Simultaneity is by how much the times of two touchpoints may differ and be taken in either
	// order.
	Simultaneity time.Duration
	// Hold are properties whose values an attempt's touchpoints, exclusions too, must share with
	// its entry: at most MaxHold. An entry that lacks one of them opens nothing.
	Hold []string
	// Exclusions are touchpoints that must not come between two steps: at most MaxExclusions.
	Exclusions []Exclusion
	// Filter hides touchpoints before anything else. nil hides none.
	Filter Filter
	// Unit says whose journey it is.
	Unit Unit
	// Breakdowns split the answer into a group per value, or pair of values: at most MaxBreakdowns
	// of them, and at most Limit groups.
	Breakdowns []Breakdown
	Limit      int
	// Buckets are the beginnings of the trend's buckets of entry time, ascending: each ends where
	// the next one begins, the last at To, and the first begins at or before From. nil: no trend.
	// At most MaxBuckets.
	Buckets []time.Time
	// TimeToConvert asks for the distribution of the time between two steps. nil: not asked.
	TimeToConvert *TimeToConvert
	// Departures asks what those did who filled a step and not the next.
	Departures bool
	// Reasons asks what separates those who filled the next step from those who were lost. nil: not
	// asked.
	Reasons *Reasons
}

// RangeMode says what the range cuts.
type RangeMode uint8

// Entry cuts entries only; All cuts every touchpoint.
const (
	Entry RangeMode = iota
	All
)

// Reentry says which attempt of a unit counts.
type Reentry uint8

// Best takes the deepest attempt, among these the one whose deepest step came first, then the one
// that started latest. First takes the first attempt.
const (
	Best Reentry = iota
	First
)

// Order says what may lie between steps.
type Order uint8

// The orders. Ordered: other touchpoints may lie between the steps. Strict: none may. Any: the
// steps may come in any order.
const (
	Ordered Order = iota
	Strict
	Any
)

// Count says how often a unit counts.
type Count uint8

// The counts: once; with every attempt, taken greedily from the first; with the best attempt of
// every session.
const (
	Once Count = iota
	PerAttempt
	PerSession
)

// Step is one position of a funnel.
type Step struct {
	Target Target
	// Conditions must all hold.
	Conditions []Condition
	// Optional steps may be left out.
	Optional bool
	// Within is the most time since the previous filled required step. nil: only the window counts.
	Within    *time.Duration
	FirstTime FirstTime
	Label     string
}

// FirstTime says whether only a unit's first touchpoint of a kind may fill a step.
type FirstTime uint8

// Always: any may. FirstOfTarget: only the unit's first ever of the step's target, which must then
// pass the conditions. FirstMatching: the first that passes them.
const (
	Always FirstTime = iota
	FirstOfTarget
	FirstMatching
)

// Exclusion is a touchpoint that must not come after step From and before step To, both from 0.
type Exclusion struct {
	Target     Target
	Conditions []Condition
	From, To   int
	Effect     Effect
}

// Effect says what an exclusion does to what it hits.
type Effect uint8

// Drop ends the attempt at the step reached; Remove makes it void.
const (
	Drop Effect = iota
	Remove
)

// TimeToConvert names two steps, from 0, and the number of bins of the histogram of the time
// between them: 0 for the cube root of the number of units, rounded up.
type TimeToConvert struct{ From, To, Bins int }

// Target is what fills a step.
type Target struct {
	Kind TargetKind
	// Name of the stage, touchpoint or event; empty for AnyEvent.
	Name string
}

// TargetKind is the kind of a target.
type TargetKind uint8

// The targets.
const (
	Stage TargetKind = iota
	Touchpoint
	Event
	AnyEvent
)

// Matches tells whether a touchpoint is a step's target, conditions apart.
func (t Target) Matches(event string, a journey.Attribution) bool {
	switch t.Kind {
	case Stage:
		return string(a.Stage) == t.Name
	case Touchpoint:
		return string(a.Touchpoint) == t.Name
	case Event:
		return event == t.Name
	default:
		return true
	}
}

// Filter is a tree of conditions: one of AllOf, AnyOf, Not and Condition.
type Filter interface{ filter() }

// AllOf holds where all its members hold.
type AllOf []Filter

// AnyOf holds where one of its members holds.
type AnyOf []Filter

// Not holds where its member does not.
type Not struct{ Of Filter }

func (AllOf) filter()     {}
func (AnyOf) filter()     {}
func (Not) filter()       {}
func (Condition) filter() {}

// Condition is a test of one value of a touchpoint or of its person.
type Condition struct {
	Subject Subject
	// Name of the property or trait; part of the campaign (one of CampaignName, CampaignSource and
	// CampaignMedium, empty is the first); type of the group (empty is DefaultGroupType). Empty for
	// other subjects.
	Name     string
	Operator Operator
	// Values to compare with: one for most operators, one or more for In and NotIn, two for
	// Between, none for IsSet and IsNotSet.
	Values []journey.Value
}

// Subject says where a condition finds its value.
type Subject uint8

// The subjects. Trait and Persona are the person's as of the question's AsOf, the others the
// touchpoint's. OfDevice, OfBrowser, OfOS, OfTraffic and OfCampaign are missing where nothing is
// known, or marked. OfGroup is the group that the touchpoint states, else the one that its person
// joined last as of AsOf. Variant is that of an experiment, for breakdowns alone.
const (
	Property Subject = iota
	Trait
	Persona
	OfChannel
	OfEvent
	OfStage
	OfTouchpoint
	OfDevice
	OfBrowser
	OfOS
	OfTraffic
	OfCampaign
	OfGroup
	Variant
)

// OfPerson tells whether the value is the person's rather than the touchpoint's.
func (s Subject) OfPerson() bool { return s == Trait || s == Persona }

// Operator is a test.
type Operator uint8

// The operators. A missing value passes NotEqual, NotContains, NotIn and IsNotSet and fails
// every other.
const (
	Equal Operator = iota + 1
	NotEqual
	Contains
	NotContains
	In
	NotIn
	Greater
	GreaterOrEqual
	Less
	LessOrEqual
	Between
	Regex
	IsSet
	IsNotSet
)
