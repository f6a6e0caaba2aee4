package funnel

import (
	"cmp"
	"slices"
)

// MaxGroups is how many groups an answer may rest on, shown or not: see Tally.Groups.
const MaxGroups = 1_000_000

// Tally adds up attempts. Tallies of parts of the units merge into that of all, exactly. It
// keeps two spans per filled step after the second, one at the second: 4 bytes each below 49 days.
// Not safe for concurrent use.
type Tally struct {
	steps, limit, breakdowns int
	// several tells that units are evaluated once per value; overlap that one stood in several groups
	// or in none.
	several, overlap bool
	// whole are the units without a breakdown, and those that stand in several groups or in none.
	whole  *totals
	groups map[Key]*groupTotals
}

// groupTotals are the sums of one group: own are units that stand in no other one, shared are those
// that whole counts too.
type groupTotals struct{ own, shared *totals }

// totals are the sums of some units.
type totals struct {
	// converted counts units, ended those that did not, by outcome and the depth they got to.
	converted int
	ended     []ended
	// entry and previous are the spans since the entry and since the step before, by step from 0.
	// Those of the second step are the same and kept once, as entry.
	entry, previous []spans
}

// ended counts units that got to a depth and no further.
type ended struct {
	lost, inWindow int
	// farewells of those; nil unless departures are asked and there are any.
	farewellsOfLost, farewellsInWindow *farewells
}

// NewTally makes an empty tally.
func NewTally(q Question) *Tally {
	return &Tally{
		steps: len(q.Steps), limit: q.Limit, breakdowns: len(q.Breakdowns),
		several: slices.ContainsFunc(q.Breakdowns, func(b Breakdown) bool {
			return b.Attribution.several()
		}),
		whole: newTotals(len(q.Steps)), groups: make(map[Key]*groupTotals),
	}
}

func newTotals(steps int) *totals { return &totals{ended: make([]ended, steps)} }

// Add counts a unit. One without attempts does not count.
func (t *Tally) Add(c *Counted) {
	switch {
	case len(c.Attempts) == 0:
		return
	case t.breakdowns == 0:
		t.whole.addAll(t.steps, &c.Standing)
		return
	case len(c.Groups) == 1 && !t.several:
		g := t.group(c.Groups[0].Key)
		if g.own == nil {
			g.own = newTotals(t.steps)
		}
		g.own.addAll(t.steps, &c.Standing)
		return
	}
	t.overlap = true
	t.whole.addAll(t.steps, &c.Standing)
	for i := range c.Groups {
		g := t.group(c.Groups[i].Key)
		if g.shared == nil {
			g.shared = newTotals(t.steps)
		}
		g.shared.addAll(t.steps, &c.Groups[i].Standing)
	}
}

func (t *Tally) group(key Key) *groupTotals {
	g, ok := t.groups[key]
	if !ok {
		g = &groupTotals{}
		t.groups[key] = g
	}
	return g
}

// Groups is the number of different groups so far. An answer that rests on more than MaxGroups
// should be refused.
func (t *Tally) Groups() int { return len(t.groups) }

func (s *totals) addAll(steps int, standing *Standing) {
	for i, a := range standing.Attempts {
		s.add(steps, a, standing.leaving(i))
	}
}

func (s *totals) add(steps int, a Attempt, l *Leaving) {
	switch {
	case a.Converted:
		s.converted++
	case a.InWindow:
		e := &s.ended[a.Depth]
		e.inWindow++
		addFarewell(&e.farewellsInWindow, l)
	default:
		e := &s.ended[a.Depth]
		e.lost++
		addFarewell(&e.farewellsOfLost, l)
	}
	if a.Depth > 1 && s.entry == nil {
		s.entry, s.previous = make([]spans, steps), make([]spans, steps)
	}
	for k := 1; k < a.Depth; k++ {
		s.entry[k].add(a.Times[k] - a.Times[0])
		if k > 1 {
			s.previous[k].add(a.Times[k] - a.Times[k-1])
		}
	}
}

func addFarewell(to **farewells, l *Leaving) {
	if l == nil {
		return
	}
	if *to == nil {
		*to = newFarewells()
	}
	(*to).add(l)
}

// Merge adds another tally of the same question, which stays as it is.
func (t *Tally) Merge(o *Tally) {
	t.overlap = t.overlap || o.overlap
	t.whole.merge(o.whole)
	for key, from := range o.groups {
		to := t.group(key)
		to.own = sumOf(t.steps, to.own, from.own)
		to.shared = sumOf(t.steps, to.shared, from.shared)
	}
}

func sumOf(steps int, to, from *totals) *totals {
	if from == nil {
		return to
	}
	if to == nil {
		to = newTotals(steps)
	}
	to.merge(from)
	return to
}

func (s *totals) merge(o *totals) {
	s.converted += o.converted
	for k := range o.ended {
		to, from := &s.ended[k], &o.ended[k]
		to.lost += from.lost
		to.inWindow += from.inWindow
		mergeFarewells(&to.farewellsOfLost, from.farewellsOfLost)
		mergeFarewells(&to.farewellsInWindow, from.farewellsInWindow)
	}
	if o.entry == nil {
		return
	}
	if s.entry == nil {
		s.entry, s.previous = make([]spans, len(o.entry)), make([]spans, len(o.previous))
	}
	for k := range o.entry {
		s.entry[k].addAll(&o.entry[k])
		s.previous[k].addAll(&o.previous[k])
	}
}

