package answer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
	"github.com/waystage/waystage/services/query/plan"
)

// Counting inside ClickHouse is exact if, besides what plan.InsideClaims asks,
//
//   - no touchpoint that the question tells apart may be a repeat of another;
//   - packed journeys say all (see packed.go), and every code that a touchpoint may have was known
//     when the query was made: a label is there before the first touchpoint that has it, so the
//     labels that are there after the query are those of all that it saw;
//   - the personas of all who entered are settled by profiles, where they are asked.
//
// What of it is not known before is found on the way; touchpoints are streamed then. The directory
// is not needed: what comes back are numbers, and the times of those who filled the second step.

// doubt is an errUnsure that says why.
type doubt string

func (d doubt) Error() string { return string(d) }

func (d doubt) Is(target error) bool { return target == errUnsure }

const (
	doubtRepeats  doubt = "touchpoints may be repeats of others"
	doubtLabels   doubt = "labels are too many, share a code, or came meanwhile"
	doubtRemoved  doubt = "touchpoints were removed"
	doubtPersonas doubt = "profiles do not settle all personas"
)

// Go says how questions are to be answered; without it plan.Auto holds. It comes before the
// first question. spread takes the place of what the store says; nil leaves that to the store.
func (a *Answerer) Go(way plan.Way, spread *plan.Spread) *Answerer {
	a.way, a.spread = way, spread
	return a
}

// insider is a question on its way to an answer from inside ClickHouse.
type insider struct {
	*Answerer

	site    journey.SiteID
	program *funnel.Program
	spread  plan.Spread
	newest  *journey.Map
	fresh   time.Time
	// steps are those of codes, nil where rows are read.
	steps    map[journey.LabelCode]int
	personas *plan.Personas
	tally    *funnel.Tally
	read     uint64
}

// decide says which way a question goes, and why.
func (a *Answerer) decide(
	ctx context.Context, q funnel.Question,
) (in *insider, way plan.Way, why string, err error) {
	program, err := funnel.Compile(q)
	if err != nil {
		return nil, 0, "", fault.Wrap(fault.Invalid, err, "the question cannot be answered")
	}
	spread, unfit, err := a.spreadOf(ctx)
	if err != nil {
		return nil, 0, "", err
	}
	claim := plan.InsideClaims(program)
	if unfit != "" {
		claim = plan.NotInside(unfit)
	}
	way, why = plan.Choose(a.way, spread.Shards() || unfit != "", claim)
	return &insider{Answerer: a, program: program, spread: spread}, way, why, nil
}

// spreadOf says how tables are spread, once it could be read the same until the end; or why their
// shards cannot count.
func (a *Answerer) spreadOf(ctx context.Context) (plan.Spread, string, error) {
	a.mutex.Lock()
	known, unfit := a.spread, a.unfit
	a.mutex.Unlock()
	if known != nil {
		return *known, unfit, nil
	}
	s, err := a.store.Spread(ctx)
	if err != nil {
		return plan.Spread{}, "", fmt.Errorf("reading how tables are spread: %w", err)
	}
	var spread plan.Spread
	if s.Cluster != "" {
		spread = plan.Spread{
			Over: "cluster", Name: s.Cluster,
			Journeys: s.Journeys, Touchpoints: s.Touchpoints, Profiles: s.Profiles,
		}
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.spread, a.unfit = &spread, s.Unfit
	return spread, s.Unfit, nil
}

// inside counts inside ClickHouse if that is how the question goes. Errors: errUnsure, with the
// reason in Facts.Way, where touchpoints are to be streamed.
func (a *Answerer) inside(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (*funnel.Tally, api.Facts, error) {
	in, way, why, err := a.decide(ctx, q)
	if err != nil {
		return nil, api.Facts{}, err
	}
	if way == plan.Streamed {
		return nil, api.Facts{Way: why}, errUnsure
	}
	in.site, in.tally = site, funnel.NewTally(q)
	if err := in.count(ctx); err != nil {
		var d doubt
		errors.As(err, &d)
		return nil, api.Facts{Way: "counting inside ClickHouse is not sure: " + string(d)}, err
	}
	facts := api.Facts{
		FreshUntil: in.fresh, MapVersion: versionOf(in.newest), TouchpointsRead: in.read,
		Way: "inside ClickHouse: " + why,
	}
	return in.tally, facts, nil
}

func (in *insider) count(ctx context.Context) error {
	if err := in.surroundings(ctx); err != nil {
		return err
	}
	var query plan.Query
	q := in.program.Question()
	packed := in.program.Plain()
	if !packed {
		query = plan.CountTouchpoints(in.site, q, in.spread, in.personas)
	} else {
		var err error
		if in.steps, err = in.codes(ctx); err != nil {
			return err
		}
		query = plan.CountJourneys(in.site, q, in.spread, in.personas, in.steps)
	}
	if first, last := plan.Bounds(q); last < first {
		return nil
	}
	if err := in.stream(ctx, query, in.add); err != nil {
		return err
	}
	if !packed {
		return nil
	}
	now, err := in.codes(ctx)
	if err == nil && !maps.Equal(now, in.steps) {
		return doubtLabels
	}
	return err
}

// surroundings reads what the question is answered by besides touchpoints.
func (in *insider) surroundings(ctx context.Context) error {
	group, all := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		in.newest, err = in.latest(all, in.site)
		return err
	})
	group.Go(func() (err error) {
		in.fresh, err = in.store.FreshUntil(all, in.site)
		return err
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("reading what is known of site %s: %w", in.site, err)
	}
	if !in.program.Plain() && repeatsOf(in.newest, in.program).matter(in.program) {
		return doubtRepeats
	}
	if len(in.program.Question().Breakdowns) == 0 {
		return nil
	}
	return in.settle(ctx)
}

// settle finds whether profiles settle personas, but for those that the query finds to be stale.
func (in *insider) settle(ctx context.Context) error {
	needs := wanted{persona: true}.of(in.newest)
	if needs.AsOf {
		return doubtPersonas
	}
	if needs.Any() {
		current, err := in.store.PersonasCurrent(ctx, in.site)
		if err != nil {
			return fmt.Errorf("asking whether profiles follow the newest map: %w", err)
		}
		if current != versionOf(in.newest) {
			return doubtPersonas
		}
	}
	nobody := journey.Unassigned
	if in.newest != nil {
		nobody = in.newest.PersonaOf(&journey.Past{AsOf: in.program.Question().AsOf.UnixMilli()})
	}
	in.personas = &plan.Personas{Nobody: nobody, Version: versionOf(in.newest)}
	return nil
}

// codes are the steps, from 0, of the codes of labels that fill one.
func (in *insider) codes(ctx context.Context) (map[journey.LabelCode]int, error) {
	labels, err := in.store.Labels(ctx, in.site, store.MaxLabels+1)
	if err != nil {
		return nil, fmt.Errorf("reading the labels of site %s: %w", in.site, err)
	}
	if len(labels) > store.MaxLabels {
		return nil, doubtLabels
	}
	repeats := repeatsOf(in.newest, in.program)
	if !repeats.matter(in.program) {
		repeats = nil
	}
	return stepsOf(labels, in.program, repeats)
}
