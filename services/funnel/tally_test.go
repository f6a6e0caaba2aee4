package funnel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestShareOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		part, whole int
		want        *Share
	}{
		{name: "of nothing", want: nil},
		{name: "none of one", part: 0, whole: 1, want: &Share{Value: 0, Low: 0, High: 0.79345}},
		{name: "one of one", part: 1, whole: 1, want: &Share{Value: 1, Low: 0.20655, High: 1}},
		// Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I.
		{name: "81 of 263", part: 81, whole: 263, want: &Share{81.0 / 263, 0.2553, 0.3662}},
		{name: "15 of 148", part: 15, whole: 148, want: &Share{15.0 / 148, 0.0624, 0.1605}},
		{name: "0 of 20", part: 0, whole: 20, want: &Share{0, 0, 0.1611}},
		{name: "1 of 29", part: 1, whole: 29, want: &Share{1.0 / 29, 0.0061, 0.1718}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := ShareOf(test.part, test.whole)
			if diff := gocmp.Diff(test.want, got, cmpopts.EquateApprox(0, 5e-5)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpansAgainstSorting(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	draws := map[string]func() int64{
		"zeros":       func() int64 { return 0 },
		"few":         func() int64 { return rng.Int64N(3) },
		"wide":        func() int64 { return rng.Int64N(1 << 32) },
		"beyond":      func() int64 { return rng.Int64N(1 << 34) },
		"mostly long": func() int64 { return math.MaxUint32 + rng.Int64N(1<<40) },
		"clustered":   func() int64 { return 1<<31 + rng.Int64N(4000) },
	}
	for name, draw := range draws {
		for _, n := range []int{1, 2, 3, 9, 10, 11, 100, 5001} {
			parts := []*spans{{}, {}, {}}
			all := make([]int64, n)
			for i := range all {
				all[i] = draw()
				parts[rng.IntN(3)].add(all[i])
			}
			if diff := gocmp.Diff(sortedSpans(all), summarize(parts)); diff != "" {
				t.Errorf("%d %s (-want +got):\n%s", n, name, diff)
			}
		}
	}
	if got := summarize([]*spans{{}}); got != nil {
		t.Errorf("spans of nobody: %v", got)
	}
}

// sortedSpans is Spans by its definition.
func sortedSpans(ms []int64) *Spans {
	if len(ms) == 0 {
		return nil
	}
	slices.Sort(ms)
	var sum int64
	for _, v := range ms {
		sum += v
	}
	n := len(ms)
	median := float64(ms[n/2])
	if n%2 == 0 {
		median = float64(ms[n/2-1]+ms[n/2]) / 2
	}
	nearest := int(math.Ceil(float64(n) * 90 / 100))
	return &Spans{
		MeanSeconds: float64(sum) / float64(n) / 1000, MedianSeconds: median / 1000,
		P90Seconds: float64(ms[nearest-1]) / 1000,
	}
}

// counted is a person of a tally.
type counted struct {
	attempt Attempt
	value   GroupValue
}

func drawCounted(rt *rapid.T, steps int) counted {
	c := counted{value: GroupValue{
		Value: rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(rt, "value"),
	}}
	if c.value.Value == "" {
		c.value.Missing = rapid.Bool().Draw(rt, "missing")
	}
	c.attempt.Depth = rapid.IntRange(0, steps).Draw(rt, "depth")
	c.attempt.Converted = c.attempt.Depth == steps
	c.attempt.InWindow = !c.attempt.Converted && rapid.Bool().Draw(rt, "in window")
	var at int64
	for range c.attempt.Depth {
		at += rapid.SampledFrom([]int64{0, 1, 1000, 1 << 33}).Draw(rt, "span")
		c.attempt.Times = append(c.attempt.Times, at)
	}
	return c
}

// naiveNumbers are the numbers by their definitions.
func naiveNumbers(persons []counted, steps int) []StepNumbers {
	numbers := make([]StepNumbers, steps)
	for k := range numbers {
		n := &numbers[k]
		var previous, entry []int64
		for _, p := range persons {
			a := p.attempt
			if a.Depth <= k {
				continue
			}
			n.Count++
			if k > 0 {
				previous = append(previous, a.Times[k]-a.Times[k-1])
				entry = append(entry, a.Times[k]-a.Times[0])
			}
			if a.Depth == k+1 && a.Outcome() == Lost {
				n.Lost++
			}
			if a.Depth == k+1 && a.Outcome() == InWindow {
				n.InWindow++
			}
		}
		n.FromFirst = ShareOf(n.Count, numbers[0].Count)
		n.SincePrevious, n.SinceEntry = sortedSpans(previous), sortedSpans(entry)
		if k > 0 {
			n.FromPrevious = ShareOf(n.Count, numbers[k-1].Count)
		}
	}
	return numbers
}

func TestTallyAgainstDefinitions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.IntRange(2, 5).Draw(rt, "steps")
		q := world{Steps: steps}.question()
		q.ByPersona = rapid.Bool().Draw(rt, "grouped")
		q.Limit = rapid.IntRange(1, 6).Draw(rt, "limit")
		persons := rapid.SliceOf(rapid.Custom(func(rt *rapid.T) counted {
			return drawCounted(rt, steps)
		})).Draw(rt, "persons")

		whole, left, right := NewTally(q), NewTally(q), NewTally(q)
		cut := rapid.IntRange(0, len(persons)).Draw(rt, "cut")
		for i, p := range persons {
			whole.Add(p.attempt, p.value)
			if i < cut {
				left.Add(p.attempt, p.value)
			} else {
				right.Add(p.attempt, p.value)
			}
		}
		answer := whole.Answer()
		if diff := gocmp.Diff(naiveNumbers(persons, steps), answer.Steps); diff != "" {
			rt.Fatalf("all together (-want +got):\n%s", diff)
		}
		checkInvariant(rt, answer.Steps)
		checkGroups(rt, q, persons, answer)
		left.Merge(right)
		if diff := gocmp.Diff(answer, left.Answer()); diff != "" {
			rt.Fatalf("merged (-whole +merged):\n%s", diff)
		}
		checkSelections(rt, persons, answer)
	})
}

