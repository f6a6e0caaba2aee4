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
	m, err := a.maps.Latest(ctx, site)
	if err != nil {
		return api.Facts{}, fmt.Errorf("reading the map of site %s: %w", site, err)
	}
	facts := api.Facts{MapVersion: versionOf(m)}
	if facts.FreshUntil, err = a.store.FreshUntil(ctx, site); err != nil {
		return api.Facts{}, fmt.Errorf("reading how fresh site %s is: %w", site, err)
	}
	if err := a.directory.refresh(ctx); err != nil {
		return api.Facts{}, fmt.Errorf("bringing the directory up to date: %w", err)
	}
	a.directory.mutex.RLock()
	defer a.directory.mutex.RUnlock()
	people := newPeople(a.directory, m, program)
	if n := program.Needs(); personas || n.Persona || len(n.Traits) > 0 {
		if err := people.read(ctx, site, m, q.AsOf.UnixMilli()); err != nil {
			return api.Facts{}, err
		}
	}
	for _, gather := range a.ways(program) {
		g, err := gather(ctx, site, program)
		if err == nil {
			facts.TouchpointsRead = uint64(g.read)
			k := &kernel{gathered: g, directory: a.directory, people: people, yield: begin()}
			err = k.run(ctx, workers())
		}
		if !errors.Is(err, errUnsure) {
			return facts, err
		}
	}
	return facts, errUnsure // rows are never unsure
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
	return g, a.stream(ctx, program, query, g.add)
}

// gatherPacked reads packed journeys. The labels are read after them, so every code is there.
func (a *Answerer) gatherPacked(
	ctx context.Context, site journey.SiteID, program *funnel.Program,
) (*gathered, error) {
	g := newGathered(program, plan.Layout{ShownOrder: -1})
	err := a.stream(ctx, program, plan.Journeys(site, program.Question()), g.addPacked)
	if err != nil {
		return nil, err
	}
	g.masks, err = a.masks(ctx, site, program)
	return g, err
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
