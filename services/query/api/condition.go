package api

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

var subjects = map[funnelv1.Subject]funnel.Subject{
	funnelv1.Subject_SUBJECT_UNSPECIFIED: funnel.Property,
	funnelv1.Subject_SUBJECT_PROPERTY:    funnel.Property,
	funnelv1.Subject_SUBJECT_TRAIT:       funnel.Trait,
	funnelv1.Subject_SUBJECT_PERSONA:     funnel.Persona,
	funnelv1.Subject_SUBJECT_CHANNEL:     funnel.OfChannel,
	funnelv1.Subject_SUBJECT_EVENT:       funnel.OfEvent,
	funnelv1.Subject_SUBJECT_STAGE:       funnel.OfStage,
	funnelv1.Subject_SUBJECT_TOUCHPOINT:  funnel.OfTouchpoint,
	funnelv1.Subject_SUBJECT_DEVICE:      funnel.OfDevice,
	funnelv1.Subject_SUBJECT_BROWSER:     funnel.OfBrowser,
	funnelv1.Subject_SUBJECT_OS:          funnel.OfOS,
	funnelv1.Subject_SUBJECT_TRAFFIC:     funnel.OfTraffic,
	funnelv1.Subject_SUBJECT_CAMPAIGN:    funnel.OfCampaign,
	funnelv1.Subject_SUBJECT_GROUP:       funnel.OfGroup,
}

var operators = map[funnelv1.Operator]funnel.Operator{
	funnelv1.Operator_OPERATOR_EQ:           funnel.Equal,
	funnelv1.Operator_OPERATOR_NEQ:          funnel.NotEqual,
	funnelv1.Operator_OPERATOR_CONTAINS:     funnel.Contains,
	funnelv1.Operator_OPERATOR_NOT_CONTAINS: funnel.NotContains,
	funnelv1.Operator_OPERATOR_IN:           funnel.In,
	funnelv1.Operator_OPERATOR_NOT_IN:       funnel.NotIn,
	funnelv1.Operator_OPERATOR_GT:           funnel.Greater,
	funnelv1.Operator_OPERATOR_GTE:          funnel.GreaterOrEqual,
	funnelv1.Operator_OPERATOR_LT:           funnel.Less,
	funnelv1.Operator_OPERATOR_LTE:          funnel.LessOrEqual,
	funnelv1.Operator_OPERATOR_BETWEEN:      funnel.Between,
	funnelv1.Operator_OPERATOR_REGEX:        funnel.Regex,
	funnelv1.Operator_OPERATOR_IS_SET:       funnel.IsSet,
	funnelv1.Operator_OPERATOR_IS_NOT_SET:   funnel.IsNotSet,
}

// another counts a condition or filter and tells whether there may be one more.
func (r *reader) another(field string) bool {
	r.conditions++
	if r.conditions == MaxConditions+1 {
		r.bad(field, "a question may hold at most %d conditions and filters", MaxConditions)
	}
	return r.conditions <= MaxConditions
}

func (r *reader) condition(field string, m *funnelv1.Condition) funnel.Condition {
	r.enum(field+".subject", m.GetSubject())
	c := funnel.Condition{
		Subject:  subjects[m.GetSubject()],
		Name:     m.GetName(),
		Operator: operators[m.GetOperator()],
	}
	if c.Operator == 0 {
		r.bad(field+".operator", "is required: give one of %s", operatorNames())
	}
	if n := len(m.GetValues()); n > MaxValues {
		r.bad(field+".values", "are %d: give at most %d", n, MaxValues)
		return c
	}
	for i, v := range m.GetValues() {
		c.Values = append(c.Values, r.value(fmt.Sprintf("%s.values[%d]", field, i), v))
	}
	if c.Operator == funnel.Regex && len(c.Values) == 1 {
		r.regex(field+".values[0]", c.Values[0])
	}
	return c
}

// value reads a text, a number or a boolean.
func (r *reader) value(field string, v *structpb.Value) journey.Value {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return journey.TextValue(k.StringValue)
	case *structpb.Value_BoolValue:
		return journey.BoolValue(k.BoolValue)
	case *structpb.Value_NumberValue:
		return journey.NumberValue(k.NumberValue)
	}
	r.bad(field, "must be a text, a number or a boolean")
	return journey.Value{}
}

// regex refuses what would cost too much to compile or is no text.
func (r *reader) regex(field string, v journey.Value) {
	switch {
	case v.Kind() != journey.Text:
		r.bad(field, "must be a text: a regular expression in RE2 syntax")
	case len(v.Text()) > MaxRegexBytes:
		r.bad(field, "must be at most %d bytes", MaxRegexBytes)
	}
}

func operatorNames() string {
	var names []string
	for n := int32(1); n <= int32(len(operators)); n++ {
		names = append(names, strings.TrimPrefix(funnelv1.Operator_name[n], "OPERATOR_"))
	}
	return strings.Join(names, ", ")
}

// filter reads a tree. depth counts from 1.
func (r *reader) filter(field string, m *funnelv1.Filter, depth int) funnel.Filter {
	if depth > MaxFilterDepth {
		r.bad(field, "a filter may be at most %d levels deep", MaxFilterDepth)
		return nil
	}
	if !r.another(field) {
		return nil
	}
	switch is := m.GetIs().(type) {
	case *funnelv1.Filter_All:
		return funnel.AllOf(r.filters(field+".all", is.All, depth))
	case *funnelv1.Filter_Any:
		return funnel.AnyOf(r.filters(field+".any", is.Any, depth))
	case *funnelv1.Filter_Not:
		return funnel.Not{Of: r.filter(field+".not", is.Not, depth+1)}
	case *funnelv1.Filter_Condition:
		return r.condition(field+".condition", is.Condition)
	}
	r.bad(field, "needs one of all, any, not and condition")
	return nil
}

func (r *reader) filters(field string, m *funnelv1.FilterList, depth int) []funnel.Filter {
	filters := make([]funnel.Filter, 0, min(len(m.GetFilters()), MaxConditions))
	for i, f := range m.GetFilters() {
		if r.conditions > MaxConditions {
			break // said once
		}
		filters = append(filters, r.filter(fmt.Sprintf("%s.filters[%d]", field, i), f, depth+1))
	}
	return filters
}
