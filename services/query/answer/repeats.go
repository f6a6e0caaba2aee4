package answer

import (
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// repeats are the rules of the newest map by which later touchpoints of a person are others, as a
// question sees them. Rows say which touchpoint they are a base of; where a person's repeats begin
// is derived of all of them. A nil repeats has no rules.
type repeats struct {
	rules []repeatRule
	// bases are the touchpoints that are repeated, numbered from 1 in the order of their first rule.
	bases   []base
	numbers map[journey.TouchpointID]uint32
	// rule is the place in rules of each repeat.
	rule map[journey.TouchpointID]int
}

type repeatRule struct {
	touchpoint *journey.Touchpoint
	// base is its number, variant the place among the base's rules, from 1.
	base, variant uint32
	from          int
	// steps and exclusions are those that name it or its stage.
	steps      uint32
	exclusions uint8
}

type base struct {
	touchpoint journey.TouchpointID
	// rules are places in repeats.rules.
	rules []int
	// steps are those that name one of its repeats.
	steps uint32
}

// repeatsOf are the rules of a map, nil if it has none. m may be nil.
func repeatsOf(m *journey.Map, p *funnel.Program) *repeats {
	if m == nil {
		return nil
	}
	r := &repeats{
		numbers: make(map[journey.TouchpointID]uint32), rule: make(map[journey.TouchpointID]int),
	}
	for i := range m.Touchpoints {
		if m.Touchpoints[i].Repeat != nil {
			r.add(&m.Touchpoints[i], p)
		}
	}
	if len(r.rules) == 0 {
		return nil
	}
	return r
}

func (r *repeats) add(t *journey.Touchpoint, p *funnel.Program) {
	number := r.numbers[t.Repeat.Of]
	if number == 0 {
		r.bases = append(r.bases, base{touchpoint: t.Repeat.Of})
		number = uint32(len(r.bases))
		r.numbers[t.Repeat.Of] = number
	}
	b := &r.bases[number-1]
	r.rule[t.ID] = len(r.rules)
	b.rules = append(b.rules, len(r.rules))
	as := journey.Attribution{Touchpoint: t.ID, Stage: t.Stage}
	rule := repeatRule{
		touchpoint: t, base: number, variant: uint32(len(b.rules)), from: t.Repeat.From,
		steps: p.Targets("", as), exclusions: p.ExclusionTargets("", as),
	}
	b.steps |= rule.steps
	r.rules = append(r.rules, rule)
}

// matter tells whether a question tells a base's touchpoints from their repeats: by its steps, or
// by values that it looks at.
func (r *repeats) matter(p *funnel.Program) bool {
	if r == nil {
		return false
	}
	needs := p.Needs()
	if needs.Mapped || needs.Stage || needs.Touchpoint {
		return true
	}
	for _, rule := range r.rules {
		if needs.Channel && rule.touchpoint.Channel != "" {
			return true
		}
	}
	return false
}

// attribution is what a touchpoint is as a repeat: the channel stays its own, unless the rule
// states one.
func (rule *repeatRule) attribution(own journey.Attribution) journey.Attribution {
	own.Touchpoint, own.Stage = rule.touchpoint.ID, rule.touchpoint.Stage
	if rule.touchpoint.Channel != "" {
		own.Channel = rule.touchpoint.Channel
	}
	return own
}

// began is a boundary of the person at hand.
type began struct {
	rule   int
	at     int64
	before int
}

// begin finds where the repeats of a person begin.
func (r *repeats) begin(boundaries []journey.Boundary, found []began) []began {
	found = found[:0]
	for _, b := range boundaries {
		if rule, known := r.rule[b.Touchpoint]; known {
			found = append(found, began{rule, b.At, b.Before})
		}
	}
	return found
}

// ruleOf is the rule by which the touchpoint of a base is a repeat, nil if it is none: of those
// that have begun the one that begins last. before is how many of the base's touchpoints of the
// same instant are shown before it.
func (r *repeats) ruleOf(begun []began, base uint32, at int64, before int) *repeatRule {
	var last *repeatRule
	for _, b := range begun {
		rule := &r.rules[b.rule]
		if rule.base != base || at < b.at || at == b.at && before < b.before {
			continue
		}
		if last == nil || rule.from > last.from {
			last = rule
		}
	}
	return last
}

// each calls add with the steps that a touchpoint of a base fills as what it is. Where repeats
// begin within its millisecond there are touchpoints of each kind there, and it is added as all of
// them: how many there are of a kind does not matter. False where labels of the base itself are
// mixed then: which of them is which is not known.
func (r *repeats) each(
	begun []began, own baseMask, at int64, mixed map[uint32]bool, add func(steps uint32),
) (known bool) {
	as := func(before int) {
		steps := own.steps
		if rule := r.ruleOf(begun, own.base, at, before); rule != nil {
			steps = rule.steps
		}
		add(steps)
	}
	as(0)
	if !r.splits(begun, own.base, at) {
		return true
	}
	for _, b := range begun {
		if b.at == at && b.before > 0 && r.rules[b.rule].base == own.base {
			as(b.before)
		}
	}
	return !mixed[own.base]
}

// splits tells whether the touchpoints of a base at one instant are not all the same: the order
// within it decides which is which.
func (r *repeats) splits(begun []began, base uint32, at int64) bool {
	for _, b := range begun {
		if b.at == at && b.before > 0 && r.rules[b.rule].base == base {
			return true
		}
	}
	return false
}

// baseOf is the number of a base, 0 for other touchpoints.
func (r *repeats) baseOf(t journey.TouchpointID) uint32 {
	if r == nil || t == "" {
		return 0
	}
	return r.numbers[t]
}

// changes tells whether some repeat of a base fills other steps than a touchpoint of it does by its
// own: byEvent are those of them that name its event.
func (r *repeats) changes(base, byEvent, own uint32) bool {
	if base == 0 {
		return false
	}
	for _, number := range r.bases[base-1].rules {
		if byEvent|r.rules[number].steps != own {
			return true
		}
	}
	return false
}
