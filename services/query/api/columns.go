package api

import (
	"fmt"

	"github.com/waystage/waystage/services/funnel"
)

// subjectWords are what breakdowns are called in words.
var subjectWords = map[funnel.Subject]string{
	funnel.Persona: "persona", funnel.OfChannel: "channel", funnel.Trait: "trait",
	funnel.Property: "property", funnel.Variant: "variant", funnel.OfCampaign: "campaign",
	funnel.OfDevice: "device", funnel.OfBrowser: "browser", funnel.OfOS: "os",
	funnel.OfGroup: "group",
}

// columnNames are the names of breakdowns where an answer is a table: as they are asked for in
// words, without whose value counts unless the two would else be called the same.
func columnNames(breakdowns []funnel.Breakdown) []string {
	names := make([]string, len(breakdowns))
	for i, b := range breakdowns {
		names[i] = subjectWords[b.By]
		if b.Name != "" {
			names[i] += ":" + b.Name
		}
	}
	if len(names) == 2 && names[0] == names[1] {
		for i := range names {
			names[i] += "@" + attributionWord(breakdowns[i])
		}
	}
	return names
}

func attributionWord(b funnel.Breakdown) string {
	switch b.Attribution {
	case funnel.LastTouch:
		return "last"
	case funnel.OfPerson:
		return "person"
	case funnel.EveryTouch:
		return "all"
	case funnel.StepTouch:
		return fmt.Sprintf("step%d", b.Step+1)
	default:
		return "first"
	}
}
