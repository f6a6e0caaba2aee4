package journey

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/parser"
)

// effectOf says what the change of a place does.
func (d *differ) effectOf(s step, old, changed string) Effect {
	switch s.kind {
	case "lost_after", "personas", "stages":
		return ForPersons
	case "personas.when":
		if !sameCondition(old, changed) {
			return ForPersons
		}
	case "channels":
		return d.effectOfChannels(s)
	case "channels.when":
		if !sameCondition(old, changed) {
			return ForMessages
		}
	}
	if s.kind == "touchpoints" || strings.HasPrefix(s.kind, "touchpoints.") {
		return d.effectOfTouchpoint(s, old, changed)
	}
	return OnPaper
}

// sameCondition tells that two conditions differ in spelling alone.
func sameCondition(a, b string) bool {
	return a != "" && b != "" && respelled(a) == respelled(b)
}

// respelled is a condition in one spelling.
func respelled(condition string) string {
	parsed, errs := plainParser().Parse(common.NewTextSource(condition))
	if len(errs.GetErrors()) > 0 {
		return condition
	}
	text, err := parser.Unparse(parsed.Expr(), parsed.SourceInfo())
	if err != nil {
		return condition
	}
	return text
}

func (d *differ) effectOfChannels(s step) Effect {
	ruled := func(m *Map) []string {
		var ids []string
		for i := range m.Channels {
			if m.Channels[i].When != "" {
				ids = append(ids, string(m.Channels[i].ID))
			}
		}
		return ids
	}
	old, changed := ruled(d.old), ruled(d.new)
	if s.id == "" && slices.Equal(shared(old, changed), shared(changed, old)) {
		return OnPaper
	}
	if s.id != "" && !slices.Contains(old, s.id) && !slices.Contains(changed, s.id) {
		return OnPaper
	}
	return ForMessages
}

// effectOfTouchpoint: only what is live in one of the maps counts.
func (d *differ) effectOfTouchpoint(s step, old, changed string) Effect {
	before, after := liveTouchpoint(d.old, s.id), liveTouchpoint(d.new, s.id)
	field := strings.TrimPrefix(strings.TrimPrefix(s.kind, "touchpoints"), ".")
	if head, _, _ := strings.Cut(field, "."); head == "repeat" {
		field = head
	}
	switch {
	case s.id == "":
		return d.effectOfOrder()
	case before == nil && after == nil:
		return OnPaper
	}
	repeats := before != nil && before.Repeat != nil || after != nil && after.Repeat != nil
	switch field {
	case "when":
		if sameCondition(old, changed) {
			return OnPaper
		}
	case "repeat", "barrier":
		return ForPersons
	case "", "status", "stage", "channel", "events":
	default:
		return OnPaper
	}
	if repeats {
		return ForPersons
	}
	return ForMessages
}

func liveTouchpoint(m *Map, id string) *Touchpoint {
	i := slices.IndexFunc(m.Touchpoints, func(t Touchpoint) bool { return string(t.ID) == id })
	if i < 0 || m.Touchpoints[i].Status != Live {
		return nil
	}
	return &m.Touchpoints[i]
}

// effectOfOrder: the order of touchpoints counts among those that share an event.
func (d *differ) effectOfOrder() Effect {
	for event, rules := range d.old.rules.touchpoints {
		old, changed := idsOf(rules), idsOf(d.new.rules.touchpoints[event])
		if !slices.Equal(shared(old, changed), shared(changed, old)) {
			return ForMessages
		}
	}
	return OnPaper
}

func idsOf(rules []touchpointRule) []string {
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = string(r.touchpoint.ID)
	}
	return ids
}
