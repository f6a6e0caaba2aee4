package question

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// What may stand behind a step, found from its end. A text in quotes or brackets ends with these.
var (
	suffix = regexp.MustCompile(`\s+(optional|first|first-matching|within\s+[0-9.][^\s"\]]*)$`)
	// apart is a length of time with white space in it.
	apart = regexp.MustCompile(`\s+within\s+([0-9.][^"\]\[]*)$`)
)

// cutSuffixes takes off a step what stands behind it and writes that into the step.
func cutSuffixes(text string, step *funnelv1.Step) (rest string, err error) {
	for {
		found := suffix.FindStringSubmatchIndex(text)
		if found == nil {
			break
		}
		if err := setSuffix(step, text[found[2]:found[3]]); err != nil {
			return text, fmt.Errorf("%q: %w", text, err)
		}
		text = text[:found[0]]
	}
	if span := apart.FindStringSubmatch(text); span != nil {
		_, err := Span(span[1])
		return text, fmt.Errorf("%q: %w; put a name that ends so in double quotes", text, err)
	}
	return text, nil
}

// setSuffix writes what one suffix says into a step.
func setSuffix(step *funnelv1.Step, word string) error {
	switch word {
	case "optional":
		if step.GetOptional() {
			return errors.New("optional stands there twice; write it once")
		}
		step.Optional = true
	case "first":
		return setFirst(step, funnelv1.FirstTime_FIRST_TIME_EVENT)
	case "first-matching":
		return setFirst(step, funnelv1.FirstTime_FIRST_TIME_MATCHING)
	default:
		if step.WithinSeconds != nil {
			return errors.New("within stands there twice; write it once")
		}
		span, err := Span(strings.TrimSpace(word[len("within"):]))
		if err != nil {
			return err
		}
		step.WithinSeconds = new(span.Seconds())
	}
	return nil
}

func setFirst(step *funnelv1.Step, first funnelv1.FirstTime) error {
	if step.GetFirstTime() != funnelv1.FirstTime_FIRST_TIME_UNSPECIFIED {
		return errors.New("first stands there twice; write first or first-matching, once")
	}
	step.FirstTime = first
	return nil
}
