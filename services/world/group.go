package world

import (
	"cmp"
	"slices"
)

// GroupTypes are the types of groups that people of the world join, each once.
func (l *Live) GroupTypes() []string {
	var types []string
	for i := range l.company.kinds {
		if t := l.company.kinds[i].groupType; t != "" && !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}

// TrueGroups counts the groups of a type that reach each step, by what all of their members do who
// have joined by AsOf, together. By is not looked at.
func (l *Live) TrueGroups(ask Ask, groupType string) []int {
	together := make(map[string][]deed)
	l.each(ask.Since, ask.AsOf, func(p *person) {
		deeds := p.deeds(ask.Since, ask.AsOf)
		joined := slices.ContainsFunc(deeds, func(d deed) bool { return d.act.group })
		if joined && p.kind.groupType == groupType {
			together[p.group] = append(together[p.group], deeds...)
		}
	})
	counts := make([]int, len(ask.Stages))
	for _, deeds := range together {
		slices.SortStableFunc(deeds, func(a, b deed) int { return cmp.Compare(a.at, b.at) })
		for k := range ask.best(deeds).depth {
			counts[k]++
		}
	}
	return counts
}
