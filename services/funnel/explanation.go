package funnel

// Explanation says why a unit counts as it does.
type Explanation struct {
	// Attempts are all that touches of the unit open, by entry, in shown order: under PerAttempt those
	// too that do not because they lie inside another one.
	Attempts []ExplainedAttempt
	// Reason is why those that count were chosen, or why none counts: WhyNone, WhyLeft, under
	// PerAttempt and PerSession WhyEach or WhyVoid, else that of the attempt that counts.
	Reason Why
}

// ExplainedAttempt is an attempt and the assignment that it took.
type ExplainedAttempt struct {
	Attempt
	// Places are those of the touches in the course, by step up to the last one filled, -1 where a
	// step is left out; under Any in time.
	Places []int32
	// Steps are those that the Places fill, from 0: under Any which one each fills, else each its own.
	Steps []int32
	End   AttemptEnd
	// EndedAt is when it ended or will end, in milliseconds since 1970; with EndOpen its deadline.
	EndedAt int64
	// EndedBy is the place of the exclusion or of the touch that broke STRICT, -1 where there is none.
	EndedBy int32
	// Counted in the whole, and why or why not.
	Counted bool
	Why     Why
	// Bucket of the trend, from 1, if it counts there; else 0.
	Bucket int
}

// AttemptEnd is what ended an attempt.
type AttemptEnd uint8

// The ends. EndConverted: all required steps are filled. EndWindow: the window closed. EndWithin:
// the time for the next required step ran out. EndRange: the range ended, under All. EndSession:
// the session did. EndDropped and EndRemoved: an exclusion of that effect. EndBroken: another
// touchpoint came between, under Strict. EndOpen: nothing up to AsOf.
const (
	EndConverted AttemptEnd = iota + 1
	EndWindow
	EndWithin
	EndRange
	EndSession
	EndDropped
	EndRemoved
	EndBroken
	EndOpen
)

// Why is why an attempt counts or does not.
type Why uint8

// The reasons. Of a unit that does not count: WhyNone, nothing opened an attempt; WhyLeft, a void
// attempt had got deeper than any other. Of attempts that count: WhyOnly, there is no other;
// WhyFirst, it is the first and the first is asked; WhyEach, every attempt is asked; WhyDeepest, no
// other is as deep; WhyClean, of those as deep it alone was not hit; WhySooner, its deepest step
// came before theirs; WhyLater, it started after them. Of those that do not: WhyNotFirst, the first
// is asked; WhyShallow, another is deeper; WhyHit, another as deep was not hit; WhySlower, the
// deepest step of another came before; WhyEarlier, another of the same instant started later;
// WhyVoid, an exclusion of effect Remove hit it; WhyLeft as above; WhyUsed, it lies inside another
// one, where every attempt is asked.
const (
	WhyNone Why = iota + 1
	WhyLeft
	WhyOnly
	WhyFirst
	WhyEach
	WhyDeepest
	WhyClean
	WhySooner
	WhyLater
	WhyNotFirst
	WhyShallow
	WhyHit
	WhySlower
	WhyEarlier
	WhyVoid
	WhyUsed
)
