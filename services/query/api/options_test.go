package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// TestAnswerWithOptions holds trends, times and tests as JSON has them.
func TestAnswerWithOptions(t *testing.T) {
	t.Parallel()
	h := open(t)
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	trend := []funnel.Bucket{
		{From: day, To: day.AddDate(0, 0, 1), Steps: []funnel.StepNumbers{{Count: 2}, {Count: 1}}},
	}
	times := &funnel.Distribution{
		From: 1, To: 2, Count: 3, Spans: &funnel.Spans{MeanSeconds: 2, MedianSeconds: 1, P90Seconds: 5},
		Percentiles: []funnel.Percentile{{Percent: 50, Seconds: 1}},
		Bins:        []funnel.Bin{{FromSeconds: 0, ToSeconds: 60, Count: 3}},
	}
	h.oracle.answer.Answer = funnel.Answer{
		Steps: []funnel.StepNumbers{{Count: 2}, {Count: 1}}, Trend: trend, TimeToConvert: times,
		SampleRatio: &funnel.SampleRatio{ChiSquared: 20, P: 0.0001, Mismatch: true},
		Groups: []funnel.Group{{
			Values: []funnel.GroupValue{{Value: "a"}}, Steps: []funnel.StepNumbers{{}, {}},
			Trend: trend, TimeToConvert: times, Test: &funnel.GroupTest{
				Difference: 0.5, Low: 0.25, High: 0.75, P: 0.01, Q: 0.02, Significant: true,
				SmallSample: true, Best: new(0.9),
			},
		}},
	}
	got := h.send(t, "POST", ask, readToken, `{"question":`+base+`}}`)
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	answer, _ := parsed(t, got.body).(map[string]any)
	const timesJSON = `{"fromStep":1,"toStep":2,"count":3,
		"spans":{"meanSeconds":2,"medianSeconds":1,"p90Seconds":5},
		"percentiles":[{"percent":50,"seconds":1}],
		"bins":[{"fromSeconds":0,"toSeconds":60,"count":3}]}`
	for field, want := range map[string]string{
		"timeToConvert": timesJSON,
		"sampleRatio":   `{"chiSquared":20,"pValue":0.0001,"mismatch":true}`,
	} {
		if diff := cmp.Diff(parsed(t, want), answer[field]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
	groups, _ := answer["groups"].([]any)
	group, _ := groups[0].(map[string]any)
	if diff := cmp.Diff(answer["trend"], group["trend"]); diff != "" {
		t.Errorf("trend of the whole and the group (-whole +group):\n%s", diff)
	}
	buckets, _ := group["trend"].([]any)
	bucket, _ := buckets[0].(map[string]any)
	steps, _ := bucket["steps"].([]any)
	if bucket["fromTime"] != "2026-01-01T00:00:00Z" || bucket["toTime"] != "2026-01-02T00:00:00Z" ||
		len(steps) != 2 {
		t.Errorf("bucket %v", bucket)
	}
	want := `{"difference":0.5,"low":0.25,"high":0.75,"pValue":0.01,"qValue":0.02,
		"significant":true,"probabilityBest":0.9,"smallSample":true}`
	if diff := cmp.Diff(parsed(t, want), group["test"]); diff != "" {
		t.Errorf("test (-want +got):\n%s", diff)
	}
}

// TestCompareWithTrend: either question has the buckets of its own range.
func TestCompareWithTrend(t *testing.T) {
	t.Parallel()
	h := open(t)
	got := h.send(t, "POST", ask, readToken, `{"question":`+ranged(
		`{"fromDate":"2026-03-29","toDate":"2026-03-31"}`)[:len(ranged(
		`{"fromDate":"2026-03-29","toDate":"2026-03-31"}`))-1]+
		`,"trend":{"interval":"INTERVAL_DAY"},"compare":{"previousPeriod":true}}}`)
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	want := [][]time.Time{
		{
			time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC), time.Date(2026, 3, 29, 22, 0, 0, 0, time.UTC),
		},
		{
			time.Date(2026, 3, 26, 23, 0, 0, 0, time.UTC), time.Date(2026, 3, 27, 23, 0, 0, 0, time.UTC),
		},
	}
	var buckets [][]time.Time
	for _, q := range h.oracle.asked {
		buckets = append(buckets, q.Buckets)
	}
	if diff := cmp.Diff(want, buckets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestListsOfBuckets: a bucket is meant by its beginning.
func TestListsOfBuckets(t *testing.T) {
	t.Parallel()
	h := open(t)
	const list = "/v1/sites/shop/funnels:listPersons"
	const trended = base + `,"trend":{"interval":"INTERVAL_WEEK"}}`
	// The first week begins on Monday, 29 December, in Berlin.
	for number, from := range map[int]string{1: "2025-12-28T23:00:00Z", 3: "2026-01-11T23:00:00Z"} {
		got := h.send(t, "POST", list, readToken,
			`{"step":1,"bucket":"`+from+`","question":`+trended+`}`)
		if n := h.oracle.pages[len(h.oracle.pages)-1].Bucket; got.status != http.StatusOK || n != number {
			t.Errorf("%s: %d %s: bucket %d, want %d", from, got.status, got.body, n, number)
		}
	}
	got := h.send(t, "GET", list+"?step=any&step=any&from=2026-01-01&to=2026-02-01&trend=week"+
		"&stepNumber=1&bucket=2026-01-04T23:00:00Z", readToken, "")
	if n := h.oracle.pages[len(h.oracle.pages)-1].Bucket; got.status != http.StatusOK || n != 2 {
		t.Errorf("by GET: %d %s: bucket %d, want 2", got.status, got.body, n)
	}
	for body, says := range map[string]string{
		`{"step":1,"bucket":"2026-01-12T00:00:00Z","question":` + trended + `}`: "is no beginning",
		`{"step":1,"bucket":"2026-01-12T00:00:00Z","question":` + base + `}}`:   "without a trend",
	} {
		got := h.send(t, "POST", list, readToken, body)
		checkRefusal(t, got.refusal(t), codes.InvalidArgument, []string{"bucket"}, says)
	}
}

// TestPagesOfAttempts: a page may end between two attempts of one unit, whatever the unit is.
func TestPagesOfAttempts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		unit string
		of   func(unit, number int) api.Person
	}{
		"persons": {`{"person":true}`, func(unit, number int) api.Person {
			return api.Person{ID: journey.PersonID(unit), Number: number}
		}},
		"companies": {`{"groupType":"company"}`, func(unit, number int) api.Person {
			return api.Person{Unit: string(rune('a' + unit)), Number: number}
		}},
	} {
		h := open(t)
		for unit := range 3 {
			for number := range 3 {
				p := c.of(unit+1, number)
				p.StepTimes = []time.Time{time.UnixMilli(int64(unit*10 + number))}
				h.oracle.persons = append(h.oracle.persons, p)
			}
		}
		request := &funnelv1.ListFunnelPersonsRequest{
			Parent: "sites/shop", Step: 1, PageSize: 2,
			Question: question(t, base+`,"count":"COUNT_ATTEMPT","unit":`+c.unit+`}`),
		}
		var got []int64
		for {
			page, err := funnelv1.NewFunnelServiceClient(h.conn).ListFunnelPersons(
				as(t.Context(), readToken), request)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page.GetPersons() {
				got = append(got, p.GetStepTimes()[0].AsTime().UnixMilli())
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		if diff := cmp.Diff([]int64{0, 1, 2, 10, 11, 12, 20, 21, 22}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestDropOffReasons: what separates the lost is asked for and told; an optional step is no end.
func TestDropOffReasons(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.oracle.answer.Steps = []funnel.StepNumbers{
		{Count: 4, Lost: 2, Reasons: []funnel.Reason{{
			Candidate: funnel.Candidate{Kind: funnel.ByProperty, Name: "pay", Value: "card"},
			LostWith:  1, Lost: 2, WentOnWith: 1, WentOn: 4, OddsRatio: 3, Low: 0.5, High: 9, P: 0.1,
			Q: 0.2, Significant: true,
		}}},
		{Count: 1, Optional: true},
		{Count: 2},
	}
	const dropOff = "/v1/sites/shop/funnels:askDropOff"
	got := h.send(t, "POST", dropOff, readToken, `{"reasons":true,"reasonProperties":["pay"],
		"words":{"step":["any","any optional","any"]}}`)
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if diff := cmp.Diff(&funnel.Reasons{Properties: []string{"pay"}}, h.oracle.last().Reasons); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	drops, _ := parsed(t, got.body).(map[string]any)["dropOffs"].([]any)
	first, _ := drops[0].(map[string]any)
	want := `[{"kind":"REASON_KIND_PROPERTY","name":"pay","value":"card","lostWith":1,"lost":2,
		"wentOnWith":1,"wentOn":4,"oddsRatio":3,"low":0.5,"high":9,"pValue":0.1,"qValue":0.2,
		"significant":true}]`
	if diff := cmp.Diff(parsed(t, want), first["reasons"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(drops) != 1 || first["toStep"] != 3.0 {
		t.Errorf("drop-offs %v", drops)
	}
	for _, c := range []struct {
		body   string
		fields []string
	}{
		{`"reasons":true,"summaryOnly":true`, []string{"reasons"}},
		{`"reasonProperties":["a"]`, []string{"reason_properties"}},
		{
			`"reasons":true,"reasonProperties":["a","a","","b","c","d"]`,
			[]string{"reason_properties", "reason_properties[1]", "reason_properties[2]"},
		},
	} {
		got := h.send(t, "POST", dropOff, readToken, `{`+c.body+`,"words":{}}`)
		checkRefusal(t, got.refusal(t), codes.InvalidArgument, c.fields, "")
	}
	got = h.send(t, "POST", dropOff, readToken, `{"words":{"trend":"day","time_to_convert":"1..2"}}`)
	checkRefusal(t, got.refusal(t), codes.Unimplemented,
		[]string{"words.trend", "words.time_to_convert"}, "ask for the funnel")
}

// TestBucketOfNoTime: an instant that is none is said once.
func TestBucketOfNoTime(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, err := funnelv1.NewFunnelServiceClient(h.conn).ListFunnelPersons(as(t.Context(), readToken),
		&funnelv1.ListFunnelPersonsRequest{
			Parent: "sites/shop", Step: 1, Question: question(t, base+"}"),
			Bucket: &timestamppb.Timestamp{Seconds: -1 << 60},
		})
	if diff := cmp.Diff([]string{"bucket"}, refusalOf(err).fields()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
