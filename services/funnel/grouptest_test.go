package funnel

import (
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestNewcombe: Newcombe 1998 (the paper that newcombe names), table II, method 10.
func TestNewcombe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		a, b      sample
		low, high float64
	}{
		{"56/70 - 48/80", sample{56, 70}, sample{48, 80}, 0.0524, 0.3339},
		{"9/10 - 3/10", sample{9, 10}, sample{3, 10}, 0.1705, 0.8090},
		{"6/7 - 2/7", sample{6, 7}, sample{2, 7}, 0.0582, 0.8062},
		{"5/56 - 0/29", sample{5, 56}, sample{0, 29}, -0.0381, 0.1926},
		{"0/10 - 0/20", sample{0, 10}, sample{0, 20}, -0.1611, 0.2775},
		{"0/10 - 0/10", sample{0, 10}, sample{0, 10}, -0.2775, 0.2775},
		{"10/10 - 0/20", sample{10, 10}, sample{0, 20}, 0.6791, 1},
		{"10/10 - 0/10", sample{10, 10}, sample{0, 10}, 0.6075, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			low, high := newcombe(c.a, c.b)
			if math.Abs(low-c.low) > 5e-5 || math.Abs(high-c.high) > 5e-5 {
				t.Errorf("%.4f to %.4f, want %.4f to %.4f", low, high, c.low, c.high)
			}
		})
	}
}

func TestTwoProportions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		a, b sample
		want float64
	}{
		// Agresti 2007, "An Introduction to Categorical Data Analysis", section 2.4: aspirin and heart
		// attacks, chi-squared 25.0.
		{"aspirin", sample{189, 11034}, sample{104, 11037}, 5.692e-7},
		{"the same", sample{3, 10}, sample{30, 100}, 1},
		{"nobody", sample{0, 10}, sample{0, 100}, 1},
		{"everybody", sample{10, 10}, sample{100, 100}, 1},
		{"all against none", sample{10, 10}, sample{0, 10}, 7.744e-6},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := twoProportions(c.a, c.b); math.Abs(got-c.want) > 1e-3*c.want {
				t.Errorf("%.4g, want %.4g", got, c.want)
			}
		})
	}
}

// TestBenjaminiHochberg: the example of section 3.2 of the paper that the function names, where
// four of fifteen hypotheses are rejected at 0.05.
func TestBenjaminiHochberg(t *testing.T) {
	t.Parallel()
	p := []float64{
		0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
		0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
	}
	want := []float64{
		0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.06385714, 0.06385714, 0.0645, 0.0765, 0.486,
		0.58118182, 0.714875, 0.75323077, 0.81321429, 1,
	}
	close := cmpopts.EquateApprox(0, 1e-8)
	if diff := gocmp.Diff(want, benjaminiHochberg(p), close); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	slices.Reverse(p)
	slices.Reverse(want)
	if diff := gocmp.Diff(want, benjaminiHochberg(p), close); diff != "" {
		t.Errorf("reversed (-want +got):\n%s", diff)
	}
	if got := benjaminiHochberg(nil); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	if diff := gocmp.Diff([]float64{0.02, 0.02, 0.9}, benjaminiHochberg([]float64{0.01, 0.01, 0.9}),
		cmpopts.EquateApprox(0, 0.006)); diff != "" {
		t.Errorf("equal ones (-want +got):\n%s", diff)
	}
}

// split tallies converted of so many units per value, entered and converted in two steps.
func split(q Question, of map[GroupValue]sample) *Tally {
	tally := NewTally(q)
	for v, s := range of {
		for i := range s.units {
			a := Attempt{Depth: 1, Filled: 1, Times: []int64{0, 1}}
			if i < s.converted {
				a.Depth, a.Filled, a.Converted = 2, 3, true
			}
			standing := Standing{Attempts: []Attempt{a}}
			tally.Add(&Counted{Standing: standing, Groups: []Grouped{{KeyOf(v), standing}}})
		}
	}
	return tally
}

func testQuestion(by Subject) Question {
	q := world{Steps: 2}.question()
	q.Breakdowns = []Breakdown{{By: by, Name: "x", Attribution: OfPerson}}
	q.Limit = DefaultLimit
	return q
}

