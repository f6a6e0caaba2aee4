package funnel

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

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

func drawGroupValue(rt *rapid.T) GroupValue {
	v := GroupValue{Value: rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(rt, "value")}
	if v.Value == "" {
		v.Missing = rapid.Bool().Draw(rt, "missing")
	}
	return v
}

// drawAttempt draws one that fills some required steps, and some of the optional ones before the
// last of these. Times of steps left out mean nothing.
func drawAttempt(rt *rapid.T, q Question, least int) Attempt {
	required := requiredOf(q)
	a := Attempt{Depth: rapid.IntRange(least, len(required)).Draw(rt, "depth")}
	if a.Depth == 0 {
		return Attempt{}
	}
	a.Converted = a.Depth == len(required)
	a.InWindow = !a.Converted && rapid.Bool().Draw(rt, "in window")
	var at int64
	for k := range required[a.Depth-1] + 1 {
		if q.Steps[k].Optional && rapid.Bool().Draw(rt, "left out") {
			a.Times = append(a.Times, -1<<40)
			continue
		}
		at += rapid.SampledFrom([]int64{0, 1, 1000, 61_500, 1 << 33, -500}).Draw(rt, "span")
		a.Filled |= 1 << k
		a.Times = append(a.Times, at)
	}
	return a
}

// requiredOf are the steps that may not be left out.
func requiredOf(q Question) (steps []int) {
	for k := range q.Steps {
		if !q.Steps[k].Optional {
			steps = append(steps, k)
		}
	}
	return steps
}

// drawStanding draws what counts, and what counts in the buckets of the trend.
func drawStanding(rt *rapid.T, q Question, least int) Standing {
	s := standingOf(drawAttempt(rt, q, least))
	if len(s.Attempts) > 0 && q.Count == PerAttempt {
		for range rapid.IntRange(0, 2).Draw(rt, "further attempts") {
			s.Attempts = append(s.Attempts, drawAttempt(rt, q, 1))
		}
	}
	for b := range q.Buckets {
		if len(s.Attempts) > 0 && rapid.Bool().Draw(rt, "in bucket") {
			s.Buckets = append(s.Buckets, Bucketed{Bucket: b, Attempt: drawAttempt(rt, q, 1)})
		}
	}
	return s
}

func standingOf(a Attempt) Standing {
	if a.Depth == 0 {
		return Standing{}
	}
	return Standing{Attempts: []Attempt{a}}
}

// theOne is the attempt that counts of a unit, the zero one where none does.
func theOne(s Standing) Attempt {
	if len(s.Attempts) == 0 {
		return Attempt{}
	}
	return s.Attempts[0]
}

// drawCounted draws a unit; shared tells that it is evaluated once per value, and that it may stand
// in several groups or none, and in some though it does not count as a whole.
func drawCounted(rt *rapid.T, q Question, shared bool) Counted {
	c := Counted{Standing: drawStanding(rt, q, 0)}
	if len(c.Attempts) == 0 && !shared || len(q.Breakdowns) == 0 {
		return c
	}
	groups := 1
	if shared {
		groups = rapid.IntRange(0, 3).Draw(rt, "groups")
	}
	for range groups {
		var key Key
		for b := range q.Breakdowns {
			key[b] = drawGroupValue(rt)
		}
		g := Grouped{key, c.Standing}
		if shared {
			g.Standing = drawStanding(rt, q, 1)
		}
		if !slices.ContainsFunc(c.Groups, func(h Grouped) bool { return h.Key == key }) {
			c.Groups = append(c.Groups, g)
		}
	}
	return c
}

// naiveNumbers are the numbers by their definitions.
func naiveNumbers(q Question, attempts []Attempt) []StepNumbers {
	required := requiredOf(q)
	numbers := make([]StepNumbers, len(q.Steps))
	for k := range numbers {
		n := &numbers[k]
		n.Optional = q.Steps[k].Optional
		depth := slices.Index(required, k) + 1
		var previous, entry []int64
		for _, a := range attempts {
			if a.Filled>>k&1 == 0 {
				continue
			}
			n.Count++
			if k > 0 {
				previous = append(previous, max(0, a.Times[k]-a.Times[filledBefore(a, k)]))
				entry = append(entry, max(0, a.Times[k]-a.Times[0]))
			}
			if ended := a.Depth == depth && !n.Optional; ended && a.Outcome() == Lost {
				n.Lost++
			} else if ended && a.Outcome() == InWindow {
				n.InWindow++
			}
		}
		n.SincePrevious, n.SinceEntry = sortedSpans(previous), sortedSpans(entry)
		if n.Optional {
			continue
		}
		n.FromFirst = ShareOf(n.Count, numbers[0].Count)
		if k > 0 {
			n.FromPrevious = ShareOf(n.Count, numbers[required[depth-2]].Count)
		}
	}
	return numbers
}

