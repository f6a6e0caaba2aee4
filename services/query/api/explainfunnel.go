package api

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

// ExplainFunnel answers with why one unit counts as it does.
func (h *funnelHandler) ExplainFunnel(
	ctx context.Context, m *funnelv1.ExplainFunnelRequest,
) (*funnelv1.ExplainFunnelResponse, error) {
	var of UnitName
	a, err := h.read(ctx, m, place{}, func(r *reader, a asked) { of = r.unitName(m, a) })
	if err != nil {
		return nil, err
	}
	e, err := h.explainer.Explain(ctx, a.site, a.question, of)
	if err != nil {
		return nil, fmt.Errorf("explaining a unit of a funnel of site %s: %w", a.site, err)
	}
	s := e.shortened(maxOthers)
	out := &funnelv1.ExplainFunnelResponse{
		Unit: of.Unit, Labels: labelsOf(a.question.Steps),
		TouchpointsLeftOut: count(s.leftOut), Facts: h.facts(a, e.Facts),
	}
	if e.Person != 0 {
		out.PersonId = e.Person.String()
	}
	for _, t := range s.Touchpoints {
		out.Touchpoints = append(out.Touchpoints, seenMessage(t))
	}
	words := teller{question: a.question, labels: out.GetLabels(), of: s.Explained}
	for i := range s.Attempts {
		out.Attempts = append(out.Attempts, words.attempt(&s.Attempts[i]))
	}
	out.Reason = words.reason()
	return out, nil
}

// unitName reads the one name of the unit, which must go with the question.
func (r *reader) unitName(m *funnelv1.ExplainFunnelRequest, a asked) UnitName {
	persons := a.question.Unit.Kind == funnel.PersonUnit
	var of UnitName
	field := ""
	switch by := m.GetWho().(type) {
	case *funnelv1.ExplainFunnelRequest_UserId:
		field, of.Who = "user_id", r.user(a.site, by.UserId)
	case *funnelv1.ExplainFunnelRequest_AnonymousId:
		field, of.Who = "anonymous_id", r.visitor(a.site, by.AnonymousId)
	case *funnelv1.ExplainFunnelRequest_PersonId:
		field, of.Who = "person_id", r.person(by.PersonId)
	case *funnelv1.ExplainFunnelRequest_Unit:
		if of.Unit = by.Unit; persons && len(a.question.Steps) > 0 {
			r.bad("unit", "is stated of a question about persons: give user_id, anonymous_id or "+
				"person_id")
		}
		return of
	default:
		r.bad("who", "give one of user_id, anonymous_id, person_id and unit")
		return of
	}
	if !persons {
		r.bad(field, "is stated of a question about units that are no persons: give unit, the unit's "+
			"value")
	}
	return of
}

// maxOthers is how many touchpoints are shown that have no part in an attempt.
const maxOthers = 1000

// shown is an explanation with the touchpoints that are shown.
type shown struct {
	Explained

	leftOut int
}

// shortened leaves out touchpoints that fill no step of an attempt, are no exclusion and ended
// nothing, beyond so many of them, and numbers the others anew.
func (e Explained) shortened(most int) shown {
	part := make([]bool, len(e.Touchpoints))
	for i, t := range e.Touchpoints {
		part[i] = t.Exclusions != 0
	}
	for i := range e.Attempts {
		a := &e.Attempts[i]
		for _, place := range append(a.Places[:len(a.Places):len(a.Places)], a.EndedBy) {
			if place >= 0 {
				part[place] = true
			}
		}
	}
	s := shown{Explained: e}
	s.Touchpoints = nil
	moved := make([]int32, len(e.Touchpoints))
	others := 0
	for i, t := range e.Touchpoints {
		if !part[i] {
			if others++; others > most {
				s.leftOut++
				continue
			}
		}
		moved[i] = int32(len(s.Touchpoints)) //nolint:gosec // fewer than there were
		s.Touchpoints = append(s.Touchpoints, t)
	}
	s.Attempts = nil
	for _, a := range e.Attempts {
		s.Attempts = append(s.Attempts, renumbered(a, moved))
	}
	return s
}

// renumbered is an attempt with the new places of touchpoints.
func renumbered(a funnel.ExplainedAttempt, moved []int32) funnel.ExplainedAttempt {
	places := make([]int32, len(a.Places))
	for i, place := range a.Places {
		if places[i] = place; place >= 0 {
			places[i] = moved[place]
		}
	}
	a.Places = places
	if a.EndedBy >= 0 {
		a.EndedBy = moved[a.EndedBy]
	}
	return a
}

func seenMessage(t SeenTouchpoint) *funnelv1.ExplainedTouchpoint {
	return &funnelv1.ExplainedTouchpoint{
		OccurredAt: timestamppb.New(t.At), Event: t.Event, Touchpoint: string(t.Touchpoint),
		Stage: string(t.Stage), MessageId: string(t.Message),
		Steps: numbersOf(t.Steps), Exclusions: numbersOf(uint32(t.Exclusions)),
	}
}

// numbersOf are the places of the bits that are set, from 1, ascending.
func numbersOf(mask uint32) []uint32 {
	var list []uint32
	for ; mask != 0; mask &= mask - 1 {
		list = append(list, count(bits.TrailingZeros32(mask)+1))
	}
	return list
}

var attemptEnds = map[funnel.AttemptEnd]funnelv1.AttemptEnd{
	funnel.EndConverted: funnelv1.AttemptEnd_ATTEMPT_END_CONVERTED,
	funnel.EndWindow:    funnelv1.AttemptEnd_ATTEMPT_END_WINDOW,
	funnel.EndWithin:    funnelv1.AttemptEnd_ATTEMPT_END_WITHIN,
	funnel.EndRange:     funnelv1.AttemptEnd_ATTEMPT_END_RANGE,
	funnel.EndSession:   funnelv1.AttemptEnd_ATTEMPT_END_SESSION,
	funnel.EndDropped:   funnelv1.AttemptEnd_ATTEMPT_END_DROPPED,
	funnel.EndRemoved:   funnelv1.AttemptEnd_ATTEMPT_END_REMOVED,
	funnel.EndBroken:    funnelv1.AttemptEnd_ATTEMPT_END_BROKEN,
	funnel.EndOpen:      funnelv1.AttemptEnd_ATTEMPT_END_OPEN,
}

// attempt is an attempt as a message.
func (t *teller) attempt(a *funnel.ExplainedAttempt) *funnelv1.ExplainedAttempt {
	m := &funnelv1.ExplainedAttempt{
		Depth: count(a.Depth), Outcome: outcomes[a.Outcome()], End: attemptEnds[a.End],
		EndedAt: timestamppb.New(time.UnixMilli(a.EndedAt)), Counted: a.Counted,
		Reason: t.why(a), Bucket: count(a.Bucket),
	}
	for i, touch := range a.Places {
		if touch >= 0 {
			m.Steps = append(m.Steps, &funnelv1.FilledStep{
				Step: count(int(a.Steps[i]) + 1), Touchpoint: count(int(touch)),
			})
		}
	}
	if a.EndedBy >= 0 {
		m.EndedBy = new(count(int(a.EndedBy)))
	}
	return m
}
