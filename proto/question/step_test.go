package question

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

func step(kind, name string, conditions ...*funnelv1.Condition) *funnelv1.Step {
	s := &funnelv1.Step{Conditions: conditions}
	if kind == "any" {
		s.Target = &funnelv1.Step_AnyEvent{AnyEvent: true}
		return s
	}
	setTarget(s, kind, name)
	return s
}

func condition(
	subject funnelv1.Subject, name string, operator funnelv1.Operator, values ...any,
) *funnelv1.Condition {
	c := &funnelv1.Condition{Subject: subject, Name: name, Operator: operator}
	for _, v := range values {
		value, err := structpb.NewValue(v)
		if err != nil {
			panic(err)
		}
		c.Values = append(c.Values, value)
	}
	return c
}

const (
	property = funnelv1.Subject_SUBJECT_PROPERTY
	eq       = funnelv1.Operator_OPERATOR_EQ
	gt       = funnelv1.Operator_OPERATOR_GT
)

func TestParseStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want *funnelv1.Step
	}{
		{text: "stage:purchase", want: step("stage", "purchase")},
		{text: "touchpoint:cart", want: step("touchpoint", "cart")},
		{text: "event:Order Completed", want: step("event", "Order Completed")},
		{text: " event: Order Completed ", want: step("event", "Order Completed")},
		{text: "event:a:b,c=d|e", want: step("event", "a:b,c=d|e")},
		{text: `event:"A [b] \"c\""`, want: step("event", `A [b] "c"`)},
		{text: "any", want: step("any", "")},
		{text: "event:Order Completed[total>100]", want: step("event", "Order Completed",
			condition(property, "total", gt, 100.0))},
		{text: "event:Ünïcode [ total > 1e3 , paid = true ]", want: step("event", "Ünïcode",
			condition(property, "total", gt, 1000.0), condition(property, "paid", eq, true))},
		{text: "any[channel=email]", want: step("any", "",
			condition(funnelv1.Subject_SUBJECT_CHANNEL, "", eq, "email"))},
		{text: "any[traffic is not set , total>1]", want: step("any", "",
			condition(funnelv1.Subject_SUBJECT_TRAFFIC, "", funnelv1.Operator_OPERATOR_IS_NOT_SET),
			condition(property, "total", gt, 1.0))},
	} {
		got, err := ParseStep(c.text)
		if err != nil {
			t.Errorf("ParseStep(%q): %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("ParseStep(%q) (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestParseCondition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want *funnelv1.Condition
	}{
		{text: "total>100", want: condition(property, "total", gt, 100.0)},
		{text: "device=mobile|tablet", want: condition(funnelv1.Subject_SUBJECT_DEVICE, "",
			funnelv1.Operator_OPERATOR_IN, "mobile", "tablet")},
		{text: "browser~fire", want: condition(funnelv1.Subject_SUBJECT_BROWSER, "",
			funnelv1.Operator_OPERATOR_CONTAINS, "fire")},
		{text: "os!=iOS", want: condition(funnelv1.Subject_SUBJECT_OS, "",
			funnelv1.Operator_OPERATOR_NEQ, "iOS")},
		{text: "traffic!?", want: condition(funnelv1.Subject_SUBJECT_TRAFFIC, "",
			funnelv1.Operator_OPERATOR_IS_NOT_SET)},
		{text: " traffic is not set ", want: condition(funnelv1.Subject_SUBJECT_TRAFFIC, "",
			funnelv1.Operator_OPERATOR_IS_NOT_SET)},
		{text: "trait:plan is set", want: condition(funnelv1.Subject_SUBJECT_TRAIT, "plan",
			funnelv1.Operator_OPERATOR_IS_SET)},
		{text: `"traffic" is set`, want: condition(property, "traffic",
			funnelv1.Operator_OPERATOR_IS_SET)},
		{text: "note=it is set", want: condition(property, "note", eq, "it is set")},
		{text: "total >= -1.5", want: condition(property, "total", funnelv1.Operator_OPERATOR_GTE, -1.5)},
		{text: "total<0", want: condition(property, "total", funnelv1.Operator_OPERATOR_LT, 0.0)},
		{text: "total<=0", want: condition(property, "total", funnelv1.Operator_OPERATOR_LTE, 0.0)},
		{text: "plan=pro", want: condition(property, "plan", eq, "pro")},
		{text: "plan!=pro", want: condition(property, "plan", funnelv1.Operator_OPERATOR_NEQ, "pro")},
		{text: "plan~Pro", want: condition(property, "plan", funnelv1.Operator_OPERATOR_CONTAINS, "Pro")},
		{text: "plan!~Pro", want: condition(property, "plan",
			funnelv1.Operator_OPERATOR_NOT_CONTAINS, "Pro")},
		{text: "plan?", want: condition(property, "plan", funnelv1.Operator_OPERATOR_IS_SET)},
		{text: "plan !? ", want: condition(property, "plan", funnelv1.Operator_OPERATOR_IS_NOT_SET)},
		{text: "plan=pro|basic", want: condition(property, "plan",
			funnelv1.Operator_OPERATOR_IN, "pro", "basic")},
		{text: "n!=1|2", want: condition(property, "n", funnelv1.Operator_OPERATOR_NOT_IN, 1.0, 2.0)},
		{text: `n="1"`, want: condition(property, "n", eq, "1")},
		{text: `n=""`, want: condition(property, "n", eq, "")},
		{text: `n="a,b]|c"`, want: condition(property, "n", eq, "a,b]|c")},
		{text: "n=0x10", want: condition(property, "n", eq, "0x10")},
		{text: "n=NaN", want: condition(property, "n", eq, "NaN")},
		{text: "n=a=b", want: condition(property, "n", eq, "a=b")},
		{text: "trait:plan=pro", want: condition(funnelv1.Subject_SUBJECT_TRAIT, "plan", eq, "pro")},
		{text: "property:persona=x", want: condition(property, "persona", eq, "x")},
		{text: `"persona"=x`, want: condition(property, "persona", eq, "x")},
		{text: `trait:"a b:c"=x`, want: condition(funnelv1.Subject_SUBJECT_TRAIT, "a b:c", eq, "x")},
		{text: "trait:a.b=x", want: condition(funnelv1.Subject_SUBJECT_TRAIT, "a.b", eq, "x")},
		{text: "campaign=spring", want: condition(funnelv1.Subject_SUBJECT_CAMPAIGN, "", eq, "spring")},
		{text: "campaign:source=news|ads", want: condition(funnelv1.Subject_SUBJECT_CAMPAIGN, "source",
			funnelv1.Operator_OPERATOR_IN, "news", "ads")},
		{text: "group?", want: condition(funnelv1.Subject_SUBJECT_GROUP, "",
			funnelv1.Operator_OPERATOR_IS_SET)},
		{text: "group:company=acme", want: condition(funnelv1.Subject_SUBJECT_GROUP, "company", eq, "acme")},
		{text: "property:campaign=x", want: condition(property, "campaign", eq, "x")},
		{text: "persona=families", want: condition(funnelv1.Subject_SUBJECT_PERSONA, "", eq, "families")},
		{text: "event=page", want: condition(funnelv1.Subject_SUBJECT_EVENT, "", eq, "page")},
		{text: "stage=search", want: condition(funnelv1.Subject_SUBJECT_STAGE, "", eq, "search")},
		{text: "touchpoint?", want: condition(funnelv1.Subject_SUBJECT_TOUCHPOINT, "",
			funnelv1.Operator_OPERATOR_IS_SET)},
	} {
		got, err := ParseCondition(c.text)
		if err != nil {
			t.Errorf("ParseCondition(%q): %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("ParseCondition(%q) (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestParseStepRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, says string }{
		{text: "", says: "a step begins with"},
		{text: "purchase", says: "a step begins with"},
		{text: "stage:", says: "the name of the stage is missing"},
		{text: "anything", says: "nothing more belongs here"},
		{text: "event:a[", says: "a name is missing"},
		{text: "event:a[]", says: "a name is missing"},
		{text: "event:a[b", says: "test is missing"},
		{text: "event:a[b=]", says: "a value is missing"},
		{text: "event:a[b=1", says: "closing ] is missing"},
		{text: "event:a[b=1,]", says: "a name is missing"},
		{text: "event:a[b=1] c", says: "nothing more belongs here"},
		{text: "event:a]", says: "nothing more belongs here"},
		{text: `event:"a`, says: `a closing " is missing`},
		{text: "event:a[b>1|2]", says: "> takes one value"},
		{text: "event:a[channel:b=1]", says: "only property:, trait:, campaign: and group: do"},
		{text: "event:a[campaign:x=1]", says: "name, source and medium"},
		{text: "event:a[=1]", says: "a name is missing"},
		{text: "event:a[trait:=1]", says: "a name is missing"},
	} {
		got, err := ParseStep(c.text)
		if err == nil {
			t.Errorf("ParseStep(%q) = %v, want an error", c.text, got)
			continue
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("ParseStep(%q): %q does not say %q", c.text, err, c.says)
		}
	}
}

func FuzzParseStep(f *testing.F) {
	for _, text := range []string{
		"stage:purchase", "event:Order Completed[total>100]", `event:"A [b]"[x=1|2,trait:y?]`,
		"any[channel=email]", "event:a[b", "\"", "any[\"\\x", "event:\xff[=",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseStep(text)
		if err != nil {
			return
		}
		if got.Target == nil {
			t.Errorf("ParseStep(%q) has no target", text)
		}
		for _, c := range got.Conditions {
			if c.Operator == funnelv1.Operator_OPERATOR_UNSPECIFIED {
				t.Errorf("ParseStep(%q) has a condition without an operator", text)
			}
		}
	})
}
