package journey

import "slices"

// exposureEvents are no touchpoints of a map, but known.
var exposureEvents = []string{"Experiment Viewed", "$feature_flag_called", "$experiment_started"}

// ExposureEvents are the events of touchpoints that show a person a variant of an experiment.
func ExposureEvents() []string { return slices.Clone(exposureEvents) }

// IsExposure tells whether an event is one of them.
func IsExposure(event string) bool { return slices.Contains(exposureEvents, event) }
