package api

import (
	"context"
	"fmt"
	"slices"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

// AskDropOff answers with what was lost between the steps.
func (h *funnelHandler) AskDropOff(
	ctx context.Context, m *funnelv1.AskDropOffRequest,
) (*funnelv1.AskDropOffResponse, error) {
	a, err := h.readDropOff(ctx, m)
	if err != nil {
		return nil, err
	}
	return h.dropOff(ctx, a)
}

// statingDropOff is a request for drop-offs.
type statingDropOff interface {
	stating
	GetSummaryOnly() bool
	GetReasons() bool
	GetReasonProperties() []string
}

// readDropOff makes a request a question. Errors as of read.
func (h *funnelHandler) readDropOff(ctx context.Context, m statingDropOff) (asked, error) {
	a, err := h.read(ctx, m, place{}, func(r *reader, a asked) {
		r.dropOffsOnly(a)
		r.reasons(m)
	})
	a.question.Departures = !m.GetSummaryOnly()
	if m.GetReasons() {
		a.question.Reasons = &funnel.Reasons{Properties: m.GetReasonProperties()}
	}
	return a, err
}

// dropOff answers a question for drop-offs.
func (h *funnelHandler) dropOff(
	ctx context.Context, a asked,
) (*funnelv1.AskDropOffResponse, error) {
	answer, err := h.ask(ctx, a)
	if err != nil {
		return nil, err
	}
	labels := labelsOf(a.question.Steps)
	facts := h.facts(a, answer.Facts)
	facts.GroupsOverlap = answer.Overlap
	return &funnelv1.AskDropOffResponse{
		DropOffs: dropOffMessages(labels, answer.Steps),
		Groups:   groupDropOffMessages(labels, answer.Groups),
		Facts:    facts,
	}, nil
}

// dropOffsOnly refuses what the answer of drop-offs has no place for.
func (r *reader) dropOffsOnly(a asked) {
	const why = "is not answered with drop-offs yet; leave it out, or ask for the funnel"
	r.laterIf(a.beside != nil, compareField, why)
	r.laterIf(a.question.Buckets != nil, trendField, why)
	r.laterIf(a.question.TimeToConvert != nil, "question.time_to_convert", why)
}

// reasons reads what may be a reason.
func (r *reader) reasons(m statingDropOff) {
	const field = "reason_properties"
	if m.GetReasons() && m.GetSummaryOnly() {
		r.bad("reasons", "is stated beside summary_only: keep one of them")
	}
	names := m.GetReasonProperties()
	if len(names) > 0 && !m.GetReasons() {
		r.bad(field, "goes with reasons only: set reasons too, or leave it out")
	}
	if n := len(names); n > funnel.MaxReasonProperties {
		r.bad(field, "are %d: give at most %d", n, funnel.MaxReasonProperties)
	}
	for i, name := range names[:min(len(names), funnel.MaxReasonProperties)] {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case name == "":
			r.bad(at, "is empty: give the name of a property")
		case slices.Contains(names[:i], name):
			r.bad(at, "is %q once more: give each property once", name)
		}
	}
}
