package funnel

import (
	"cmp"
	"slices"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// Tally adds up attempts. Tallies of parts of the persons merge into that of all, exactly. It
// keeps two spans per filled step after the second, one at the second: 4 bytes each below 49 days.
// Not safe for concurrent use.
type Tally struct {
	steps, limit int
	grouped      bool
	groups       map[GroupValue]*totals
}

// totals are the sums of one group.
type totals struct {
	// converted, lost and inWindow count attempts; the latter two by the depth they ended at.
	converted      int
	lost, inWindow [MaxSteps]int
	// entry and previous are the spans since the entry and since the step before, by step from 0.
	// Those of the second step are the same and kept once, as entry.
	entry, previous []spans
}

// NewTally makes an empty tally.
func NewTally(q Question) *Tally {
	return &Tally{
		steps: len(q.Steps), limit: q.Limit, grouped: q.ByPersona,
		groups: make(map[GroupValue]*totals),
	}
}

// OfPersona is the value of a breakdown by persona. Nobody is without: empty counts as
// journey.Unassigned.
func OfPersona(p journey.PersonaID) GroupValue {
	return GroupValue{Value: string(cmp.Or(p, journey.Unassigned))}
}

// Add counts a person by the attempt that counts. Attempts of depth 0 do not count. The value
// matters only with a breakdown.
func (t *Tally) Add(a Attempt, value GroupValue) {
	if a.Depth == 0 {
		return
	}
	g := t.group(value)
	switch a.Outcome() {
	case Converted:
		g.converted++
	case InWindow:
		g.inWindow[a.Depth]++
	case Lost:
		g.lost[a.Depth]++
	}
	for k := 1; k < a.Depth; k++ {
		g.entry[k].add(a.Times[k] - a.Times[0])
		if k > 1 {
			g.previous[k].add(a.Times[k] - a.Times[k-1])
		}
	}
}

func (t *Tally) group(value GroupValue) *totals {
	if !t.grouped {
		value = GroupValue{}
	}
	g, ok := t.groups[value]
	if !ok {
		g = &totals{entry: make([]spans, t.steps), previous: make([]spans, t.steps)}
		t.groups[value] = g
	}
	return g
}

// Merge adds another tally of the same question, which stays as it is.
func (t *Tally) Merge(o *Tally) {
	for value, from := range o.groups {
		to := t.group(value)
		to.converted += from.converted
		for k := range from.lost {
			to.lost[k] += from.lost[k]
			to.inWindow[k] += from.inWindow[k]
		}
		for k := range from.entry {
			to.entry[k].addAll(&from.entry[k])
			to.previous[k].addAll(&from.previous[k])
		}
	}
}

// Answer computes the numbers. See docs/semantics.md, "Numbers per step" and "Breakdown".
func (t *Tally) Answer() Answer {
	ranked := make([]rankedGroup, 0, len(t.groups))
	everyone := make([]*totals, 0, len(t.groups))
	for value, g := range t.groups {
		everyone = append(everyone, g)
		ranked = append(ranked, rankedGroup{
			value: value, totals: g, counts: t.counts([]*totals{g}),
		})
	}
	answer := Answer{Steps: t.numbers(everyone)}
	if !t.grouped {
		return answer
	}
	slices.SortFunc(ranked, compareGroups)
	shown := min(t.limit, len(ranked))
	for _, r := range ranked[:shown] {
		answer.Groups = append(answer.Groups, Group{
			Value: r.value, Steps: t.numbers([]*totals{r.totals}),
		})
	}
	if rest := ranked[shown:]; len(rest) > 0 {
		others := make([]*totals, len(rest))
		for i := range rest {
			others[i] = rest[i].totals
		}
		answer.Groups = append(answer.Groups, Group{Other: true, Steps: t.numbers(others)})
	}
	return answer
}

type rankedGroup struct {
	value  GroupValue
	totals *totals
	counts []int
}

func compareGroups(a, b rankedGroup) int {
	for k := len(a.counts) - 1; k >= 0; k-- {
		if a.counts[k] != b.counts[k] {
			return cmp.Compare(b.counts[k], a.counts[k])
		}
	}
	if a.value.Missing != b.value.Missing {
		if a.value.Missing {
			return 1
		}
		return -1
	}
	return strings.Compare(a.value.Value, b.value.Value)
}

// counts are the persons of some groups who filled each step.
func (t *Tally) counts(groups []*totals) []int {
	counts := make([]int, t.steps)
	for _, g := range groups {
		reached := g.converted
		for k := t.steps - 1; k >= 0; k-- {
			counts[k] += reached
			reached += g.lost[k] + g.inWindow[k]
		}
	}
	return counts
}

// numbers are those of some groups together.
func (t *Tally) numbers(groups []*totals) []StepNumbers {
	counts := t.counts(groups)
	numbers := make([]StepNumbers, t.steps)
	for k := range numbers {
		n := &numbers[k]
		n.Count, n.FromFirst = counts[k], ShareOf(counts[k], counts[0])
		for _, g := range groups {
			if k+1 < t.steps {
				n.Lost += g.lost[k+1]
				n.InWindow += g.inWindow[k+1]
			}
		}
		if k == 0 {
			continue
		}
		n.FromPrevious = ShareOf(counts[k], counts[k-1])
		n.SinceEntry = summarize(partsOf(groups, func(g *totals) *spans { return &g.entry[k] }))
		if n.SincePrevious = n.SinceEntry; k > 1 {
			n.SincePrevious = summarize(
				partsOf(groups, func(g *totals) *spans { return &g.previous[k] }))
		}
	}
	return numbers
}

func partsOf(groups []*totals, part func(*totals) *spans) []*spans {
	parts := make([]*spans, len(groups))
	for i, g := range groups {
		parts[i] = part(g)
	}
	return parts
}