func TestGroupTests(t *testing.T) {
	t.Parallel()
	a, b, c := GroupValue{Value: "a"}, GroupValue{Value: "b"}, GroupValue{Missing: true}
	q := testQuestion(Trait)
	answer := split(q, map[GroupValue]sample{a: {50, 100}, b: {30, 100}, c: {5, 60}}).Answer()
	rest := []sample{{35, 160}, {55, 160}, {80, 200}}
	var p []float64
	for i, own := range []sample{{50, 100}, {30, 100}, {5, 60}} {
		got := answer.Groups[i].Test
		low, high := newcombe(own, rest[i])
		want := GroupTest{
			Difference: own.share() - rest[i].share(), Low: low, High: high,
			P: twoProportions(own, rest[i]), Q: got.Q, Significant: got.Q < 0.05,
			SmallSample: i == 2,
		}
		if diff := gocmp.Diff(want, *got); diff != "" {
			t.Errorf("group %d (-want +got):\n%s", i, diff)
		}
		p = append(p, got.P)
	}
	for i, q := range benjaminiHochberg(p) {
		if got := answer.Groups[i].Test.Q; got != q {
			t.Errorf("group %d: q is %v, want %v", i, got, q)
		}
	}
	if answer.SampleRatio != nil || answer.Groups[0].Test.Best != nil {
		t.Error("variants where there are none")
	}
}

func TestNoGroupTests(t *testing.T) {
	t.Parallel()
	a, b := GroupValue{Value: "a"}, GroupValue{Value: "b"}
	one := split(testQuestion(Trait), map[GroupValue]sample{a: {5, 10}})
	if test := one.Answer().Groups[0].Test; test != nil {
		t.Errorf("of the only group: %+v", test)
	}
	q := testQuestion(Trait)
	q.Limit = 1
	two := split(q, map[GroupValue]sample{a: {50, 100}, b: {30, 100}})
	groups := two.Answer().Groups
	if groups[0].Test == nil || groups[0].Test.Q != groups[0].Test.P || groups[1].Test != nil {
		t.Errorf("a group and the rest: %+v, %+v", groups[0].Test, groups[1].Test)
	}
	foreign := two.AnswerAs([]Group{{Values: []GroupValue{{Value: "c"}}}, groups[0]}).Groups
	if foreign[0].Test != nil || gocmp.Diff(groups[0].Test, foreign[1].Test) != "" {
		t.Errorf("of nobody %+v, and as another %+v", foreign[0].Test, foreign[1].Test)
	}
	two.overlap = true
	if test := two.Answer().Groups[0].Test; test != nil {
		t.Errorf("of groups that overlap: %+v", test)
	}
}

// TestSampleRatio: Kohavi, Tang and Xu 2020, chapter 21: 821,588 and 815,482 users.
func TestSampleRatio(t *testing.T) {
	t.Parallel()
	r := sampleRatio([]sample{{units: 821_588}, {units: 815_482}})
	if math.Abs(r.P-1.8e-6) > 5e-8 || !r.Mismatch {
		t.Errorf("%+v, want a p-value of 1.8e-6", r)
	}
	// Three of equal sizes; and 10, 20, 30: chi-squared 10 with two degrees of freedom, e⁻⁵.
	if r := sampleRatio([]sample{{units: 7}, {units: 7}, {units: 7}}); r.P != 1 || r.Mismatch {
		t.Errorf("%+v, want a p-value of 1", r)
	}
	r = sampleRatio([]sample{{units: 10}, {units: 20}, {units: 30}})
	if r.ChiSquared != 10 || math.Abs(r.P-math.Exp(-5)) > 1e-12 {
		t.Errorf("%+v, want a statistic of 10", r)
	}
}

// TestVariants: units without a variant are no sample; those past the limit are.
func TestVariants(t *testing.T) {
	t.Parallel()
	a, b, c := GroupValue{Value: "a"}, GroupValue{Value: "b"}, GroupValue{Value: "c"}
	q := testQuestion(Variant)
	q.Limit = 2
	of := map[GroupValue]sample{a: {20, 40}, b: {10, 40}, c: {1, 40}, {Missing: true}: {15, 500}}
	answer := split(q, of).Answer()
	if r := answer.SampleRatio; r == nil || r.ChiSquared != 0 || r.P != 1 {
		t.Errorf("sample ratio %+v, want none to be seen", answer.SampleRatio)
	}
	best := bestOf([]sample{{20, 40}, {10, 40}, {1, 40}})
	first, second := answer.Groups[0].Test, answer.Groups[1].Test
	if first.Best == nil || *first.Best != best[0] || second.Best != nil {
		t.Errorf("best %v and of no variant %v, want %v and none", first.Best, second.Best, best[0])
	}
	q.Count = PerAttempt
	if r := split(q, of).Answer().SampleRatio; r != nil {
		t.Errorf("of attempts: %+v", r)
	}
	delete(of, b)
	delete(of, c)
	if answer := split(q, of).Answer(); answer.SampleRatio != nil || answer.Groups[0].Test.Best != nil {
		t.Error("one variant is tested")
	}
}
