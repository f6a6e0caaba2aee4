package funnel

import (
	"cmp"
	"math"
	"slices"
)

// deed is a touchpoint of one unit, as far as attempts look at it.
type deed struct {
	// At is its instant in milliseconds.
	At int64
	// Steps and Exclusions are those whose target and conditions it meets, Named those whose target
	// it is, conditions apart.
	Steps, Named uint32
	Exclusions   uint8
	// Hold numbers its values of the properties held: -1 if it lacks one.
	Hold int32
	// Hidden by the filter.
	Hidden bool
	// Values of the breakdown by touchpoints; none: it is missing.
	Values []string
}

// life is a question and what one unit did, in shown order.
type life struct {
	Question
	Deeds []deed
}

// brute answers for one unit by trying every entry and every assignment, by the words of
// docs/semantics.md and in no other way. It is slow on purpose: about 9 touchpoints and 5 steps are
// what it can do.
type brute struct {
	life
	from, to, asOf, window, tolerance int64
	// steps are those that each deed may fill, first_time looked at.
	steps []uint32
	// outside are deeds that the evaluation of a group does not see.
	outside []bool
	// sessions number the deeds up to as_of, ends are the deadlines of the sessions.
	sessions []int
	ends     []int64
	// used are the deeds that serve an earlier attempt, under ATTEMPT.
	used []bool
}

// oracleStanding is what counts of the unit without breakdowns.
func oracleStanding(l life) Standing { return newBrute(l).standing() }

func newBrute(l life) *brute {
	o := &brute{
		life: l,
		from: l.From.UnixMilli(), to: l.To.UnixMilli(), asOf: l.AsOf.UnixMilli(),
		window: l.Window.Milliseconds(), tolerance: l.Simultaneity.Milliseconds(),
		steps: make([]uint32, len(l.Deeds)), outside: make([]bool, len(l.Deeds)),
		used: make([]bool, len(l.Deeds)),
	}
	if l.Order != Ordered {
		// "equal times and `simultaneity` give no freedom there"; ANY: "`simultaneity` has no effect".
		o.tolerance = 0
	}
	for i, d := range l.Deeds {
		o.steps[i] = d.Steps
	}
	for k := range l.Steps {
		o.keepFirst(k)
	}
	o.cut()
	return o
}

// keepFirst: "`first_time` (NONE, EVENT: only the person's first ever of that event name, which must
// then pass the conditions, MATCHING: the first that passes)"; "looks over all time, also under ALL,
// after `filter`"; "no touchpoint that occurred after [as_of] is seen".
func (o *brute) keepFirst(k int) {
	kind := o.Steps[k].FirstTime
	if kind == Always {
		return
	}
	met := false
	for i, d := range o.Deeds {
		candidate := d.Steps
		if kind == FirstOfTarget {
			candidate = d.Named
		}
		if d.Hidden || d.At > o.asOf || candidate>>k&1 == 0 {
			continue
		}
		if met {
			o.steps[i] &^= 1 << k
		}
		met = true
	}
}

// cut: "the unit's touchpoints cut where the gap exceeds 30 min, before `filter`"; "a session's
// deadline is 30 min after its last touchpoint".
func (o *brute) cut() {
	o.sessions = make([]int, len(o.Deeds))
	gap := SessionGap.Milliseconds()
	for i, d := range o.Deeds {
		if d.At > o.asOf {
			break
		}
		if i == 0 || d.At-o.Deeds[i-1].At > gap {
			o.ends = append(o.ends, 0)
		}
		o.sessions[i] = len(o.ends) - 1
		o.ends[o.sessions[i]] = d.At + gap
	}
}

// visible: "no touchpoint that occurred after [as_of] is seen"; "ALL: nothing outside the range is
// seen"; hold: "an entry without one opens nothing", and an attempt sees none without.
func (o *brute) visible(i int) bool {
	d := o.Deeds[i]
	switch {
	case d.Hidden || o.outside[i] || d.At > o.asOf:
		return false
	case o.Mode == All && !o.inRange(i):
		return false
	default:
		return len(o.Hold) == 0 || d.Hold >= 0
	}
}

func (o *brute) inRange(i int) bool { return o.from <= o.Deeds[i].At && o.Deeds[i].At < o.to }

// opens: "Every touchpoint that matches step 1 inside the range opens an attempt"; "ANY: a touchpoint
// matching any step opens an attempt".
func (o *brute) opens(i int) bool {
	matches := o.steps[i]&1 != 0
	if o.Order == Any {
		matches = o.steps[i] != 0
	}
	return matches && o.visible(i) && o.inRange(i)
}

// sees tells whether the attempt of an entry sees a deed. "An attempt sees only touchpoints
// (exclusions too) with the entry's values"; "all steps inside one session".
func (o *brute) sees(entry, i int) bool {
	switch {
	case !o.visible(i):
		return false
	case len(o.Hold) > 0 && o.Deeds[i].Hold != o.Deeds[entry].Hold:
		return false
	case o.Count == PerSession && o.sessions[i] != o.sessions[entry]:
		return false
	default:
		return o.Order != Strict || i >= entry
	}
}

// bruteTrial is an attempt: every assignment that it could take.
type bruteTrial struct {
	entry int
	all   []bruteAssignment
}

func (o *brute) tryEntry(entry int) bruteTrial {
	t := bruteTrial{entry: entry}
	o.assignments(entry, func(of []int) { t.all = append(t.all, o.assign(entry, of)) })
	return t
}

// standing finds what counts.
func (o *brute) standing() Standing {
	switch o.Count {
	case PerAttempt:
		return o.perAttempt()
	case PerSession:
		return o.perSession()
	default:
		return o.once()
	}
}

