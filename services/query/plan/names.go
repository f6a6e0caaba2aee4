package plan

import (
	"fmt"
	"strings"

	"github.com/waystage/waystage/services/funnel"
)

// kind is a kind of targets, and the column that they name values of.
type kind struct {
	of     funnel.TargetKind
	column string
}

var kinds = []kind{
	{funnel.Stage, "stage"}, {funnel.Touchpoint, "touchpoint"}, {funnel.Event, "event"},
}

// which says which touchpoints are read.
type which struct {
	// inside is the condition on those between the bounds, old that on those before them. Empty: all
	// of those between, and no old one.
	inside, old string
	// ever tells that all are read up to the last, however old.
	ever bool
}

// names adds the columns of what steps and exclusions name, and leaves out all touchpoints that are
// named by none, and can become none that is. exclusions is the place of their column, -1 if there
// are none.
func (b *builder) names(q funnel.Question, needs Needs) (w which, exclusions int) {
	exclusions = -1
	steps := b.mention(targetsOf(q.Steps, ^uint32(0)))
	b.column(steps.bits(), "names", UInt32)
	if len(q.Exclusions) > 0 {
		var list []funnel.Target
		for _, x := range q.Exclusions {
			list = append(list, x.Target)
		}
		excluded := b.mention(list)
		exclusions = b.column(excluded.bits(), "excluded", UInt32)
		steps = steps.or(excluded)
	}
	if needs.Scope.Everything || needs.Scope.Unfiltered {
		steps.any = 1
	}
	bases := ""
	if steps.any == 0 || needs.Scope.FirstTime != 0 {
		bases = b.counted(needs.Bases)
	}
	w.inside = steps.condition(bases)
	if needs.Scope.FirstTime != 0 {
		first := b.mention(targetsOf(q.Steps, needs.Scope.FirstTime))
		w.old, w.ever = first.condition(bases), first.any != 0
	}
	return w, exclusions
}

// targetsOf are the targets of the steps that have a bit; those of others are nothing's.
func targetsOf(steps []funnel.Step, mask uint32) []funnel.Target {
	list := make([]funnel.Target, len(steps))
	for i, s := range steps {
		if list[i] = none; mask>>i&1 != 0 {
			list[i] = s.Target
		}
	}
	return list
}

// none is a target that no touchpoint is.
var none = funnel.Target{Kind: ^funnel.TargetKind(0)}

// mention is how a query finds the touchpoints of a list of targets.
type mention struct {
	// words have the bits of each kind of target, conditions hold where one of the kind is named.
	words, conditions []string
	// any has the bits of the targets that every touchpoint is.
	any uint32
}

func (b *builder) mention(of []funnel.Target) mention {
	var m mention
	for _, k := range kinds {
		values, masks := named(of, k.of)
		if len(values) == 0 {
			continue
		}
		for i := range values {
			values[i] = b.param("n", values[i])
		}
		list := strings.Join(values, ", ")
		m.words = append(m.words, fmt.Sprintf("transform(%s, [%s], [%s], toUInt32(0))",
			k.column, list, strings.Join(masks, ", ")))
		m.conditions = append(m.conditions, fmt.Sprintf("%s IN (%s)", k.column, list))
	}
	for i, t := range of {
		if t.Kind == funnel.AnyEvent {
			m.any |= 1 << i
		}
	}
	return m
}

// bits is a column with a bit per target.
func (m mention) bits() string {
	words := m.words
	if m.any != 0 {
		words = append(words, fmt.Sprintf("toUInt32(%d)", m.any))
	}
	joined := words[0]
	for _, w := range words[1:] {
		joined = "bitOr(" + joined + ", " + w + ")"
	}
	return "CAST(" + joined + " AS UInt32)"
}

// or finds the touchpoints of both; its bits mean nothing.
func (m mention) or(other mention) mention {
	return mention{
		conditions: append(m.conditions, other.conditions...), any: m.any | other.any,
	}
}

// condition holds where a target is named, or one of a list of touchpoints; empty where any is.
func (m mention) condition(touchpoints string) string {
	if m.any != 0 {
		return ""
	}
	conditions := m.conditions
	if touchpoints != "" {
		conditions = append(conditions, "touchpoint IN ("+touchpoints+")")
	}
	return strings.Join(conditions, " OR ")
}

// named lists the values that targets of a kind name, in the order of the first, with the mask of
// the targets that name each.
func named(of []funnel.Target, kind funnel.TargetKind) (values, masks []string) {
	byName := map[string]uint32{}
	for i, t := range of {
		if t.Kind != kind {
			continue
		}
		if byName[t.Name] == 0 {
			values = append(values, t.Name)
		}
		byName[t.Name] |= 1 << i
	}
	for _, v := range values {
		masks = append(masks, fmt.Sprintf("toUInt32(%d)", byName[v]))
	}
	return values, masks
}

// counted lists the bases all of whose touchpoints are read.
func (b *builder) counted(bases []Base) string {
	var list []string
	for _, base := range bases {
		if base.Counted {
			list = append(list, b.param("b", string(base.Touchpoint)))
		}
	}
	return strings.Join(list, ", ")
}
