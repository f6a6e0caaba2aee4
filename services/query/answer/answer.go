// Package answer answers funnel questions from the store: it plans one query, gathers the
// touchpoints that come back by person, and lets package funnel say what they mean. What it gives
// equals funnel.Reference on the same facts; that is tested on random worlds.
package answer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sort"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
	"github.com/waystage/waystage/services/query/plan"
)

// Maps gives the newest map of a site, nil where none is published.
type Maps interface {
	Latest(ctx context.Context, site journey.SiteID) (*journey.Map, error)
}

// Answerer answers questions. It is safe for concurrent use.
type Answerer struct {
	store     *store.Store
	maps      Maps
	directory *directory
	settings  map[string]string
}

// New makes an answerer. maxMemoryBytes bounds what ClickHouse may use for one question, 0 for
// the server's own bound.
func New(st *store.Store, maps Maps, maxMemoryBytes int64) *Answerer {
	settings := map[string]string{}
	if maxMemoryBytes > 0 {
		settings["max_memory_usage"] = fmt.Sprint(maxMemoryBytes)
	}
	return &Answerer{store: st, maps: maps, directory: newDirectory(st), settings: settings}
}

var _ api.Answers = (*Answerer)(nil)

// Funnel gives the numbers of a question. Errors: Invalid, TooLarge, Exhausted, Expired,
// Unavailable.
func (a *Answerer) Funnel(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (api.Funnel, error) {
	var tallies []*funnel.Tally
	facts, err := a.each(ctx, site, q, q.ByPersona, func() yield {
		tallies = make([]*funnel.Tally, workers())
		for i := range tallies {
			tallies[i] = funnel.NewTally(q)
		}
		return func(worker int, r funnel.PersonResult) {
			tallies[worker].Add(r.Attempt, funnel.OfPersona(r.Persona))
		}
	})
	if err != nil {
		return api.Funnel{}, err
	}
	for _, t := range tallies[1:] {
		tallies[0].Merge(t)
	}
	return api.Funnel{Answer: tallies[0].Answer(), Facts: facts}, nil
}

// Persons gives a page of the persons behind a number. Errors as of Funnel.
func (a *Answerer) Persons(
	ctx context.Context, site journey.SiteID, q funnel.Question, page api.Page,
) (api.Persons, error) {
	var found [][]funnel.PersonResult
	facts, err := a.each(ctx, site, q, true, func() yield {
		found = make([][]funnel.PersonResult, workers())
		return func(worker int, r funnel.PersonResult) {
			if page.Holds(r.Attempt, funnel.OfPersona(r.Persona)) {
				r.Attempt.Times = slices.Clone(r.Attempt.Times)
				found[worker] = append(found[worker], r)
			}
		}
	})
	if err != nil {
		return api.Persons{}, err
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, func(a, b funnel.PersonResult) int {
		return cmp.Compare(a.Person, b.Person)
	})
	from := 0
	if page.After != 0 {
		from = sort.Search(len(all), func(i int) bool { return all[i].Person > page.After })
	}
	to := min(from+page.Limit, len(all))
	persons, err := a.persons(ctx, site, all[from:to])
	if err != nil {
		return api.Persons{}, err
	}
	return api.Persons{Persons: persons, Total: len(all), More: to < len(all), Facts: facts}, nil
}

// yield takes the result of a person. It is called by several workers at once; worker is less
// than workers(). The attempt holds until it returns.
type yield func(worker int, r funnel.PersonResult)

func workers() int { return runtime.GOMAXPROCS(0) }

// each evaluates every person and yields those who entered. personas asks for the personas of the
// results. begin may be called twice: what was yielded before the second time does not count.
func (a *Answerer) each(
	ctx context.Context, site journey.SiteID, q funnel.Question, personas bool,
	begin func() yield,
) (api.Facts, error) {
	program, err := funnel.Compile(q)
	if err != nil {
		return api.Facts{}, fault.Wrap(fault.Invalid, err, "the question cannot be answered")
	}
	ways := a.ways(program)
	var g *gathered
	var known surroundings
	// What is known of persons is read while the touchpoints come.
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		g, err = ways[0](both, site, program)
		return ignoreUnsure(err)
	})
	group.Go(func() (err error) {
		known, err = a.surroundings(both, site, program, personas)
		return err
	})
	if err := group.Wait(); err != nil {
		return api.Facts{}, err //nolint:wrapcheck // wrapped where they were made
	}
	a.directory.mutex.RLock()
	defer a.directory.mutex.RUnlock()
	if known.generation != a.directory.generation {
		// Another question has brought the directory up to date meanwhile.
		if err := a.meet(ctx, site, program, personas, &known); err != nil {
			return api.Facts{}, err
		}
	}
	if g != nil {
		err := a.evaluate(ctx, g, &known, begin())
		if !errors.Is(err, errUnsure) {
			return known.facts, err
		}
	}
	if g, err = ways[len(ways)-1](ctx, site, program); err != nil {
		return api.Facts{}, err
	}
	return known.facts, a.evaluate(ctx, g, &known, begin())
}

func ignoreUnsure(err error) error {
	if errors.Is(err, errUnsure) {
		return nil
	}
	return err
}

// surroundings are what a question is answered by besides touchpoints.
type surroundings struct {
	facts api.Facts
	// newest is the newest map, nil if there is none.
	newest *journey.Map
	people *people
	// generation is that of the directory that people rests on.
	generation uint64
}

