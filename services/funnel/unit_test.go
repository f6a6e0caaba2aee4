package funnel

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestUnit(t *testing.T) {
	t.Parallel()
	type lines = [][]any
	facts := []AttributedFact{
		// u1 of g1 views for g2, u2 of g2 buys; u3 belongs to nobody.
		group("1", "u1", "g1", "", 1), group("2", "u2", "g2", "", 1),
		with(track("3", "u1", "view", 2), `{"$groups":{"group":"g2"},"order":5,"v":"a"}`),
		with(track("4", "u2", "buy", 3), `{"order":"5","v":"b"}`),
		with(track("5", "u3", "view", 2), `{"order":null}`),
		track("6", "u3", "buy", 3),
		identify("7", "v1", "u1", `{"city":"Riga","plan":"pro"}`, 1),
		identify("8", "v2", "u2", `{"city":"Riga","plan":"free"}`, 1),
	}
	for _, c := range []struct {
		name   string
		unit   Unit
		change func(*Question)
		want   lines
		units  []string
	}{
		{name: "persons", want: lines{{"all", 2, 1}}, units: []string{"", ""}},
		{
			name: "groups: what the touchpoint states, else what the person joined",
			unit: Unit{Kind: GroupUnit}, want: lines{{"all", 1, 1}}, units: []string{"g2"},
		},
		{
			name: "a property, as text", unit: Unit{Kind: PropertyUnit, Name: "order"},
			want: lines{{"all", 1, 1}}, units: []string{"5"},
		},
		{
			name: "a trait", unit: Unit{Kind: TraitUnit, Name: "city"},
			want: lines{{"all", 1, 1}}, units: []string{"Riga"},
		},
		{
			name: "nobody has it", unit: Unit{Kind: TraitUnit, Name: "x"}, want: lines{{"all", 0, 0}},
		},
		{
			name: "by the persona of the first touchpoint's person", unit: Unit{Kind: GroupUnit},
			change: func(q *Question) { q.Breakdowns = byPersona },
			want:   lines{{"all", 1, 1}, {"pro", 1, 1}}, units: []string{"g2"},
		},
		{
			name: "a person hidden by the filter hides only what is theirs", unit: Unit{Kind: GroupUnit},
			change: func(q *Question) {
				q.Filter = Condition{
					Subject: Trait, Name: "plan", Operator: NotEqual, Values: values(text("free")),
				}
			},
			want: lines{{"all", 1, 0}}, units: []string{"g2"},
		},
		{
			name: "conditions on groups", change: func(q *Question) {
				q.Steps[0].Conditions = []Condition{
					{Subject: OfGroup, Operator: Equal, Values: values(text("g2"))},
				}
			},
			want: lines{{"all", 1, 0}}, units: []string{""},
		},
		{
			name: "by a value of the touchpoints of several persons",
			unit: Unit{Kind: TraitUnit, Name: "city"},
			change: func(q *Question) {
				q.Breakdowns = []Breakdown{{By: Property, Name: "v", Attribution: LastTouch}}
			},
			want: lines{{"all", 1, 1}, {"b", 1, 1}}, units: []string{"Riga"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			q.Unit = c.unit
			if c.change != nil {
				c.change(&q)
			}
			answer, results := ask(t, facts, q)
			if diff := gocmp.Diff(c.want, drawn(answer)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var units []string
			for _, r := range results {
				units = append(units, r.Unit)
				if (r.Person == 0) != (c.unit.Kind != PersonUnit) {
					t.Errorf("unit %q is person %v", r.Unit, r.Person)
				}
			}
			if diff := gocmp.Diff(c.units, units, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("units (-want +got):\n%s", diff)
			}
		})
	}
}