// filledBefore is the filled step before another.
func filledBefore(a Attempt, step int) int {
	step--
	for a.Filled>>step&1 == 0 {
		step--
	}
	return step
}

// shown are the numbers of some units by their definitions.
type shown struct {
	Steps         []StepNumbers
	Trend         []Bucket
	TimeToConvert *Distribution
}

func naiveShown(q Question, of []Standing) shown {
	var attempts []Attempt
	buckets := make([][]Attempt, len(q.Buckets))
	for _, s := range of {
		attempts = append(attempts, s.Attempts...)
		for _, b := range s.Buckets {
			buckets[b.Bucket] = append(buckets[b.Bucket], b.Attempt)
		}
	}
	n := shown{
		Steps: naiveNumbers(q, attempts), TimeToConvert: naiveDistribution(q.TimeToConvert, attempts),
	}
	ends := append(slices.Clone(q.Buckets), q.To)
	for i, b := range buckets {
		n.Trend = append(n.Trend, Bucket{From: ends[i], To: ends[i+1], Steps: naiveNumbers(q, b)})
	}
	return n
}

// drawTallied draws a question as far as a tally looks at it. Last is required.
func drawTallied(rt *rapid.T, attribution Attribution) Question {
	q := world{Steps: rapid.IntRange(2, 5).Draw(rt, "steps"), To: 1 << 40}.question()
	for k := 1; k < len(q.Steps)-1; k++ {
		q.Steps[k].Optional = rapid.IntRange(0, 3).Draw(rt, "optional") == 0
	}
	b := Breakdown{By: OfChannel, Attribution: attribution}
	q.Breakdowns = slices.Repeat([]Breakdown{b}, rapid.IntRange(0, 2).Draw(rt, "breakdowns"))
	q.Limit = rapid.IntRange(1, 6).Draw(rt, "limit")
	q.Count = rapid.SampledFrom([]Count{Once, PerAttempt}).Draw(rt, "count")
	for i := range rapid.IntRange(0, 3).Draw(rt, "buckets") {
		q.Buckets = append(q.Buckets, q.From.Add(time.Duration(i)*time.Hour))
	}
	if rapid.Bool().Draw(rt, "time to convert") {
		q.TimeToConvert = drawTimeToConvert(rt, len(q.Steps))
	}
	return q
}

func TestTallyAgainstDefinitions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		attribution := rapid.SampledFrom([]Attribution{FirstTouch, EveryTouch}).Draw(rt, "attribution")
		q := drawTallied(rt, attribution)
		shared := attribution == EveryTouch
		units := rapid.SliceOf(rapid.Custom(func(rt *rapid.T) Counted {
			return drawCounted(rt, q, shared)
		})).Draw(rt, "units")

		whole, left, right := NewTally(q), NewTally(q), NewTally(q)
		cut := rapid.IntRange(0, len(units)).Draw(rt, "cut")
		for i := range units {
			whole.Add(&units[i])
			if i < cut {
				left.Add(&units[i])
			} else {
				right.Add(&units[i])
			}
		}
		answer := whole.Answer()
		var standings []Standing
		for _, u := range units {
			standings = append(standings, u.Standing)
		}
		got := shown{answer.Steps, answer.Trend, answer.TimeToConvert}
		if diff := gocmp.Diff(naiveShown(q, standings), got); diff != "" {
			rt.Fatalf("all together (-want +got):\n%s", diff)
		}
		if want := shared && len(q.Breakdowns) > 0; answer.Overlap != want {
			rt.Fatalf("overlap is %t, want %t", answer.Overlap, want)
		}
		checkInvariant(rt, answer.Steps)
		checkGroups(rt, q, units, answer)
		left.Merge(right)
		if diff := gocmp.Diff(answer, left.Answer()); diff != "" {
			rt.Fatalf("merged (-whole +merged):\n%s", diff)
		}
		checkSelections(rt, q, units, answer)
		checkAnswerAs(rt, whole, answer)
	})
}

// checkAnswerAs: the same groups give the same answer; other ones are there, empty, and the rest is
// one.
func checkAnswerAs(rt *rapid.T, tally *Tally, answer Answer) {
	if diff := gocmp.Diff(answer, tally.AnswerAs(answer.Groups)); diff != "" {
		rt.Fatalf("as itself (-want +got):\n%s", diff)
	}
	if len(answer.Groups) == 0 {
		return
	}
	foreign := Group{Values: slices.Repeat(
		[]GroupValue{{Value: "foreign"}}, max(1, len(answer.Groups[0].Values)))}
	as := tally.AnswerAs([]Group{foreign, answer.Groups[0]})
	if g := as.Groups[0]; g.Steps[0].Count != 0 || !slices.Equal(g.Values, foreign.Values) {
		rt.Fatalf("a group of nobody: %+v", g)
	}
	if answer.Groups[0].Other {
		return
	}
	// The number of groups tested is another.
	sameTests := cmpopts.IgnoreFields(GroupTest{}, "Q", "Significant")
	if diff := gocmp.Diff(answer.Groups[0], as.Groups[1], sameTests); diff != "" {
		rt.Fatalf("as another (-want +got):\n%s", diff)
	}
	rest := 0
	for _, g := range answer.Groups[1:] {
		rest += g.Steps[0].Count
	}
	got := 0
	for _, g := range as.Groups[2:] {
		got += g.Steps[0].Count
	}
	if got != rest || len(as.Groups) > 3 {
		rt.Fatalf("the rest is %d in %d groups, want %d in 1", got, len(as.Groups)-2, rest)
	}
}

