package spinetest

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// caseConvert are steps from 0.
type caseConvert struct {
	FromStep uint32  `json:"from_step"`
	ToStep   uint32  `json:"to_step"`
	Bins     *uint32 `json:"bins"`
}

func (c *caseConvert) message() *funnelv1.TimeToConvert {
	if c == nil {
		return nil
	}
	return &funnelv1.TimeToConvert{
		FromStep: c.FromStep + 1, ToStep: c.ToStep + 1, Bins: c.Bins,
	}
}

// caseTrend counts as entered who filled FromStep, as converted who filled ToStep; by default the
// first and the last.
type caseTrend struct {
	Interval string  `json:"interval"`
	FromStep *uint32 `json:"from_step"`
	ToStep   *uint32 `json:"to_step"`
}

var caseIntervals = map[string]funnelv1.Interval{
	"hour": funnelv1.Interval_INTERVAL_HOUR, "day": funnelv1.Interval_INTERVAL_DAY,
	"week": funnelv1.Interval_INTERVAL_WEEK, "month": funnelv1.Interval_INTERVAL_MONTH,
}

func (c *caseTrend) message(t *testing.T) *funnelv1.Trend {
	t.Helper()
	if c == nil {
		return nil
	}
	interval, known := caseIntervals[c.Interval]
	if !known {
		t.Fatalf("unknown interval %q", c.Interval)
	}
	return &funnelv1.Trend{Interval: interval}
}

// ends are the steps from and to, from 0.
func (c funnelCase) ends() (from, to int) {
	to = len(c.Query.Steps) - 1
	if n := c.Query.Trend.FromStep; n != nil {
		from = int(*n)
	}
	if n := c.Query.Trend.ToStep; n != nil {
		to = int(*n)
	}
	return from, to
}

type caseDistribution struct {
	// Bins are pairs of a beginning and a count.
	Bins    [][2]float64 `json:"time_to_convert_bins"`
	Average *float64     `json:"time_to_convert_avg_seconds"`
}

func (c funnelCase) checkDistribution(t *testing.T, got *funnelv1.Distribution) {
	t.Helper()
	want := c.Expect.caseDistribution
	var bins [][2]float64
	for _, b := range got.GetBins() {
		bins = append(bins, [2]float64{b.GetFromSeconds(), float64(b.GetCount())})
	}
	if want.Bins != nil && !slices.Equal(want.Bins, bins) {
		t.Errorf("bins %v, want %v", bins, want.Bins)
	}
	mean := got.GetSpans().GetMeanSeconds()
	if want.Average != nil && math.Abs(mean-*want.Average) > 1e-6 {
		t.Errorf("mean %f, want %f", mean, *want.Average)
	}
}

type caseTrendExpect struct {
	Trend          []caseBucket            `json:"trend"`
	TrendBreakdown map[string][]caseBucket `json:"trend_breakdown"`
	TrendRows      *int                    `json:"trend_rows"`
	TrendPeople    []caseBucketPeople      `json:"trend_people"`
}

type caseBucket struct {
	Day       string   `json:"day"`
	Entered   *uint32  `json:"entered"`
	Converted *uint32  `json:"converted"`
	Rate      *float64 `json:"rate_percent"`
}

type caseBucketPeople struct {
	Day       string    `json:"day"`
	Converted *[]string `json:"converted"`
	Dropped   *[]string `json:"dropped"`
}

func (c funnelCase) checkTrend(t *testing.T, answer *funnelv1.AskFunnelResponse) {
	t.Helper()
	want := c.Expect.caseTrendExpect
	if want.TrendRows != nil && len(answer.GetTrend()) != *want.TrendRows {
		t.Errorf("%d buckets, want %d", len(answer.GetTrend()), *want.TrendRows)
	}
	for _, b := range want.Trend {
		c.checkBucket(t, answer.GetTrend(), b)
	}
	for name, buckets := range want.TrendBreakdown {
		i := slices.IndexFunc(answer.GetGroups(), func(g *funnelv1.GroupResult) bool {
			return caseGroup(g) == name
		})
		if i < 0 {
			t.Errorf("no group %q", name)
			continue
		}
		for _, b := range buckets {
			c.checkBucket(t, answer.GetGroups()[i].GetTrend(), b)
		}
	}
}

// bucketOf finds the bucket that begins on a day of the site.
func (c funnelCase) bucketOf(
	t *testing.T, trend []*funnelv1.TrendBucket, day string,
) *funnelv1.TrendBucket {
	t.Helper()
	zone, err := time.LoadLocation(c.Query.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range trend {
		if b.GetFromTime().AsTime().In(zone).Format(time.DateOnly) == day {
			return b
		}
	}
	t.Errorf("no bucket begins on %s", day)
	return nil
}

func (c funnelCase) checkBucket(t *testing.T, trend []*funnelv1.TrendBucket, want caseBucket) {
	t.Helper()
	steps := c.bucketOf(t, trend, want.Day).GetSteps()
	from, to := c.ends()
	if len(steps) <= to {
		return
	}
	entered, converted := steps[from].GetCount(), steps[to].GetCount()
	if want.Entered != nil && entered != *want.Entered {
		t.Errorf("%s: %d entered, want %d", want.Day, entered, *want.Entered)
	}
	if want.Converted != nil && converted != *want.Converted {
		t.Errorf("%s: %d converted, want %d", want.Day, converted, *want.Converted)
	}
	rate := 0.0
	if entered > 0 {
		rate = 100 * float64(converted) / float64(entered)
	}
	if want.Rate != nil && math.Abs(rate-*want.Rate) > 0.01 {
		t.Errorf("%s: rate %f, want %f", want.Day, rate, *want.Rate)
	}
}

// checkTrendPeople lists who entered in a bucket and converted, or did not.
func (s *system) checkTrendPeople(
	i int, c funnelCase, q *funnelv1.FunnelQuestion, token string, trend []*funnelv1.TrendBucket,
) {
	s.t.Helper()
	for _, want := range c.Expect.TrendPeople {
		bucket := c.bucketOf(s.t, trend, want.Day)
		from, to := c.ends()
		request := func(step int) *funnelv1.ListFunnelPersonsRequest {
			r := listing(q, fmt.Sprint(step+1), reached)
			r.Bucket = bucket.GetFromTime()
			return r
		}
		if want.Converted != nil {
			s.checkList(i, token, request(to), *want.Converted)
		}
		if want.Dropped == nil {
			continue
		}
		converted := s.list(i, token, request(to)).GetPersons()
		var dropped []string
		for _, p := range s.list(i, token, request(from)).GetPersons() {
			if !slices.ContainsFunc(converted, func(of *funnelv1.FunnelPerson) bool {
				return of.GetPersonId() == p.GetPersonId()
			}) {
				dropped = append(dropped, p.GetUserIds()...)
			}
		}
		slices.Sort(dropped)
		if !slices.Equal(slices.Sorted(slices.Values(*want.Dropped)), dropped) {
			s.t.Errorf("%s: %v dropped, want %v", want.Day, dropped, *want.Dropped)
		}
	}
}
