package funnel

import (
	"cmp"
	"math/bits"
	"slices"
)

// bruteAssignment gives steps distinct deeds.
type bruteAssignment struct {
	entry int
	// of has the deed of each step, -1 where it is left out.
	of []int
	// at has their instants; under ANY `at` and `of` are by time, not by step.
	at []int64
	// depth is the number of required steps filled one after the other, reached has the bits of all
	// steps filled: both up to the hit, if there is one.
	depth    int
	reached  uint32
	required []int
	// converted: all required steps are filled before any hit.
	converted bool
	// deadline of it, and the place of what broke STRICT before, -1 if nothing did.
	deadline int64
	broken   int
	brokenAt int64
	// hit is the instant of the exclusion that ended it, and void that its effect is REMOVE.
	hasHit, void bool
	hit          int64
}

func (a bruteAssignment) clean() bool  { return !a.hasHit }
func (a bruteAssignment) lawful() bool { return !a.void }

// deepest is the instant of the deepest required step.
func (a bruteAssignment) deepest() int64 { return a.at[a.required[a.depth-1]] }

// end is that of the attempt: its deadline, or what broke it.
func (a bruteAssignment) end() int64 {
	if a.broken >= 0 && a.brokenAt <= a.deadline {
		return a.brokenAt
	}
	return a.deadline
}

// endedAt is strictly before the next attempt: "converting touchpoint, ending exclusion or deadline".
func (a bruteAssignment) endedAt() int64 {
	switch {
	case a.converted:
		return a.deepest()
	case a.hasHit:
		return a.hit
	default:
		return a.end()
	}
}

// breaker is "what broke STRICT", which may open the next attempt, or -1.
func (a bruteAssignment) breaker() int {
	if a.converted || a.hasHit || a.broken >= 0 && a.brokenAt > a.deadline {
		return -1
	}
	return a.broken
}

// open: "not converted, but [it] has its deadline after as_of, so that it can still convert"; "a
// broken STRICT and a hit end an assignment at once".
func (o *brute) open(a bruteAssignment) bool {
	return !a.converted && !a.hasHit && a.broken < 0 && a.deadline > o.asOf
}

// assignments tries all of an entry, those too that leave out what they could fill.
func (o *brute) assignments(entry int, each func(of []int)) {
	of := make([]int, len(o.Steps))
	for k := range of {
		of[k] = -1
	}
	if o.Order == Any {
		o.anyOrder(entry, 0, of, each)
		return
	}
	of[0] = entry
	o.fill(1, of, each)
}

// fill tries every deed for a step, and to leave it out: "may be `optional`"; of required ones none
// after one left out is filled.
func (o *brute) fill(k int, of []int, each func([]int)) {
	if k == len(of) {
		each(of)
		return
	}
	for i := range o.Deeds {
		if o.mayFill(k, i, of) {
			of[k] = i
			o.fill(k+1, of, each)
			of[k] = -1
		}
	}
	if o.Steps[k].Optional {
		o.fill(k+1, of, each)
	} else {
		each(of)
	}
}

// mayFill: "An *assignment* gives steps distinct touchpoints inside the window, each not before the
// latest filled one (equal times count as either order; with `simultaneity` s a step may precede the
// latest filled one by up to s, never the entry by more; …)".
func (o *brute) mayFill(k, i int, of []int) bool {
	entry := o.Deeds[of[0]].At
	at := o.Deeds[i].At
	latest, previous := entry, entry
	for q, d := range of[:k] {
		if d >= 0 {
			latest = max(latest, o.Deeds[d].At)
			if !o.Steps[q].Optional {
				previous = o.Deeds[d].At
			}
		}
	}
	switch {
	case o.steps[i]>>k&1 == 0 || !o.sees(of[0], i) || o.used[i] || slices.Contains(of, i):
		return false
	case at > entry+o.window || at < latest-o.tolerance || at < entry-o.tolerance:
		return false
	}
	// "`within` (most time since the previous filled required step)".
	if w := o.Steps[k].Within; w != nil && at-previous > w.Milliseconds() {
		return false
	}
	return o.Order != Strict || i == o.neighbour(of[:k])
}

// neighbour is the deed after the last one filled, in shown order, of those that the attempt sees:
// "STRICT: neighbours in shown order, among all touchpoints of the unit that the attempt sees". -1
// if there is none inside the window.
func (o *brute) neighbour(of []int) int {
	for i := slices.Max(of) + 1; i < len(o.Deeds); i++ {
		if o.sees(of[0], i) && o.Deeds[i].At <= o.Deeds[of[0]].At+o.window {
			return i
		}
	}
	return -1
}

// anyOrder tries every deed for every step: "k counts the different steps filled inside the window
// from it".
func (o *brute) anyOrder(entry, k int, of []int, each func([]int)) {
	if k == len(of) {
		if slices.Max(of) >= 0 {
			each(of)
		}
		return
	}
	e := o.Deeds[entry].At
	for i, d := range o.Deeds {
		if o.steps[i]>>k&1 != 0 && o.sees(entry, i) && !o.used[i] && !slices.Contains(of, i) &&
			e <= d.At && d.At <= e+o.window {
			of[k] = i
			o.anyOrder(entry, k+1, of, each)
			of[k] = -1
		}
	}
	o.anyOrder(entry, k+1, of, each)
}

