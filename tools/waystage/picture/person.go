package picture

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	personv1 "github.com/waystage/waystage/proto/gen/waystage/person/v1"
)

// Person draws what is known of a person, and why the persona is what it is.
func (p Paper) Person(w io.Writer, m *personv1.ExplainPersonaResponse) error {
	d := &drawing{Paper: p}
	d.line("%s  %s", p.paint(bold, plain(m.GetPersona())), p.paint(dim, "person "+m.GetPersonId()))
	d.whereabouts(m)
	d.facet("users", m.GetUserIds())
	d.facet("visitors", m.GetAnonymousIds())
	d.facet("groups", groupLines(m.GetGroups()))
	d.facet("traits", traitLines(m.GetTraits()))
	d.line("")
	d.rules(m.GetRules())
	parts := []string{"as of " + instant(m.GetAsOf().AsTime()) + " UTC", "no map"}
	if m.GetMapVersion() > 0 {
		parts[1] = fmt.Sprintf("map version %d", m.GetMapVersion())
	}
	d.line("")
	d.wrapped("", parts)
	return d.to(w)
}

// whereabouts says where on the map the person is.
func (d *drawing) whereabouts(m *personv1.ExplainPersonaResponse) {
	stage := cmp.Or(m.GetCurrentStage(), "–")
	if m.GetTouchpoints() == 0 {
		d.said("stage", stage)
		d.said("touchpoints", "none")
		return
	}
	silent := "silent for " + Span(m.GetAsOf().AsTime().Sub(m.GetLastAt().AsTime()).Seconds())
	if m.GetLost() {
		silent = d.paint(red, "lost") + ": " + silent
	}
	d.line("%s %s, %s", d.paint(dim, fit("stage", saidColumns)), plain(stage), silent)
	d.said("touchpoints", fmt.Sprintf("%s, %s to %s UTC", Number(m.GetTouchpoints()),
		instant(m.GetFirstAt().AsTime()), instant(m.GetLastAt().AsTime())))
}

// facet writes a list, cut to the paper, or nothing where it is empty.
func (d *drawing) facet(what string, list []string) {
	for _, each := range list {
		d.said(what, fit(each, d.width()-saidColumns-1))
		what = ""
	}
}

// groupLines are groups by type.
func groupLines(groups map[string]string) []string {
	lines := make([]string, 0, len(groups))
	for _, groupType := range slices.Sorted(maps.Keys(groups)) {
		lines = append(lines, groupType+" = "+groups[groupType])
	}
	return lines
}

// traitLines are traits by name, values as JSON.
func traitLines(traits *structpb.Struct) []string {
	lines := make([]string, 0, len(traits.GetFields()))
	for _, name := range slices.Sorted(maps.Keys(traits.GetFields())) {
		lines = append(lines, name+" = "+compact(traits.GetFields()[name]))
	}
	return lines
}

// compact is a value as JSON without white space: protojson varies on purpose.
func compact(v *structpb.Value) string {
	text, err := v.MarshalJSON()
	var short bytes.Buffer
	if err != nil || json.Compact(&short, text) != nil {
		return "?"
	}
	return short.String()
}

// mark is how an outcome is shown.
type mark struct{ sign, color, says string }

var marks = map[personv1.RuleOutcome]mark{
	personv1.RuleOutcome_RULE_OUTCOME_CHOSEN:        {"✓", green, ""},
	personv1.RuleOutcome_RULE_OUTCOME_FAILED:        {"✗", red, ""},
	personv1.RuleOutcome_RULE_OUTCOME_NOT_EVALUATED: {"!", yellow, "could not be evaluated: "},
	personv1.RuleOutcome_RULE_OUTCOME_LATER:         {"·", dim, "would hold too"},
}

// ruleIndent is before everything below a persona.
const ruleIndent = 4

// rules draws every rule with its outcome and the values that it read.
func (d *drawing) rules(rules []*personv1.PersonaRule) {
	if len(rules) == 0 {
		d.line("the map has no personas")
		return
	}
	d.line("%s", d.paint(dim, "personas in the order of the map, with what their rules read"))
	var ids, expressions []string
	for _, r := range rules {
		ids = append(ids, r.GetPersona())
		for _, in := range r.GetInputs() {
			expressions = append(expressions, in.GetExpression())
		}
	}
	id := widest(ids, 1, d.width()/3)
	input := widest(expressions, 1, d.width()/2)
	for _, r := range rules {
		d.rule(r, id, input)
	}
}

func (d *drawing) rule(r *personv1.PersonaRule, id, input int) {
	m := marks[r.GetOutcome()]
	title := r.GetTitle()
	if title == r.GetPersona() {
		title = ""
	}
	d.line("%s %s  %s", d.paint(m.color, m.sign), d.paint(bold, fit(r.GetPersona(), id)),
		fit(title, d.width()-id-4))
	d.below(wrap(r.GetCondition(), d.width()-ruleIndent, 0), dim)
	d.below(wrap(m.says+r.GetReason(), d.width()-ruleIndent, 0), m.color)
	for _, in := range r.GetInputs() {
		value := in.GetValue()
		if in.GetMissing() {
			value = "–"
		}
		d.line("%*s%s  %s", ruleIndent, "", fit(in.GetExpression(), input),
			fit(value, d.width()-ruleIndent-input-2))
	}
}

// below writes lines below a persona.
func (d *drawing) below(lines []string, color string) {
	for _, line := range lines {
		d.line("%*s%s", ruleIndent, "", d.paint(color, line))
	}
}
