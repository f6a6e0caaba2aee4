package picture

import (
	"fmt"
	"io"
	"strings"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// Persons are a list of persons behind a number.
type Persons struct {
	List []*funnelv1.FunnelPerson
	// Total is the number itself: the length of the whole list.
	Total uint32
	// Labels of the steps, in their order.
	Labels []string
	Facts  *funnelv1.AnswerFacts
}

var outcomes = map[funnelv1.Outcome]string{
	funnelv1.Outcome_OUTCOME_CONVERTED: "converted",
	funnelv1.Outcome_OUTCOME_IN_WINDOW: "in window",
	funnelv1.Outcome_OUTCOME_LOST:      "lost",
}

// Persons draws two lines per person: who it is and what became of the attempt, then when each
// step was filled.
func (p Paper) Persons(w io.Writer, list Persons, now time.Time) error {
	d := &drawing{Paper: p}
	d.heading(list.Facts)
	for _, person := range list.List {
		d.person(person)
	}
	d.line("%s of %s %s", Number(len(list.List)), Number(list.Total), d.units())
	d.facts(list.Facts, now)
	return d.to(w)
}

func (d *drawing) person(person *funnelv1.FunnelPerson) {
	outcome := d.paint(colorOf(person.GetOutcome()), fit(outcomes[person.GetOutcome()], 11))
	if person.GetPersonId() == "" {
		d.line("%s %s", outcome, d.paint(bold, fit(person.GetUnit(), d.width()-12)))
		d.filled(person)
		return
	}
	ids := append(append([]string(nil), person.GetUserIds()...), person.GetAnonymousIds()...)
	room := d.width() - 16 - 16 - 11 - 3
	d.line("%s %s %s %s", d.paint(bold, fit(person.GetPersonId(), 16)),
		fit(person.GetPersona(), 16), outcome,
		fit(strings.Join(ids, " "), room))
	d.filled(person)
}

// filled says when the steps were, and in which group where the list is of several.
func (d *drawing) filled(person *funnelv1.FunnelPerson) {
	var parts []string
	if group := person.GetGroup(); len(group) > 0 {
		parts = append(parts, "in "+groupName(group, false))
	}
	if len(person.GetStepTimes()) > 0 {
		parts = append(parts, stepTimes(person)...)
	}
	if len(parts) > 0 {
		d.wrapped("  ", parts)
	}
}

// stepTimes is when the attempt began and how long after that each later step was filled, with its
// number where one was left out.
func stepTimes(person *funnelv1.FunnelPerson) []string {
	times, steps := person.GetStepTimes(), person.GetFilledSteps()
	gaps := len(steps) == len(times) && int(steps[len(steps)-1]) != len(steps)
	entry := times[0].AsTime()
	parts := []string{instant(entry)}
	for i, t := range times[1:] {
		part := "+" + Span(max(0, t.AsTime().Sub(entry).Seconds()))
		if gaps {
			part = fmt.Sprintf("step %d %s", steps[i+1], part)
		}
		parts = append(parts, part)
	}
	return parts
}

func colorOf(o funnelv1.Outcome) string {
	switch o {
	case funnelv1.Outcome_OUTCOME_CONVERTED:
		return green
	case funnelv1.Outcome_OUTCOME_LOST:
		return red
	default:
		return yellow
	}
}
