package journey

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// lintRule is a rule with its place in a list.
type lintRule struct {
	id, path string
	when     string
	clauses  clauses
	// place counts the rules of its kind.
	place int
	// seen is what it is to earlier ones, by their places: each pair is looked at once, in however
	// many lists it meets.
	seen map[int]relation
}

func newLintRule(id, path, when string, place int) *lintRule {
	return &lintRule{id, path, when, clausesOf(when), place, make(map[int]relation)}
}

// relation is what a rule is to an earlier one.
type relation struct {
	// within are its alternatives for which the earlier one holds wherever they do; nil for none.
	within []bool
	// shared tells that both may hold, and the earlier one is no special case.
	shared bool
}

// to is what a rule is to an earlier one.
func (r *lintRule) to(e *lintRule) relation {
	known, there := r.seen[e.place]
	if there {
		return known
	}
	for i, atoms := range r.clauses {
		if !(clauses{atoms}).within(e.clauses) {
			continue
		}
		if known.within == nil {
			known.within = make([]bool, len(r.clauses))
		}
		known.within[i] = true
	}
	known.shared = !e.clauses.within(r.clauses) && !e.clauses.apart(r.clauses)
	r.seen[e.place] = known
	return known
}

// touchpointRules finds those that never hold, whole or for one event, and those that share an
// event with an earlier one which may hold together with them.
func (l *linter) touchpointRules() {
	l.dead = map[TouchpointID]bool{}
	byEvent := map[string][]*lintRule{}
	for i := range l.Touchpoints {
		t := &l.Touchpoints[i]
		if t.Status != Live || t.Repeat != nil {
			continue
		}
		r := newLintRule(string(t.ID), at("touchpoints", i), t.When, i)
		if len(r.clauses) == 0 {
			l.dead[t.ID] = true
			l.neverHolds(r)
			continue
		}
		l.hiddenEvents(t, r, byEvent)
		r.seen = nil // it is done, and an earlier one for all others
	}
}

func (l *linter) neverHolds(r *lintRule) {
	l.add(LintError, r.path+".when", "the condition never holds; correct it, or take the rule out")
}

// hiddenEvents reports the events of a touchpoint that never reach its rule, and adds the others.
func (l *linter) hiddenEvents(t *Touchpoint, r *lintRule, byEvent map[string][]*lintRule) {
	var hidden []string
	var by *lintRule
	shared := map[string]bool{}
	for _, event := range t.Events {
		earlier := byEvent[event]
		if covering := covered(r, earlier); covering != nil {
			hidden, by = append(hidden, event), covering
			continue
		}
		for _, e := range earlier {
			if r.to(e).shared {
				shared[e.id] = true
			}
		}
		byEvent[event] = append(earlier, r)
	}
	switch {
	case len(hidden) == len(t.Events):
		l.dead[t.ID] = true
		l.add(LintError, r.path, "%q is never recognised: %q stands before it %s; put this one "+
			"first, or narrow the other", r.id, by.id, reasonOf(r, by))
	case len(hidden) > 0:
		l.add(LintWarning, r.path+".events", "%s never reach %q: %q stands before it %s; put this one "+
			"first, or take them out", quoted(hidden), r.id, by.id, reasonOf(r, by))
	}
	if len(shared) > 0 {
		l.add(LintNote, r.path+".when", "where this holds, %s before it may hold too and is taken; "+
			"check the order", quoted(slices.Sorted(maps.Keys(shared))))
	}
}

// covered finds the last of the earlier rules that are needed for one never to have its turn. nil
// if it has.
func covered(r *lintRule, earlier []*lintRule) *lintRule {
	last := -1
	for i := range r.clauses {
		by := slices.IndexFunc(earlier, func(e *lintRule) bool {
			within := r.to(e).within
			return within != nil && within[i]
		})
		if by < 0 {
			return nil
		}
		last = max(last, by)
	}
	return earlier[last]
}

func reasonOf(r, by *lintRule) string {
	switch by.when {
	case "":
		return "without a condition"
	case r.when:
		return "with the same condition"
	}
	return "and holds wherever this does"
}

// quoted are texts in quotes, the first few of many.
func quoted(texts []string) string {
	const most = 5
	all := make([]string, 0, most+1)
	for i, text := range texts {
		if i == most {
			all = append(all, fmt.Sprintf("%d more", len(texts)-most))
			break
		}
		all = append(all, fmt.Sprintf("%q", clipped(text)))
	}
	return strings.Join(all, ", ")
}

// lintRepeats finds repeats that never begin and such that take the same touchpoints.
func (l *linter) lintRepeats() {
	begun := map[Repeat]TouchpointID{}
	for i := range l.Touchpoints {
		t := &l.Touchpoints[i]
		if t.Repeat == nil || t.Status != Live {
			continue
		}
		path := at("touchpoints", i) + ".repeat"
		if !l.leads(t) {
			l.add(LintWarning, path, "%q is not recognised in the stream, so nothing ever repeats it; "+
				"make it live, or this one planned", t.Repeat.Of)
		}
		if other, taken := begun[*t.Repeat]; taken {
			l.add(LintError, path, "%q repeats the same from the same on; keep one", other)
		}
		begun[*t.Repeat] = t.ID
	}
}

// lintChannels finds rules of channels that never have their turn, and channels without any that no
// touchpoint states either. A usual one needs none: it is in the map for its title or owner.
func (l *linter) lintChannels() {
	stated := map[ChannelID]bool{}
	for i := range l.Touchpoints {
		stated[l.Touchpoints[i].Channel] = true
	}
	var earlier []*lintRule
	for i := range l.Channels {
		c := &l.Channels[i]
		path := at("channels", i)
		switch {
		case c.When != "":
			earlier = l.inTurn(newLintRule(string(c.ID), path, c.When, i), earlier)
		case !stated[c.ID] && !slices.Contains(usualChannels, string(c.ID)):
			l.add(LintWarning, path, "nothing ever comes through %q: it has no condition and no "+
				"touchpoint states it; give it one, or take it out", c.ID)
		}
	}
}

// inTurn reports a rule that never has its turn, and gives the rules with it.
func (l *linter) inTurn(r *lintRule, earlier []*lintRule) []*lintRule {
	if len(r.clauses) == 0 {
		l.neverHolds(r)
		return earlier
	}
	if by := covered(r, earlier); by != nil {
		l.add(LintError, r.path+".when", "%q never has its turn: %q stands before it %s; put this one "+
			"first, or narrow the other", r.id, by.id, reasonOf(r, by))
		return earlier
	}
	return append(earlier, r)
}
