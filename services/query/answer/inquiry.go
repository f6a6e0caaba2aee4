package answer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
	"github.com/waystage/waystage/services/query/plan"
)

// inquiry is a question on its way to an answer.
type inquiry struct {
	*Answerer

	site    journey.SiteID
	program *funnel.Program
	// personas asks for the personas of results.
	personas bool
	// newest is the newest map as far as is known, nil if there is none, and repeats its rules; nil
	// where they make no difference.
	newest  *journey.Map
	repeats *repeats
	// untied is how many persons' touchpoints of one instant were put in order.
	untied int
	// explaining is the unit that alone is asked about; nil where all are.
	explaining *explaining
	// outlook is that of the tables when it was asked, again a newer one of the packed journeys and
	// labels, if there is one.
	outlook, again *outlook
}

// each evaluates every unit and yields those who entered. begin may be called several times: what
// was yielded before the last time does not count.
func (a *Answerer) each(
	ctx context.Context, site journey.SiteID, q funnel.Question, personas bool,
	begin func(*people) yield,
) (api.Facts, error) {
	program, err := funnel.Compile(q)
	if err != nil {
		return api.Facts{}, fault.Wrap(fault.Invalid, err, "the question cannot be answered")
	}
	in := &inquiry{Answerer: a, site: site, program: program, personas: personas}
	m, err := a.lately(ctx, site)
	if err != nil {
		return api.Facts{}, err
	}
	in.suppose(m)
	return in.answer(ctx, begin)
}

// suppose takes a map for the newest.
func (in *inquiry) suppose(m *journey.Map) {
	in.newest, in.repeats = m, repeatsOf(m, in.program)
	if in.explaining == nil && !in.repeats.matter(in.program) {
		in.repeats = nil
	}
}

func (in *inquiry) answer(
	ctx context.Context, begin func(*people) yield,
) (_ api.Facts, err error) {
	if in.outlook, err = in.look(ctx); err != nil {
		return api.Facts{}, err
	}
	ways := in.ways()
	var g *gathered
	var failed error
	var known *surroundings
	// What is known of persons is read while the touchpoints come.
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if g, err = in.gather(both, ways[0]); errors.Is(err, errUnsure) {
			failed, err = err, nil
		}
		return err
	})
	group.Go(func() (err error) {
		known, err = in.surroundings(both)
		return err
	})
	if err := group.Wait(); err != nil {
		return api.Facts{}, err //nolint:wrapcheck // wrapped where they were made
	}
	if known.newest != in.newest {
		// Published meanwhile: rows are read by the map's rules.
		in.suppose(known.newest)
		ways, g, failed = in.ways(), nil, nil
	}
	in.directory.mutex.RLock()
	defer in.directory.mutex.RUnlock()
	if err := in.meet(ctx, known); err != nil {
		return api.Facts{}, err
	}
	err = failed
	if err == nil {
		err = in.tryWay(ctx, ways[0], g, known, begin)
	}
	return in.tryWays(ctx, ways, err, known, begin)
}

// tryWays goes one way after the other until one is sure. err is what became of the first.
func (in *inquiry) tryWays(
	ctx context.Context, ways []way, err error, known *surroundings, begin func(*people) yield,
) (api.Facts, error) {
	var why hurdles
	for errors.Is(err, errUnsure) && len(ways) > 1 {
		why.add(err)
		ways = ways[1:]
		err = in.tryWay(ctx, ways[0], nil, known, begin)
	}
	if err != nil {
		return api.Facts{}, err
	}
	known.facts.Way = in.describe(ways[0], why)
	return known.facts, nil
}

// tryWay gathers, where g is nil, and evaluates: again where a part was merged away between.
func (in *inquiry) tryWay(
	ctx context.Context, w way, g *gathered, known *surroundings, begin func(*people) yield,
) (err error) {
	for range tries {
		if g == nil {
			if g, err = in.gather(ctx, w); err != nil {
				return err
			}
		}
		err = in.evaluate(ctx, g, known, begin(known.people))
		if !errors.Is(err, errPartGone) {
			return err
		}
		if err := in.lookAgain(ctx); err != nil {
			return err
		}
		g = nil
	}
	return errUnsure
}

// partTime is an instant in which the threads of this process part: what has just come over the
// network may have woken all of them on one processor, where a second worker would wait for the
// kernel's next tick, 4 ms, to be moved to a free one (an exchange over loopback and two workers of
// 5 ms took 6.9 ms, and with this pause 5.0).
const partTime = 20 * time.Microsecond

