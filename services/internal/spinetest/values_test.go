package spinetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// literals are values as senders write them, in the form that is admitted.
var literals = []string{
	`null`, `true`, `false`, `0`, `-0`, `-0.0`, `1`, `1.0`, `1.50`, `1e2`, `1E+2`, `100`, `0.1`,
	`1e-7`, `0.30000000000000004`, `123456789.123456789`, `9007199254740993`,
	`9223372036854775807`, `9223372036854775808`, `18446744073709551615`, `1e21`,
	`1.7976931348623157e308`, `5e-324`, `1e-400`,
	`""`, `" "`, `"1"`, `"true"`, `"null"`, `"a"`, `"A"`, `"é"`, `"e\u0301"`, `"😀"`,
	`"\u0000"`, `"a\u0000b"`, `"\""`, `"\\"`, `"\\n"`, `"\n"`, `"\t"`, `"'"`, `"<&>"`, `"\u2028"`,
	`[]`, `{}`, `["a"]`, `["a",1.0,null]`, `{"b":1,"a":[true]}`, `[[]]`, `["\u0000"]`,
}

// names are hard names of properties.
var names = []string{
	"p", "P", "", " ", "a b", "a.b", "$x", "1", "-1", "é", "😀", `"`, `\`, `\n`, "\n", "\t", "'",
	"`", "{p:String}", "a/b", "null", "\x00", "<",
}

// TestValues: whatever a property's value and name are, conditions see the same in the store as in
// the message.
func TestValues(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "values"
	m := s.publish(t, site)
	f := &flow{site: site, received: time.Now().UTC()}
	var facts []journey.Fact
	for _, literal := range literals {
		facts = append(facts, f.carrying(fmt.Sprintf(`{"p":%s,"q":1}`, literal))...)
	}
	for _, name := range names {
		text, err := json.Marshal(map[string]string{name: "here"})
		if err != nil {
			t.Fatal(err)
		}
		facts = append(facts, f.carrying(string(text))...)
	}
	s.deliver(t, [][]journey.Fact{facts})
	for _, operator := range []funnel.Operator{funnel.IsSet, funnel.IsNotSet} {
		for _, name := range names {
			s.askWhere(t, m, facts, funnel.Condition{Name: name, Operator: operator})
		}
	}
	for _, literal := range literals {
		value := journey.ParseValue([]byte(literal))
		if value.Kind() == journey.Missing {
			continue
		}
		for _, operator := range []funnel.Operator{funnel.Equal, funnel.Contains, funnel.Greater} {
			s.askWhere(t, m, facts, funnel.Condition{
				Name: "p", Operator: operator, Values: []journey.Value{value},
			})
		}
	}
}

// carrying is a person with A and then B, of which A has properties.
func (f *flow) carrying(properties string) []journey.Fact {
	v := fmt.Sprint("v", f.messages)
	a, b := f.track("A", base, "", v), f.track("B", base.Add(time.Second), "", v)
	a.Properties = journey.Object(properties)
	return []journey.Fact{a, b}
}

// askWhere asks from A to B with a condition on A.
func (s *spine) askWhere(
	t *testing.T, m *journey.Map, facts []journey.Fact, c funnel.Condition,
) {
	t.Helper()
	q := buyers()
	q.Steps = slices.Clone(q.Steps[:2])
	q.Steps[0].Conditions = []funnel.Condition{c}
	want, _, err := referenceOf(m, facts, q)
	if err != nil {
		return // the question is refused, such as a comparison that has no order
	}
	got, err := s.answers.Funnel(t.Context(), facts[0].Site, q)
	if err != nil {
		t.Errorf("where %+v: %v", c, err)
		return
	}
	if want.Steps[0].Count != got.Steps[0].Count {
		t.Errorf("where %+v: %d persons, want %d", c, got.Steps[0].Count, want.Steps[0].Count)
	}
}

// TestEventNames: a step finds its event whatever that is called, in packed journeys and in rows.
func TestEventNames(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "events"
	m := s.publish(t, site)
	f := &flow{site: site, received: time.Now().UTC()}
	var facts []journey.Fact
	named := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	for i, name := range named {
		v := fmt.Sprint("v", i)
		facts = append(facts, f.track(name, base, "", v), f.track("end", base.Add(1e9), "", v))
	}
	s.deliver(t, [][]journey.Fact{facts})
	for _, name := range named {
		q := buyers()
		q.Steps = []funnel.Step{
			{Target: funnel.Target{Kind: funnel.Event, Name: name}},
			{Target: funnel.Target{Kind: funnel.Event, Name: "end"}},
		}
		packed := q
		q.Filter = funnel.Condition{Name: "nothing", Operator: funnel.IsNotSet}
		for way, q := range map[string]funnel.Question{"packed journeys": packed, "rows": q} {
			want, _, err := referenceOf(m, facts, q)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.answers.Funnel(t.Context(), site, q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Answer, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("event %q by %s (-reference +store):\n%s", name, way, diff)
			}
			if got.Steps[1].Count != 1 {
				t.Errorf("event %q by %s: %d persons, want 1", name, way, got.Steps[1].Count)
			}
		}
	}
}
