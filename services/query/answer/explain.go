package answer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
	"github.com/waystage/waystage/services/query/plan"
)

var _ api.Explainer = (*Answerer)(nil)

// MaxExplained is how many touchpoints of one unit are explained.
const MaxExplained = 100_000

// explaining is the explanation of one unit on its way.
type explaining struct {
	only plan.Only
	out  api.Explained
}

// widen asks for what an explanation shows beside what the question looks at. A nil one asks for
// nothing.
func (e *explaining) widen(needs *plan.Needs) {
	if e == nil {
		return
	}
	needs.Scope.Everything, needs.Only = true, &e.only
	for _, source := range []plan.Source{plan.Event, plan.Stage, plan.Touchpoint, plan.Channel} {
		if v := (plan.Value{Source: source}); !slices.Contains(needs.Values, v) {
			needs.Values = append(needs.Values, v)
		}
	}
}

// Explain gives every attempt of a unit. Of a person only the person's own rows are read; of
// another unit the rows that may be its, by the same ways as those of an answer. Errors: as of
// api.Explainer.
func (a *Answerer) Explain(
	ctx context.Context, site journey.SiteID, q funnel.Question, of api.UnitName,
) (api.Explained, error) {
	q.Breakdowns, q.TimeToConvert, q.Departures, q.Reasons = nil, nil, false, nil
	program, err := funnel.Compile(q)
	if err != nil {
		return api.Explained{}, fault.Wrap(fault.Invalid, err, "the question cannot be answered")
	}
	m, err := a.latest(ctx, site)
	if err != nil {
		return api.Explained{}, err
	}
	in := &inquiry{
		Answerer: a, site: site, program: program,
		explaining: &explaining{only: plan.Only{Unit: of.Unit}},
	}
	in.explaining.out.Reason = funnel.WhyNone
	in.suppose(m)
	if q.Unit.Kind == funnel.PersonUnit {
		err = in.explainPerson(ctx, of.Who)
	} else {
		err = in.explainUnit(ctx)
	}
	return in.explaining.out, err
}

// explain explains the unit whose course is at hand, if it is the one that is asked about.
func (w *worker) explain(r result) {
	e := w.explaining
	if e.only.Unit != r.unit {
		return
	}
	if len(w.touches) > MaxExplained {
		w.err = fault.New(fault.TooLarge, "%s has more than %d touchpoints that the question sees; "+
			"ask about a shorter range", name(r), MaxExplained)
		return
	}
	explanation, err := w.counter.Explain(&w.course)
	if errors.Is(err, funnel.ErrTooBig) {
		err = fault.Wrap(fault.TooLarge, err, "%s has too many touchpoints to be explained; ask "+
			"about a shorter range", name(r))
	}
	if err != nil {
		w.err = err
		return
	}
	e.out.Explanation = explanation
	for i := range w.sights {
		if s := &w.sights[i]; !s.bare {
			e.out.Touchpoints = append(e.out.Touchpoints, w.shown(s))
		}
	}
}

// shown is a touchpoint as it is explained.
func (w *worker) shown(s *sight) api.SeenTouchpoint {
	b, view := &w.blocks[s.place.block], w.viewAt(s.view)
	return api.SeenTouchpoint{
		At: time.UnixMilli(s.at).UTC(), Event: view.Event,
		Message: journey.MessageID(b.messages.Bytes(w.layout.Message, int(s.place.row))),
		Attribution: journey.Attribution{
			Touchpoint: view.Touchpoint, Stage: view.Stage, Channel: view.Channel,
		},
		Steps: s.steps, Exclusions: s.exclusions,
	}
}
