package question

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// between ends an exclusion.
var between = regexp.MustCompile(`\s+between\s+([0-9]+)\s+and\s+([0-9]+)(?:\s+(drop|remove))?$`)

// ParseExclusion reads what must not come between two steps: what a step may be, " between A and B"
// with the numbers of two steps, and " remove" where a hit makes the attempt void, or " drop" where
// it ends at the step reached: "event:Order Cancelled between 1 and 3 remove".
func ParseExclusion(text string) (*funnelv1.Exclusion, error) {
	trimmed := strings.TrimSpace(text)
	found := between.FindStringSubmatch(trimmed)
	if found == nil {
		return nil, fmt.Errorf("%q: write what must not come, and between which steps, such as "+
			"event:Order Cancelled between 1 and 3, with remove behind it where a hit makes the "+
			"attempt void", text)
	}
	step, err := ParseStep(trimmed[:len(trimmed)-len(found[0])])
	if err != nil {
		return nil, err
	}
	if step.GetOptional() || step.WithinSeconds != nil || step.GetFirstTime() > 0 {
		return nil, fmt.Errorf("%q: optional, within and first stand behind steps only; take them "+
			"out, or put a name that ends so in double quotes", text)
	}
	e := &funnelv1.Exclusion{Touchpoint: step}
	for i, into := range []*uint32{&e.FromStep, &e.ToStep} {
		if *into, err = stepNumber(found[i+1]); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
	}
	switch found[3] {
	case "drop":
		e.Effect = funnelv1.ExclusionEffect_EXCLUSION_EFFECT_DROP
	case "remove":
		e.Effect = funnelv1.ExclusionEffect_EXCLUSION_EFFECT_REMOVE
	}
	return e, nil
}

// stepNumber reads the number of a step, from 1.
func stepNumber(text string) (uint32, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no number of a step; they count from 1", text)
	}
	return uint32(n), nil
}

// ParseTimeToConvert reads between which two steps times are wanted, and bins behind a slash:
// "1..3" or "1..3/20".
func ParseTimeToConvert(text string) (*funnelv1.TimeToConvert, error) {
	steps, bins, binned := strings.Cut(strings.TrimSpace(text), "/")
	from, to, ranged := strings.Cut(steps, "..")
	t := &funnelv1.TimeToConvert{}
	var err error
	if ranged {
		if t.FromStep, err = stepNumber(from); err == nil {
			t.ToStep, err = stepNumber(to)
		}
	}
	if !ranged || err != nil {
		return nil, fmt.Errorf("%q: write the numbers of two steps, from 1, such as 1..3, or 1..3/20 "+
			"for 20 bins", text)
	}
	if binned {
		n, err := strconv.ParseUint(strings.TrimSpace(bins), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q: %q is no number of bins; write 1 to 60, such as 1..3/20", text,
				bins)
		}
		t.Bins = new(uint32(n))
	}
	return t, nil
}
