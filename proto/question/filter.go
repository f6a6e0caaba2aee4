package question

import (
	"google.golang.org/protobuf/proto"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

func parseFilter(text string) (*funnelv1.Filter, error) {
	c, err := ParseCondition(text)
	if err != nil {
		return nil, err
	}
	return &funnelv1.Filter{Is: &funnelv1.Filter_Condition{Condition: c}}, nil
}

// allOf is a filter that holds where all of some do, at least one.
func allOf(filters []*funnelv1.Filter) *funnelv1.Filter {
	if len(filters) == 1 {
		return filters[0]
	}
	return &funnelv1.Filter{Is: &funnelv1.Filter_All{All: &funnelv1.FilterList{Filters: filters}}}
}

// ordinary holds for touchpoints of customers.
var ordinary = &funnelv1.Filter{Is: &funnelv1.Filter_Condition{Condition: &funnelv1.Condition{
	Subject: funnelv1.Subject_SUBJECT_TRAFFIC, Operator: funnelv1.Operator_OPERATOR_IS_NOT_SET,
}}}

// customersOnly adds to a filter, nil or not, that a touchpoint is a customer's.
func customersOnly(f *funnelv1.Filter) *funnelv1.Filter {
	if f == nil {
		return proto.CloneOf(ordinary)
	}
	return allOf([]*funnelv1.Filter{f, proto.CloneOf(ordinary)})
}
