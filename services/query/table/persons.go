package table

import (
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// personRow is a person of a list, or another unit.
type personRow struct {
	*funnelv1.FunnelPerson

	facts *funnelv1.AnswerFacts
}

// persons is a row per person or other unit. Lists are JSON arrays; user_id, anonymous_id,
// entered_at and last_step_at are the members of lists that are asked for most.
func persons(m *funnelv1.ListFunnelPersonsResponse, _ []string) Table {
	rows := make([]personRow, len(m.GetPersons()))
	for i, p := range m.GetPersons() {
		rows[i] = personRow{p, m.GetFacts()}
	}
	return lay([]column[personRow]{
		filled("person_id", func(r personRow) string { return r.GetPersonId() }),
		filled("unit", func(r personRow) string { return r.GetUnit() }),
		{"user_id", Text, func(r personRow) any { return first(r.GetUserIds()) }},
		{"anonymous_id", Text, func(r personRow) any { return first(r.GetAnonymousIds()) }},
		text("user_ids", func(r personRow) string { return list(r.GetUserIds()) }),
		text("anonymous_ids", func(r personRow) string { return list(r.GetAnonymousIds()) }),
		filled("persona", func(r personRow) string { return r.GetPersona() }),
		text("outcome", func(r personRow) string { return word(r.GetOutcome(), "OUTCOME_") }),
		number("steps_filled", func(r personRow) int { return len(r.GetStepTimes()) }),
		instant("entered_at", func(r personRow) *timestamppb.Timestamp { return r.stepTime(0) }),
		instant("last_step_at", func(r personRow) *timestamppb.Timestamp {
			return r.stepTime(len(r.GetStepTimes()) - 1)
		}),
		text("step_times", func(r personRow) string { return list(r.times()) }),
		instant("as_of", func(r personRow) *timestamppb.Timestamp { return r.facts.GetAsOf() }),
		filled("warnings", func(r personRow) string {
			return strings.Join(r.facts.GetWarnings(), "; ")
		}),
		text("filled_steps", func(r personRow) string { return list(r.GetFilledSteps()) }),
		filled("group", func(r personRow) string { return r.group() }),
	}, rows)
}

// stepTime is that of the nth filled step, nil where there is none.
func (r personRow) stepTime(n int) *timestamppb.Timestamp {
	if n < 0 || n >= len(r.GetStepTimes()) {
		return nil
	}
	return r.GetStepTimes()[n]
}

func (r personRow) times() []string {
	var times []string
	for _, at := range r.GetStepTimes() {
		times = append(times, at.AsTime().Format(instantLayout))
	}
	return times
}

// group is the one that the attempt counts in, null where a value is missing; empty for none.
func (r personRow) group() string {
	values := make([]*string, len(r.GetGroup()))
	for i, v := range r.GetGroup() {
		if !v.GetMissing() {
			values[i] = new(v.GetValue())
		}
	}
	if len(values) == 0 {
		return ""
	}
	return list(values)
}

// first is the first member of a list, nil where there is none.
func first(texts []string) any {
	if len(texts) == 0 {
		return nil
	}
	return texts[0]
}

// list is a list as a JSON array.
func list[T any](members []T) string {
	if len(members) == 0 {
		return "[]"
	}
	b, err := json.Marshal(members)
	if err != nil {
		return "[]" // only for what no message holds
	}
	return string(b)
}
