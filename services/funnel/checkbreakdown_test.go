package funnel

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCheckBreakdowns(t *testing.T) {
	t.Parallel()
	by := func(breakdowns ...Breakdown) func(*Question) {
		return func(q *Question) { q.Breakdowns = breakdowns }
	}
	const first, second = "question.breakdowns[0]", "question.breakdowns[1]"
	for _, c := range []struct {
		name   string
		change func(*Question)
		fields []string
	}{
		{
			name: "every subject",
			change: func(q *Question) {
				q.Breakdowns = []Breakdown{
					{By: Persona, Attribution: OfPerson}, {By: Trait, Name: "t", Attribution: OfPerson},
				}
			},
		},
		{name: "touches", change: by(Breakdown{By: OfChannel}, Breakdown{By: Property, Name: "p"})},
		{name: "campaign", change: by(Breakdown{By: OfCampaign}, Breakdown{By: OfCampaign, Name: "source"})},
		{
			name: "group and variant of persons",
			change: by(Breakdown{By: OfGroup, Attribution: OfPerson},
				Breakdown{By: Variant, Name: "e", Attribution: OfPerson}),
		},
		{
			name: "group and variant of touchpoints",
			change: by(Breakdown{By: OfGroup, Attribution: EveryTouch},
				Breakdown{By: Variant, Name: "e", Attribution: StepTouch, Step: 1}),
		},
		{
			name:   "the same property first and last",
			change: by(Breakdown{By: Property, Name: "p"}, Breakdown{By: Property, Name: "p", Attribution: LastTouch}),
		},
		{
			name:   "the same twice",
			change: by(Breakdown{By: OfDevice}, Breakdown{By: OfDevice}), fields: []string{second},
		},
		{
			name:   "three",
			change: by(Breakdown{By: OfDevice}, Breakdown{By: OfOS}, Breakdown{By: OfBrowser}),
			fields: []string{"question.breakdowns"},
		},
		{name: "of nothing known", change: by(Breakdown{By: OfStage}), fields: []string{first}},
		{name: "of no subject", change: by(Breakdown{By: Variant + 1}), fields: []string{first}},
		{
			name:   "without names",
			change: by(Breakdown{By: Property}, Breakdown{By: Variant}),
			fields: []string{first + ".property", second + ".variant"},
		},
		{
			name:   "an empty trait of touchpoints, both said",
			change: by(Breakdown{By: Trait}),
			fields: []string{first + ".trait", first + ".attribution"},
		},
		{
			name:   "a name where there is none",
			change: by(Breakdown{By: OfChannel, Name: "x"}), fields: []string{first + ".channel"},
		},
		{
			name:   "a campaign's part",
			change: by(Breakdown{By: OfCampaign, Name: "term"}), fields: []string{first + ".campaign"},
		},
		{
			name:   "persona and trait of touchpoints",
			change: by(Breakdown{By: Persona}, Breakdown{By: Trait, Name: "t", Attribution: EveryTouch}),
			fields: []string{first + ".attribution", second + ".attribution"},
		},
		{
			name: "touchpoints' values of persons",
			change: by(Breakdown{By: OfChannel, Attribution: OfPerson},
				Breakdown{By: Property, Name: "p", Attribution: OfPerson}),
			fields: []string{first + ".attribution", second + ".attribution"},
		},
		{
			name:   "an unknown attribution",
			change: by(Breakdown{By: OfChannel, Attribution: StepTouch + 1}),
			fields: []string{first + ".attribution"},
		},
		{
			name: "a step past the last, and one below the first",
			change: by(Breakdown{By: OfChannel, Attribution: StepTouch, Step: 2},
				Breakdown{By: OfOS, Attribution: StepTouch, Step: -1}),
			fields: []string{first + ".step", second + ".step"},
		},
		{
			name:   "a step without STEP",
			change: by(Breakdown{By: OfChannel, Step: 1}), fields: []string{first + ".step"},
		},
		{
			name: "a limit past the most",
			change: func(q *Question) {
				q.Breakdowns, q.Limit = byPersona, MaxLimit+1
			},
			fields: []string{first + ".limit"},
		},
		{name: "a group's unit", change: func(q *Question) { q.Unit.Kind = GroupUnit }},
		{
			name:   "a trait's without a name",
			change: func(q *Question) { q.Unit.Kind = TraitUnit }, fields: []string{"question.unit.trait"},
		},
		{
			name:   "a property's without a name",
			change: func(q *Question) { q.Unit.Kind = PropertyUnit },
			fields: []string{"question.unit.property"},
		},
		{
			name:   "a person's with one",
			change: func(q *Question) { q.Unit.Name = "x" }, fields: []string{"question.unit"},
		},
		{
			name:   "an unknown one",
			change: func(q *Question) { q.Unit.Kind = PropertyUnit + 1 }, fields: []string{"question.unit"},
		},
		{
			name: "conditions on campaign and group",
			change: func(q *Question) {
				q.Filter = AllOf{
					Condition{Subject: OfCampaign, Name: CampaignMedium, Operator: IsSet},
					Condition{Subject: OfGroup, Name: "team", Operator: IsSet},
					Condition{Subject: OfGroup, Operator: IsSet},
					Condition{Subject: OfCampaign, Name: "x", Operator: IsSet},
				}
			},
			fields: []string{"question.filter.all.filters[3].condition.name"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			c.change(&q)
			var fields []string
			for _, v := range q.Check() {
				fields = append(fields, v.Field)
				if v.Message == "" {
					t.Errorf("%s: no message", v.Field)
				}
			}
			if diff := gocmp.Diff(c.fields, fields, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNeedsOfBreakdowns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                    string
		change                  func(*Question)
		want                    Needs
		plain, touches, ordered bool
	}{
		{
			name:   "of the person",
			change: func(q *Question) { q.Breakdowns = byPersona },
			want:   Needs{Persona: true}, plain: true,
		},
		{
			name: "variant and group of the person",
			change: func(q *Question) {
				q.Breakdowns = []Breakdown{
					{By: Variant, Name: "e", Attribution: OfPerson}, {By: OfGroup, Attribution: OfPerson},
				}
			},
			want:  Needs{Exposures: []string{"e"}, PersonGroups: []string{"group"}},
			plain: true,
		},
		{
			name: "of touchpoints",
			change: func(q *Question) {
				q.Breakdowns = []Breakdown{{By: Variant, Name: "e"}, {By: OfGroup, Name: "team"}}
			},
			want: Needs{
				Variants: []string{"e"}, Groups: []string{"team"}, PersonGroups: []string{"team"},
			},
			touches: true, ordered: true,
		},
		{
			name: "campaign and device",
			change: func(q *Question) {
				q.Breakdowns = []Breakdown{
					{By: OfCampaign}, {By: OfDevice, Attribution: EveryTouch},
				}
			},
			want: Needs{Campaign: true, Device: true}, touches: true, ordered: true,
		},
		{
			name:   "the unit's property",
			change: func(q *Question) { q.Unit = Unit{PropertyUnit, "p"} },
			want:   Needs{Properties: []string{"p"}}, ordered: true,
		},
		{
			name:   "the unit's group",
			change: func(q *Question) { q.Unit.Kind = GroupUnit },
			want:   Needs{Groups: []string{"group"}, PersonGroups: []string{"group"}}, ordered: true,
		},
		{
			name:   "departures",
			change: func(q *Question) { q.Departures = true },
			want:   Needs{Channel: true, Event: true, Stage: true, Touchpoint: true}, ordered: true,
		},
		{
			name: "conditions",
			change: func(q *Question) {
				q.Filter = AnyOf{
					Condition{Subject: OfCampaign, Name: CampaignSource, Operator: IsSet},
					Condition{Subject: OfCampaign, Name: CampaignMedium, Operator: IsSet},
					Condition{Subject: OfGroup, Name: "team", Operator: IsSet},
				}
			},
			want: Needs{
				CampaignSource: true, CampaignMedium: true,
				Groups: []string{"team"}, PersonGroups: []string{"team"},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			c.change(&q)
			p := compile(t, q)
			if diff := gocmp.Diff(c.want, p.Needs(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if p.Plain() != c.plain || p.BreaksTouches() != c.touches || p.Ordered() != c.ordered {
				t.Errorf("plain %t, of touches %t, ordered %t", p.Plain(), p.BreaksTouches(), p.Ordered())
			}
		})
	}
}
