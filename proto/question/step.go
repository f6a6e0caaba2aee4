package question

import (
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// targetStops end the name of a stage, touchpoint or event.
const targetStops = "[]\""

// ParseStep reads a step: "stage:NAME", "touchpoint:NAME", "event:NAME" or "any", with conditions
// in brackets behind it, separated by commas; behind that " optional", " within 2h", " first" or
// " first-matching". A name with a bracket in it, or that ends as one of these, stands in double
// quotes.
func ParseStep(text string) (*funnelv1.Step, error) {
	step := &funnelv1.Step{}
	rest, err := cutSuffixes(strings.TrimRight(text, " \t"), step)
	if err != nil {
		return nil, err
	}
	s := scanner{text: rest}
	if err := s.target(step); err != nil {
		return nil, err
	}
	if s.take("[") {
		for {
			c, err := s.condition()
			if err != nil {
				return nil, err
			}
			step.Conditions = append(step.Conditions, c)
			if !s.take(",") {
				break
			}
		}
		if !s.take("]") {
			return nil, s.wrong("a closing ] is missing; put a value with , [ ] | in double quotes")
		}
		s.space()
	}
	if !s.end() {
		return nil, s.wrong("nothing more belongs here; conditions stand in [ ] behind the name, and " +
			"behind all optional, within 2h, first or first-matching")
	}
	return step, nil
}

func (s *scanner) target(step *funnelv1.Step) error {
	s.space()
	for _, kind := range []string{"stage", "touchpoint", "event"} {
		if !s.take(kind + ":") {
			continue
		}
		name, quoted, err := s.word(targetStops)
		if err != nil {
			return err
		}
		if !quoted && suffix.MatchString(name) {
			return s.wrong("optional, within and first stand behind the conditions; put a name that ends " +
				"so in double quotes")
		}
		if name == "" {
			return s.wrong("the name of the %s is missing", kind)
		}
		setTarget(step, kind, name)
		return nil
	}
	if s.take("any") {
		s.space()
		step.Target = &funnelv1.Step_AnyEvent{AnyEvent: true}
		return nil
	}
	return s.wrong("a step begins with stage:, touchpoint: or event: and a name, or is any")
}

func setTarget(step *funnelv1.Step, kind, name string) {
	switch kind {
	case "stage":
		step.Target = &funnelv1.Step_Stage{Stage: name}
	case "touchpoint":
		step.Target = &funnelv1.Step_Touchpoint{Touchpoint: name}
	default:
		step.Target = &funnelv1.Step_Event{Event: name}
	}
}
