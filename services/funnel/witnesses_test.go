package funnel

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// passing adds passages after the first step, of units that are lost or went on.
func passing(t *Tally, lost bool, met ...Meeting) {
	a := Attempt{Depth: 1, Filled: 1, Times: []int64{0}}
	if !lost {
		a = Attempt{Depth: 2, Filled: 3, Times: []int64{0, 5}, Converted: true}
	}
	t.Add(&Counted{Standing: Standing{
		Attempts: []Attempt{a}, Passages: []Passage{{Depth: 1, Lost: lost, Length: 5, Met: met}},
	}})
}

func reasonsQuestion() Question {
	q := world{Steps: 2}.question()
	q.Reasons = &Reasons{Properties: []string{"p"}}
	return q
}

func valueOf(n int) Meeting {
	return Meeting{Candidate{Kind: ByProperty, Name: "p", Value: fmt.Sprint(n)}, 1}
}

// TestCrowdedProperty: a property may have 1000 values after a step, events any number; parts that
// are within the limit may be beyond it together.
func TestCrowdedProperty(t *testing.T) {
	t.Parallel()
	left, right := NewTally(reasonsQuestion()), NewTally(reasonsQuestion())
	for n := range MaxReasonValues {
		passing(left, true, valueOf(n), Meeting{Candidate{Kind: ByEvent, Name: fmt.Sprint(n)}, 1})
		passing(left, false, valueOf(n))
		passing(right, true, valueOf(n+1))
	}
	for name, tally := range map[string]*Tally{"left": left, "right": right} {
		if err := tally.Err(); err != nil {
			t.Errorf("%s part: %v", name, err)
		}
	}
	left.Merge(right)
	if err := left.Err(); err == nil || !strings.Contains(err.Error(), "leave out p") {
		t.Errorf("together: %v, want the property named", err)
	}
	other := NewTally(reasonsQuestion())
	other.Merge(left)
	if other.Err() == nil {
		t.Error("what is refused may be answered after another merge")
	}
}

// TestWitnessesBounded: beyond the memory nothing is kept, and the question is refused.
func TestWitnessesBounded(t *testing.T) {
	t.Parallel()
	tally := NewTally(reasonsQuestion())
	tally.shape.witnesses.most = 10_000
	for n := range 10_000 {
		passing(tally, n%2 == 0, Meeting{Candidate{Kind: ByEvent, Name: fmt.Sprint(n % 3)}, 1})
	}
	if err := tally.Err(); err == nil || !strings.Contains(err.Error(), "shorter range") {
		t.Errorf("%v, want to be told of a shorter range", err)
	}
	if bytes := tally.shape.witnesses.bytes; bytes > 11_000 {
		t.Errorf("%d bytes kept", bytes)
	}
}

func TestTallyErr(t *testing.T) {
	t.Parallel()
	q := world{Steps: 2, To: 1}.question()
	q.Breakdowns, q.Limit = byPersona, DefaultLimit
	tally := NewTally(q)
	for n := range 20 {
		key := KeyOf(GroupValue{Value: fmt.Sprint(n)})
		standing := standingOf(Attempt{Depth: 1, Filled: 1, Times: []int64{0}})
		tally.Add(&Counted{Standing: standing, Groups: []Grouped{{key, standing}}})
	}
	if err := tally.Err(); err != nil {
		t.Error(err)
	}
	// 1 and 20 groups of 2 steps.
	tally.question.Buckets = make([]time.Time, MaxTrend/42)
	if err := tally.Err(); err != nil {
		t.Error(err)
	}
	tally.question.Buckets = make([]time.Time, MaxTrend/42+1)
	if err := tally.Err(); err == nil || !strings.Contains(err.Error(), "longer buckets") {
		t.Errorf("%v, want to be told of longer buckets", err)
	}
}

// TestReasonsListed: what fewer than five units met is not looked at, the twenty strongest are
// listed, equal ones by kind, name and value, and the correction is for all of them.
func TestReasonsListed(t *testing.T) {
	t.Parallel()
	tally := NewTally(reasonsQuestion())
	for n := range 100 {
		var met []Meeting
		for c := range 30 {
			if n < 40 && n < 2+2*c {
				met = append(met, Meeting{Candidate{Kind: ByEvent, Name: fmt.Sprintf("e%02d", c)}, 1})
			}
		}
		passing(tally, n < 50, met...)
	}
	reasons := tally.Answer().Steps[0].Reasons
	if len(reasons) != MaxReasons {
		t.Fatalf("%d reasons, want %d", len(reasons), MaxReasons)
	}
	// 19 to 29 were met by 40 of 50 lost, 18 by 38; 0 and 1 by two and four.
	for i, want := range []string{"e19", "e20", "e21"} {
		if r := reasons[i]; r.Name != want || r.LostWith != 40 || r.Lost != 50 || r.WentOn != 50 {
			t.Errorf("reason %d is %+v, want %s of 40", i, r, want)
		}
	}
	last := reasons[MaxReasons-1]
	f := fourfold{lostWith: last.LostWith, lost: 50, wentOn: 50}
	if last.P != f.fisher() {
		t.Errorf("p is %v, want %v", last.P, f.fisher())
	}
	// Of 28 candidates the last listed is the twentieth.
	if q := last.P * 28 / 20; last.Q > q || !reasons[0].Significant {
		t.Errorf("q is %v, want at most %v", last.Q, q)
	}
}
