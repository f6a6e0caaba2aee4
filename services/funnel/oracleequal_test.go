package funnel

import (
	"testing"

	"pgregory.net/rapid"
)

// TestCountGroupsEqualsBruteForce holds groups by touchpoints to an evaluation for each value.
func TestCountGroupsEqualsBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		q, lives := drawLives(rt)
		b := Breakdown{By: Property, Name: "p", Attribution: rapid.SampledFrom([]Attribution{
			EveryTouch, StepTouch, FirstTouch, LastTouch,
		}).Draw(rt, "attribution")}
		if b.Attribution == StepTouch {
			b.Step = rapid.IntRange(0, len(q.Steps)-1).Draw(rt, "of step")
		}
		q.Breakdowns = []Breakdown{b}
		program := programOf(q)
		counter := program.Counter(nil)
		for i, deeds := range lives {
			l := life{Question: q, Deeds: deeds}
			course := courseOf(l, program, i%2 == 0)
			counted, err := counter.Count(&course)
			if err != nil {
				rt.Fatal(err)
			}
			groups := make(map[Key]Standing)
			for _, g := range counted.Groups {
				groups[g.Key] = g.Standing
			}
			want, got := tellGroups(q, bruteGroups(l)), tellGroups(q, groups)
			if want != got {
				rt.Fatalf("%+v\n%v want %s\n  got  %s", b, l, want, got)
			}
		}
	})
}

// TestCountEqualsBruteForce holds Count to every assignment tried, in all combinations of options.
func TestCountEqualsBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		q, lives := drawLives(rt)
		program := programOf(q)
		counter := program.Counter(nil)
		for i, deeds := range lives {
			l := life{Question: q, Deeds: deeds}
			course := courseOf(l, program, i%2 == 0)
			counted, err := counter.Count(&course)
			if err != nil {
				rt.Fatal(err)
			}
			want, got := tell(q, oracleStanding(l)), tell(q, counted.Standing)
			if want != got {
				rt.Fatalf("%v want %s\n  got  %s", l, want, got)
			}
		}
	})
}
