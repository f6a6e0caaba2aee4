package question

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

const (
	firstEver     = funnelv1.FirstTime_FIRST_TIME_EVENT
	firstMatching = funnelv1.FirstTime_FIRST_TIME_MATCHING
)

func TestSuffixes(t *testing.T) {
	t.Parallel()
	with := func(s *funnelv1.Step, change func(*funnelv1.Step)) *funnelv1.Step {
		change(s)
		return s
	}
	over100 := condition(property, "total", gt, 100.0)
	for _, c := range []struct {
		text string
		want *funnelv1.Step
	}{
		{"event:Order Completed optional", with(step("event", "Order Completed"),
			func(s *funnelv1.Step) { s.Optional = true })},
		{"stage:purchase within 1d12h", with(step("stage", "purchase"),
			func(s *funnelv1.Step) { s.WithinSeconds = new(129600.0) })},
		{"touchpoint:cart within 500ms first", with(step("touchpoint", "cart"),
			func(s *funnelv1.Step) { s.WithinSeconds, s.FirstTime = new(0.5), firstEver })},
		{"any first-matching ", with(step("any", ""),
			func(s *funnelv1.Step) { s.FirstTime = firstMatching })},
		{"any[total>100] first-matching optional  within 2h", with(step("any", "", over100),
			func(s *funnelv1.Step) {
				s.Optional, s.WithinSeconds, s.FirstTime = true, new(7200.0), firstMatching
			})},
		{`event:"Page first" optional`, with(step("event", "Page first"),
			func(s *funnelv1.Step) { s.Optional = true })},
		{`event:"Page within 2h"`, step("event", "Page within 2h")},
		{`event:"Page first"[total>100]`, step("event", "Page first", over100)},
		{"event:Stay within limits", step("event", "Stay within limits")},
		{"event:optional", step("event", "optional")},
		{"event:first first", with(step("event", "first"),
			func(s *funnelv1.Step) { s.FirstTime = firstEver })},
		{`event:A[total="x first"]`, step("event", "A", condition(property, "total", eq, "x first"))},
	} {
		got, err := ParseStep(c.text)
		if err != nil {
			t.Errorf("ParseStep(%q): %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("ParseStep(%q) (-want +got):\n%s", c.text, diff)
		}
	}
	for text, says := range map[string]string{
		"any optional optional":          "write it once",
		"any first first-matching":       "first or first-matching, once",
		"any within 1h within 2h":        "within stands there twice",
		"event:A within 2 h":             `"2 h" is no length of time`,
		"event:A within 2hours":          `is no length of time: write it as 14d`,
		"event:A within 10":              `"10" is no length`,
		"event:A within 2h[total>100]":   "behind the conditions",
		"event:A optional[total>100]":    "behind the conditions",
		"any maybe":                      "optional, within 2h, first or first-matching",
		`event:"A" within ever`:          "within 2h",
		"event:A[total>100] within ever": "within 2h",
	} {
		if _, err := ParseStep(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseStep(%q): %v does not say %q", text, err, says)
		}
	}
}

func TestParseExclusion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want *funnelv1.Exclusion
	}{
		{"event:Order Cancelled between 1 and 3 remove", &funnelv1.Exclusion{
			Touchpoint: step("event", "Order Cancelled"), FromStep: 1, ToStep: 3,
			Effect: funnelv1.ExclusionEffect_EXCLUSION_EFFECT_REMOVE,
		}},
		{" touchpoint:stock[total>1]  between 2 and 3 ", &funnelv1.Exclusion{
			Touchpoint: step("touchpoint", "stock", condition(property, "total", gt, 1.0)),
			FromStep:   2, ToStep: 3,
		}},
		{`event:"x between 1 and 2" between 1 and 2 drop`, &funnelv1.Exclusion{
			Touchpoint: step("event", "x between 1 and 2"), FromStep: 1, ToStep: 2,
			Effect: funnelv1.ExclusionEffect_EXCLUSION_EFFECT_DROP,
		}},
	} {
		got, err := ParseExclusion(c.text)
		if err != nil {
			t.Errorf("ParseExclusion(%q): %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("ParseExclusion(%q) (-want +got):\n%s", c.text, diff)
		}
	}
	for text, says := range map[string]string{
		"":                                      "between 1 and 3",
		"event:A":                               "write what must not come",
		"event:A between 1":                     "between which steps",
		"event:A between 1 and 2 void":          "with remove behind it",
		"between 1 and 2":                       "write what must not come",
		"A between 1 and 2":                     "stage:, touchpoint: or event:",
		"event:A between 0 and 2":               "count from 1",
		"event:A between 1 and 99999999999":     "no number of a step",
		"event:A optional between 1 and 2":      "stand behind steps only",
		"event:A first between 1 and 2 remove":  "stand behind steps only",
		"event:A within 2h between 1 and 2":     "stand behind steps only",
		"event:A[total>100 between 1 and 2 dro": "write what must not come",
	} {
		if _, err := ParseExclusion(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseExclusion(%q): %v does not say %q", text, err, says)
		}
	}
}

