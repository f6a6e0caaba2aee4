package funnel

import (
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// example is a question and what a unit did, in letters, and what counts.
//
// Asked are steps A to H in turn, each with ? if it is optional, <5 for at most 5 ms since the
// previous filled required step, ! for only the first ever of the target, !! for the first that
// passes; then, after semicolons, options. The range is [0, 1000) unless told, as_of 5000, the window
// 100.
//
// Done are touchpoints in shown order: letters of the steps that they fill, small ones of those whose
// target they are alone, x, y, z for exclusions, o for neither; then the instant, with m in minutes;
// then - if the filter hides them, /1 and so on for the values held, / alone if one is missing.
type example struct {
	name, asked, done, want string
}

func (e example) life(t testing.TB) life {
	t.Helper()
	parts := strings.Split(e.asked, ";")
	l := life{Question: Question{
		From: time.UnixMilli(0), To: time.UnixMilli(1000), AsOf: time.UnixMilli(5000),
		Window: 100 * time.Millisecond, Limit: DefaultLimit,
	}}
	for _, word := range strings.Fields(parts[0]) {
		l.Steps = append(l.Steps, readStep(t, word[1:]))
	}
	for _, option := range parts[1:] {
		words := strings.Fields(option)
		readOption(t, &l.Question, words[0], words[1:])
	}
	for _, word := range strings.Fields(e.done) {
		l.Deeds = append(l.Deeds, readDeed(t, word))
	}
	return l
}

func readStep(t testing.TB, marks string) Step {
	s := Step{Target: Target{Kind: AnyEvent}}
	for marks != "" {
		switch {
		case strings.HasPrefix(marks, "!!"):
			s.FirstTime, marks = FirstMatching, marks[2:]
		case marks[0] == '!':
			s.FirstTime, marks = FirstOfTarget, marks[1:]
		case marks[0] == '?':
			s.Optional, marks = true, marks[1:]
		default:
			within := time.Duration(readInstant(t, marks[1:])) * time.Millisecond
			s.Within, marks = &within, ""
		}
	}
	return s
}

func readInstant(t testing.TB, word string) int64 {
	digits, minutes := strings.CutSuffix(word, "m")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if minutes {
		n *= time.Minute.Milliseconds()
	}
	return n
}

func readOption(t testing.TB, q *Question, option string, words []string) {
	span := func() time.Duration { return time.Duration(readInstant(t, words[0])) * time.Millisecond }
	switch option {
	case "all":
		q.Mode = All
	case "first":
		q.Reentry = First
	case "strict":
		q.Order = Strict
	case "any":
		q.Order = Any
	case "attempt":
		q.Count = PerAttempt
	case "session":
		q.Count = PerSession
	case "hold":
		q.Hold = []string{"held"}
	case "from":
		q.From = time.UnixMilli(0).Add(span())
	case "to":
		q.To = time.UnixMilli(0).Add(span())
	case "as_of":
		q.AsOf = time.UnixMilli(0).Add(span())
	case "window":
		q.Window = span()
	case "simultaneity":
		q.Simultaneity = span()
	case "trend":
		for _, w := range words {
			q.Buckets = append(q.Buckets, time.UnixMilli(readInstant(t, w)))
		}
	case "drop", "remove":
		x := Exclusion{Target: Target{Kind: AnyEvent}}
		x.From, x.To = int(words[0][0]-'A'), int(words[0][1]-'A')
		if option == "remove" {
			x.Effect = Remove
		}
		q.Exclusions = append(q.Exclusions, x)
	default:
		t.Fatalf("no option %q", option)
	}
}

func readDeed(t testing.TB, word string) deed {
	var d deed
	i := 0
	for ; word[i] < '0' || word[i] > '9'; i++ {
		switch c := word[i]; {
		case c >= 'A' && c <= 'H':
			d.Steps |= 1 << (c - 'A')
		case c >= 'a' && c <= 'h':
			d.Named |= 1 << (c - 'a')
		case c >= 'x':
			d.Exclusions |= 1 << (c - 'x')
		}
	}
	d.Named |= d.Steps
	at, held, holds := strings.Cut(word[i:], "/")
	at, d.Hidden = strings.CutSuffix(at, "-")
	d.At = readInstant(t, at)
	if holds {
		d.Hold = -1
		if held != "" {
			d.Hold = int32(readInstant(t, held))
		}
	}
	return d
}

// examples are the words of docs/semantics.md, drawn. Each pins the brute force as well as Count.
var examples = []example{
	// Attempts, ordered.
	{"straight through", "A B C", "A5 B6 C9", "A5 B6 C9 converted (3)"},
	{"others may lie between", "A B C", "A5 o6 C6 B7 A8 C9", "A5 B7 C9 converted (3)"},
	{"one touchpoint fills one step", "A B C", "ABC5 ABC6", "A5 B6 lost (2)"},
	{"equal times in either order", "A B C", "C5 B5 A5", "A5 B5 C5 converted (3)"},
	{"the window's end is inside", "A B C", "A0 B100 C101", "A0 B100 lost (2)"},
	{"the later entry has time left", "A B C", "A0 A50 B60 C150", "A50 B60 C150 converted (3)"},
	{
		"best: the deepest step that came first, then the latest start", "A B",
		"A0 A1 B2 A3 B4", "A1 B2 converted (2)",
	},
	{"first: only the first attempt", "A B C; first", "A0 A50 B60 C150", "A0 B60 lost (2)"},
	{"under ALL nothing outside is seen", "A B C; all; to 6", "A5 B6 C7", "A5 lost (1)"},
	{"under ENTRY later steps are", "A B C; to 6", "A5 B6 C7", "A5 B6 C7 converted (3)"},
	{"nothing after as_of is seen", "A B C; as_of 6", "A5 B6 C7", "A5 B6 in window (2)"},
	{"a deadline at as_of is over", "A B; as_of 105", "A5", "A5 lost (1)"},
	{"any attempt keeps the window open", "A B C; as_of 105", "A5 B6 A7", "A5 B6 in window (2)"},
	{"but not under FIRST", "A B C; as_of 105; first", "A5 B6 A7", "A5 B6 lost (2)"},
	{"to is a deadline under ALL", "A B; all; to 20; as_of 20", "A5", "A5 lost (1)"},
	{"not before", "A B; all; to 20; as_of 19", "A5", "A5 in window (1)"},
	{"what the filter hides is not there", "A B C", "A1 B2- C3", "A1 lost (1)"},

	// Optional steps and within.
	{"an optional step is counted if it comes", "A B? C", "A1 B2 C3", "A1 B2 C3 converted (2)"},
	{"and left out if it does not", "A B? C", "A1 C3 B4", "A1 C3 converted (2)"},
	{
		"required times come before optional ones", "A B? C", "A1 C3 B4 C5",
		"A1 C3 converted (2)",
	},
	{"depth comes before optional steps", "A B? C", "A1 BC3", "A1 C3 converted (2)"},
	{
		"the earlier of two optional steps is filled", "A B? C? D", "A1 BC3 D4",
		"A1 B3 D4 converted (2)",
	},
	{"the most optional steps", "A B? C? D", "A1 C2 BC3 C4 D5", "A1 B3 C4 D5 converted (2)"},
	{"optional steps after the last required one filled", "A B? C D", "A1 B2 D3", "A1 B2 lost (1)"},
	{"nothing after a required step left out", "A B C? D", "A1 C2 D3", "A1 lost (1)"},
	{"within is inclusive", "A B<5 C", "A1 B6 C9", "A1 B6 C9 converted (3)"},
	{"and since the previous filled required step", "A B? C<5", "A1 B5 C7", "A1 B5 lost (1)"},
	{
		"a later touchpoint may be the better one: no greedy choice", "A B C<5", "A1 B2 B8 C12",
		"A1 B8 C12 converted (3)",
	},
	{"a negative span is one of 0", "A B C<0; simultaneity 3", "A1 B6 C4", "A1 B6 C4 converted (3)"},
	{"within of the next step is a deadline", "A B C<5; as_of 20", "A1 B2 B3", "A1 B2 in window (2)"},
	{
		"which the steps before it may still move", "A B C<5; as_of 20; window 15", "A1 B2",
		"A1 B2 lost (2)",
	},
	{"within of the second step ends it", "A B<5 C; as_of 20", "A1", "A1 lost (1)"},
	{"unless as_of comes first", "A B<5 C; as_of 5", "A1", "A1 in window (1)"},

	// Simultaneity.
	{"a step may precede by so much", "A B C; simultaneity 2", "C4 B5 A6", "A6 B5 C4 converted (3)"},
	{
		"but no more than that the latest filled", "A B C; simultaneity 2", "A1 C5 B8",
		"A1 B8 lost (2)",
	},
	{"and no more the entry", "A B C; simultaneity 2", "C3 B4 A6", "A6 B4 lost (2)"},
	{"also one before the range, under ENTRY", "A B; simultaneity 2; from 5", "B4 A6", "A6 B4 converted (2)"},
	{"not under ALL", "A B; simultaneity 2; from 5; all", "B4 A6", "A6 lost (1)"},
	{"the window counts from the entry", "A B; simultaneity 2", "A1 B102", "A1 lost (1)"},

	// Strict.
	{"strict: nothing between", "A B C; strict", "A1 o2 B3 C4", "A1 lost (1)"},
	{"what the filter hides is nothing", "A B C; strict", "A1 o2- B3 C4", "A1 B3 C4 converted (3)"},
	{"another entry may do better", "A B C; strict", "A1 A2 B3 C4", "A2 B3 C4 converted (3)"},
	{"neighbours of equal times stand in shown order", "A B C; strict", "A1 C1 B1", "A1 lost (1)"},
	{"no simultaneity there", "A B; strict; simultaneity 5", "B1 A1", "A1 lost (1)"},
	{"optional steps may be skipped", "A B? C; strict", "A1 C2", "A1 C2 converted (2)"},
	{"a broken one is over", "A B; strict; as_of 5", "A1 o2", "A1 lost (1)"},
	{"an unbroken one is not", "A B; strict; as_of 5", "A1", "A1 in window (1)"},
	{"what comes too late breaks it", "A B<2 C; strict", "A1 B4 C5", "A1 lost (1)"},

	// Any order.
	{"any: the k-th in time", "A B C; any", "C1 A2 B3", "1@1 2@2 3@3 converted (3)"},
	{"each touchpoint fills one step", "A B C; any", "AB1 AB2 AB3", "1@1 2@2 lost (2)"},
	{"as many as can be", "A B C; any", "AB1 A2 C3", "1@1 2@2 3@3 converted (3)"},
	{"inside the window from the entry", "A B C; any; window 5", "C1 A4 B8", "1@1 2@4 lost (2)"},
	{"a hit one counts as deep as it got", "A B C; any; drop BC", "A1 B2 x3 C4", "1@1 2@2 lost hit (2)"},
	{"the earliest of any", "A B; any", "B1 B2 A5 B6", "1@2 2@5 converted (2)"},
	{"simultaneity has no effect", "A B; any; simultaneity 5; from 3", "B1 A3", "1@3 lost (1)"},
	{"exclusions cover all of it", "A B C; any; drop BC", "A1 x2 B3", "1@3 lost (1)"},
	{"strictly inside", "A B; any; drop AB", "xA1 xB3", "1@1 2@3 converted (2)"},
	{"removed: the deepest clean one", "A B C; any; remove AB", "A1 B2 x3 C4 A5", "1@4 2@5 lost (2)"},
	{"or none", "A B C; any; remove AB", "A1 B2 x3 C4 x5 x200", "none"},

	// Exclusions.
	{"drop: as deep as that", "A B C; drop BC", "A1 B2 x3 C4", "A1 B2 lost hit (2)"},
	{"strictly after the step and before the other", "A B; drop AB", "xA1 xB2", "A1 B2 converted (2)"},
	{"equal times hit nothing", "A B C; drop AB", "A1 x1 x2 B2 C3", "A1 B2 C3 converted (3)"},
	{
		"a step at the exclusion's own instant was reached", "A B C; drop AC", "A1 x2 B2 C3",
		"A1 B2 lost hit (2)",
	},
	{"if b never comes, up to the end", "A B; drop AB; window 9", "A1 x10", "A1 lost hit (1)"},
	{"and no longer", "A B; drop AB; window 9", "A1 x11", "A1 lost (1)"},
	{"a hit one cannot convert any more", "A B; drop AB; as_of 9", "A1 x2", "A1 lost hit (1)"},
	{"but another attempt can", "A B; drop AB; as_of 9", "A1 x2 A3", "A3 in window (1)"},
	{"the end is that of within too", "A B<4; drop AB", "A1 x6", "A1 lost (1)"},
	{"as deep and clean is better", "A B C; drop BC", "A1 B2 x3 A4 B5", "A4 B5 lost (2)"},
	{
		"another assignment may be clean", "A B C; drop BC", "A1 B2 x3 B4 C5",
		"A1 B4 C5 converted (3)",
	},
	{"after an optional step left out nothing acts", "A B? C; drop BC", "A1 x2 C3", "A1 C3 converted (2)"},
	{
		"so it is left out where that is better", "A B? C; drop BC", "A1 B2 x3 C4",
		"A1 C4 converted (2)",
	},
	{
		"an optional b left out: strictly before the last step", "A B? C; drop AB", "A1 x2 C3",
		"A1 lost hit (1)",
	},
	{"remove: the unit leaves", "A B C; remove AB", "A1 x2 B3", "none"},
	{"unless another is as deep", "A B C; remove BC", "A1 B2 x3 A4 B5", "A4 B5 lost (2)"},
	{"shallower ones do not save it", "A B C; remove BC", "A1 B2 x3 A4", "none"},
	{"first: of its first attempt", "A B C; remove BC; first", "A1 B2 x3 A4 B5", "A1 B5 lost (2)"},
	{"first: leaves though another is clean", "A B; remove AB; first", "A1 x2 A3 B4", "none"},
	{"at one instant REMOVE prevails", "A B; drop AB; remove AB", "A1 xy2", "none"},
	{"the earliest hits", "A B C; drop AC; remove BC", "A1 x2 B3 y4", "A1 lost hit (1)"},
	{
		"with an early exclusion out of order, the entry stays reached",
		"A B C; drop BC; simultaneity 3", "B3 x4 A5", "A5 B3 lost hit (2)",
	},

	// Hold.
	{"hold: one value", "A B C; hold", "A1/1 B2/2 B3/1 C4/1", "A1 B3 C4 converted (3)"},
	{"an entry without opens nothing", "A B; hold; first", "A1/ A2/1 B3/", "A2 lost (1)"},
	{"exclusions too", "A B; hold; drop AB", "A1/1 x2/2 x3/ B4/1", "A1 B4 converted (2)"},
	{"strict: neighbours of those seen", "A B; hold; strict", "A1/1 o2/2 o3/ B4/1", "A1 B4 converted (2)"},

	// First time.
	{"the first ever of the event", "A B!", "B1 A2 B3", "A2 lost (1)"},
	{"which must then pass", "A B!", "A1 b2 B3", "A1 lost (1)"},
	{"matching: the first that passes", "A B!!", "A1 b2 B3 B4", "A1 B3 converted (2)"},
	{"over all time", "A! B; from 5", "A1 A6 B7", "none"},
	{"also under ALL", "A!! B; from 5; all", "A1 A6 B7", "none"},
	{"after the filter", "A! B; from 5", "A1- A6 B7", "A6 B7 converted (2)"},
	{"whatever is held", "A! B; hold", "a1/ A6/1 B7/1", "none"},
	{"after as_of nothing is seen", "A B!; as_of 6", "A5 B7", "A5 in window (1)"},
	{"of any order", "A! B; any", "B1 A2 B3 A4", "1@1 2@2 converted (2)"},

	// Every attempt.
	{"one after the other", "A B; attempt", "A1 B2 A3 B4", "A1 B2 converted (2); A3 B4 converted (2)"},
	{"strictly after the conversion", "A B; attempt", "A1 B2 A2 B3", "A1 B2 converted (2)"},
	{"greedily from the first", "A B C; attempt; window 10", "A1 A5 B6 C12 A16", "A1 B6 lost (2); A16 lost (1)"},
	{"strictly after the deadline", "A B; attempt; window 5", "A1 A6 A7 B8", "A1 lost (1); A7 B8 converted (2)"},
	{"or the end of within", "A B<2; attempt", "A1 A3 A4", "A1 lost (1); A4 lost (1)"},
	{"or the exclusion", "A B; attempt; drop AB", "A1 x3 A3 A4 B5", "A1 lost hit (1); A4 B5 converted (2)"},
	{"a void one removes only itself", "A B; attempt; remove AB", "A1 x3 A4 B5", "A4 B5 converted (2)"},
	{"what broke STRICT may open the next", "A B; attempt; strict", "A1 A2 B3", "A1 lost (1); A2 B3 converted (2)"},
	{"but strictly later all else", "A B; attempt; strict", "A1 o2 A2 A3 B4", "A1 lost (1); A3 B4 converted (2)"},
	{
		"no touchpoint serves two", "A B; attempt; simultaneity 5", "AB3 A4 B8",
		"A3 B8 converted (2)",
	},
	{"in window: the one taken", "A B; attempt; as_of 20", "A1 B2 A3", "A1 B2 converted (2); A3 in window (1)"},
	{"in any order", "A B; attempt; any", "B1 A2 A3 B4", "1@1 2@2 converted (2); 1@3 2@4 converted (2)"},
	{
		"each in its bucket", "A B; attempt; trend 0 3", "A1 B2 A3 B4",
		"A1 B2 converted (2); A3 B4 converted (2); [0] A1 B2 converted (2); [1] A3 B4 converted (2)",
	},

	// Sessions.
	{
		"the gap of exactly 30 minutes is inside", "A B; session; window 1000m; to 1000m; as_of 2000m",
		"A1 B1800001", "A1 B1800001 converted (2)",
	},
	{
		"a longer one is not", "A B; session; window 1000m; to 1000m; as_of 2000m",
		"A1 B1800002", "A1 lost (1)",
	},
	{
		"what the filter hides bridges it", "A B; session; window 1000m; to 1000m; as_of 2000m",
		"A1 o1000000- B1800002", "A1 B1800002 converted (2)",
	},
	{
		"the best attempt of each", "A B; session; window 1000m; to 1000m; as_of 2000m",
		"A0m A1m B2m A90m", "A1m B2m converted (2); A90m lost (1)",
	},
	{
		"30 minutes after the last touchpoint it is over",
		"A B; session; window 1000m; to 1000m; as_of 45m", "A0m o15m", "A0 lost (1)",
	},
	{
		"not before", "A B; session; window 1000m; to 1000m; as_of 44m", "A0m o15m",
		"A0 in window (1)",
	},
	{
		"a void one removes only itself",
		"A B; session; remove AB; window 1000m; to 1000m; as_of 2000m", "A0m x1m A90m B91m",
		"A90m B91m converted (2)",
	},
	{
		"an exclusion in another session hits nothing",
		"A B; session; drop AB; window 1000m; to 1000m; as_of 2000m", "A0m x40m", "A0 lost (1)",
	},

	// Trend.
	{
		"the best attempt entering each bucket", "A B C; trend 0 10 20", "A1 B2 A11 B12 C13",
		"A11 B12 C13 converted (3); [0] A1 B2 C13 converted (3); [1] A11 B12 C13 converted (3)",
	},
	{
		"first: only the first attempt", "A B; first; trend 0 10", "A1 A11 B12",
		"A1 B12 converted (2); [0] A1 B12 converted (2)",
	},
	{"a unit that leaves leaves its trend", "A B C; remove BC; trend 0 10", "A1 B2 x3 A11", "none"},
	{
		"and each bucket compares its own", "A B C; remove BC; trend 0 10", "A1 B2 x3 A11 B12",
		"A11 B12 lost (2); [0] A1 B12 lost (2); [1] A11 B12 lost (2)",
	},
	{
		"so that a unit may leave one", "A B C; remove BC; trend 0 10; window 5", "A1 B2 x3 A11 B12",
		"A11 B12 lost (2); [1] A11 B12 lost (2)",
	},
	{
		"in window by the bucket's own attempts", "A B; trend 0 10; as_of 105", "A1 A11",
		"A1 in window (1); [0] A1 lost (1); [1] A11 in window (1)",
	},
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			l := e.life(t)
			if diff := gocmp.Diff(e.want, tell(l.Question, oracleStanding(l))); diff != "" {
				t.Fatalf("brute force (-want +got):\n%s", diff)
			}
			program := programOf(l.Question)
			course := courseOf(l, program, false)
			counted, err := program.Counter(nil).Count(&course)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(e.want, tell(l.Question, counted.Standing)); diff != "" {
				t.Errorf("Count (-want +got):\n%s", diff)
			}
		})
	}
}
