package funnel

import (
	"cmp"
	"fmt"
	"slices"
)

// Limits of an answer: see Tally.Err.
const (
	// MaxGroups is how many groups it may rest on, shown or not.
	MaxGroups = 1_000_000
	// MaxTrend is how many numbers of steps the trends of all groups together may have.
	MaxTrend = 1_000_000
)

// Tally adds up attempts. Tallies of parts of the units merge into that of all, exactly. It
// keeps two spans per filled step after the second, one at the second: 4 bytes each below 49 days.
// Not safe for concurrent use.
type Tally struct {
	// shape is that of the totals, bucket that of the buckets of the trend.
	shape, bucket shape
	question      Question
	limit         int
	// several tells that units are evaluated once per value; overlap that one stood in several groups
	// or in none.
	several, overlap bool
	// whole are the units without a breakdown, and those that stand in several groups or in none.
	whole  *totals
	groups map[Key]*groupTotals
	// met are some of the groups that were met last: few are met again and again.
	met  [8]metGroup
	turn int
}

// metGroup is a group by its key; totals is nil where there is none.
type metGroup struct {
	key    Key
	totals *groupTotals
}

// groupTotals are the sums of one group: own are units that stand in no other one, shared are those
// that whole counts too.
type groupTotals struct{ own, shared *totals }

// NewTally makes an empty tally.
func NewTally(q Question) *Tally {
	t := &Tally{
		shape: shapeOf(q), question: q, limit: q.Limit,
		several: slices.ContainsFunc(q.Breakdowns, func(b Breakdown) bool {
			return b.Attribution.several()
		}),
		groups: make(map[Key]*groupTotals),
	}
	t.bucket = t.shape.ofBucket()
	t.whole = newTotals(&t.shape)
	return t
}

// Add counts a unit. One without attempts does not count.
func (t *Tally) Add(c *Counted) {
	switch {
	case len(c.Attempts) == 0 && len(c.Groups) == 0:
		return
	case len(t.question.Breakdowns) == 0:
		t.add(t.whole, &c.Standing)
		return
	case len(c.Groups) == 1 && !t.several:
		g := t.group(c.Groups[0].Key)
		if g.own == nil {
			g.own = newTotals(&t.shape)
		}
		t.add(g.own, &c.Standing)
		return
	}
	t.overlap = true
	t.add(t.whole, &c.Standing)
	for i := range c.Groups {
		g := t.group(c.Groups[i].Key)
		if g.shared == nil {
			g.shared = newTotals(&t.shape)
		}
		t.add(g.shared, &c.Groups[i].Standing)
	}
}

func (t *Tally) group(key Key) *groupTotals {
	for i := range t.met {
		if m := &t.met[i]; m.totals != nil && m.key == key {
			return m.totals
		}
	}
	g, ok := t.groups[key]
	if !ok {
		g = &groupTotals{}
		t.groups[key] = g
	}
	t.met[t.turn%len(t.met)] = metGroup{key, g}
	t.turn++
	return g
}

func (t *Tally) add(to *totals, s *Standing) {
	for i, a := range s.Attempts {
		to.add(&t.shape, a, s.leaving(i))
	}
	for i := range s.Buckets {
		b := &s.Buckets[i]
		to.bucket(&t.bucket, b.Bucket).add(&t.bucket, b.Attempt, nil)
	}
	for i := range s.Passages {
		to.pass(&t.shape, &s.Passages[i])
	}
}

// Err says why no answer should be given, and what to do: it would rest on more than MaxGroups
// groups, its trends on more than MaxTrend numbers, or its reasons on more than can be kept. Of
// merged tallies, the same whatever the parts.
func (t *Tally) Err() error {
	if len(t.groups) > MaxGroups {
		return fmt.Errorf("the question splits into more than %d groups; "+
			"split by something with fewer values, or ask about a shorter range", MaxGroups)
	}
	shown := 1 + min(len(t.groups), t.limit+1)
	if n := shown * len(t.question.Buckets) * t.shape.steps; n > MaxTrend {
		return fmt.Errorf("the trends of %d groups have more than %d numbers; "+
			"ask for longer buckets, a shorter range or a lower limit of groups", shown, MaxTrend)
	}
	return t.shape.witnesses.err()
}

// Merge adds another tally of the same question, which stays as it is.
func (t *Tally) Merge(o *Tally) {
	t.overlap = t.overlap || o.overlap
	t.shape.witnesses.merge(o.shape.witnesses)
	t.whole.merge(&t.shape, o.whole)
	for key, from := range o.groups {
		to := t.group(key)
		to.own = t.sumOf(to.own, from.own)
		to.shared = t.sumOf(to.shared, from.shared)
	}
}

func (t *Tally) sumOf(to, from *totals) *totals {
	if from == nil {
		return to
	}
	if to == nil {
		to = newTotals(&t.shape)
	}
	to.merge(&t.shape, from)
	return to
}

// Answer computes the numbers. See docs/semantics.md, "Numbers per step" and "Breakdown".
func (t *Tally) Answer() Answer {
	ranked := make([]rankedGroup, 0, len(t.groups))
	for key, g := range t.groups {
		ranked = append(ranked, rankedGroup{key: key, totals: g, counts: t.shape.counts(g.parts())})
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
	n := t.sum(everyone)
	return Answer{
		Steps: n.steps, Trend: n.trend, TimeToConvert: n.time,
		Overlap: t.several || t.overlap,
	}
}

func (t *Tally) end(answer Answer, rest []*totals) Answer {
	if len(rest) > 0 {
		n := t.sum(rest)
		answer.Groups = append(answer.Groups, Group{
			Other: true, Steps: n.steps, Trend: n.trend, TimeToConvert: n.time,
		})
	}
	if !answer.Overlap {
		t.compare(&answer)
	}
	return answer
}

func (t *Tally) shown(key Key, g *groupTotals) Group {
	n := t.sum(g.parts())
	return Group{
		Values: slices.Clone(key[:len(t.question.Breakdowns)]),
		Steps:  n.steps, Trend: n.trend, TimeToConvert: n.time,
	}
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