func mergeFarewells(to **farewells, from *farewells) {
	if from == nil {
		return
	}
	if *to == nil {
		*to = newFarewells()
	}
	(*to).merge(from)
}

// Answer computes the numbers. See docs/semantics.md, "Numbers per step" and "Breakdown".
func (t *Tally) Answer() Answer {
	ranked := make([]rankedGroup, 0, len(t.groups))
	for key, g := range t.groups {
		ranked = append(ranked, rankedGroup{key: key, totals: g, counts: t.counts(g.parts())})
	}
	slices.SortFunc(ranked, compareGroups)
	answer := t.begin()
	shown := min(t.limit, len(ranked))
	for _, r := range ranked[:shown] {
		answer.Groups = append(answer.Groups, t.shown(r.key, r.totals))
	}
	var rest []*totals
	for _, r := range ranked[shown:] {
		rest = append(rest, r.totals.parts()...)
	}
	return t.end(answer, rest)
}

// AnswerAs computes the numbers with the groups of another answer, in their order, and all others
// as one. A group that nobody stands in is there and empty; the other one only where it is not.
func (t *Tally) AnswerAs(groups []Group) Answer {
	answer := t.begin()
	named := make(map[Key]bool, len(groups))
	for _, g := range groups {
		if g.Other {
			continue
		}
		key := KeyOf(g.Values...)
		named[key] = true
		of, ok := t.groups[key]
		if !ok {
			of = &groupTotals{}
		}
		answer.Groups = append(answer.Groups, t.shown(key, of))
	}
	var rest []*totals
	for key, g := range t.groups {
		if !named[key] {
			rest = append(rest, g.parts()...)
		}
	}
	return t.end(answer, rest)
}

// begin is an answer without groups.
func (t *Tally) begin() Answer {
	everyone := []*totals{t.whole}
	for _, g := range t.groups {
		if g.own != nil {
			everyone = append(everyone, g.own)
		}
	}
	return Answer{Steps: t.numbers(everyone), Overlap: t.several || t.overlap}
}

func (t *Tally) end(answer Answer, rest []*totals) Answer {
	if len(rest) > 0 {
		answer.Groups = append(answer.Groups, Group{Other: true, Steps: t.numbers(rest)})
	}
	return answer
}

func (t *Tally) shown(key Key, g *groupTotals) Group {
	return Group{Values: slices.Clone(key[:t.breakdowns]), Steps: t.numbers(g.parts())}
}

func (g *groupTotals) parts() []*totals {
	var parts []*totals
	for _, p := range []*totals{g.own, g.shared} {
		if p != nil {
			parts = append(parts, p)
		}
	}
	return parts
}

type rankedGroup struct {
	key    Key
	totals *groupTotals
	counts []int
}

func compareGroups(a, b rankedGroup) int {
	for k := len(a.counts) - 1; k >= 0; k-- {
		if a.counts[k] != b.counts[k] {
			return cmp.Compare(b.counts[k], a.counts[k])
		}
	}
	return compareKeys(a.key, b.key)
}

// counts are the units of some totals that filled each step.
func (t *Tally) counts(of []*totals) []int {
	counts := make([]int, t.steps)
	for _, s := range of {
		reached := s.converted
		for k := t.steps - 1; k >= 0; k-- {
			counts[k] += reached
			reached += s.ended[k].lost + s.ended[k].inWindow
		}
	}
	return counts
}

// numbers are those of some totals together.
func (t *Tally) numbers(of []*totals) []StepNumbers {
	counts := t.counts(of)
	numbers := make([]StepNumbers, t.steps)
	for k := range numbers {
		n := &numbers[k]
		n.Count, n.FromFirst = counts[k], ShareOf(counts[k], counts[0])
		if k+1 < t.steps {
			t.dropped(n, of, k+1)
		}
		if k == 0 {
			continue
		}
		n.FromPrevious = ShareOf(counts[k], counts[k-1])
		n.SinceEntry = summarize(partsOf(of, func(s *totals) *spans { return &s.entry[k] }))
		if n.SincePrevious = n.SinceEntry; k > 1 {
			n.SincePrevious = summarize(
				partsOf(of, func(s *totals) *spans { return &s.previous[k] }))
		}
	}
	return numbers
}

// dropped adds those who got to a depth and no further.
func (t *Tally) dropped(n *StepNumbers, of []*totals, depth int) {
	var lost, inWindow *farewells
	for _, s := range of {
		e := &s.ended[depth]
		n.Lost += e.lost
		n.InWindow += e.inWindow
		mergeFarewells(&lost, e.farewellsOfLost)
		mergeFarewells(&inWindow, e.farewellsInWindow)
	}
	if lost != nil {
		n.Departures = append(n.Departures, lost.departure(Lost))
	}
	if inWindow != nil {
		n.Departures = append(n.Departures, inWindow.departure(InWindow))
	}
}

func partsOf(of []*totals, part func(*totals) *spans) []*spans {
	var parts []*spans
	for _, s := range of {
		if s.entry != nil {
			parts = append(parts, part(s))
		}
	}
	return parts
}
