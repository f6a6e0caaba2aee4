package api

import (
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

// count is a number of persons as messages carry it.
func count(n int) uint32 {
	return uint32(max(0, min(int64(n), math.MaxUint32)))
}

// facts says what an answer rests on.
func (h *funnelHandler) facts(a asked, f Facts) *funnelv1.AnswerFacts {
	m := &funnelv1.AnswerFacts{
		AsOf:            timestamppb.New(a.question.AsOf),
		FromTime:        timestamppb.New(a.question.From),
		ToTime:          timestamppb.New(a.question.To),
		MapVersion:      uint32(f.MapVersion),
		TookSeconds:     max(0, h.now().Sub(a.began)).Round(time.Microsecond).Seconds(),
		TouchpointsRead: float64(f.TouchpointsRead),
		Warnings:        f.Warnings,
		Way:             f.Way,
		Cached:          f.Cached,
	}
	if !f.FreshUntil.IsZero() {
		m.FreshUntil = timestamppb.New(f.FreshUntil)
	}
	return m
}

func stepMessages(labels []string, steps []funnel.StepNumbers) []*funnelv1.StepResult {
	list := make([]*funnelv1.StepResult, len(steps))
	for i, s := range steps {
		list[i] = &funnelv1.StepResult{
			Step:                   count(i + 1),
			Label:                  labels[i],
			Count:                  count(s.Count),
			ConversionFromPrevious: shareMessage(s.FromPrevious),
			ConversionFromFirst:    shareMessage(s.FromFirst),
			Lost:                   count(s.Lost),
			InWindow:               count(s.InWindow),
			FromPrevious:           spansMessage(s.SincePrevious),
			FromEntry:              spansMessage(s.SinceEntry),
			Optional:               s.Optional,
		}
	}
	return list
}

func groupMessages(labels []string, groups []funnel.Group) []*funnelv1.GroupResult {
	list := make([]*funnelv1.GroupResult, len(groups))
	for i, g := range groups {
		list[i] = &funnelv1.GroupResult{
			Values: valueMessages(g.Values), Other: g.Other, Steps: stepMessages(labels, g.Steps),
			Test: testMessage(g.Test), Trend: trendMessages(labels, g.Trend),
			TimeToConvert: distributionMessage(g.TimeToConvert),
		}
	}
	return list
}

// comparisonMessage is the answer of a question that another one is set beside.
func comparisonMessage(
	labels []string, q funnel.Question, answer Funnel,
) *funnelv1.Comparison {
	return &funnelv1.Comparison{
		FromTime:      timestamppb.New(q.From),
		ToTime:        timestamppb.New(q.To),
		AsOf:          timestamppb.New(q.AsOf),
		Steps:         stepMessages(labels, answer.Steps),
		Groups:        groupMessages(labels, answer.Groups),
		Trend:         trendMessages(labels, answer.Trend),
		TimeToConvert: distributionMessage(answer.TimeToConvert),
	}
}

// valueMessages are the values of a group, none for all groups past the limit together.
func valueMessages(values []funnel.GroupValue) []*funnelv1.GroupValue {
	list := make([]*funnelv1.GroupValue, len(values))
	for i, v := range values {
		list[i] = &funnelv1.GroupValue{Value: v.Value, Missing: v.Missing}
	}
	return list
}

func dropOffMessages(labels []string, steps []funnel.StepNumbers) []*funnelv1.DropOff {
	drops := funnel.DropOffs(steps)
	list := make([]*funnelv1.DropOff, len(drops))
	for i, d := range drops {
		list[i] = &funnelv1.DropOff{
			FromStep:  count(d.From),
			FromLabel: labels[d.From-1],
			ToStep:    count(d.To),
			ToLabel:   labels[d.To-1],
			Reached:   count(d.Reached),
			WentOn:    count(d.WentOn),
			Lost:      count(d.Lost),
			InWindow:  count(d.InWindow),
			DropOff:   shareMessage(d.Dropped),
			LostShare: shareMessage(d.LostShare),
			Worst:     d.Worst,

			Departures: departureMessages(d.Departures),
			Reasons:    reasonMessages(d.Reasons),
		}
	}
	return list
}

func groupDropOffMessages(labels []string, groups []funnel.Group) []*funnelv1.GroupDropOff {
	list := make([]*funnelv1.GroupDropOff, len(groups))
	for i, g := range groups {
		list[i] = &funnelv1.GroupDropOff{
			Values: valueMessages(g.Values), Other: g.Other, DropOffs: dropOffMessages(labels, g.Steps),
		}
	}
	return list
}

func departureMessages(departures []funnel.Departure) []*funnelv1.Departure {
	var list []*funnelv1.Departure
	for _, d := range departures {
		list = append(list, &funnelv1.Departure{
			Outcome:         outcomes[d.Outcome],
			Count:           count(d.Count),
			Silent:          talliedMessage(d.Silent),
			WentBack:        talliedMessage(d.WentBack),
			Diverted:        talliedMessage(d.Diverted),
			LastTouchpoints: placeMessages(d.LastPlaces),
			NextTouchpoints: placeMessages(d.NextPlaces),
			Channels:        nameMessages(d.Channels),
			Barriers:        nameMessages(d.Barriers),
		})
	}
	return list
}

func talliedMessage(t funnel.Tallied) *funnelv1.NamedShare {
	return &funnelv1.NamedShare{Count: count(t.Count), Share: shareMessage(t.Share)}
}

func placeMessages(places []funnel.PlaceCount) []*funnelv1.TouchpointShare {
	list := make([]*funnelv1.TouchpointShare, len(places))
	for i, p := range places {
		list[i] = &funnelv1.TouchpointShare{
			Touchpoint: string(p.Touchpoint), Stage: string(p.Stage), Event: p.Event,
			Count: count(p.Count), Share: shareMessage(p.Share),
		}
	}
	return list
}

func nameMessages(names []funnel.NameCount) []*funnelv1.NamedShare {
	list := make([]*funnelv1.NamedShare, len(names))
	for i, n := range names {
		list[i] = &funnelv1.NamedShare{
			Name: n.Value, Missing: n.Missing, Count: count(n.Count), Share: shareMessage(n.Share),
		}
	}
	return list
}

func shareMessage(s *funnel.Share) *funnelv1.Share {
	if s == nil {
		return nil
	}
	return &funnelv1.Share{Value: s.Value, Low: s.Low, High: s.High}
}

func spansMessage(s *funnel.Spans) *funnelv1.Spans {
	if s == nil {
		return nil
	}
	return &funnelv1.Spans{
		MeanSeconds: s.MeanSeconds, MedianSeconds: s.MedianSeconds, P90Seconds: s.P90Seconds,
	}
}
