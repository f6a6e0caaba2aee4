package funnel

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// isText is the condition that a property has a text.
func isText(name, value string) Condition {
	return Condition{Subject: Property, Name: name, Operator: Equal, Values: values(text(value))}
}

// factQuestion draws a question with every option whose steps and exclusions are told by events and
// the property p; its breakdown, if any, is by p and counts ALL or STEP.
func (d drawing) factQuestion() Question {
	q := d.question()
	q.Window = max(q.Window, MinWindow)
	for k := range q.Steps {
		of := pick(d, "step", event("view"), event("view"), event("buy"),
			event("view", isText("p", "x")), Step{Target: Target{Kind: AnyEvent}})
		q.Steps[k].Target, q.Steps[k].Conditions = of.Target, of.Conditions
	}
	for j := range q.Exclusions {
		of := pick(d, "excluded", event("stop"), event("view", isText("p", "y")))
		q.Exclusions[j].Target, q.Exclusions[j].Conditions = of.Target, of.Conditions
	}
	if d.chance("filtered", 2) {
		q.Filter = Condition{Subject: Property, Name: "robot", Operator: IsNotSet}
	}
	if len(q.Hold) > 0 && d.chance("two held", 3) {
		q.Hold = append(q.Hold, "p")
	}
	if d.chance("broken down", 3) {
		b := Breakdown{By: Property, Name: "p", Attribution: EveryTouch}
		if d.chance("by a step", 2) {
			b.Attribution, b.Step = StepTouch, d.number("of step", 0, len(q.Steps)-1)
		}
		q.Breakdowns = []Breakdown{b}
	}
	return q
}

// facts draws what three people did.
func (d drawing) facts() []AttributedFact {
	var facts []AttributedFact
	for i := range d.number("facts", 1, 20) {
		f := track(fmt.Sprintf("m%02d", i), pick(d, "who", "u1", "u2", "u3"),
			pick(d, "event", "view", "view", "buy", "stop", "other"), 0)
		at := d.instant("at", 12).Add(time.Duration(d.number("finer", 0, 2)) * time.Microsecond).UTC()
		f.OccurredAt, f.OriginalAt, f.ReceivedAt = at, at, at
		members := []string{
			pick(d, "p", ``, `"p":"x"`, `"p":"x"`, `"p":"y"`, `"p":["x","y"]`),
			pick(d, "held", `"held":1`, `"held":1`, `"held":"1"`, `"held":2`, ``),
			pick(d, "robot", ``, ``, ``, ``, ``, `"robot":true`),
		}
		members = slices.DeleteFunc(members, func(m string) bool { return m == "" })
		f.Properties = journey.Object("{" + strings.Join(members, ",") + "}")
		facts = append(facts, f)
	}
	return facts
}

// livesOf reads what each person did by the simplest means.
func livesOf(facts []AttributedFact, q Question) []life {
	var lives []life
	for _, who := range []journey.UserID{"u1", "u2", "u3"} {
		l := life{Question: q}
		var own []AttributedFact
		for _, f := range facts {
			if f.User == who {
				own = append(own, f)
			}
		}
		slices.SortFunc(own, func(a, b AttributedFact) int {
			if c := a.OccurredAt.Compare(b.OccurredAt); c != 0 {
				return c
			}
			return strings.Compare(string(a.Message), string(b.Message))
		})
		held := map[string]int32{}
		for i := range own {
			l.Deeds = append(l.Deeds, deedOf(&own[i], q, held))
		}
		lives = append(lives, l)
	}
	return lives
}

func deedOf(f *AttributedFact, q Question, held map[string]int32) deed {
	d := deed{At: f.OccurredAt.UnixMilli()}
	named := func(t Target) bool { return t.Kind == AnyEvent || t.Name == f.Event }
	passes := func(conditions []Condition) bool {
		return len(conditions) == 0 ||
			f.Properties.Value(conditions[0].Name).Text() == conditions[0].Values[0].Text()
	}
	for k, s := range q.Steps {
		if named(s.Target) {
			d.Named |= 1 << k
			if passes(s.Conditions) {
				d.Steps |= 1 << k
			}
		}
	}
	for j, x := range q.Exclusions {
		if named(x.Target) && passes(x.Conditions) {
			d.Exclusions |= 1 << j
		}
	}
	var tuple string
	for _, name := range q.Hold {
		v := f.Properties.Value(name)
		if v.Kind() == journey.Missing {
			d.Hold = -1
		}
		tuple += v.Text() + "\n"
	}
	if d.Hold == 0 {
		if _, known := held[tuple]; !known {
			held[tuple] = int32(len(held))
		}
		d.Hold = held[tuple]
	}
	d.Hidden = q.Filter != nil && f.Properties.Value("robot").Kind() != journey.Missing
	switch v := f.Properties.Value("p"); {
	case v.Kind() == journey.Composite:
		d.Values = []string{"x", "y"}
	case v.Kind() != journey.Missing:
		d.Values = []string{v.Text()}
	}
	return d
}

// drawFactWorld draws facts and a question about them.
func drawFactWorld(rt *rapid.T) ([]AttributedFact, Question) {
	d := drawing{T: rt, scale: SessionGap.Milliseconds() / 2}
	q := d.factQuestion()
	return d.facts(), q
}