// trials are the attempts in shown order. "FIRST: only its first attempt, in trends too."
func (o *brute) trials() []bruteTrial {
	var trials []bruteTrial
	for i := range o.Deeds {
		if !o.opens(i) {
			continue
		}
		trials = append(trials, o.tryEntry(i))
		if o.Count == Once && o.Reentry == First {
			break
		}
	}
	return trials
}

// once: "a unit counts at most once per bucket, with its best attempt entering there"; "a unit that
// leaves the funnel leaves its trend, and each bucket makes the same comparison among its own
// attempts".
func (o *brute) once() Standing {
	trials := o.trials()
	counted, _, ok := o.counted(trials)
	if !ok {
		return Standing{}
	}
	s := Standing{Attempts: []Attempt{counted}}
	for b := range o.Buckets {
		var inside []bruteTrial
		for _, t := range trials {
			if o.bucket(t.entry) == b {
				inside = append(inside, t)
			}
		}
		if a, _, ok := o.counted(inside); ok {
			s.Buckets = append(s.Buckets, Bucketed{Bucket: b, Attempt: a})
		}
	}
	return s
}

// bucket is that of an entry: the last that begins at or before it.
func (o *brute) bucket(entry int) int {
	b := -1
	for i, begin := range o.Buckets {
		if begin.UnixMilli() <= o.Deeds[entry].At {
			b = i
		}
	}
	return b
}

// counted is the attempt that counts of some, and its entry, if the unit does not leave. "in window: not converted,
// but some assignment of an attempt that may count (BEST: any; …) has its deadline after as_of".
func (o *brute) counted(trials []bruteTrial) (Attempt, int, bool) {
	best, ok := o.choose(trials)
	if !ok {
		return Attempt{}, -1, false
	}
	return o.attempt(best, o.anyOpen(trials, best.entry)), best.entry, true
}

// anyOpen tells whether an attempt that may count can still convert: "BEST: any; FIRST, ATTEMPT,
// SESSION: the counted one".
func (o *brute) anyOpen(trials []bruteTrial, counted int) bool {
	for _, t := range trials {
		if t.entry != counted && o.Count == PerSession {
			continue
		}
		if slices.ContainsFunc(t.all, o.open) {
			return true
		}
	}
	return false
}

// perSession: "the best attempt of each counts"; "a void attempt (or session) removes only itself".
func (o *brute) perSession() Standing {
	var s Standing
	trials := o.trials()
	for session := range o.ends {
		var inside []bruteTrial
		for _, t := range trials {
			if o.sessions[t.entry] == session {
				inside = append(inside, t)
			}
		}
		if a, entry, ok := o.counted(inside); ok {
			o.add(&s, entry, a)
		}
	}
	return s
}

// add counts an attempt: "ATTEMPT, SESSION: each in its bucket".
func (o *brute) add(s *Standing, entry int, a Attempt) {
	s.Attempts = append(s.Attempts, a)
	if b := o.bucket(entry); b >= 0 {
		s.Buckets = append(s.Buckets, Bucketed{Bucket: b, Attempt: a})
		slices.SortStableFunc(s.Buckets, func(x, y Bucketed) int { return x.Bucket - y.Bucket })
	}
}

// perAttempt: "attempts taken greedily from the first; the next opens strictly after the last one's
// converting touchpoint, ending exclusion or deadline (what broke STRICT may open it); no touchpoint
// serves two". "A void attempt removes only itself."
func (o *brute) perAttempt() Standing {
	var s Standing
	after, breaker := int64(math.MinInt64), -1
	for i := range o.Deeds {
		if !o.opens(i) || o.used[i] || o.Deeds[i].At <= after && i != breaker {
			continue
		}
		t := o.tryEntry(i)
		taken, ok := o.choose([]bruteTrial{t})
		if ok {
			// "ATTEMPT: the one taken".
			o.add(&s, i, o.attempt(taken, o.open(taken)))
		} else {
			taken = slices.MinFunc(slices.DeleteFunc(t.all, bruteAssignment.lawful), compareAssignments)
		}
		for k, d := range taken.of {
			if taken.reached>>k&1 != 0 {
				o.used[d] = true
			}
		}
		after, breaker = taken.endedAt(), taken.breaker()
	}
	return s
}

// choose finds what counts: the assignment that the attempt took. "REMOVE: the unit leaves the
// funnel unless some assignment of it that is not void is at least as deep as its deepest void one
// had got to (… ANY: the deepest clean one counts)."
func (o *brute) choose(trials []bruteTrial) (bruteAssignment, bool) {
	var best bruteAssignment
	void, found := 0, false
	for _, t := range trials {
		lawful := slices.DeleteFunc(slices.Clone(t.all), func(a bruteAssignment) bool {
			if !a.lawful() {
				void = max(void, a.depth)
			}
			return !a.lawful()
		})
		if len(lawful) == 0 {
			continue
		}
		// "Of all its assignments the attempt takes …"
		taken := slices.MinFunc(lawful, compareAssignments)
		if !found || compareTrials(taken, best) < 0 {
			best, found = taken, true
		}
	}
	if o.Order != Any && best.depth < void {
		found = false
	}
	return best, found
}

// compareTrials puts first what counts: "the unit counts with its deepest attempt; among equals
// clean before hit, then the one whose deepest step came first, then the one that started latest".
func compareTrials(a, b bruteAssignment) int {
	return cmp.Or(
		cmp.Compare(b.depth, a.depth),
		compareBools(a.clean(), b.clean()),
		cmp.Compare(a.deepest(), b.deepest()),
		cmp.Compare(b.entry, a.entry),
	)
}

// compareBools puts true first.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}
