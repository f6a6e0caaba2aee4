package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/journey"
)

// funnelHandler answers FunnelService.
type funnelHandler struct {
	funnelv1.UnimplementedFunnelServiceServer

	sites     Background
	maps      *mapReader
	questions Questions
	answers   Answers
	explainer Explainer
	now       func() time.Time
}

// asked is a question that can be answered.
type asked struct {
	site     journey.SiteID
	question funnel.Question
	// beside is the question whose answer is set beside, nil where none is.
	beside *funnel.Question
	// now is the instant that words mean by it, version that of the saved question; hash stands for
	// what both came to.
	now     time.Time
	version journey.QuestionVersion
	hash    [16]byte
	began   time.Time
}

// AskFunnel answers with the numbers of every step.
func (h *funnelHandler) AskFunnel(
	ctx context.Context, m *funnelv1.AskFunnelRequest,
) (*funnelv1.AskFunnelResponse, error) {
	a, err := h.read(ctx, m, place{}, nil)
	if err != nil {
		return nil, err
	}
	return h.answer(ctx, a)
}

// answer answers a question, and the one that is set beside.
func (h *funnelHandler) answer(
	ctx context.Context, a asked,
) (*funnelv1.AskFunnelResponse, error) {
	answer, err := h.ask(ctx, a)
	if err != nil {
		return nil, err
	}
	labels := labelsOf(a.question.Steps)
	out := &funnelv1.AskFunnelResponse{
		Steps:         stepMessages(labels, answer.Steps),
		Groups:        groupMessages(labels, answer.Groups),
		Trend:         trendMessages(labels, answer.Trend),
		TimeToConvert: distributionMessage(answer.TimeToConvert),
		SampleRatio:   ratioMessage(answer.SampleRatio),
	}
	if a.beside != nil {
		beside, err := h.askBeside(ctx, a, answer.Groups)
		if err != nil {
			return nil, err
		}
		out.Comparison = comparisonMessage(labels, *a.beside, beside)
		answer.Overlap = answer.Overlap || beside.Overlap
		answer.Facts.TouchpointsRead += beside.Facts.TouchpointsRead
		answer.Facts.Cached = answer.Facts.Cached && beside.Facts.Cached
		answer.Facts.Warnings = together(answer.Facts.Warnings, beside.Facts.Warnings)
	}
	out.Facts = h.facts(a, answer.Facts)
	out.Facts.GroupsOverlap = answer.Overlap
	return out, nil
}