// assign finds what becomes of an assignment.
func (o *brute) assign(entry int, of []int) bruteAssignment {
	a := bruteAssignment{entry: entry, of: slices.Clone(of), broken: -1}
	if o.Order == Any {
		// "step k is the k-th in time".
		a.of = slices.DeleteFunc(a.of, func(d int) bool { return d < 0 })
		slices.Sort(a.of)
	}
	a.at = make([]int64, len(a.of))
	for k, d := range a.of {
		if d >= 0 {
			a.at[k] = o.Deeds[d].At
			a.reached |= 1 << k
		}
	}
	for k, s := range o.Steps {
		if !s.Optional {
			a.required = append(a.required, k)
		}
	}
	for a.depth < len(a.required) && a.reached>>a.required[a.depth]&1 != 0 {
		a.depth++
	}
	a.converted = a.depth == len(a.required)
	o.limit(&a)
	if o.expose(&a); a.hasHit {
		a.stopAt(a.hit)
	}
	return a
}

// limit: "Deadline: the earliest of window end, `within` of the next required step, and `to` under
// ALL"; "a session's deadline is 30 min after its last touchpoint"; "a broken STRICT […] end[s] an
// assignment at once".
func (o *brute) limit(a *bruteAssignment) {
	a.deadline = o.Deeds[a.entry].At + o.window
	if o.Mode == All {
		a.deadline = min(a.deadline, o.to)
	}
	if o.Count == PerSession {
		a.deadline = min(a.deadline, o.ends[o.sessions[a.entry]])
	}
	if a.converted {
		return
	}
	if w := o.Steps[a.required[a.depth]].Within; w != nil {
		a.deadline = min(a.deadline, a.deepest()+w.Milliseconds())
	}
	if o.Order == Strict {
		if a.broken = o.neighbour(a.of); a.broken >= 0 {
			a.brokenAt = o.Deeds[a.broken].At
		}
	}
}

// expose finds the earliest exclusion that hits; of one instant REMOVE prevails.
func (o *brute) expose(a *bruteAssignment) {
	for j, x := range o.Exclusions {
		for i, d := range o.Deeds {
			if d.Exclusions>>j&1 == 0 || !o.sees(a.entry, i) || !o.acts(a, x, d.At) {
				continue
			}
			remove := x.Effect == Remove
			if !a.hasHit || d.At < a.hit || d.At == a.hit && remove {
				a.hasHit, a.hit, a.void = true, d.At, remove
			}
		}
	}
}

// acts: "Exclusions hit an assignment strictly after the touchpoint of step a and strictly before
// that of step b, or up to and including the attempt's end if b never comes (a converted one:
// strictly before its last step); …; after an optional step left out nothing acts." ANY: "Exclusions
// cover the whole attempt".
func (o *brute) acts(a *bruteAssignment, x Exclusion, at int64) bool {
	filled := func(k int) bool { return k < len(a.of) && a.of[k] >= 0 }
	switch {
	case o.Order == Any:
		if at <= o.Deeds[a.entry].At {
			return false
		}
	case !filled(x.From) || at <= a.at[x.From]:
		return false
	case filled(x.To):
		return at < a.at[x.To]
	}
	switch {
	case a.converted:
		return at < a.at[len(a.at)-1]
	default:
		return at <= a.end()
	}
}

// stopAt: "A hit cuts the assignment at the step reached", where "a step at the exclusion's own
// instant was reached". The entry always was.
func (a *bruteAssignment) stopAt(hit int64) {
	depth, reached := 0, uint32(0)
	for k := range a.of {
		required := slices.Contains(a.required, k)
		switch filled := a.reached>>k&1 != 0; {
		case filled && (a.at[k] <= hit || k == 0):
			reached |= 1 << k
			if required {
				depth++
			}
			continue
		case !required:
			continue
		}
		break
	}
	a.depth, a.reached = depth, reached
	a.converted = depth == len(a.required)
}

// compareAssignments puts first what an attempt takes: "the one with the longest run of required
// steps filled; among these the earliest time for each required step in turn; then the most optional
// steps, the earlier step filled first; shown order decides what is left." "A clean assignment is
// preferred to a hit one of the same depth."
func compareAssignments(a, b bruteAssignment) int {
	if c := cmp.Or(cmp.Compare(b.depth, a.depth), compareBools(a.clean(), b.clean())); c != 0 {
		return c
	}
	for _, k := range a.required[:a.depth] {
		if c := cmp.Compare(a.at[k], b.at[k]); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(bits.OnesCount32(b.reached), bits.OnesCount32(a.reached)); c != 0 {
		return c
	}
	for k := range a.of {
		if c := compareBools(a.reached>>k&1 != 0, b.reached>>k&1 != 0); c != 0 {
			return c
		}
	}
	for k := range a.of {
		if a.reached>>k&1 != 0 && a.of[k] != b.of[k] {
			return cmp.Compare(a.of[k], b.of[k])
		}
	}
	return 0
}

// attempt is what is counted with an assignment.
func (o *brute) attempt(a bruteAssignment, open bool) Attempt {
	last := bits.Len32(a.reached)
	return Attempt{
		Depth: a.depth, Filled: a.reached, Times: a.at[:last],
		Converted: a.converted, InWindow: !a.converted && open, Hit: a.hasHit && !a.void,
	}
}