// TestReferenceEqualsBruteForce holds the reference to every assignment tried, from facts to numbers.
func TestReferenceEqualsBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		facts, q := drawFactWorld(rt)
		answer, results, err := Reference(facts, nil, q)
		if err != nil {
			rt.Fatal(err)
		}
		lives := livesOf(facts, q)
		var want, got []string
		var standings []Standing
		for _, l := range lives {
			s := oracleStanding(l)
			line := tell(q, s)
			if len(q.Breakdowns) > 0 {
				line += tellGroups(q, bruteGroups(l))
			}
			if line != "none" {
				want = append(want, line)
			}
			standings = append(standings, s)
		}
		for _, r := range results {
			groups := make(map[Key]Standing)
			for _, g := range r.Groups {
				groups[g.Key] = g.Standing
			}
			got = append(got, tell(q, r.Standing)+tellGroups(q, groups))
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("%v\n(-brute force +reference):\n%s", lives, diff)
		}
		checkNumbers(rt, q, standings, answer.Steps)
		checkLists(rt, q, answer, results)
	})
}

// checkNumbers: what each step counts, loses and keeps, and how long it took, by the words of
// docs/semantics.md, "Numbers per step".
func checkNumbers(rt *rapid.T, q Question, standings []Standing, steps []StepNumbers) {
	var attempts []Attempt
	for _, s := range standings {
		attempts = append(attempts, s.Attempts...)
	}
	for k, step := range steps {
		var want, got stepTold
		required := 0
		for _, s := range q.Steps[:k+1] {
			if !s.Optional {
				required++
			}
		}
		var previous, entry []int64
		for _, a := range attempts {
			if a.Filled>>k&1 == 0 {
				continue
			}
			want.Count++
			if !q.Steps[k].Optional && a.Depth == required && !a.Converted {
				if a.InWindow {
					want.InWindow++
				} else {
					want.Lost++
				}
			}
			before := k - 1
			for before > 0 && a.Filled>>before&1 == 0 {
				before--
			}
			if k > 0 {
				// "Negative spans count as 0."
				previous = append(previous, max(0, a.Times[k]-a.Times[before]))
				entry = append(entry, max(0, a.Times[k]-a.Times[0]))
			}
		}
		want.Previous, want.Entry = tellSpans(previous), tellSpans(entry)
		got = stepTold{step.Count, step.Lost, step.InWindow, step.SincePrevious, step.SinceEntry}
		near := cmpopts.EquateApprox(1e-9, 1e-9)
		if diff := gocmp.Diff(want, got, near); diff != "" {
			rt.Fatalf("step %d of %v (-want +got):\n%s", k+1, attempts, diff)
		}
	}
}

type stepTold struct {
	Count, Lost, InWindow int
	Previous, Entry       *Spans
}

// tellSpans: "mean, median (mean of the middle two), p90 (nearest rank) […], zeros included".
func tellSpans(spans []int64) *Spans {
	n := len(spans)
	if n == 0 {
		return nil
	}
	slices.Sort(spans)
	var sum int64
	for _, s := range spans {
		sum += s
	}
	rank := (9*n + 9) / 10
	return &Spans{
		MeanSeconds:   float64(sum) / float64(n) / 1000,
		MedianSeconds: float64(spans[(n-1)/2]+spans[n/2]) / 2000,
		P90Seconds:    float64(spans[rank-1]) / 1000,
	}
}

// checkLists: "the number shown is the length of the list, for every step, outcome, breakdown value
// and bucket".
func checkLists(rt *rapid.T, q Question, answer Answer, results []Result) {
	check := func(s Selection, steps []StepNumbers) {
		for k, n := range steps {
			s.Step = k + 1
			for part, want := range map[Part]int{
				Reached: n.Count, PartLost: n.Lost, PartInWindow: n.InWindow, Dropped: n.Lost + n.InWindow,
			} {
				s.Part = part
				if got := len(Select(q, results, s)); got != want {
					rt.Fatalf("%+v lists %d, the number is %d", s, got, want)
				}
			}
		}
	}
	checkTrend := func(s Selection, trend []Bucket) {
		if len(trend) != len(q.Buckets) {
			rt.Fatalf("%d buckets are answered of %d", len(trend), len(q.Buckets))
		}
		for i, b := range trend {
			s.Bucket = i + 1
			check(s, b.Steps)
		}
	}
	check(Selection{}, answer.Steps)
	checkTrend(Selection{}, answer.Trend)
	for _, g := range answer.Groups {
		of := selectionOf(answer, g)
		check(of, g.Steps)
		checkTrend(of, g.Trend)
	}
}

// TestReferenceIgnoresOrderOfFacts: with every option, the order of arrival and what was sent twice
// change nothing.
func TestReferenceIgnoresOrderOfFacts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		facts, q := drawFactWorld(rt)
		want, wantResults, err := Reference(facts, nil, q)
		if err != nil {
			rt.Fatal(err)
		}
		for _, f := range facts {
			if rapid.Bool().Draw(rt, "again") {
				f.ReceivedAt = f.ReceivedAt.Add(time.Hour)
				f.Event, f.Properties = "view", `{"p":"later"}`
				facts = append(facts, f)
			}
		}
		shuffled := rapid.Permutation(facts).Draw(rt, "order")
		got, gotResults, err := Reference(shuffled, nil, q)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			rt.Fatalf("answer (-first +shuffled):\n%s", diff)
		}
		if diff := gocmp.Diff(wantResults, gotResults); diff != "" {
			rt.Fatalf("results (-first +shuffled):\n%s", diff)
		}
	})
}
