package funnel_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/funnel"
)

// TestClimberEqualsEvaluator: by marks the attempt is the one that the touches give, whatever the
// order in which touches of one millisecond are shown.
func TestClimberEqualsEvaluator(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := funnel.Question{
			From:    time.UnixMilli(rapid.Int64Range(0, 20).Draw(t, "from")),
			AsOf:    time.UnixMilli(rapid.Int64Range(0, 60).Draw(t, "as of")),
			Window:  time.Duration(rapid.Int64Range(1, 25).Draw(t, "window")) * time.Millisecond,
			Steps:   make([]funnel.Step, rapid.IntRange(2, 5).Draw(t, "steps")),
			Mode:    rapid.SampledFrom([]funnel.RangeMode{funnel.Entry, funnel.All}).Draw(t, "mode"),
			Reentry: rapid.SampledFrom([]funnel.Reentry{funnel.Best, funnel.First}).Draw(t, "reentry"),
		}
		q.To = q.From.Add(time.Duration(rapid.Int64Range(1, 40).Draw(t, "range")) * time.Millisecond)
		touches := make([]funnel.Touch, rapid.IntRange(0, 30).Draw(t, "touches"))
		marks := make([]funnel.Mark, len(touches))
		last := rapid.Int64Range(5, 60).Draw(t, "last")
		for i := range touches {
			step := rapid.IntRange(0, len(q.Steps)-1).Draw(t, "step")
			touches[i] = funnel.Touch{At: rapid.Int64Range(0, last).Draw(t, "at"), Steps: 1 << step}
			marks[i] = funnel.MarkOf(touches[i].At, step)
		}
		slices.SortStableFunc(touches, func(a, b funnel.Touch) int { return cmp.Compare(a.At, b.At) })
		slices.Sort(marks)
		want := funnel.NewEvaluator(q).Evaluate(touches)
		got := funnel.NewClimber(q).Climb(marks)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("attempt by marks (-by touches +by marks):\n%s", diff)
		}
	})
}