func checkInvariant(rt *rapid.T, steps []StepNumbers) {
	for k := range len(steps) - 1 {
		if s := steps[k]; s.Count != steps[k+1].Count+s.Lost+s.InWindow {
			rt.Fatalf("step %d: %d is not %d + %d + %d",
				k+1, s.Count, steps[k+1].Count, s.Lost, s.InWindow)
		}
	}
}

func checkGroups(rt *rapid.T, q Question, persons []counted, answer Answer) {
	values := make(map[GroupValue][]counted)
	for _, p := range persons {
		if p.attempt.Depth > 0 && q.ByPersona {
			values[p.value] = append(values[p.value], p)
		}
	}
	if want := min(len(values), q.Limit+1); len(answer.Groups) != want {
		rt.Fatalf("%d groups, want %d", len(answer.Groups), want)
	}
	for i, g := range answer.Groups {
		members := values[g.Value]
		if g.Other {
			members = nil
			for _, rest := range values {
				members = append(members, rest...)
			}
		}
		if diff := gocmp.Diff(naiveNumbers(members, len(q.Steps)), g.Steps); diff != "" {
			rt.Fatalf("group %+v (-want +got):\n%s", g.Value, diff)
		}
		if !g.Other {
			delete(values, g.Value)
		}
		if i > 0 && !g.Other && !ranksBefore(answer.Groups[i-1], g) {
			rt.Fatalf("group %+v stands before %+v", answer.Groups[i-1].Value, g.Value)
		}
		if g.Other != (i == q.Limit) {
			rt.Fatalf("group %d of a limit of %d: other is %t", i, q.Limit, g.Other)
		}
	}
}

// ranksBefore: by the last step's count, then earlier ones', then the value, missing last.
func ranksBefore(g, h Group) bool {
	for k := len(g.Steps) - 1; k >= 0; k-- {
		if g.Steps[k].Count != h.Steps[k].Count {
			return g.Steps[k].Count > h.Steps[k].Count
		}
	}
	if h.Value.Missing || g.Value.Missing {
		return h.Value.Missing && !g.Value.Missing
	}
	return g.Value.Value < h.Value.Value
}

func checkSelections(rt *rapid.T, persons []counted, answer Answer) {
	check := func(steps []StepNumbers, group *GroupValue) {
		for k, s := range steps {
			for part, want := range map[Part]int{
				Reached: s.Count, PartLost: s.Lost, PartInWindow: s.InWindow,
				Dropped: s.Lost + s.InWindow,
			} {
				selection := Selection{Step: k + 1, Part: part, Group: group}
				got := 0
				for _, p := range persons {
					if selection.Holds(p.attempt, p.value) {
						got++
					}
				}
				if got != want {
					rt.Fatalf("%+v lists %d, want %d", selection, got, want)
				}
			}
		}
	}
	check(answer.Steps, nil)
	for _, g := range answer.Groups {
		if !g.Other {
			check(g.Steps, &g.Value)
		}
	}
}

func TestDropOffs(t *testing.T) {
	t.Parallel()
	steps := []StepNumbers{
		{Count: 10, Lost: 4, InWindow: 1}, {Count: 5, Lost: 2}, {Count: 3}, {Count: 3},
	}
	want := []DropOff{
		{
			From: 1, To: 2, Reached: 10, WentOn: 5, Lost: 4, InWindow: 1,
			Dropped: ShareOf(5, 10), LostShare: ShareOf(4, 10), Worst: true,
		},
		{
			From: 2, To: 3, Reached: 5, WentOn: 3, Lost: 2,
			Dropped: ShareOf(2, 5), LostShare: ShareOf(2, 5), Worst: true,
		},
		{From: 3, To: 4, Reached: 3, WentOn: 3, Dropped: ShareOf(0, 3), LostShare: ShareOf(0, 3)},
	}
	if diff := gocmp.Diff(want, DropOffs(steps)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, d := range DropOffs(make([]StepNumbers, 3)) {
		if d.Worst || d.Dropped != nil || d.LostShare != nil {
			t.Errorf("of nobody: %+v", d)
		}
	}
}
