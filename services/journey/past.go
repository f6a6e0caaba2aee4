package journey

import (
	"cmp"
	"slices"
)

// PersonNeeds says what a map's rules about persons look at: those of personas and of repeated
// touchpoints. Names are distinct and in ascending order. The zero PersonNeeds looks at traits
// alone.
type PersonNeeds struct {
	// Events are those that rules name: touchpoints of these events are needed.
	Events []string
	// Bases are the touchpoints that others repeat: touchpoints that the map attributed to them are
	// needed.
	Bases []TouchpointID
	// Properties are needed of these touchpoints, in this order in Deed.Values.
	Properties []string
	// All asks for every touchpoint, for rules over the first channel, the last touchpoint, sessions.
	All bool
	// AsOf tells that personas change as time passes.
	AsOf bool
}

// Any tells whether touchpoints are needed at all.
func (n *PersonNeeds) Any() bool { return n.All || len(n.Events) > 0 || len(n.Bases) > 0 }

// Wants tells whether a touchpoint of that event and attribution is needed.
func (n *PersonNeeds) Wants(event string, touchpoint TouchpointID) bool {
	if n.All {
		return true
	}
	if _, ok := slices.BinarySearch(n.Events, event); ok {
		return true
	}
	_, ok := slices.BinarySearch(n.Bases, touchpoint)
	return ok
}

// Deed is a touchpoint of a person, as far as rules about persons look at it.
type Deed struct {
	Identity IdentityID
	// OccurredAt, OriginalAt and ReceivedAt in nanoseconds since 1970; with Index and Message they
	// are the shown order.
	OccurredAt, OriginalAt, ReceivedAt int64
	Index                              uint32
	Message                            MessageID
	Event                              string
	// Touchpoint is what the map in force attributed it to, repeats apart.
	Touchpoint TouchpointID
	Channel    ChannelID
	// Values of PersonNeeds.Properties.
	Values []Value
}

// CompareDeeds orders deeds as they are shown. Equal ones are the same receipt.
func CompareDeeds(a, b *Deed) int {
	return cmp.Or(
		cmp.Compare(a.OccurredAt, b.OccurredAt), cmp.Compare(a.OriginalAt, b.OriginalAt),
		cmp.Compare(a.ReceivedAt, b.ReceivedAt), cmp.Compare(a.Index, b.Index),
		cmp.Compare(a.Message, b.Message),
	)
}

// Past is everything of a person that rules about persons look at.
type Past struct {
	Traits map[string]Value
	// Groups are those joined last, by type.
	Groups map[string]GroupID
	// Deeds in shown order, each once: those that the map's PersonNeeds want, at or before AsOf.
	// Others may be among them.
	Deeds []Deed
	// AsOf in milliseconds since 1970.
	AsOf int64
}

// Boundary is where touchpoints of a person begin to be repeats: those of the base that a rule
// repeats whose instant is after At, and at At itself all but the first Before of them in shown
// order, are Touchpoint.
type Boundary struct {
	// Touchpoint is the repeat: the rule's own id.
	Touchpoint TouchpointID
	// At in milliseconds since 1970.
	At     int64
	Before int
}

// Boundaries finds where the repeats of a person begin, in file order of the rules; those that
// do not begin are left out. Deeds are all of the bases' deeds of the person, in shown order;
// others may be among them. An as_of hides nothing of it: what comes later repeats no earlier one.
func (m *Map) Boundaries(deeds []Deed) []Boundary {
	var found []Boundary
	for i := range m.Touchpoints {
		t := &m.Touchpoints[i]
		if t.Repeat == nil {
			continue
		}
		if b, ok := boundaryOf(t, deeds); ok {
			found = append(found, b)
		}
	}
	return found
}

func boundaryOf(t *Touchpoint, deeds []Deed) (Boundary, bool) {
	b := Boundary{Touchpoint: t.ID}
	seen := 0
	for i := range deeds {
		if deeds[i].Touchpoint != t.Repeat.Of {
			continue
		}
		at := FloorMilli(deeds[i].OccurredAt)
		if at != b.At || seen == 0 {
			b.At, b.Before = at, 0
		}
		if seen++; seen >= t.Repeat.From {
			return b, true
		}
		b.Before++
	}
	return Boundary{}, false
}

// FloorMilli cuts an instant in nanoseconds since 1970 to milliseconds, downwards before 1970 too.
func FloorMilli(nanos int64) int64 {
	ms := nanos / 1e6
	if nanos < 0 && nanos%1e6 != 0 {
		ms--
	}
	return ms
}

// PersonNeeds says what the rules about persons look at, nothing where there is no map. The slices
// belong to the map.
func (m *Map) PersonNeeds() PersonNeeds {
	if m == nil {
		return PersonNeeds{}
	}
	return m.rules.facts.needs
}

// PersonaOf is the first persona in file order whose condition holds for what is known of a
// person; Unassigned if none does. A condition that cannot be evaluated does not hold.
func (m *Map) PersonaOf(p *Past) PersonaID {
	if len(m.rules.personas) == 0 {
		return Unassigned
	}
	known := portrait{plan: &m.rules.facts, past: p}
	for _, r := range m.rules.personas {
		if r.when.holds(&known) {
			return r.persona
		}
	}
	return Unassigned
}

// RuleOutcome is how the condition of a persona came out for a person.
type RuleOutcome uint8

// The outcomes.
const (
	// RuleChosen: it holds, and none before it did: it is the persona.
	RuleChosen RuleOutcome = iota + 1
	// RuleFailed: it does not hold.
	RuleFailed
	// RuleNotEvaluated: it could not be evaluated, and so does not hold.
	RuleNotEvaluated
	// RuleLater: it holds, but one before it did.
	RuleLater
)

// RuleResult says how the condition of a persona came out, and on what it rests.
type RuleResult struct {
	Persona PersonaID
	Outcome RuleOutcome
	// Reason says what kept the condition from being evaluated; empty for other outcomes.
	Reason string
	// Inputs are what the condition names, in its order, each once.
	Inputs []RuleInput
}

// RuleInput is a value that a condition reads.
type RuleInput struct {
	// Expression is as one writes it: traits.plan, count("Order Completed").
	Expression string
	// Value; instants are texts by RFC 3339 with milliseconds, in UTC. Missing where there is none.
	Value Value
}

// ExplainPersona says of every persona in file order how its condition came out for a person.
func (m *Map) ExplainPersona(p *Past) []RuleResult {
	known := portrait{plan: &m.rules.facts, past: p}
	results := make([]RuleResult, 0, len(m.rules.personas))
	chosen := false
	for _, r := range m.rules.personas {
		result := RuleResult{Persona: r.persona, Outcome: RuleFailed}
		holds, reason := r.when.explain(&known)
		switch {
		case reason != "":
			result.Outcome, result.Reason = RuleNotEvaluated, reason
		case holds && chosen:
			result.Outcome = RuleLater
		case holds:
			result.Outcome, chosen = RuleChosen, true
		}
		for _, in := range r.when.inputs {
			result.Inputs = append(result.Inputs, RuleInput{in.String(), known.value(in)})
		}
		results = append(results, result)
	}
	return results
}