func TestParseTimeToConvert(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want *funnelv1.TimeToConvert
	}{
		{"1..3", &funnelv1.TimeToConvert{FromStep: 1, ToStep: 3}},
		{" 2 .. 4/20 ", &funnelv1.TimeToConvert{FromStep: 2, ToStep: 4, Bins: new(uint32(20))}},
		// The server refuses it.
		{"1..2/0", &funnelv1.TimeToConvert{FromStep: 1, ToStep: 2, Bins: new(uint32(0))}},
	} {
		got, err := ParseTimeToConvert(c.text)
		if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" || err != nil {
			t.Errorf("ParseTimeToConvert(%q) (-want +got): %v\n%s", c.text, err, diff)
		}
	}
	for text, says := range map[string]string{
		"": "such as 1..3", "1": "such as 1..3", "0..2": "such as 1..3", "a..b": "such as 1..3",
		"1-2": "such as 1..3", "1..2/x": "no number of bins", "1..2/": "no number of bins",
	} {
		if _, err := ParseTimeToConvert(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseTimeToConvert(%q): %v does not say %q", text, err, says)
		}
	}
}

// TestOptionsInWords: each word sets its field, over what was there.
func TestOptionsInWords(t *testing.T) {
	t.Parallel()
	q := &funnelv1.FunnelQuestion{
		Hold: []string{"old"}, Exclusions: []*funnelv1.Exclusion{{}, {}},
		Trend: &funnelv1.Trend{Interval: funnelv1.Interval_INTERVAL_MONTH},
	}
	words := &funnelv1.QuestionWords{
		Step: []string{"any", "any within 2h"}, From: "2026-01-01", To: "2026-02-01",
		Order: "Strict", Count: "session", Simultaneity: "1.5s", Hold: []string{" cart ", "shop"},
		Exclude: []string{"event:X between 1 and 2"}, Trend: "week:sunday", TimeToConvert: "1..2/7",
	}
	if err := Apply(words, q, noon, nil); err != nil {
		t.Fatal(err)
	}
	want := &funnelv1.FunnelQuestion{
		Steps: []*funnelv1.Step{step("any", ""), step("any", "")},
		Range: &funnelv1.TimeRange{
			From: &funnelv1.TimeRange_FromDate{FromDate: "2026-01-01"},
			To:   &funnelv1.TimeRange_ToDate{ToDate: "2026-02-01"},
		},
		Order: funnelv1.Order_ORDER_STRICT, Count: funnelv1.Count_COUNT_SESSION,
		SimultaneitySeconds: new(1.5), Hold: []string{"cart", "shop"},
		Exclusions: []*funnelv1.Exclusion{{Touchpoint: step("event", "X"), FromStep: 1, ToStep: 2}},
		Trend: &funnelv1.Trend{
			Interval:  funnelv1.Interval_INTERVAL_WEEK,
			WeekStart: funnelv1.WeekStart_WEEK_START_SUNDAY,
		},
		TimeToConvert: &funnelv1.TimeToConvert{FromStep: 1, ToStep: 2, Bins: new(uint32(7))},
	}
	want.Steps[1].WithinSeconds = new(7200.0)
	if diff := cmp.Diff(want, q, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	bare := &funnelv1.FunnelQuestion{}
	if err := Apply(&funnelv1.QuestionWords{Step: words.GetStep()}, bare, noon, nil); err != nil ||
		bare.GetTrend() != nil || bare.GetHold() != nil || bare.SimultaneitySeconds != nil {
		t.Errorf("what is not said is set: %v, %v", bare, err)
	}
	err := Check(&funnelv1.QuestionWords{
		Order: "loose", Count: "all", Simultaneity: "2", Hold: []string{"a", " "},
		Exclude: []string{"any between 1 and 2", "any"}, Trend: "year", TimeToConvert: "x",
	}, noon)
	for _, says := range []string{
		`order "loose": there are any, ordered, strict`, "count ", "simultaneity ", "hold ",
		"exclude ", "trend ", "week:sunday", "time_to_convert ",
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

// FuzzSteps: whatever stands behind a step, it is read or refused with a text.
func FuzzSteps(f *testing.F) {
	for _, text := range []string{
		"any optional", "event:A within 2h first", "event:A between 1 and 2 remove", "1..3/20",
		`event:"`, " between 1 and 2", "any within . first",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseStep(text); err == nil && s.GetTarget() == nil {
			t.Errorf("%q is a step of nothing", text)
		}
		if e, err := ParseExclusion(text); err == nil && (e.GetFromStep() == 0 || e.GetToStep() == 0) {
			t.Errorf("%q is an exclusion of no steps", text)
		}
		if c, err := ParseTimeToConvert(text); err == nil && c.GetFromStep() == 0 {
			t.Errorf("%q names no steps", text)
		}
	})
}
