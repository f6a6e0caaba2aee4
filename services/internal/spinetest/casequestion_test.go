package spinetest

import (
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

var caseOperators = map[string]funnelv1.Operator{
	"eq": funnelv1.Operator_OPERATOR_EQ, "neq": funnelv1.Operator_OPERATOR_NEQ,
	"contains":     funnelv1.Operator_OPERATOR_CONTAINS,
	"not_contains": funnelv1.Operator_OPERATOR_NOT_CONTAINS,
	"is_set":       funnelv1.Operator_OPERATOR_IS_SET,
	"is_not_set":   funnelv1.Operator_OPERATOR_IS_NOT_SET,
}

var caseOrders = map[string]funnelv1.Order{
	"ordered": funnelv1.Order_ORDER_ORDERED, "strict": funnelv1.Order_ORDER_STRICT,
	"unordered": funnelv1.Order_ORDER_ANY,
}

func (c funnelCase) question(t *testing.T) *funnelv1.FunnelQuestion {
	t.Helper()
	q := &funnelv1.FunnelQuestion{
		Compat: funnelv1.Compat_COMPAT_POSTHOG, Order: caseOrders[c.Mode],
		Range: &funnelv1.TimeRange{
			From: &funnelv1.TimeRange_FromTime{FromTime: timestamppb.New(c.Query.From)},
			// The case's end is inside, ours is outside.
			To: &funnelv1.TimeRange_ToTime{
				ToTime: timestamppb.New(c.Query.To.Truncate(time.Millisecond).Add(time.Millisecond)),
			},
		},
		WindowSeconds: proto.Float64(c.Query.Window),
		TimeToConvert: c.Query.Convert.message(), Trend: c.Query.Trend.message(t),
	}
	if c.Query.Window == 0 {
		q.WindowSeconds = nil
	}
	for _, st := range c.Query.Steps {
		q.Steps = append(q.Steps, st.message(t))
	}
	for _, x := range c.Query.Exclusions {
		touchpoint := caseStep{Event: &x.Event, Where: x.Where}
		q.Exclusions = append(q.Exclusions, &funnelv1.Exclusion{
			Touchpoint: touchpoint.message(t), FromStep: x.FromStep + 1, ToStep: x.ToStep + 1,
		})
	}
	if b := c.Query.Breakdown; b != nil {
		q.Breakdowns = b.messages(t)
	}
	if u := c.Query.Unit; u != nil {
		q.Unit = u.unit(t)
	}
	if len(c.Query.Filter) > 0 {
		q.Filter = caseFilter(t, c.Query.Filter)
	}
	if len(c.Query.Fields) > 0 {
		beside := new(funnelv1.FunnelQuestion)
		if err := protojson.Unmarshal(c.Query.Fields, beside); err != nil {
			t.Fatal(err)
		}
		proto.Merge(q, beside)
	}
	return q
}

var caseAttributions = map[string]funnelv1.Attribution{
	"first_touch": funnelv1.Attribution_ATTRIBUTION_FIRST_TOUCH,
	"last_touch":  funnelv1.Attribution_ATTRIBUTION_LAST_TOUCH,
	"all":         funnelv1.Attribution_ATTRIBUTION_ALL,
	"step":        funnelv1.Attribution_ATTRIBUTION_STEP,
	"":            funnelv1.Attribution_ATTRIBUTION_UNSPECIFIED,
}

// messages are one breakdown per property. Traits are those of persons as of as_of, whatever the
// attribution says.
func (b *caseBreakdown) messages(t *testing.T) []*funnelv1.Breakdown {
	t.Helper()
	props := b.Props
	if len(props) == 0 {
		props = []string{b.Prop}
	}
	var list []*funnelv1.Breakdown
	for _, prop := range props {
		m := &funnelv1.Breakdown{Limit: b.Limit}
		attribution, known := caseAttributions[b.Attribution]
		switch {
		case b.Kind == "person_trait":
			m.By = &funnelv1.Breakdown_Trait{Trait: prop}
		case b.Kind != "event_property" || !known:
			t.Fatalf("unknown breakdown %+v", b)
		default:
			m.By = &funnelv1.Breakdown_Property{Property: prop}
			m.Attribution = attribution
		}
		if m.Attribution == funnelv1.Attribution_ATTRIBUTION_STEP {
			m.Step = b.Step + 1
		}
		list = append(list, m)
	}
	return list
}

func (b *caseBreakdown) unit(t *testing.T) *funnelv1.Unit {
	t.Helper()
	switch b.Kind {
	case "person_trait":
		return &funnelv1.Unit{By: &funnelv1.Unit_Trait{Trait: b.Prop}}
	case "event_property":
		return &funnelv1.Unit{By: &funnelv1.Unit_Property{Property: b.Prop}}
	}
	t.Fatalf("unknown unit %+v", b)
	return nil
}

var caseFirstTimes = map[string]funnelv1.FirstTime{
	"":         funnelv1.FirstTime_FIRST_TIME_UNSPECIFIED,
	"event":    funnelv1.FirstTime_FIRST_TIME_EVENT,
	"matching": funnelv1.FirstTime_FIRST_TIME_MATCHING,
}

func (st caseStep) message(t *testing.T) *funnelv1.Step {
	t.Helper()
	first, known := caseFirstTimes[st.FirstTime]
	if !known {
		t.Fatalf("unknown first_time %q", st.FirstTime)
	}
	step := &funnelv1.Step{
		Target: &funnelv1.Step_AnyEvent{AnyEvent: true}, Optional: st.Optional, FirstTime: first,
	}
	if st.Event != nil {
		step.Target = &funnelv1.Step_Event{Event: *st.Event}
	}
	for _, w := range st.Where {
		step.Conditions = append(step.Conditions, w.message(t))
	}
	return step
}

func (w caseWhere) message(t *testing.T) *funnelv1.Condition {
	t.Helper()
	c := &funnelv1.Condition{Name: w.Prop, Operator: caseOperators[w.Op]}
	if w.On == "person" {
		c.Subject = funnelv1.Subject_SUBJECT_TRAIT
	}
	if w.Value != nil {
		value, err := structpb.NewValue(w.Value)
		if err != nil {
			t.Fatal(err)
		}
		c.Values = []*structpb.Value{value}
	}
	if list := c.GetValues(); len(list) == 1 && list[0].GetListValue() != nil {
		c.Values = list[0].GetListValue().GetValues()
		if c.GetOperator() == funnelv1.Operator_OPERATOR_EQ {
			c.Operator = funnelv1.Operator_OPERATOR_IN
		}
	}
	return c
}

func caseFilter(t *testing.T, text json.RawMessage) *funnelv1.Filter {
	t.Helper()
	var tree struct {
		All []json.RawMessage `json:"all"`
		Any []json.RawMessage `json:"any"`
		caseWhere
	}
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	list := func(of []json.RawMessage) *funnelv1.FilterList {
		var filters []*funnelv1.Filter
		for _, f := range of {
			filters = append(filters, caseFilter(t, f))
		}
		return &funnelv1.FilterList{Filters: filters}
	}
	switch {
	case len(tree.All) > 0:
		return &funnelv1.Filter{Is: &funnelv1.Filter_All{All: list(tree.All)}}
	case len(tree.Any) > 0:
		return &funnelv1.Filter{Is: &funnelv1.Filter_Any{Any: list(tree.Any)}}
	default:
		return &funnelv1.Filter{Is: &funnelv1.Filter_Condition{Condition: tree.message(t)}}
	}
}
