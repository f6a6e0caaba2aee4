package table_test

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
)

// laidOut is an answer, and which of its tables is looked at.
type laidOut struct {
	answer proto.Message
	table  string
	by     []string
}

// at is an instant of the day of these answers.
func at(hour int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 3, 4, hour, 0, 0, 891_234_567, time.UTC))
}

func share(value float64) *funnelv1.Share {
	return &funnelv1.Share{Value: value, Low: value / 2, High: (1 + value) / 2}
}

func stepsOf(first, last uint32) []*funnelv1.StepResult {
	spans := &funnelv1.Spans{MeanSeconds: 90.5, MedianSeconds: 60, P90Seconds: 3600}
	return []*funnelv1.StepResult{
		{Step: 1, Label: "=search", Count: first, Lost: first - last, ConversionFromFirst: share(1)},
		{
			Step: 2, Label: "purchase, paid", Count: last, FromPrevious: spans, FromEntry: spans,
			ConversionFromPrevious: share(0.25), ConversionFromFirst: share(0.25),
		},
	}
}

func facts() *funnelv1.AnswerFacts {
	return &funnelv1.AnswerFacts{
		AsOf: at(12), FromTime: at(0), ToTime: at(10), FreshUntil: at(11), MapVersion: 3,
		TookSeconds: 0.5, TouchpointsRead: 100, GroupsOverlap: true,
		Warnings: []string{"a link is too large", "data are on the way"},
	}
}

