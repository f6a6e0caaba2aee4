package api

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

func trendMessages(labels []string, trend []funnel.Bucket) []*funnelv1.TrendBucket {
	var list []*funnelv1.TrendBucket
	for _, b := range trend {
		list = append(list, &funnelv1.TrendBucket{
			FromTime: timestamppb.New(b.From), ToTime: timestamppb.New(b.To),
			Steps: stepMessages(labels, b.Steps),
		})
	}
	return list
}

func distributionMessage(d *funnel.Distribution) *funnelv1.Distribution {
	if d == nil {
		return nil
	}
	m := &funnelv1.Distribution{
		FromStep: count(d.From), ToStep: count(d.To), Count: count(d.Count),
		Spans: spansMessage(d.Spans),
	}
	for _, p := range d.Percentiles {
		m.Percentiles = append(m.Percentiles,
			&funnelv1.Percentile{Percent: p.Percent, Seconds: p.Seconds})
	}
	for _, b := range d.Bins {
		m.Bins = append(m.Bins, &funnelv1.Bin{
			FromSeconds: b.FromSeconds, ToSeconds: b.ToSeconds, Count: count(b.Count),
		})
	}
	return m
}

func testMessage(t *funnel.GroupTest) *funnelv1.GroupTest {
	if t == nil {
		return nil
	}
	return &funnelv1.GroupTest{
		Difference: t.Difference, Low: t.Low, High: t.High, PValue: t.P, QValue: t.Q,
		Significant: t.Significant, ProbabilityBest: t.Best, SmallSample: t.SmallSample,
	}
}

func ratioMessage(r *funnel.SampleRatio) *funnelv1.SampleRatio {
	if r == nil {
		return nil
	}
	return &funnelv1.SampleRatio{ChiSquared: r.ChiSquared, PValue: r.P, Mismatch: r.Mismatch}
}

var reasonKinds = map[funnel.ReasonKind]funnelv1.ReasonKind{
	funnel.ByBarrier:    funnelv1.ReasonKind_REASON_KIND_BARRIER,
	funnel.ByTouchpoint: funnelv1.ReasonKind_REASON_KIND_TOUCHPOINT,
	funnel.ByEvent:      funnelv1.ReasonKind_REASON_KIND_EVENT,
	funnel.ByProperty:   funnelv1.ReasonKind_REASON_KIND_PROPERTY,
}

func reasonMessages(reasons []funnel.Reason) []*funnelv1.Reason {
	var list []*funnelv1.Reason
	for _, r := range reasons {
		list = append(list, &funnelv1.Reason{
			Kind: reasonKinds[r.Kind], Name: r.Name, Value: r.Value,
			LostWith: count(r.LostWith), Lost: count(r.Lost),
			WentOnWith: count(r.WentOnWith), WentOn: count(r.WentOn),
			OddsRatio: r.OddsRatio, Low: r.Low, High: r.High,
			PValue: r.P, QValue: r.Q, Significant: r.Significant,
		})
	}
	return list
}
