package question

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// Words are what was typed; an empty one was not.
type Words struct {
	Steps              []string
	From, To, AsOf     string
	Window             string
	RangeMode, Reentry string
	Compat             string
	By                 []string
	Filters            []string
	// CustomersOnly hides robots and the site's own people.
	CustomersOnly bool
}

// DefaultFrom is the beginning of a range that nobody stated.
const DefaultFrom = "-30d"

var (
	rangeModes = map[string]funnelv1.RangeMode{
		"entry": funnelv1.RangeMode_RANGE_MODE_ENTRY, "all": funnelv1.RangeMode_RANGE_MODE_ALL,
	}
	reentries = map[string]funnelv1.Reentry{
		"best": funnelv1.Reentry_REENTRY_BEST, "first": funnelv1.Reentry_REENTRY_FIRST,
	}
	compats = map[string]funnelv1.Compat{
		"posthog":   funnelv1.Compat_COMPAT_POSTHOG,
		"mixpanel":  funnelv1.Compat_COMPAT_MIXPANEL,
		"amplitude": funnelv1.Compat_COMPAT_AMPLITUDE,
	}
)

// Apply writes what was typed into a question: over what it holds already, and where neither says
// it, a range of the last 30 days.
func (w Words) Apply(q *funnelv1.FunnelQuestion, now time.Time) error {
	for _, part := range []func(*funnelv1.FunnelQuestion, time.Time) error{
		w.steps, w.timeRange, w.asOf, w.window, w.choices, w.breakdowns, w.filter,
	} {
		if err := part(q, now); err != nil {
			return err
		}
	}
	return nil
}

func (w Words) steps(q *funnelv1.FunnelQuestion, _ time.Time) error {
	if len(w.Steps) == 0 {
		return nil
	}
	q.Steps = nil
	for _, text := range w.Steps {
		step, err := ParseStep(text)
		if err != nil {
			return fmt.Errorf("--step %w", err)
		}
		q.Steps = append(q.Steps, step)
	}
	return nil
}

func (w Words) timeRange(q *funnelv1.FunnelQuestion, now time.Time) error {
	if q.Range == nil {
		q.Range = &funnelv1.TimeRange{}
	}
	from, to := w.From, w.To
	if from == "" && q.Range.From == nil {
		from = DefaultFrom
	}
	if to == "" && q.Range.To == nil {
		to = "now"
	}
	for _, end := range []struct {
		flag, text string
		set        func(Bound, *funnelv1.TimeRange)
	}{{"--from", from, Bound.setFrom}, {"--to", to, Bound.setTo}} {
		if end.text == "" {
			continue
		}
		bound, err := ParseBound(end.text, now)
		if err != nil {
			return fmt.Errorf("%s %w", end.flag, err)
		}
		end.set(bound, q.Range)
	}
	return nil
}

func (w Words) asOf(q *funnelv1.FunnelQuestion, now time.Time) error {
	if w.AsOf == "" {
		return nil
	}
	at, err := Instant(w.AsOf, now)
	if err != nil {
		return fmt.Errorf("--as-of %w", err)
	}
	q.AsOf = timestamppb.New(at)
	return nil
}

func (w Words) window(q *funnelv1.FunnelQuestion, _ time.Time) error {
	if w.Window == "" {
		return nil
	}
	span, err := Span(w.Window)
	if err != nil {
		return fmt.Errorf("--window %w", err)
	}
	q.WindowSeconds = new(span.Seconds())
	return nil
}

func (w Words) choices(q *funnelv1.FunnelQuestion, _ time.Time) error {
	if err := pick("--range-mode", w.RangeMode, rangeModes, &q.RangeMode); err != nil {
		return err
	}
	if err := pick("--reentry", w.Reentry, reentries, &q.Reentry); err != nil {
		return err
	}
	return pick("--compat", w.Compat, compats, &q.Compat)
}

// pick sets a choice by its word.
func pick[E any](flag, word string, of map[string]E, into *E) error {
	if word == "" {
		return nil
	}
	chosen, ok := of[strings.ToLower(word)]
	if !ok {
		return fmt.Errorf("%s %q: there are %s", flag, word, words(of))
	}
	*into = chosen
	return nil
}

func (w Words) breakdowns(q *funnelv1.FunnelQuestion, _ time.Time) error {
	if len(w.By) == 0 {
		return nil
	}
	q.Breakdowns = nil
	for _, text := range w.By {
		b, err := parseBreakdown(text)
		if err != nil {
			return err
		}
		q.Breakdowns = append(q.Breakdowns, b)
	}
	return nil
}

func parseBreakdown(text string) (*funnelv1.Breakdown, error) {
	kind, name, named := strings.Cut(text, ":")
	b := &funnelv1.Breakdown{}
	switch {
	case text == "persona":
		b.By = &funnelv1.Breakdown_Persona{Persona: true}
	case text == "channel":
		b.By = &funnelv1.Breakdown_Channel{Channel: true}
	case named && name != "" && kind == "trait":
		b.By = &funnelv1.Breakdown_Trait{Trait: name}
	case named && name != "" && kind == "property":
		b.By = &funnelv1.Breakdown_Property{Property: name}
	case named && name != "" && kind == "variant":
		b.By = &funnelv1.Breakdown_Variant{Variant: name}
	default:
		return nil, fmt.Errorf("--by %q: there are persona, channel, trait:NAME, property:NAME "+
			"and variant:NAME", text)
	}
	return b, nil
}

func (w Words) filter(q *funnelv1.FunnelQuestion, _ time.Time) error {
	f, err := ParseFilter(w.Filters)
	if err != nil {
		return fmt.Errorf("--filter %w", err)
	}
	if f != nil {
		q.Filter = f
	}
	if w.CustomersOnly {
		q.Filter = customersOnly(q.GetFilter())
	}
	return nil
}

// customersOnly adds to a filter, nil or not, that a touchpoint is a customer's.
func customersOnly(f *funnelv1.Filter) *funnelv1.Filter {
	ordinary := &funnelv1.Filter{Is: &funnelv1.Filter_Condition{Condition: &funnelv1.Condition{
		Subject: funnelv1.Subject_SUBJECT_TRAFFIC, Operator: funnelv1.Operator_OPERATOR_IS_NOT_SET,
	}}}
	if f == nil {
		return ordinary
	}
	return &funnelv1.Filter{Is: &funnelv1.Filter_All{
		All: &funnelv1.FilterList{Filters: []*funnelv1.Filter{f, ordinary}},
	}}
}