// answers are one of each table at least.
func answers() map[string]laidOut {
	email, empty := &funnelv1.GroupValue{Value: "email"}, &funnelv1.GroupValue{}
	missing := &funnelv1.GroupValue{Missing: true}
	return map[string]laidOut{
		"steps": {answer: &funnelv1.AskFunnelResponse{Steps: stepsOf(8, 2), Facts: facts()}},
		"steps by two": {
			by: []string{"channel", "trait:plan"},
			answer: &funnelv1.AskFunnelResponse{
				Steps: stepsOf(8, 2), Facts: facts(),
				Groups: []*funnelv1.GroupResult{
					{Values: []*funnelv1.GroupValue{email, missing}, Steps: stepsOf(4, 1)},
					{Values: []*funnelv1.GroupValue{empty, {Value: "+pro"}}, Steps: stepsOf(3, 1)},
					{Other: true, Steps: stepsOf(1, 0)},
				},
				Comparison: &funnelv1.Comparison{
					FromTime: at(1), ToTime: at(2), AsOf: at(3), Steps: stepsOf(6, 3),
					Groups: []*funnelv1.GroupResult{
						{Values: []*funnelv1.GroupValue{email, missing}, Steps: stepsOf(6, 3)},
					},
				},
			},
		},
		"trend":           {answer: trendAnswer(email), by: []string{"channel"}, table: "trend"},
		"time to convert": {answer: trendAnswer(email), by: []string{"channel"}, table: "time_to_convert"},
		"tests":           {answer: trendAnswer(email), by: []string{"channel"}, table: "tests"},
		"reasons":         {answer: dropOffAnswer(email), by: []string{"channel"}, table: "reasons"},
		"drop offs":       {answer: dropOffAnswer(email), by: []string{"channel"}},
		"departures":      {answer: dropOffAnswer(email), by: []string{"channel"}, table: "departures"},
		"persons": {answer: &funnelv1.ListFunnelPersonsResponse{
			Facts: facts(), NextPageToken: "x", TotalSize: 3, Persons: []*funnelv1.FunnelPerson{
				{
					PersonId: "00000000000000ff", UserIds: []string{"=ann", "b"}, Persona: "dealers",
					AnonymousIds: []string{`d"1`}, Outcome: funnelv1.Outcome_OUTCOME_LOST,
					StepTimes: []*timestamppb.Timestamp{at(1), at(2)}, FilledSteps: []uint32{1, 3},
				},
				{PersonId: "0100000000000000", Outcome: funnelv1.Outcome_OUTCOME_IN_WINDOW},
				{PersonId: "0200000000000000", Group: []*funnelv1.GroupValue{missing, empty, email}},
				{Unit: "-company", Outcome: funnelv1.Outcome_OUTCOME_CONVERTED},
			},
		}},
		"questions": {answer: &funnelv1.ListQuestionsResponse{Questions: []*funnelv1.SavedQuestion{
			{
				Name: "sites/s/questions/weekly", Version: 2, Title: "Weekly", SavedAt: at(1),
				Kind:  funnelv1.QuestionKind_QUESTION_KIND_DROP_OFF,
				Words: &funnelv1.QuestionWords{From: "-7d", By: []string{"channel"}},
			},
			{
				Name: "sites/s/questions/whole", Version: 1, SavedAt: at(2),
				Question: &funnelv1.FunnelQuestion{Order: funnelv1.Order_ORDER_STRICT},
			},
		}}},
		"events": {answer: &cataloguev1.ListEventsResponse{Events: []*cataloguev1.Event{
			{Event: "Order Completed", Count: 7, FirstSeenAt: at(1), LastSeenAt: at(2)},
		}}},
		"properties": {answer: &cataloguev1.ListPropertiesResponse{Properties: []*cataloguev1.Property{
			{
				Scope: cataloguev1.Scope_SCOPE_PROPERTY, Event: "Order Completed", Property: "@total",
				Count: 7, FirstSeenAt: at(1), LastSeenAt: at(2), Examples: []string{"1", `"x"`},
				Types: []*cataloguev1.TypeCount{{Type: "number", Count: 6}, {Type: "text", Count: 1}},
			},
			{Scope: cataloguev1.Scope_SCOPE_TRAIT, Property: "plan"},
		}}},
		"journey maps": {answer: &journeyv1.ListJourneyMapsResponse{
			JourneyMaps: []*journeyv1.JourneyMap{
				{Name: "sites/s/journeyMaps/1", Version: 1, Title: "Shop", InForceAt: at(1)},
			},
		}},
		"quarantined messages": {answer: &collectv1.ListQuarantinedMessagesResponse{
			Messages: []*collectv1.QuarantinedMessage{{
				Name: "sites/s/quarantinedMessages/1", ReceivedAt: at(1), Reason: "too_old",
				Kind: collectv1.Kind_KIND_TRACK, StageOfRefusal: "ingest", Detail: "is from 1969",
				Source: "http", KeyId: "k", Payload: []byte("{}"),
			}},
		}},
		"sites": {answer: &sitev1.ListSitesResponse{Sites: []*sitev1.Site{
			{Name: "sites/s", DisplayName: "Shop", TimeZone: "Europe/Berlin", CreatedAt: at(1)},
		}}},
		"keys": {answer: &sitev1.ListKeysResponse{Keys: []*sitev1.Key{{
			Name: "sites/s/keys/k", Kind: sitev1.KeyKind_KEY_KIND_WRITE, Label: "web", CreatedAt: at(1),
			AllowedOrigins: []string{"https://x"}, MessagesPerSecond: 2.5,
		}}}},
	}
}

