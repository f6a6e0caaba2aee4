package funnel

import (
	"testing"

	"github.com/waystage/waystage/services/journey"
)

func TestStatedGroup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                string
		properties, context journey.Object
		own                 journey.GroupID
		of                  string
		want                journey.GroupID
	}{
		{name: "nothing said", of: "group"},
		{name: "the message's own", own: "g", of: "group", want: "g"},
		{name: "which is of the default type alone", own: "g", of: "team"},
		{
			name: "properties first", properties: `{"$groups":{"team":"p"}}`,
			context: `{"groups":{"team":"c"}}`, of: "team", want: "p",
		},
		{
			name: "then the context", properties: `{"$groups":{"other":"p"}}`,
			context: `{"groups":{"team":"c"}}`, of: "team", want: "c",
		},
		{
			name: "before the message's own", context: `{"groups":{"group":"c"}}`,
			own: "g", of: "group", want: "c",
		},
		{name: "a number as text", properties: `{"$groups":{"team":5.0}}`, of: "team", want: "5"},
		{
			name: "what is no identity", properties: `{"$groups":{"team":"undefined"}}`,
			context: `{"groups":{"team":"c"}}`, of: "team", want: "c",
		},
		{name: "a boolean", properties: `{"$groups":{"team":true}}`, of: "team"},
		{name: "an empty text", properties: `{"$groups":{"team":""}}`, of: "team"},
		{name: "a list", properties: `{"$groups":{"team":["a"]}}`, of: "team"},
		{name: "groups that are no object", properties: `{"$groups":"team"}`, of: "team"},
		{name: "a null", properties: `{"$groups":{"group":null}}`, own: "g", of: "group", want: "g"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := journey.Fact{Properties: c.properties, Context: c.context, Group: c.own}
			if got := StatedGroup(&f, c.of); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestVariant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, event     string
		properties      journey.Object
		exposed, stated journey.Value
	}{
		{name: "nothing said", event: "Experiment Viewed"},
		{
			name: "by name", event: "Experiment Viewed",
			properties: `{"experiment_name":"E","variation_name":"b"}`,
			exposed:    text("b"), stated: text("b"),
		},
		{
			name: "by id, though the name is another", event: "Experiment Viewed",
			properties: `{"experiment_name":"F","experimentId":"E","variationId":2}`,
			exposed:    number(2), stated: number(2),
		},
		{
			name: "a name before an id", event: "Experiment Viewed",
			properties: `{"experiment_name":"E","variation_id":1,"variation_name":"b"}`,
			exposed:    text("b"), stated: text("b"),
		},
		{
			name: "another experiment", event: "Experiment Viewed",
			properties: `{"experiment_name":"F","variation_name":"b"}`,
		},
		{
			name: "another event", event: "view",
			properties: `{"experiment_name":"E","variation_name":"b"}`,
		},
		{
			name: "a feature flag", event: "$feature_flag_called",
			properties: `{"$feature_flag":"E","$feature_flag_response":false}`,
			exposed:    journey.BoolValue(false), stated: journey.BoolValue(false),
		},
		{
			name: "an experiment that starts", event: "$experiment_started",
			properties: `{"Experiment name":"E","Variant name":"c"}`,
			exposed:    text("c"), stated: text("c"),
		},
		{
			name: "any touchpoint states a flag", event: "view", properties: `{"$feature/E":"a"}`,
			stated: text("a"),
		},
		{
			name: "an exposure before a flag", event: "Experiment Viewed",
			properties: `{"experiment_name":"E","variation_name":"b","$feature/E":"a"}`,
			exposed:    text("b"), stated: text("b"),
		},
		{
			name: "an exposure without a variant", event: "Experiment Viewed",
			properties: `{"experiment_name":"E","$feature/E":"a"}`, stated: text("a"),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Exposure(c.event, c.properties.Value, "E"); got != c.exposed {
				t.Errorf("exposure %v, want %v", got, c.exposed)
			}
			if got := StatedVariant(c.event, c.properties.Value, "E"); got != c.stated {
				t.Errorf("stated %v, want %v", got, c.stated)
			}
			for name := range c.properties.All() {
				known := false
				for _, of := range VariantProperties("E") {
					known = known || of == name
				}
				if !known {
					t.Errorf("property %q is not among those looked at", name)
				}
			}
		})
	}
}

// TestFirstExposure: the person's variant is that of the first exposure ever, seen by the filter or
// not, up to as_of.
func TestFirstExposure(t *testing.T) {
	t.Parallel()
	exposed := func(id, variant string, minute int) AttributedFact {
		return with(track(id, "u1", "Experiment Viewed", minute),
			`{"experiment_id":"E","variation_name":"`+variant+`"}`)
	}
	facts := []AttributedFact{
		track("1", "u1", "view", 5), exposed("2", "b", 3), exposed("3", "a", 4),
		with(track("4", "u1", "Experiment Viewed", 2), `{"experiment_id":"E"}`),
	}
	q := validQuestion()
	q.From = day0.Add(5 * 60e9)
	q.Filter = Condition{Subject: OfEvent, Operator: Equal, Values: values(text("view"))}
	q.Breakdowns = []Breakdown{{By: Variant, Name: "E", Attribution: OfPerson}}
	answer, _ := ask(t, facts, q)
	if got := answer.Groups[0].Values[0].Value; got != "b" {
		t.Errorf("variant %q, want b", got)
	}
	q.From, q.AsOf, q.Filter = day0, day0.Add(2*60e9), nil
	q.Steps[0].Target = Target{Kind: AnyEvent}
	answer, _ = ask(t, facts, q)
	if !answer.Groups[0].Values[0].Missing {
		t.Errorf("variant %+v before the first exposure, want none", answer.Groups[0].Values)
	}
}
