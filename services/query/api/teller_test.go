package api

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// TestWhyInWords has a text for every way in which an attempt may end and count or not.
func TestWhyInWords(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 2, 12, 0, 0, 500_000_000, time.UTC)
	question := funnel.Question{
		Window: 36 * time.Hour, Hold: []string{"cart"},
		Steps: make([]funnel.Step, 3),
		Exclusions: []funnel.Exclusion{
			{From: 1, To: 2, Effect: funnel.Remove}, {From: 0, To: 2}, {From: 0, To: 1},
		},
	}
	attempt := func(end funnel.AttemptEnd, why funnel.Why, change ...func(*funnel.ExplainedAttempt)) funnel.ExplainedAttempt {
		a := funnel.ExplainedAttempt{
			Attempt: funnel.Attempt{Depth: 2, Filled: 3}, End: end, EndedAt: noon.UnixMilli(),
			EndedBy: -1, Why: why,
		}
		switch why {
		case funnel.WhyOnly, funnel.WhyFirst, funnel.WhyEach, funnel.WhyDeepest, funnel.WhyClean,
			funnel.WhySooner, funnel.WhyLater:
			a.Counted = true
		}
		for _, c := range change {
			c(&a)
		}
		return a
	}
	by := func(place int32) func(*funnel.ExplainedAttempt) {
		return func(a *funnel.ExplainedAttempt) { a.EndedBy = place }
	}
	asked := func(change func(*funnel.Question)) funnel.Question {
		q := question
		change(&q)
		return q
	}
	const at = "2026-01-02 12:00:00.5 UTC"
	for _, c := range []struct {
		question funnel.Question
		attempt  funnel.ExplainedAttempt
		want     string
	}{
		{
			question, attempt(funnel.EndConverted, funnel.WhyDeepest),
			"counts: the deepest of 4 attempts; it converted at " + at,
		},
		{
			question, attempt(funnel.EndWindow, funnel.WhyOnly),
			"counts: it is the only attempt; it got to step 2 of 3 (cart), then its window of 1 d 12 h " +
				"closed at " + at,
		},
		{
			question, attempt(funnel.EndWithin, funnel.WhyFirst),
			"counts: the first of 4 attempts, and the question counts the first; it got to step 2 of 3 " +
				"(cart), and the next step did not come in its time, by " + at,
		},
		{
			question, attempt(funnel.EndRange, funnel.WhySooner),
			"counts: of 4 attempts the first to get this far, and none got further; it got to step 2 of 3 " +
				"(cart), then the range ended at " + at,
		},
		{
			question, attempt(funnel.EndOpen, funnel.WhyLater),
			"counts: of 4 attempts none got further or sooner this far, and it began last; it got to step 2 of 3 (cart) " +
				"and can go on until " + at,
		},
		{
			question, attempt(funnel.EndDropped, funnel.WhyHit, by(0)),
			"does not count: another attempt got as far, and no exclusion ended it; it got to step 2 of " +
				"3 (cart), then Cancelled (cancel) came at " + at + " between steps 1 and 3",
		},
		{
			question, attempt(funnel.EndRemoved, funnel.WhyVoid, by(0)),
			"void: Cancelled (cancel) came at " + at + " between steps 2 and 3",
		},
		{
			question, attempt(funnel.EndBroken, funnel.WhyShallow, by(1)),
			"does not count: another attempt got further; it got to step 2 of 3 (cart), then page came " +
				"at " + at + ", and nothing may come between steps",
		},
		{
			asked(func(q *funnel.Question) { q.Count = funnel.PerSession }),
			attempt(funnel.EndSession, funnel.WhyClean),
			"counts: of the attempts of its session the deepest that no exclusion ended; it got to " +
				"step 2 of 3 (cart), then the session ended at " + at,
		},
		{
			asked(func(q *funnel.Question) { q.Count = funnel.PerAttempt }),
			attempt(funnel.EndConverted, funnel.WhyUsed),
			"does not count: it began inside an attempt that was taken before it; it converted at " + at,
		},
		{
			asked(func(q *funnel.Question) { q.Order = funnel.Any }),
			attempt(funnel.EndRemoved, funnel.WhyLeft, by(0)),
			"does not count: an attempt that is void had got further; it filled 2 of 3 steps, then " +
				"Cancelled (cancel) came at " + at,
		},
	} {
		words := teller{
			question: c.question, labels: []string{"search", "cart", "purchase"},
			of: Explained{
				Explanation: funnel.Explanation{Attempts: make([]funnel.ExplainedAttempt, 4)},
				Touchpoints: []SeenTouchpoint{
					{
						Event: "Cancelled", Attribution: journey.Attribution{Touchpoint: "cancel"},
						Exclusions: 7,
					},
					{Event: "page"},
				},
			},
		}
		if diff := cmp.Diff(c.want, words.why(&c.attempt)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestReasonsInWords says why a unit counts or not.
func TestReasonsInWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		question funnel.Question
		// attempts are those there are, with a + for each that counts.
		attempts string
		why      funnel.Why
		want     string
	}{
		{funnel.Question{}, "", funnel.WhyNone, "does not count: no touchpoint of the range opened an " +
			"attempt, none matches step 1 (search)"},
		{funnel.Question{Hold: []string{"a", "b"}}, "", funnel.WhyNone, "does not count: no touchpoint " +
			"of the range opened an attempt, none matches step 1 (search) and has a and b"},
		{funnel.Question{Order: funnel.Any}, "", funnel.WhyNone, "does not count: no touchpoint of the " +
			"range opened an attempt, none matches a step"},
		{funnel.Question{}, "+", funnel.WhyOnly, "counts with its only attempt"},
		{funnel.Question{}, "-+-", funnel.WhySooner, "counts with attempt 2 of 3: of 3 attempts the " +
			"first to get this far, and none got further"},
		{funnel.Question{}, "--", funnel.WhyLeft, "leaves the funnel: an attempt that an exclusion made " +
			"void had got further than any that is not"},
		{funnel.Question{Order: funnel.Any}, "--", funnel.WhyLeft, "leaves the funnel: exclusions made " +
			"all of its attempts void"},
		{funnel.Question{Count: funnel.PerAttempt}, "+-+", funnel.WhyEach, "counts with 2 of its 3 " +
			"attempts: every attempt counts that begins after the one before has ended"},
		{funnel.Question{Count: funnel.PerSession}, "++", funnel.WhyEach, "counts with each of its 2 " +
			"attempts: the best one of each session"},
		{funnel.Question{Count: funnel.PerSession}, "-", funnel.WhyVoid, "does not count: exclusions " +
			"made its attempts void"},
	} {
		words := teller{question: c.question, labels: []string{"search", "cart"}}
		for _, sign := range c.attempts {
			words.of.Attempts = append(words.of.Attempts,
				funnel.ExplainedAttempt{Counted: sign == '+'})
		}
		words.of.Reason = c.why
		if diff := cmp.Diff(c.want, words.reason()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.attempts, diff)
		}
	}
}
