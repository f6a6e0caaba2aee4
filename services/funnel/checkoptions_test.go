package funnel

import (
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

// fourSteps is a question of the events "a" to "d".
func fourSteps() Question {
	q := validQuestion()
	q.Steps = []Step{event("a"), event("b"), event("c"), event("d")}
	return q
}

// excluded is an exclusion of an event between two steps, from 1.
func excluded(name string, from, to int, conditions ...Condition) Exclusion {
	return Exclusion{
		Target: Target{Kind: Event, Name: name}, Conditions: conditions, From: from - 1, To: to - 1,
	}
}

func repeated(e Exclusion, n int) []Exclusion {
	var list []Exclusion
	for range n {
		list = append(list, e)
	}
	return list
}

func TestCheckOptions(t *testing.T) {
	t.Parallel()
	within := func(step int, span time.Duration) func(*Question) {
		return func(q *Question) { q.Steps[step].Within = &span }
	}
	exclude := func(list ...Exclusion) func(*Question) {
		return func(q *Question) { q.Exclusions = list }
	}
	convert := func(t TimeToConvert) func(*Question) {
		return func(q *Question) { q.TimeToConvert = &t }
	}
	buckets := func(starts ...time.Time) func(*Question) {
		return func(q *Question) { q.Buckets = starts }
	}
	p1 := Condition{Name: "p", Operator: Equal, Values: values(number(1))}
	p2 := Condition{Name: "q", Operator: IsSet}
	tests := []struct {
		name   string
		change func(*Question)
		// want are the violations, as "field: a part of the message".
		want []string
	}{
		{name: "everything at once", change: func(q *Question) {
			q.Steps[1].Optional, q.Steps[2].FirstTime = true, FirstOfTarget
			q.Steps[3].Within = new(time.Duration)
			q.Count, q.Simultaneity, q.Hold = PerSession, q.Window, []string{"cart", "shop", "x"}
			q.Exclusions = repeated(excluded("x", 1, 4), MaxExclusions)
			q.Exclusions[0].Effect = Remove
			q.Buckets = []time.Time{q.From.Add(-time.Hour), q.From.Add(time.Hour)}
			q.TimeToConvert = &TimeToConvert{From: 0, To: 3, Bins: MaxBins}
		}},
		{name: "under ANY", change: func(q *Question) {
			q.Order, q.Simultaneity = Any, time.Second
			q.Steps[1].FirstTime = FirstMatching
			q.Exclusions = []Exclusion{excluded("x", 1, 4)}
			q.TimeToConvert = &TimeToConvert{From: 1, To: 2}
		}},
		{name: "a part of the attempt under ANY", change: func(q *Question) {
			q.Order = Any
			q.Exclusions = []Exclusion{
				excluded("x", 2, 4), excluded("x", 1, 3), excluded("x", 2, 3), excluded("x", 2, 2),
			}
		}, want: []string{
			"question.exclusions[0].from_step: is 2: under order ANY an exclusion covers the whole " +
				"attempt; give the first step, 1",
			"question.exclusions[1].to_step: is 3: under order ANY an exclusion covers the whole " +
				"attempt; give the last step, 4",
			"question.exclusions[2].from_step: is 2: under order ANY",
			"question.exclusions[2].to_step: is 3: under order ANY",
			"question.exclusions[3].to_step: is 2: give a step after from_step, 2",
		}},
		{name: "unknown choices", change: func(q *Question) {
			q.Order, q.Reentry, q.Count, q.Steps[0].FirstTime = Any+1, First+1, PerSession+1, 9
		}, want: []string{
			"question.steps[0].first_time: give NONE, EVENT or MATCHING",
			"question.order: give ORDERED, STRICT or ANY", "question.reentry: give BEST or FIRST",
			"question.count: give ONCE, ATTEMPT or SESSION",
		}},
		{name: "the first optional", change: func(q *Question) { q.Steps[0].Optional = true }, want: []string{
			"question.steps[0].optional: the first and the last step cannot be left out",
		}},
		{name: "the last optional", change: func(q *Question) { q.Steps[3].Optional = true }, want: []string{
			"question.steps[3].optional: the first and the last step cannot be left out",
		}},
		{name: "optional and within under ANY", change: func(q *Question) {
			q.Order, q.Steps[1].Optional, q.Steps[2].Within = Any, true, new(time.Hour)
		}, want: []string{
			"question.steps[1].optional: under order ANY",
			"question.steps[2].within_seconds: under order ANY",
		}},
		{name: "within on the first", change: within(0, time.Hour), want: []string{
			"question.steps[0].within_seconds: no step comes before the first",
		}},
		{name: "within less than nothing", change: within(1, -1), want: []string{
			"question.steps[1].within_seconds: give 0 or more",
		}},
		{name: "within nothing", change: within(1, 0)},
		{
			name: "simultaneity less than nothing", change: func(q *Question) { q.Simultaneity = -1 },
			want: []string{"question.simultaneity_seconds: give 0 or more"},
		},
		{name: "simultaneity over the window", change: func(q *Question) {
			q.Window, q.Simultaneity = time.Minute, time.Minute+time.Millisecond
		}, want: []string{"question.simultaneity_seconds: give at most the window"}},
		{
			name: "four held", change: func(q *Question) { q.Hold = []string{"a", "b", "c", "d"} },
			want: []string{"question.hold: are 4 properties: give at most 3"},
		},
		{
			name: "held twice and nameless", change: func(q *Question) { q.Hold = []string{"a", "", "a"} },
			want: []string{
				"question.hold[1]: is empty", `question.hold[2]: is "a" once more`,
			},
		},
		{
			name: "nine exclusions", change: exclude(repeated(excluded("x", 1, 2), 9)...),
			want: []string{"question.exclusions: are 9: give at most 8"},
		},
		{name: "an exclusion of nothing", change: exclude(excluded("", 1, 2, Condition{})), want: []string{
			"question.exclusions[0].touchpoint.event: is empty",
			"question.exclusions[0].touchpoint.conditions[0].name: is empty",
			"question.exclusions[0].touchpoint.conditions[0].operator: is missing",
		}},
		{name: "ends of exclusions", change: exclude(
			excluded("x", 0, 2), excluded("x", 5, 6), excluded("x", 1, 5), excluded("x", 2, 2),
			excluded("x", 3, 2), excluded("x", 1, 0),
		), want: []string{
			"question.exclusions[0].from_step: is 0: give 1 to the number of steps, 4",
			"question.exclusions[1].from_step: is 5: give 1 to the number of steps, 4",
			"question.exclusions[2].to_step: is 5: give 1 to the number of steps, 4",
			"question.exclusions[3].to_step: is 2: give a step after from_step, 2",
			"question.exclusions[4].to_step: is 2: give a step after from_step, 3",
			"question.exclusions[5].to_step: is 0: give 1 to the number of steps, 4",
		}},
		{name: "an unknown effect", change: func(q *Question) {
			q.Exclusions = []Exclusion{{Target: Target{Kind: AnyEvent}, To: 1, Effect: Remove + 1}}
		}, want: []string{"question.exclusions[0].effect: give DROP or REMOVE"}},
		{name: "an exclusion that is a step", change: func(q *Question) {
			q.Steps[2].Conditions = []Condition{p1, p2}
			q.Exclusions = []Exclusion{
				excluded("c", 1, 2, p2, p1), excluded("c", 1, 2, p1), excluded("c", 1, 2),
				excluded("a", 2, 3),
			}
		}, want: []string{
			"question.exclusions[0].touchpoint: is the same as step 3",
			"question.exclusions[3].touchpoint: is the same as step 1",
		}},
		{name: "a campaign by its name", change: func(q *Question) {
			of := Condition{Subject: OfCampaign, Operator: IsSet}
			q.Steps[0].Conditions = []Condition{of}
			of.Name = CampaignName
			q.Exclusions = []Exclusion{excluded("a", 1, 2, of)}
		}, want: []string{"question.exclusions[0].touchpoint: is the same as step 1"}},
		{name: "other values", change: func(q *Question) {
			q.Steps[1].Conditions = []Condition{p1}
			p1 := p1
			p1.Values = []journey.Value{number(2)}
			q.Exclusions = []Exclusion{excluded("b", 1, 2, p1)}
		}},
		{name: "no buckets", change: buckets()},
		{
			name: "none of some buckets", change: buckets([]time.Time{}...),
			want: []string{"question.trend: does not cover the range"},
		},
		{
			name: "a bucket too late", change: buckets(day0.Add(time.Millisecond)),
			want: []string{"question.trend: does not cover the range"},
		},
		{
			name: "a bucket past the end", change: buckets(day0, day0.AddDate(0, 1, 0)),
			want: []string{"question.trend: does not cover the range"},
		},
		{
			name: "buckets out of order", change: buckets(day0, day0.Add(2), day0.Add(2)),
			want: []string{"question.trend: has buckets out of order"},
		},
		{
			name: "too many buckets", change: buckets(make([]time.Time, MaxBuckets+1)...),
			want: []string{"question.trend: give a shorter range"},
		},
		{name: "time to convert backwards", change: convert(TimeToConvert{From: 2, To: 1}), want: []string{
			"question.time_to_convert.to_step: is 2: give a step after from_step, 3",
		}},
		{
			name: "time to convert of no steps", change: convert(TimeToConvert{From: -1, To: 4}),
			want: []string{
				"question.time_to_convert.from_step: is 0: give 1 to the number of steps, 4",
			},
		},
		{
			name: "bins", change: convert(TimeToConvert{To: 1, Bins: MaxBins + 1}),
			want: []string{"question.time_to_convert.bins: are 61: give 1 to 60"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := fourSteps()
			test.change(&q)
			got := q.Check()
			if len(got) != len(test.want) {
				t.Fatalf("got %v, want %q", got, test.want)
			}
			for i, v := range got {
				field, says, _ := strings.Cut(test.want[i], ": ")
				if v.Field != field || !strings.Contains(v.Message, says) ||
					!strings.Contains(v.Message, ": ") {
					t.Errorf("got %s: %s, want %s", v.Field, v.Message, test.want[i])
				}
			}
		})
	}
}

func TestStepLikeIsNoMatterOfOrder(t *testing.T) {
	t.Parallel()
	a := Condition{Name: "a", Operator: IsSet}
	b := Condition{Name: "b", Operator: In, Values: values(text("x"), text("y"))}
	q := fourSteps()
	q.Steps[1].Conditions = []Condition{a, b}
	var got []int
	for _, list := range [][]Condition{{b, a}, {a, b, a}, {a}, {b}, nil} {
		got = append(got, q.stepLike(excluded("b", 1, 2, list...)))
	}
	if diff := gocmp.Diff([]int{1, 1, -1, -1, -1}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