func (a *Answerer) surroundings(
	ctx context.Context, site journey.SiteID, program *funnel.Program, personas bool,
) (surroundings, error) {
	var m *journey.Map
	var fresh time.Time
	group, all := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		m, err = a.maps.Latest(all, site)
		return err
	})
	group.Go(func() (err error) {
		fresh, err = a.store.FreshUntil(all, site)
		return err
	})
	group.Go(func() error { return a.directory.refresh(all) })
	if err := group.Wait(); err != nil {
		return surroundings{}, fmt.Errorf("reading what is known of site %s: %w", site, err)
	}
	known := surroundings{
		facts: api.Facts{MapVersion: versionOf(m), FreshUntil: fresh}, newest: m,
	}
	a.directory.mutex.RLock()
	defer a.directory.mutex.RUnlock()
	return known, a.meet(ctx, site, program, personas, &known)
}

// meet gets to know the persons, as far as the question needs them. The directory is locked.
func (a *Answerer) meet(
	ctx context.Context, site journey.SiteID, program *funnel.Program, personas bool,
	known *surroundings,
) error {
	known.generation = a.directory.generation
	known.people = newPeople(a.directory, known.newest, program)
	if n := program.Needs(); !personas && !n.Persona && len(n.Traits) == 0 {
		return nil
	}
	return known.people.read(ctx, site, known.newest, program.Question().AsOf.UnixMilli())
}

// evaluate evaluates what was gathered.
func (a *Answerer) evaluate(
	ctx context.Context, g *gathered, known *surroundings, result yield,
) error {
	known.facts.TouchpointsRead = uint64(g.read)
	k := &kernel{gathered: g, directory: a.directory, people: known.people, yield: result}
	return k.run(ctx, workers())
}

// way is a way to the touchpoints of a question.
type way func(context.Context, journey.SiteID, *funnel.Program) (*gathered, error)

// ways are those that may answer a question, the fastest first.
func (a *Answerer) ways(p *funnel.Program) []way {
	if p.Plain() && !p.Overlaps() {
		return []way{a.gatherPacked, a.gatherRows}
	}
	return []way{a.gatherRows}
}

// gatherRows reads rows of touchpoints.
func (a *Answerer) gatherRows(
	ctx context.Context, site journey.SiteID, program *funnel.Program,
) (*gathered, error) {
	query, layout := plan.Touchpoints(site, program.Question(), needsOf(program))
	g := newGathered(program, layout)
	if err := a.stream(ctx, program, query, g.add); err != nil {
		return nil, err
	}
	return g, nil
}

// gatherPacked reads packed journeys, and beside them the labels: a label that comes meanwhile is
// not known, and rows are asked instead.
func (a *Answerer) gatherPacked(
	ctx context.Context, site journey.SiteID, program *funnel.Program,
) (*gathered, error) {
	g := newGathered(program, plan.Layout{ShownOrder: -1})
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error {
		return a.stream(both, program, plan.Journeys(site, program.Question()), g.addPacked)
	})
	var known masks
	group.Go(func() (err error) {
		known, err = a.masks(both, site, program)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err //nolint:wrapcheck // wrapped where they were made
	}
	g.masks = known
	return g, nil
}

func (a *Answerer) stream(
	ctx context.Context, program *funnel.Program, query plan.Query,
	add func(*store.Block) error,
) error {
	if first, last := plan.Bounds(program.Question()); last < first {
		return nil
	}
	columns := make([]store.Column, len(query.Columns))
	for i, c := range query.Columns {
		columns[i] = store.Column{Name: c.Name, Type: columnTypes[c.Type]}
	}
	err := a.store.Stream(ctx, store.Query{
		SQL: query.SQL, Params: query.Params, Settings: a.settings, Columns: columns,
	}, add)
	if err != nil {
		return fmt.Errorf("reading touchpoints: %w", err)
	}
	return nil
}

var columnTypes = map[plan.Type]store.ColumnType{
	plan.UInt64: store.UInt64, plan.Int64: store.Int64,
	plan.UInt32: store.UInt32, plan.String: store.String, plan.UInt64s: store.UInt64s,
}

func needsOf(p *funnel.Program) plan.Needs {
	needs := plan.Needs{ShownOrder: p.Overlaps()}
	if p.Plain() {
		return needs
	}
	n := p.Needs()
	needs.Properties, needs.Channel, needs.Event = n.Properties, n.Channel, n.Event
	needs.Stage, needs.Touchpoint = n.Stage, n.Touchpoint
	needs.Device, needs.Browser, needs.OS, needs.Traffic = n.Device, n.Browser, n.OS, n.Traffic
	return needs
}

// maxVisitors is how many visitor ids of a person are named.
const maxVisitors = 100

// persons names persons.
func (a *Answerer) persons(
	ctx context.Context, site journey.SiteID, results []funnel.PersonResult,
) ([]api.Person, error) {
	ids := make([]journey.PersonID, len(results))
	for i, r := range results {
		ids[i] = r.Person
	}
	identities := a.directory.identitiesOf(ids)
	names, err := a.store.Names(ctx, site, slices.Concat(slices.Collect(maps.Values(identities))...))
	if err != nil {
		return nil, fmt.Errorf("naming %d persons: %w", len(ids), err)
	}
	persons := make([]api.Person, len(results))
	for i, r := range results {
		p := api.Person{ID: r.Person, Persona: r.Persona, Outcome: r.Attempt.Outcome()}
		for _, id := range identities[r.Person] {
			n := names[id]
			if n.User != "" {
				p.Users = append(p.Users, n.User)
			} else if n.Visitor != "" {
				p.Visitors = append(p.Visitors, n.Visitor)
			}
		}
		slices.Sort(p.Users)
		slices.Sort(p.Visitors)
		p.Visitors = p.Visitors[:min(len(p.Visitors), maxVisitors)]
		for _, at := range r.Attempt.Times {
			p.StepTimes = append(p.StepTimes, time.UnixMilli(at).UTC())
		}
		persons[i] = p
	}
	return persons, nil
}
