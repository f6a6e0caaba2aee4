package funnel

import (
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// StatedGroup is the group of a type that a touchpoint states: the member of that name of its
// property "$groups", else of its context's "groups", else, of DefaultGroupType, the message's own
// group. A text, number or boolean that is no identity (see journey.IsIdentity), an array and an
// object state none. Empty if none does.
func StatedGroup(f *journey.Fact, groupType string) journey.GroupID {
	for _, in := range []string{
		f.Properties.Literal("$groups"), f.Context.Literal("groups"),
	} {
		v := journey.Object(in).Value(groupType)
		if v.Kind() != journey.Composite && journey.IsIdentity(v.Text()) {
			return journey.GroupID(v.Text())
		}
	}
	if groupType == DefaultGroupType {
		return f.Group
	}
	return ""
}

// experimentProperties name the experiment of an exposure, variationProperties the variant.
var (
	experimentProperties = []string{
		"experiment_name", "experiment_id", "experimentName", "experimentId", "Experiment name",
		"$feature_flag",
	}
	variationProperties = []string{
		"variation_name", "variation_id", "variationName", "variationId", "Variant name",
		"$feature_flag_response",
	}
)

// featurePrefix begins properties that state a variant: the experiment's name follows.
const featurePrefix = "$feature/"

// VariantProperties are the properties that StatedVariant and Exposure look at.
func VariantProperties(experiment string) []string {
	return slices.Concat(experimentProperties, variationProperties,
		[]string{featurePrefix + experiment})
}

// Exposure is the variant of an experiment, given by name or id, that a touchpoint shows its
// person. The experiment is the value, as text, of any property that names one; the variant that
// of the first property that is there. Missing if the touchpoint is no such exposure, or names no
// variant.
func Exposure(
	event string, properties func(name string) journey.Value, experiment string,
) journey.Value {
	if !journey.IsExposure(event) {
		return journey.Value{}
	}
	names := func(name string) bool {
		v := properties(name)
		return v.Kind() != journey.Missing && v.Text() == experiment
	}
	if !slices.ContainsFunc(experimentProperties, names) {
		return journey.Value{}
	}
	for _, name := range variationProperties {
		if v := properties(name); v.Kind() != journey.Missing {
			return v
		}
	}
	return journey.Value{}
}

// StatedVariant is the variant of an experiment that a touchpoint states: that of an Exposure,
// else that of its property "$feature/" with the experiment's name. Missing if neither is there.
func StatedVariant(
	event string, properties func(name string) journey.Value, experiment string,
) journey.Value {
	if v := Exposure(event, properties, experiment); v.Kind() != journey.Missing {
		return v
	}
	return properties(featurePrefix + experiment)
}
