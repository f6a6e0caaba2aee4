package funnel

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

// Breakdown splits an answer into groups by a value.
type Breakdown struct {
	// By is one of Persona, OfChannel, Trait, Property, Variant, OfCampaign, OfDevice, OfBrowser, OfOS
	// and OfGroup.
	By Subject
	// Name of the trait, property or experiment; part of the campaign and type of the group as in a
	// Condition; empty for other subjects.
	Name string
	// Attribution says whose value counts.
	Attribution Attribution
	// Step of StepTouch, from 0.
	Step int
}

// Attribution says which touchpoint gives the value of a breakdown.
type Attribution uint8

// The attributions. FirstTouch and LastTouch take the first or last value that is not missing
// among the unit's touchpoints in range that match a step. OfPerson takes the person's. EveryTouch
// evaluates the unit once per value, seeing only touchpoints that carry it; StepTouch once per
// value of the touchpoints that match a step, which must carry it.
const (
	FirstTouch Attribution = iota
	LastTouch
	OfPerson
	EveryTouch
	StepTouch
)

// several tells that a unit is evaluated once per value.
func (a Attribution) several() bool { return a == EveryTouch || a == StepTouch }

// Unit says whose journey a question asks about: touchpoints are gathered by this value, as text,
// and those without it are not seen. The zero Unit is the person.
type Unit struct {
	Kind UnitKind
	// Name of the trait or property, type of the group (empty is DefaultGroupType).
	Name string
}

// UnitKind is the kind of a unit.
type UnitKind uint8

// The units. GroupUnit is the group that a touchpoint states, else the one that its person joined
// last as of the question's AsOf; TraitUnit is the person's trait as of AsOf; PropertyUnit is a
// property of the touchpoint.
const (
	PersonUnit UnitKind = iota
	GroupUnit
	TraitUnit
	PropertyUnit
)

// DefaultGroupType is the type of a group where none is named.
const DefaultGroupType = identity.DefaultGroupType

// Parts of a campaign.
const (
	CampaignName   = "name"
	CampaignSource = "source"
	CampaignMedium = "medium"
)

// GroupValue is a value of a breakdown. A missing one is not the empty text.
type GroupValue struct {
	Value   string
	Missing bool
}

// Key is what a group is told by: a value per breakdown of the question, the rest zero.
type Key [MaxBreakdowns]GroupValue

// KeyOf makes a key of values, one per breakdown.
func KeyOf(values ...GroupValue) Key {
	var k Key
	copy(k[:], values)
	return k
}

// compareKeys orders by value, breakdown by breakdown, missing ones last.
func compareKeys(a, b Key) int {
	for i := range a {
		if c := a[i].compare(b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func (v GroupValue) compare(w GroupValue) int {
	if v.Missing != w.Missing {
		if v.Missing {
			return 1
		}
		return -1
	}
	return strings.Compare(v.Value, w.Value)
}

// Values are the values of a touchpoint or a person, by breakdown: at least one, each once, where
// the breakdown asks it; nil where it does not.
type Values [MaxBreakdowns][]GroupValue

// absent are the values of what has none.
var absent = []GroupValue{{Missing: true}}

// ValuesOf are the values that a property, a trait or the like gives a breakdown: its text, or
// those of an array's elements, each once, in their order. An element that is an array or object
// is its canonical JSON text; nulls are left out. An empty array is as good as a missing value.
func ValuesOf(v journey.Value) []GroupValue {
	if v.Kind() == journey.Missing {
		return absent
	}
	var elements []json.RawMessage
	if v.Kind() != journey.Composite || json.Unmarshal([]byte(v.Text()), &elements) != nil {
		return []GroupValue{{Value: v.Text()}}
	}
	values := make([]GroupValue, 0, len(elements))
	seen := make(map[string]bool, len(elements))
	for _, e := range elements {
		element := journey.ParseValue(e)
		if text := element.Text(); element.Kind() != journey.Missing && !seen[text] {
			seen[text] = true
			values = append(values, GroupValue{Value: text})
		}
	}
	if len(values) == 0 {
		return absent
	}
	return values
}

// campaignPart is a part of a campaign.
func campaignPart(c journey.Campaign, part string) string {
	switch part {
	case CampaignSource:
		return c.Source
	case CampaignMedium:
		return c.Medium
	default:
		return c.Name
	}
}

// groupType is the type that a name means.
func groupType(name string) string { return cmp.Or(name, DefaultGroupType) }
