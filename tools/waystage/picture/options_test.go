package picture

import (
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

const hour = time.Hour

// buckets are a trend of so many buckets, each so wide.
func buckets(n int, width time.Duration) []*funnelv1.TrendBucket {
	list := make([]*funnelv1.TrendBucket, n)
	for i := range list {
		from := noon.Truncate(24 * hour).Add(time.Duration(i) * width)
		entered := uint32((i*7)%23) * 10
		list[i] = &funnelv1.TrendBucket{
			FromTime: timestamppb.New(from), ToTime: timestamppb.New(from.Add(width)),
			Steps: steps(entered, entered/2, entered/5, entered/10),
		}
	}
	return list
}

// withOptions is an answer with an optional step, a trend and times.
func withOptions(trend []*funnelv1.TrendBucket) *funnelv1.AskFunnelResponse {
	a := funnelAnswer()
	a.Groups, a.Trend = nil, trend
	a.Steps[1].ConversionFromFirst, a.Steps[1].ConversionFromPrevious = nil, nil
	a.Steps[1].Lost, a.Steps[1].InWindow, a.Steps[1].Optional = 0, 0, true
	a.TimeToConvert = &funnelv1.Distribution{
		FromStep: 1, ToStep: 3, Count: 44, Spans: &funnelv1.Spans{MeanSeconds: 4000},
		Percentiles: []*funnelv1.Percentile{
			{Percent: 1, Seconds: 10},
			{Percent: 50, Seconds: 3600},
			{Percent: 99, Seconds: 86400},
		},
		Bins: []*funnelv1.Bin{
			{FromSeconds: 0, ToSeconds: 3600, Count: 30},
			{FromSeconds: 3600, ToSeconds: 7200, Count: 13},
			{FromSeconds: 7200, ToSeconds: 10800, Count: 1},
			{FromSeconds: 10800, ToSeconds: 14400},
		},
	}
	a.Facts.Way = "from packed journeys: every step is a stage, and nothing but the window bounds the " +
		"time between steps"
	a.Facts.Cached = true
	return a
}

// tested is an answer by variant with tests.
func tested() *funnelv1.AskFunnelResponse {
	a := funnelAnswer()
	a.Groups[0].Test = &funnelv1.GroupTest{
		Difference: 0.034, Low: 0.012, High: 0.056, PValue: 0.0004, QValue: 0.0008, Significant: true,
		ProbabilityBest: new(0.998),
	}
	a.Groups[1].Test = &funnelv1.GroupTest{
		Difference: -0.034, Low: -0.156, High: 0.012, PValue: 0.21, QValue: 0.3, SmallSample: true,
	}
	a.Facts.GroupsOverlap = false
	return a
}

func reasoned() *funnelv1.AskDropOffResponse {
	drops := dropOffs()
	drops[0].Departures = departures()
	drops[0].Reasons = []*funnelv1.Reason{
		{
			Kind: funnelv1.ReasonKind_REASON_KIND_BARRIER, Name: "out_of_stock", LostWith: 820,
			Lost: 2000, WentOnWith: 1778, WentOn: 9876, OddsRatio: 3.21, Low: 2.1, High: 4.94,
			PValue: 1e-9, QValue: 1e-8, Significant: true,
		},
		{
			Kind: funnelv1.ReasonKind_REASON_KIND_PROPERTY, Name: "shipping", Value: "express\x1b[2J",
			LostWith: 5, Lost: 2000, WentOn: 9876, OddsRatio: 54.5, Low: 3.01, High: 986,
			PValue: 0.01, QValue: 0.02, Significant: true,
		},
		{
			Kind: funnelv1.ReasonKind_REASON_KIND_EVENT, Name: "Help Opened", LostWith: 100,
			Lost: 2000, WentOnWith: 900, WentOn: 9876, OddsRatio: 0.052, Low: 0.041, High: 0.9,
			PValue: 0.2, QValue: 0.3,
		},
	}
	return &funnelv1.AskDropOffResponse{DropOffs: drops[:1], Facts: facts()}
}

func seen(after time.Duration, event, touchpoint string, exclusions ...uint32) *funnelv1.ExplainedTouchpoint {
	return &funnelv1.ExplainedTouchpoint{
		OccurredAt: at(after), Event: event, Touchpoint: touchpoint, Exclusions: exclusions,
	}
}

func filled(places ...uint32) []*funnelv1.FilledStep {
	var list []*funnelv1.FilledStep
	for i := 0; i < len(places); i += 2 {
		list = append(list, &funnelv1.FilledStep{Step: places[i], Touchpoint: places[i+1]})
	}
	return list
}

func explained() *funnelv1.ExplainFunnelResponse {
	f := facts()
	f.AsOf = at(9 * 24 * hour)
	return &funnelv1.ExplainFunnelResponse{
		PersonId: "07eb68071ff6b850", Labels: []string{"search", "cart", "purchase"},
		Reason: "counts with attempt 2 of 4: the deepest of 4 attempts", Facts: f,
		Touchpoints: []*funnelv1.ExplainedTouchpoint{
			seen(0, "Product Viewed", "product"),
			seen(2*hour, "Order Cancelled", "", 1),
			seen(24*hour, "page", ""),
			seen(25*hour, "Product Added", "cart"),
			seen(25*hour+time.Minute, "Order Cancelled\x1b[2J", "", 1),
			seen(96*hour, "Order Completed", "order"),
			seen(100*hour, "Order Completed", "order"),
			seen(101*hour, "Help", ""),
		},
		Attempts: []*funnelv1.ExplainedAttempt{
			{
				Steps: filled(1, 0), Depth: 1, Outcome: funnelv1.Outcome_OUTCOME_LOST,
				End:     funnelv1.AttemptEnd_ATTEMPT_END_REMOVED,
				EndedAt: at(2 * hour), EndedBy: new(uint32(1)),
				Reason: "void: Order Cancelled came at 2026-11-21 14:00:00 UTC between steps 1 and 3",
			},
			{
				Steps: filled(1, 2, 2, 3, 3, 5), Depth: 3, Bucket: 2, Counted: true,
				Outcome: funnelv1.Outcome_OUTCOME_CONVERTED,
				End:     funnelv1.AttemptEnd_ATTEMPT_END_CONVERTED, EndedAt: at(96 * hour),
				Reason: "counts: the deepest of 4 attempts; it converted at 2026-11-25 12:00:00 UTC",
			},
			{
				Steps: filled(1, 3), Depth: 1, Outcome: funnelv1.Outcome_OUTCOME_IN_WINDOW,
				End: funnelv1.AttemptEnd_ATTEMPT_END_OPEN, EndedAt: at(25*hour + 14*24*hour),
				Reason: "does not count: another attempt got further",
			},
			{
				Steps: filled(1, 6), Depth: 1, Outcome: funnelv1.Outcome_OUTCOME_LOST,
				End: funnelv1.AttemptEnd_ATTEMPT_END_BROKEN, EndedAt: at(101 * hour),
				EndedBy: new(uint32(7)), Reason: "does not count: another attempt got further",
			},
		},
	}
}

func TestPicturesOfOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		paper Paper
		draw  func(Paper, io.Writer) error
	}{
		{"funnel-trend", Paper{}, func(p Paper, w io.Writer) error {
			return p.Funnel(w, withOptions(buckets(8, 24*hour)), noon)
		}},
		{"funnel-trend-narrow", Paper{Width: 76}, func(p Paper, w io.Writer) error {
			return p.Funnel(w, withOptions(buckets(3, hour)), noon)
		}},
		{"funnel-trend-long", Paper{Width: 100, Color: true}, func(p Paper, w io.Writer) error {
			return p.Funnel(w, withOptions(buckets(150, 24*hour)), noon)
		}},
		{"funnel-trend-empty", Paper{}, func(p Paper, w io.Writer) error {
			a := withOptions(buckets(1, 24*hour))
			a.TimeToConvert = &funnelv1.Distribution{FromStep: 1, ToStep: 9}
			return p.Funnel(w, a, noon)
		}},
		{"funnel-tests", Paper{}, func(p Paper, w io.Writer) error {
			a := tested()
			a.SampleRatio = &funnelv1.SampleRatio{ChiSquared: 40, PValue: 1e-9, Mismatch: true}
			return p.Funnel(w, a, noon)
		}},
		{"funnel-tests-narrow", Paper{Width: 76}, func(p Paper, w io.Writer) error {
			return p.Funnel(w, tested(), noon)
		}},
		{"funnel-tests-plain", Paper{Width: 120, Color: true}, func(p Paper, w io.Writer) error {
			a := tested()
			a.Groups[0].Test.ProbabilityBest = nil
			a.SampleRatio = &funnelv1.SampleRatio{PValue: 0.4}
			return p.Funnel(w, a, noon)
		}},
		{"dropoff-reasons", Paper{}, func(p Paper, w io.Writer) error {
			return p.DropOff(w, reasoned(), noon)
		}},
		{"dropoff-reasons-wide", Paper{Width: 140}, func(p Paper, w io.Writer) error {
			return p.DropOff(w, reasoned(), noon)
		}},
		{"dropoff-no-reasons", Paper{Counted: "sessions"}, func(p Paper, w io.Writer) error {
			a := reasoned()
			a.DropOffs[0].Reasons = a.DropOffs[0].Reasons[2:]
			return p.DropOff(w, a, noon)
		}},
		{
			"funnel-sessions",
			Paper{Unit: "group:company", Counted: "sessions"},
			func(p Paper, w io.Writer) error { return p.Funnel(w, funnelAnswer(), noon) },
		},
		{"explained", Paper{}, func(p Paper, w io.Writer) error {
			return p.Explanation(w, "ann", explained(), noon)
		}},
		{"explained-color", Paper{Width: 110, Color: true}, func(p Paper, w io.Writer) error {
			return p.Explanation(w, "ann", explained(), noon)
		}},
		{"explained-nothing", Paper{Unit: "trait:household"}, func(p Paper, w io.Writer) error {
			return p.Explanation(w, "The Smiths\x1b[2J", &funnelv1.ExplainFunnelResponse{
				Unit: "The Smiths\x1b[2J", Facts: facts(), Reason: "does not count: no touchpoint of " +
					"the range opened an attempt, none matches step 1 (search)",
			}, noon)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := c.draw(c.paper, &out); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, out.String())
			if !c.paper.Color {
				fits(t, out.String(), c.paper.width())
			}
		})
	}
}

// TestManySigns: a line holds its signs however close they are, and is no wider than the paper.
func TestManySigns(t *testing.T) {
	t.Parallel()
	e := &funnelv1.ExplainFunnelResponse{}
	a := &funnelv1.ExplainedAttempt{
		End: funnelv1.AttemptEnd_ATTEMPT_END_WINDOW, EndedAt: at(14 * 24 * hour),
	}
	want := ""
	for i := range uint32(30) {
		e.Touchpoints = append(e.Touchpoints, seen(time.Duration(i)*time.Second, "a", "", 1))
		a.Steps = append(a.Steps, &funnelv1.FilledStep{Step: i + 1, Touchpoint: i})
		want += Number(i + 1)
	}
	for range 100 {
		e.Touchpoints = append(e.Touchpoints, seen(14*24*hour-time.Second, "x", "", 1))
	}
	got := timeLine{of: e, attempt: a}.draw(minWidth - 2)
	if n := len([]rune(got)); n > minWidth-2 {
		t.Errorf("%d columns: %s", n, got)
	}
	signs := strings.NewReplacer("─", "", "x", "").Replace(got)
	if signs != want+endSign {
		t.Errorf("got %s, want the signs %s", got, want+endSign)
	}
}
