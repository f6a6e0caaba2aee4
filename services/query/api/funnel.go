package api

import (
	"context"
	"fmt"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// funnelHandler answers FunnelService.
type funnelHandler struct {
	funnelv1.UnimplementedFunnelServiceServer

	sites   Sites
	maps    *mapReader
	answers Answers
	gate    *gate
	now     func() time.Time
}

// asked is a question that can be answered.
type asked struct {
	site     journey.SiteID
	question funnel.Question
	began    time.Time
}

// AskFunnel answers with the numbers of every step.
func (h *funnelHandler) AskFunnel(
	ctx context.Context, m *funnelv1.AskFunnelRequest,
) (*funnelv1.AskFunnelResponse, error) {
	a, err := h.read(ctx, m.GetParent(), m.GetQuestion(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := h.ask(ctx, a)
	if err != nil {
		return nil, err
	}
	labels := labelsOf(a.question.Steps)
	return &funnelv1.AskFunnelResponse{
		Steps:  stepMessages(labels, answer.Steps),
		Groups: groupMessages(labels, answer.Groups),
		Facts:  h.facts(a, answer.Facts),
	}, nil
}

// AskDropOff answers with what was lost between the steps.
func (h *funnelHandler) AskDropOff(
	ctx context.Context, m *funnelv1.AskDropOffRequest,
) (*funnelv1.AskDropOffResponse, error) {
	a, err := h.read(ctx, m.GetParent(), m.GetQuestion(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := h.ask(ctx, a)
	if err != nil {
		return nil, err
	}
	labels := labelsOf(a.question.Steps)
	return &funnelv1.AskDropOffResponse{
		DropOffs: dropOffMessages(labels, answer.Steps),
		Groups:   groupDropOffMessages(labels, answer.Groups),
		Facts:    h.facts(a, answer.Facts),
	}, nil
}

func (h *funnelHandler) ask(ctx context.Context, a asked) (Funnel, error) {
	leave, err := h.gate.enter(ctx)
	if err != nil {
		return Funnel{}, err
	}
	defer leave()
	answer, err := h.answers.Funnel(ctx, a.site, a.question)
	if err != nil {
		return Funnel{}, fmt.Errorf("answering a funnel of site %s: %w", a.site, err)
	}
	return answer, nil
}

// ListFunnelPersons answers with the persons behind a number.
func (h *funnelHandler) ListFunnelPersons(
	ctx context.Context, m *funnelv1.ListFunnelPersonsRequest,
) (*funnelv1.ListFunnelPersonsResponse, error) {
	var page Page
	var at place
	a, err := h.read(ctx, m.GetParent(), m.GetQuestion(), func(r *reader, q funnel.Question) {
		page.Selection = r.selection(m, q)
		page.Limit, at = r.personPage(m)
	})
	if err != nil {
		return nil, err
	}
	at.settle(&a.question)
	page.After = at.after
	leave, err := h.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	list, err := h.answers.Persons(ctx, a.site, a.question, page)
	if err != nil {
		return nil, fmt.Errorf("listing persons of a funnel of site %s: %w", a.site, err)
	}
	return &funnelv1.ListFunnelPersonsResponse{
		Persons:       personMessages(list.Persons),
		NextPageToken: nextPersons(m, a.question, list),
		TotalSize:     count(list.Total),
		Facts:         h.facts(a, list.Facts),
	}, nil
}

// read makes a request a question. more reads what a request holds beside it. Errors: Invalid,
// Unsupported, NotFound (site), Unavailable.
func (h *funnelHandler) read(
	ctx context.Context, parent string, m *funnelv1.FunnelQuestion,
	more func(*reader, funnel.Question),
) (asked, error) {
	a := asked{began: h.now()}
	site, err := parseSite("parent", parent)
	if err != nil {
		return a, err
	}
	r := &reader{}
	if r.surroundings, err = h.surroundings(ctx, site, m); err != nil {
		return a, err
	}
	r.now = a.began
	a.site, a.question = site, r.question(m)
	if more != nil {
		more(r, a.question)
	}
	return a, r.err()
}

// surroundings asks the store for what the question is read by, and for no more.
func (h *funnelHandler) surroundings(
	ctx context.Context, site journey.SiteID, m *funnelv1.FunnelQuestion,
) (s surroundings, err error) {
	found, err := h.sites.Site(ctx, site)
	if err != nil {
		return s, fmt.Errorf("finding site %s: %w", site, err)
	}
	if s.zone, err = zoneOf(found); err != nil {
		return s, fault.Wrap(fault.Internal, err, "the time zone of site %s is not known here", site)
	}
	if namesMap(m) {
		s.known, err = h.maps.knownIDs(ctx, site)
	}
	return s, err
}

// namesMap tells whether a step names something of the map.
func namesMap(m *funnelv1.FunnelQuestion) bool {
	for _, s := range m.GetSteps() {
		if s.GetStage() != "" || s.GetTouchpoint() != "" {
			return true
		}
	}
	return false
}