// evaluate evaluates what was gathered. The directory is locked.
func (in *inquiry) evaluate(
	ctx context.Context, g *gathered, known *surroundings, result yield,
) error {
	known.facts.TouchpointsRead = uint64(g.read)
	time.Sleep(partTime)
	if g.labels != nil {
		var err error
		if g.masks, err = masksOf(g.labels, in.program, in.repeats); err != nil {
			return err
		}
	}
	k := &kernel{
		gathered: g, directory: in.directory, people: known.people,
		variants: known.variants, newest: known.newest, yield: result, explaining: in.explaining,
	}
	if g.harvest != nil || g.stock != nil {
		defer g.harvest.free()
		if in.program.Followed() {
			k.trails = funnel.NewTrailTable(k.newest, g.stock.views)
		}
		left, err := k.glean(ctx, workers())
		if err != nil {
			return err
		}
		return in.untie(ctx, k, left)
	}
	if in.program.Question().Unit.Kind != funnel.PersonUnit {
		k.units = newInterner()
	}
	return k.run(ctx, workers())
}

func (in *inquiry) gather(ctx context.Context, w way) (*gathered, error) {
	switch {
	case w.fast:
		return in.gatherMarks(ctx)
	case w.kept:
		return in.gatherCourses(ctx)
	case w.packed:
		return in.gatherPacked(ctx)
	}
	return in.gatherRows(ctx, w.order)
}

// gatherRows reads rows of touchpoints.
func (in *inquiry) gatherRows(ctx context.Context, order plan.Order) (*gathered, error) {
	return in.gatherNeeded(ctx, in.needs(order))
}

// gatherNeeded reads rows of touchpoints with what is needed of them.
func (in *inquiry) gatherNeeded(ctx context.Context, needs plan.Needs) (*gathered, error) {
	query, layout := plan.Touchpoints(in.site, in.program.Question(), needs)
	g := &gathered{program: in.program, repeats: in.repeats, order: needs.Order, layout: layout}
	if !in.program.Plain() || in.explaining != nil {
		g.views = newViews(in.program, in.repeats, needs.Values)
	}
	if err := in.streamSeen(ctx, query, g.add); err != nil {
		return nil, err
	}
	return g, nil
}

func (in *inquiry) needs(order plan.Order) plan.Needs {
	needs := plan.Needs{Order: order, Scope: in.program.Scope()}
	if !in.program.Plain() {
		needs.Values = plan.ValuesOf(in.program.Needs())
	}
	in.explaining.widen(&needs)
	if in.repeats == nil {
		return needs
	}
	for _, b := range in.repeats.bases {
		needs.Bases = append(needs.Bases, plan.Base{
			Touchpoint: b.touchpoint, Counted: order != plan.NoOrder || b.steps != 0,
		})
	}
	return needs
}

// gatherPacked reads packed journeys, and beside them the labels: a label that comes meanwhile is
// not known, and rows are asked instead.
func (in *inquiry) gatherPacked(ctx context.Context) (*gathered, error) {
	g := &gathered{program: in.program, repeats: in.repeats}
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error {
		return in.streamSeen(both, plan.Journeys(in.site, in.program.Question()), g.addPacked)
	})
	var labels []store.Label
	group.Go(func() (err error) {
		if labels, err = in.store.Labels(both, in.site, store.MaxLabels+1); err != nil {
			return fmt.Errorf("reading the labels of site %s: %w", in.site, err)
		}
		if len(labels) > store.MaxLabels {
			return errUnsure
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return nil, err //nolint:wrapcheck // wrapped where they were made
	}
	g.labels = append(make([]store.Label, 0, 1), labels...)
	return g, nil
}

// streamSeen reads touchpoints, none where the question sees no instant.
func (in *inquiry) streamSeen(
	ctx context.Context, query plan.Query, add func(*store.Block) error,
) error {
	if first, last := plan.Bounds(in.program.Question()); last < first {
		return nil
	}
	return in.stream(ctx, query, add)
}

func (a *Answerer) stream(
	ctx context.Context, query plan.Query, add func(*store.Block) error,
) error {
	if err := a.store.Stream(ctx, storeQuery(query, a.settings), add); err != nil {
		return fmt.Errorf("reading touchpoints: %w", err)
	}
	return nil
}

func storeQuery(query plan.Query, settings map[string]string) store.Query {
	columns := make([]store.Column, len(query.Columns))
	for i, c := range query.Columns {
		columns[i] = store.Column{Name: c.Name, Type: columnTypes[c.Type]}
	}
	return store.Query{
		SQL: query.SQL, Params: query.Params, Settings: settings, Columns: columns,
	}
}

var columnTypes = map[plan.Type]store.ColumnType{
	plan.UInt64: store.UInt64, plan.Int64: store.Int64,
	plan.UInt32: store.UInt32, plan.String: store.String, plan.UInt64s: store.UInt64s,
	plan.Words: store.Words,
}