func checkInvariant(rt *rapid.T, steps []StepNumbers) {
	for _, d := range DropOffs(steps) {
		if d.Reached != d.WentOn+d.Lost+d.InWindow {
			rt.Fatalf("%d is not %d + %d + %d", d.Reached, d.WentOn, d.Lost, d.InWindow)
		}
	}
}

func checkGroups(rt *rapid.T, q Question, units []Counted, answer Answer) {
	members := make(map[Key][]Standing)
	for _, u := range units {
		for _, g := range u.Groups {
			members[g.Key] = append(members[g.Key], g.Standing)
		}
	}
	if want := min(len(members), q.Limit+1); len(answer.Groups) != want {
		rt.Fatalf("%d groups, want %d", len(answer.Groups), want)
	}
	for i, g := range answer.Groups {
		of := members[KeyOf(g.Values...)]
		if g.Other {
			of = slices.Concat(slices.Collect(maps.Values(members))...)
		}
		got := shown{g.Steps, g.Trend, g.TimeToConvert}
		if diff := gocmp.Diff(naiveShown(q, of), got); diff != "" {
			rt.Fatalf("group %+v (-want +got):\n%s", g.Values, diff)
		}
		if !g.Other {
			delete(members, KeyOf(g.Values...))
		}
		if i > 0 && !g.Other && !ranksBefore(answer.Groups[i-1], g) {
			rt.Fatalf("group %+v stands before %+v", answer.Groups[i-1].Values, g.Values)
		}
		if g.Other != (i == q.Limit) {
			rt.Fatalf("group %d of a limit of %d: other is %t", i, q.Limit, g.Other)
		}
	}
}

// ranksBefore: by the last step's count, then earlier ones', then the values, missing last.
func ranksBefore(g, h Group) bool {
	for k := len(g.Steps) - 1; k >= 0; k-- {
		if g.Steps[k].Count != h.Steps[k].Count {
			return g.Steps[k].Count > h.Steps[k].Count
		}
	}
	for b, v := range g.Values {
		w := h.Values[b]
		if v != w {
			return w.Missing || !v.Missing && v.Value < w.Value
		}
	}
	return false
}

// checkSelections: every number is the length of its list.
func checkSelections(rt *rapid.T, q Question, units []Counted, answer Answer) {
	check := func(steps []StepNumbers, of Selection) {
		for k, s := range steps {
			for part, want := range map[Part]int{
				Reached: s.Count, PartLost: s.Lost, PartInWindow: s.InWindow,
				Dropped: s.Lost + s.InWindow,
			} {
				selection := of
				selection.Step, selection.Part = k+1, part
				got := 0
				for i := range units {
					got += len(q.Find(selection, &units[i], nil))
				}
				if got != want {
					rt.Fatalf("%+v lists %d, want %d", selection, got, want)
				}
			}
		}
	}
	check(answer.Steps, Selection{})
	for i, b := range answer.Trend {
		check(b.Steps, Selection{Bucket: i + 1})
	}
	for _, g := range answer.Groups {
		of := selectionOf(answer, g)
		check(g.Steps, of)
		for i, b := range g.Trend {
			of.Bucket = i + 1
			check(b.Steps, of)
		}
	}
}

// selectionOf keeps the units of a group of an answer.
func selectionOf(answer Answer, g Group) Selection {
	if g.Other {
		return Selection{Except: KeysOf(answer.Groups)}
	}
	return Selection{Group: g.Values}
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
	steps[1].Optional, steps[0].Count = true, 7
	want = []DropOff{
		{
			From: 1, To: 3, Reached: 7, WentOn: 3, Lost: 4, InWindow: 1,
			Dropped: ShareOf(5, 7), LostShare: ShareOf(4, 7), Worst: true,
		},
		{From: 3, To: 4, Reached: 3, WentOn: 3, Dropped: ShareOf(0, 3), LostShare: ShareOf(0, 3)},
	}
	if diff := gocmp.Diff(want, DropOffs(steps)); diff != "" {
		t.Errorf("past an optional step (-want +got):\n%s", diff)
	}
	for _, d := range DropOffs(make([]StepNumbers, 3)) {
		if d.Worst || d.Dropped != nil || d.LostShare != nil {
			t.Errorf("of nobody: %+v", d)
		}
	}
}