// together are texts and further ones, each once.
func together(texts, further []string) []string {
	all := slices.Clone(texts)
	for _, text := range further {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

func (h *funnelHandler) ask(ctx context.Context, a asked) (Funnel, error) {
	answer, err := h.answers.Funnel(ctx, a.site, a.question)
	if err != nil {
		return Funnel{}, fmt.Errorf("answering a funnel of site %s: %w", a.site, err)
	}
	return answer, nil
}

// askBeside answers the question that is set beside, with the groups of the answer.
func (h *funnelHandler) askBeside(
	ctx context.Context, a asked, groups []funnel.Group,
) (Funnel, error) {
	answer, err := h.answers.FunnelAs(ctx, a.site, *a.beside, groups)
	if err != nil {
		return Funnel{}, fmt.Errorf("answering a funnel to set beside, of site %s: %w", a.site, err)
	}
	return answer, nil
}

// listing is a page of a list that can be given.
type listing struct {
	asked

	request *funnelv1.ListFunnelPersonsRequest
	page    Page
}

// ListFunnelPersons answers with the persons behind a number.
func (h *funnelHandler) ListFunnelPersons(
	ctx context.Context, m *funnelv1.ListFunnelPersonsRequest,
) (*funnelv1.ListFunnelPersonsResponse, error) {
	l, err := h.readList(ctx, m)
	if err != nil {
		return nil, err
	}
	return h.list(ctx, l)
}

// readList makes a request a page of a list. Errors as of read.
func (h *funnelHandler) readList(
	ctx context.Context, m *funnelv1.ListFunnelPersonsRequest,
) (l listing, err error) {
	limit, at, mistakes := personPage(m)
	l.request = m
	l.page = Page{
		After: at.after, AfterUnit: at.afterUnit, AfterNumber: at.afterNumber, Limit: limit,
	}
	l.asked, err = h.read(ctx, m, at, func(r *reader, a asked) {
		l.page.Selection = r.selection(m, a.question)
		r.invalid = append(r.invalid, mistakes...)
		r.checkPlace(at, a)
	})
	return l, err
}

// list gives a page of the persons behind a number.
func (h *funnelHandler) list(
	ctx context.Context, l listing,
) (*funnelv1.ListFunnelPersonsResponse, error) {
	var whole Funnel
	groups := 0
	if l.request.GetOther() {
		// Only the answer tells which groups are past the limit.
		var err error
		if whole, err = h.ask(ctx, l.asked); err != nil {
			return nil, err
		}
		l.page.Except, groups = funnel.KeysOf(whole.Groups), len(l.question.Breakdowns)
	}
	list, err := h.answers.Persons(ctx, l.site, l.question, l.page)
	if err != nil {
		return nil, fmt.Errorf("listing persons of a funnel of site %s: %w", l.site, err)
	}
	list.Facts.TouchpointsRead += whole.Facts.TouchpointsRead
	units := l.question.Unit.Kind != funnel.PersonUnit
	return &funnelv1.ListFunnelPersonsResponse{
		Persons:       personMessages(list.Persons, units, groups),
		NextPageToken: nextPersons(l.request, l.asked, list),
		TotalSize:     count(list.Total),
		Facts:         h.facts(l.asked, list.Facts),
	}, nil
}

// read makes a request a question. at is where a list goes on, else the zero place; more reads what
// a request holds beside the question. Errors: Invalid, Unsupported, NotFound (site), Unavailable.
func (h *funnelHandler) read(
	ctx context.Context, m stating, at place, more func(*reader, asked),
) (asked, error) {
	a := asked{began: h.now()}
	a.now = cut(a.began)
	if !at.asked.IsZero() {
		a.now = at.asked
	}
	site, err := parseSite("parent", m.GetParent())
	if err != nil {
		return a, err
	}
	s, err := h.statement(ctx, site, m, at.version)
	if err != nil && len(fault.ViolationsOf(err)) == 0 {
		return a, err
	}
	r := &reader{invalid: fault.ViolationsOf(err)}
	if r.surroundings, err = h.surroundings(ctx, site, s); err != nil {
		return a, err
	}
	r.now = a.now
	a.site, a.version = site, s.version
	if len(r.invalid) == 0 {
		r.asked(s, &a)
	}
	if more != nil {
		more(r, a)
	}
	s.rename(r.invalid)
	s.rename(r.unsupported)
	rpc.NameBreakdowns(ctx, columnNames(a.question.Breakdowns))
	return a, r.err()
}

// asked reads the question that is stated.
func (r *reader) asked(s statement, a *asked) {
	q := r.settle(s)
	if q == nil {
		return
	}
	a.question, a.beside = r.question(q)
	a.hash = hashOf(q)
}

// surroundings asks the store for what the question is read by, and for no more.
func (h *funnelHandler) surroundings(
	ctx context.Context, site journey.SiteID, s statement,
) (known surroundings, err error) {
	found, err := h.sites.Site(ctx, site)
	if err != nil {
		return known, fmt.Errorf("finding site %s: %w", site, err)
	}
	if known.zone, err = zoneOf(found); err != nil {
		return known, fault.Wrap(fault.Internal, err, "the time zone of site %s is not known here",
			site)
	}
	if s.namesMap() {
		known.known, err = h.maps.knownIDs(ctx, site)
	}
	return known, err
}

// namesMap tells whether a step or an exclusion names something of the map, or may do so.
func (s *statement) namesMap() bool {
	if s.inWords() {
		return true
	}
	named := func(step *funnelv1.Step) bool {
		return step.GetStage() != "" || step.GetTouchpoint() != ""
	}
	return slices.ContainsFunc(s.whole.GetSteps(), named) ||
		slices.ContainsFunc(s.whole.GetExclusions(), func(e *funnelv1.Exclusion) bool {
			return named(e.GetTouchpoint())
		})
}
