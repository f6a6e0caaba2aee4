package funnel

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var (
	endWords = map[AttemptEnd]string{
		EndConverted: "converted", EndWindow: "window", EndWithin: "within", EndRange: "range",
		EndSession: "session", EndDropped: "dropped", EndRemoved: "removed", EndBroken: "broken",
		EndOpen: "open",
	}
	whyWords = map[Why]string{
		WhyNone: "none", WhyLeft: "left", WhyOnly: "only", WhyFirst: "first", WhyEach: "each",
		WhyDeepest: "deepest", WhyClean: "clean", WhySooner: "sooner", WhyLater: "later",
		WhyNotFirst: "not first", WhyShallow: "shallow", WhyHit: "hit", WhySlower: "slower",
		WhyEarlier: "earlier", WhyVoid: "void", WhyUsed: "used",
	}
)

// tellExplanation is a line an attempt: + if it counts, step and place of each step filled, the
// end with its instant and the place of what ended it, why, and the bucket.
func tellExplanation(x Explanation) []string {
	lines := []string{whyWords[x.Reason]}
	for _, a := range x.Attempts {
		var words []string
		if a.Counted {
			words = append(words, "+")
		}
		for k, place := range a.Places {
			if place >= 0 {
				words = append(words, fmt.Sprintf("%c=%d", 'A'+a.Steps[k], place))
			}
		}
		words = append(words, fmt.Sprintf("%s %d", endWords[a.End], a.EndedAt))
		if a.EndedBy >= 0 {
			words = append(words, fmt.Sprintf("by %d", a.EndedBy))
		}
		words = append(words, whyWords[a.Why])
		if a.Bucket > 0 {
			words = append(words, fmt.Sprintf("[%d]", a.Bucket))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, asked, done string
		want              []string
	}{
		{name: "nothing opened", asked: "A B", done: "B5", want: []string{"none"}},
		{
			name: "the only one", asked: "A B", done: "o0 A5 o6 B7",
			want: []string{"only", "+ A=1 B=3 converted 7 only"},
		},
		{
			name: "why the others do not", asked: "A B C", done: "A0 A50 B60 C150 A700",
			want: []string{
				"deepest",
				"A=0 B=2 window 100 shallow",
				"+ A=1 B=2 C=3 converted 150 deepest",
				"A=4 window 800 shallow",
			},
		},
		{
			name: "sooner and later", asked: "A B; trend 0 3", done: "A0 A1 B2 A3 B4",
			want: []string{
				"later", "A=0 B=2 converted 2 earlier", "+ A=1 B=2 converted 2 later [1]",
				"A=3 B=4 converted 4 slower [2]",
			},
		},
		{
			name: "the first", asked: "A B; first; as_of 70", done: "A0 A1 B1",
			want: []string{"first", "+ A=0 B=2 converted 1 first", "A=1 B=2 converted 1 not first"},
		},
		{
			name: "within and open", asked: "A B<5 C; as_of 50", done: "A0 A48",
			want: []string{"sooner", "+ A=0 within 5 sooner", "A=1 open 53 slower"},
		},
		{
			name: "the end of the range", asked: "A B; all; to 50", done: "A10",
			want: []string{"only", "+ A=0 range 50 only"},
		},
		{
			name: "a hit one and a clean one", asked: "A B; drop AB", done: "A0 x5 A200 x500",
			want: []string{"clean", "A=0 dropped 5 by 1 hit", "+ A=2 window 300 clean"},
		},
		{
			name: "void", asked: "A B; remove AB", done: "A0 x5 A200",
			want: []string{"only", "A=0 removed 5 by 1 void", "+ A=2 window 300 only"},
		},
		{
			name: "all leave", asked: "A B C; remove BC", done: "A0 B2 x5 A200",
			want: []string{"left", "A=0 B=1 removed 5 by 2 void", "A=3 window 300 left"},
		},
		{
			name: "broken", asked: "A B; strict", done: "A0 o5 B6",
			want: []string{"only", "+ A=0 broken 5 by 1 only"},
		},
		{
			name: "every attempt", asked: "A B; attempt; remove AB; trend 0 7",
			done: "A0 A1 B2 A3 x4 A5 B9",
			want: []string{
				"each", "+ A=0 B=2 converted 2 each [1]", "A=1 window 101 used",
				"A=3 removed 4 by 4 void", "+ A=5 B=6 converted 9 each [1]",
			},
		},
		{
			name: "sessions", asked: "A B; session; window 600m; to 900m; as_of 900m",
			done: "A0 B10m A20m A100m",
			want: []string{
				"each", "+ A=0 B=1 converted 600000 deepest", "A=2 session 3000000 shallow",
				"+ A=3 session 7800000 only",
			},
		},
		{
			name: "any order", asked: "A B C; any", done: "B5 A6",
			want: []string{"deepest", "+ B=0 A=1 window 105 deepest", "A=1 window 106 shallow"},
		},
		{
			name: "left out", asked: "A B? C", done: "A0 C5 B6",
			want: []string{"only", "+ A=0 C=1 converted 5 only"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := example{asked: c.asked, done: c.done}.life(t)
			program := programOf(l.Question)
			course := courseOf(l, program, false)
			x, err := program.Counter(nil).Explain(&course)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, tellExplanation(x)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestExplainAgrees: what is explained as counting is what counts, in the whole and in buckets, and
// its places are the touches.
func TestExplainAgrees(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		q, lives := drawLives(rt)
		counter := programOf(q).Counter(nil)
		for _, deeds := range lives {
			l := life{Question: q, Deeds: deeds}
			course := courseOf(l, counter.program, false)
			x, err := counter.Explain(&course)
			if err != nil {
				rt.Fatal(err)
			}
			counted, err := counter.Count(&course)
			if err != nil {
				rt.Fatal(err)
			}
			diff := gocmp.Diff(counted.Attempts, explainedAs(&x, &course), cmpopts.EquateEmpty())
			if diff != "" {
				rt.Fatalf("%v (-counted +explained):\n%s", l, diff)
			}
			buckets := 0
			for _, a := range x.Attempts {
				if a.Bucket > 0 {
					buckets++
				}
			}
			if buckets != len(counted.Buckets) {
				rt.Fatalf("%v: %d in buckets, want %d", l, buckets, len(counted.Buckets))
			}
		}
	})
}

// explainedAs are the attempts that count by an explanation, with the times of their places.
func explainedAs(x *Explanation, course *Course) (counted []Attempt) {
	for i := range x.Attempts {
		a := &x.Attempts[i]
		if !a.Counted {
			continue
		}
		for k, place := range a.Places {
			if place >= 0 {
				a.Times[k] = course.Touches[place].At
			} else {
				a.Times[k] = 0
			}
		}
		counted = append(counted, a.Attempt)
	}
	return counted
}
