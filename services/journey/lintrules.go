package journey

import (
	"fmt"
	"slices"
	"strings"
)

// lintRule is a rule with its place in a list.
type lintRule struct {
	id, path string
	when     string
	clauses  clauses
}

// touchpointRules finds those that never hold, whole or for one event, and those that share an
// event with an earlier one which may hold together with them.
func (l *linter) touchpointRules() {
	l.dead = map[TouchpointID]bool{}
	byEvent := map[string][]lintRule{}
	for i := range l.Touchpoints {
		t := &l.Touchpoints[i]
		if t.Status != Live || t.Repeat != nil {
			continue
		}
		r := lintRule{string(t.ID), at("touchpoints", i), t.When, clausesOf(t.When)}
		if len(r.clauses) == 0 {
			l.dead[t.ID] = true
			l.neverHolds(r)
			continue
		}
		l.hiddenEvents(t, &r, byEvent)
	}
}

func (l *linter) neverHolds(r lintRule) {
	l.add(LintError, r.path+".when", "the condition never holds; correct it, or take the rule out")
}

// hiddenEvents reports the events of a touchpoint that never reach its rule, and adds the others.
func (l *linter) hiddenEvents(t *Touchpoint, r *lintRule, byEvent map[string][]lintRule) {
	var hidden, shared []string
	var by *lintRule
	for _, event := range t.Events {
		earlier := byEvent[event]
		if covering := covered(r, earlier); covering != nil {
			hidden, by = append(hidden, event), covering
			continue
		}
		shared = append(shared, overlapping(r, earlier)...)
		byEvent[event] = append(earlier, *r)
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
	if shared = slices.Compact(slices.Sorted(slices.Values(shared))); len(shared) > 0 {
		l.add(LintNote, r.path+".when", "where this holds, %s before it may hold too and is taken; "+
			"check the order", quoted(shared))
	}
}

// covered finds the last of the earlier rules that are needed for one never to have its turn. nil
// if it has.
func covered(r *lintRule, earlier []lintRule) *lintRule {
	last := -1
	for _, atoms := range r.clauses {
		by := slices.IndexFunc(earlier, func(e lintRule) bool { return clauses{atoms}.within(e.clauses) })
		if by < 0 {
			return nil
		}
		last = max(last, by)
	}
	return &earlier[last]
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

// overlapping are the ids of earlier rules with conditions that may hold together with a later one,
// unless they are special cases of it.
func overlapping(r *lintRule, earlier []lintRule) []string {
	var ids []string
	for i := range earlier {
		e := &earlier[i]
		if !e.clauses.within(r.clauses) && !e.clauses.apart(r.clauses) {
			ids = append(ids, e.id)
		}
	}
	return ids
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

// lintChannels finds rules of channels that never have their turn, and channels without any.
func (l *linter) lintChannels() {
	stated := map[ChannelID]bool{}
	for i := range l.Touchpoints {
		stated[l.Touchpoints[i].Channel] = true
	}
	var earlier []lintRule
	for i := range l.Channels {
		c := &l.Channels[i]
		path := at("channels", i)
		switch {
		case c.When != "":
			r := lintRule{string(c.ID), path, c.When, clausesOf(c.When)}
			earlier = l.inTurn(r, earlier)
		case !stated[c.ID]:
			l.add(LintWarning, path, "nothing ever comes through %q: it has no condition and no "+
				"touchpoint states it; give it one, or take it out", c.ID)
		}
	}
}

// inTurn reports a rule that never has its turn, and gives the rules with it.
func (l *linter) inTurn(r lintRule, earlier []lintRule) []lintRule {
	if len(r.clauses) == 0 {
		l.neverHolds(r)
		return earlier
	}
	if by := covered(&r, earlier); by != nil {
		l.add(LintError, r.path+".when", "%q never has its turn: %q stands before it %s; put this one "+
			"first, or narrow the other", r.id, by.id, reasonOf(&r, by))
		return earlier
	}
	return append(earlier, r)
}