// trendAnswer is an answer of two buckets, split once and set beside another.
func trendAnswer(value *funnelv1.GroupValue) *funnelv1.AskFunnelResponse {
	buckets := []*funnelv1.TrendBucket{
		{FromTime: at(0), ToTime: at(1), Steps: stepsOf(5, 2)},
		{FromTime: at(1), ToTime: at(2), Steps: stepsOf(3, 0)},
	}
	times := &funnelv1.Distribution{
		FromStep: 1, ToStep: 2, Count: 2, Spans: &funnelv1.Spans{MeanSeconds: 90.5},
		Percentiles: []*funnelv1.Percentile{{Percent: 50, Seconds: 60}},
		Bins: []*funnelv1.Bin{
			{FromSeconds: 0, ToSeconds: 60, Count: 1},
			{FromSeconds: 60, ToSeconds: 120, Count: 1},
		},
	}
	group := &funnelv1.GroupResult{
		Values: []*funnelv1.GroupValue{value}, Steps: stepsOf(8, 2), Trend: buckets[:1],
		TimeToConvert: times, Test: &funnelv1.GroupTest{
			Difference: 0.125, Low: -0.25, High: 0.5, PValue: 0.04, QValue: 0.08, SmallSample: true,
			ProbabilityBest: new(0.75),
		},
	}
	return &funnelv1.AskFunnelResponse{
		Steps: stepsOf(8, 2), Trend: buckets, TimeToConvert: times, Facts: facts(),
		Groups: []*funnelv1.GroupResult{
			group,
			{Other: true, Steps: stepsOf(0, 0), Trend: buckets[1:], TimeToConvert: &funnelv1.Distribution{
				FromStep: 1, ToStep: 2,
			}, Test: &funnelv1.GroupTest{PValue: 1, QValue: 1}},
		},
		Comparison: &funnelv1.Comparison{
			FromTime: at(1), ToTime: at(2), AsOf: at(3), Groups: []*funnelv1.GroupResult{group},
		},
	}
}

func dropOffAnswer(value *funnelv1.GroupValue) *funnelv1.AskDropOffResponse {
	named := func(name string, count uint32) *funnelv1.NamedShare {
		return &funnelv1.NamedShare{
			Name: name, Missing: name == "", Count: count, Share: share(float64(count) / 4),
		}
	}
	departure := &funnelv1.Departure{
		Outcome: funnelv1.Outcome_OUTCOME_LOST, Count: 4,
		Silent:   &funnelv1.NamedShare{Count: 1, Share: share(0.25)},
		WentBack: &funnelv1.NamedShare{Count: 1, Share: share(0.25)},
		Diverted: &funnelv1.NamedShare{Count: 2, Share: share(0.5)},
		LastTouchpoints: []*funnelv1.TouchpointShare{
			{Touchpoint: "call", Stage: "comparison", Count: 3, Share: share(0.75)},
			{Event: "page", Count: 1, Share: share(0.25)},
		},
		NextTouchpoints: []*funnelv1.TouchpointShare{{Event: "page", Count: 3, Share: share(0.75)}},
		Channels:        []*funnelv1.NamedShare{named("email", 3), named("", 1)},
		Barriers:        []*funnelv1.NamedShare{named("no_slot", 2)},
	}
	drop := &funnelv1.DropOff{
		FromStep: 1, FromLabel: "search", ToStep: 2, ToLabel: "purchase", Reached: 8, WentOn: 3,
		Lost: 4, InWindow: 1, DropOff: share(0.625), LostShare: share(0.5), Worst: true,
		Departures: []*funnelv1.Departure{departure},
	}
	drop.Reasons = []*funnelv1.Reason{
		{
			Kind: funnelv1.ReasonKind_REASON_KIND_BARRIER, Name: "-stock", LostWith: 3, Lost: 4,
			WentOnWith: 1, WentOn: 2, OddsRatio: 3, Low: 0.125, High: 72, PValue: 0.5, QValue: 0.75,
			Significant: true,
		},
		{Kind: funnelv1.ReasonKind_REASON_KIND_PROPERTY, Name: "pay", Value: "=card"},
	}
	return &funnelv1.AskDropOffResponse{
		DropOffs: []*funnelv1.DropOff{drop}, Facts: facts(),
		Groups: []*funnelv1.GroupDropOff{{
			Values: []*funnelv1.GroupValue{value},
			DropOffs: []*funnelv1.DropOff{{
				FromStep: 1, FromLabel: "search", ToStep: 2, ToLabel: "purchase",
			}},
		}},
	}
}
