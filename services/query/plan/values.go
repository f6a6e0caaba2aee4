package plan

import (
	"strings"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// Value names a value of a touchpoint.
type Value struct {
	Source Source
	// Name of the property; empty for others.
	Name string
}

// Source is where a value is found.
type Source uint8

// The sources. Property is a JSON literal; so is ExposureProperty, a property that is read of
// exposures to experiments alone. PropertyGroups and ContextGroups are the JSON objects in which a
// touchpoint states groups. The others are text.
const (
	Property Source = iota
	ExposureProperty
	PropertyGroups
	ContextGroups
	GroupID
	Channel
	Event
	Stage
	Touchpoint
	Device
	Browser
	OS
	Traffic
	CampaignName
	CampaignSource
	CampaignMedium
)

var sources = map[Source]string{
	PropertyGroups: "JSONExtractRaw(properties, '$groups')",
	ContextGroups:  "JSONExtractRaw(context, 'groups')",
	GroupID:        "group_id",
}

// wordColumns are those of the other sources: words.
var wordColumns = map[Source]string{
	Channel: "channel", Event: "event", Stage: "stage", Touchpoint: "touchpoint",
	Device: "device", Browser: "browser", OS: "os", Traffic: "traffic",
	CampaignName: "campaign", CampaignSource: "campaign_source", CampaignMedium: "campaign_medium",
}

// expression is the column of a value, as a text.
func (b *builder) expression(v Value) string {
	if column, is := wordColumns[v.Source]; is {
		return "CAST(" + column + " AS String)"
	}
	switch v.Source {
	case Property:
		return "JSONExtractRaw(properties, " + b.param("p", v.Name) + ")"
	case ExposureProperty:
		return "if(" + isExposure() + ", JSONExtractRaw(properties, " + b.param("p", v.Name) + "), '')"
	default:
		return sources[v.Source]
	}
}

// words is the same as words.
func (b *builder) words(v Value) string {
	if column, is := wordColumns[v.Source]; is {
		return "CAST(" + column + " AS LowCardinality(String))"
	}
	return "toLowCardinality(" + b.expression(v) + ")"
}

// isExposure is the condition that a touchpoint shows its person a variant. Its names are ours.
func isExposure() string {
	return "event IN ('" + strings.Join(journey.ExposureEvents(), "', '") + "')"
}

// ValuesOf are the values that a question's needs ask of touchpoints, each once.
func ValuesOf(n funnel.Needs) []Value {
	var values []Value
	for _, name := range n.Properties {
		values = append(values, Value{Property, name})
	}
	if len(n.Groups) > 0 {
		values = append(values, Value{Source: PropertyGroups}, Value{Source: ContextGroups},
			Value{Source: GroupID})
	}
	for _, v := range []struct {
		needed bool
		source Source
	}{
		{n.Channel, Channel},
		{n.Event || len(n.Variants) > 0, Event},
		{n.Stage, Stage},
		{n.Touchpoint, Touchpoint},
		{n.Device, Device},
		{n.Browser, Browser},
		{n.OS, OS},
		{n.Traffic, Traffic},
		{n.Campaign, CampaignName},
		{n.CampaignSource, CampaignSource},
		{n.CampaignMedium, CampaignMedium},
	} {
		if v.needed {
			values = append(values, Value{Source: v.source})
		}
	}
	return append(values, variantValues(n.Variants)...)
}

// variantValues are the properties that say which variant of an experiment a touchpoint states:
// those of exposures are the same for all.
func variantValues(experiments []string) []Value {
	var values []Value
	for i, experiment := range experiments {
		properties := funnel.VariantProperties(experiment)
		last := len(properties) - 1
		if i == 0 {
			values = append(values, exposureValues(properties[:last])...)
		}
		values = append(values, Value{Property, properties[last]})
	}
	return values
}

func exposureValues(properties []string) []Value {
	values := make([]Value, len(properties))
	for i, name := range properties {
		values[i] = Value{ExposureProperty, name}
	}
	return values
}
