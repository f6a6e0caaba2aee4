package admission

import (
	"context"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// Costs estimates questions.
type Costs interface {
	// Rows is about how many touchpoints a question looks at. Errors: Unavailable.
	Rows(ctx context.Context, site journey.SiteID, q funnel.Question) (uint64, error)
}

// Answers lets questions in before others answer them. costs may be nil: all cost the same then.
func (g *Gate) Answers(answers api.Answers, costs Costs) api.Answers {
	return &gated{answers, g, costs}
}

// gated waits for a turn before everything it asks.
type gated struct {
	api.Answers

	gate  *Gate
	costs Costs
}

// Funnel gives the numbers of a question.
func (a *gated) Funnel(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (api.Funnel, error) {
	leave, err := a.enter(ctx, site, q)
	if err != nil {
		return api.Funnel{}, err
	}
	defer leave()
	return a.Answers.Funnel(ctx, site, q) //nolint:wrapcheck // nothing to add
}

// FunnelAs gives the numbers of a question with the groups of another answer.
func (a *gated) FunnelAs(
	ctx context.Context, site journey.SiteID, q funnel.Question, groups []funnel.Group,
) (api.Funnel, error) {
	leave, err := a.enter(ctx, site, q)
	if err != nil {
		return api.Funnel{}, err
	}
	defer leave()
	return a.Answers.FunnelAs(ctx, site, q, groups) //nolint:wrapcheck // nothing to add
}

// Persons gives a page of the persons behind a number.
func (a *gated) Persons(
	ctx context.Context, site journey.SiteID, q funnel.Question, page api.Page,
) (api.Persons, error) {
	leave, err := a.enter(ctx, site, q)
	if err != nil {
		return api.Persons{}, err
	}
	defer leave()
	return a.Answers.Persons(ctx, site, q, page) //nolint:wrapcheck // nothing to add
}

// enter waits for a turn. A question that cannot be estimated counts as a light one.
func (a *gated) enter(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (leave func(), err error) {
	var rows uint64
	if a.costs != nil {
		if rows, err = a.costs.Rows(ctx, site, q); err != nil {
			rows = 0
		}
	}
	return a.gate.Enter(ctx, callerOf(ctx, site), rows)
}

// People lets questions about single persons in before others answer them: as light ones.
func (g *Gate) People(people api.People) api.People { return &gatedPeople{people, g} }

type gatedPeople struct {
	api.People

	gate *Gate
}

// Person gives what is known of a person.
func (p *gatedPeople) Person(
	ctx context.Context, site journey.SiteID, who api.Who, asOf time.Time,
) (api.PersonAsOf, error) {
	leave, err := p.gate.Enter(ctx, callerOf(ctx, site), 0)
	if err != nil {
		return api.PersonAsOf{}, err
	}
	defer leave()
	return p.People.Person(ctx, site, who, asOf) //nolint:wrapcheck // nothing to add
}

// callerOf names a caller: the token, and for the operator's the site.
func callerOf(ctx context.Context, site journey.SiteID) string {
	return string(site) + "/" + string(rpc.CallerOf(ctx).Key.ID)
}

// Explainer lets questions about single units in before others explain them: as light ones.
func (g *Gate) Explainer(explainer api.Explainer) api.Explainer {
	return &gatedExplainer{explainer, g}
}

type gatedExplainer struct {
	api.Explainer

	gate *Gate
}

// Explain gives every attempt of a unit.
func (e *gatedExplainer) Explain(
	ctx context.Context, site journey.SiteID, q funnel.Question, of api.UnitName,
) (api.Explained, error) {
	leave, err := e.gate.Enter(ctx, callerOf(ctx, site), 0)
	if err != nil {
		return api.Explained{}, err
	}
	defer leave()
	return e.Explainer.Explain(ctx, site, q, of) //nolint:wrapcheck // nothing to add
}
