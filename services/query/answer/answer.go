// Package answer answers funnel questions from the store: it plans one query, gathers the
// touchpoints that come back by unit, and lets package funnel say what they mean. What it gives
// equals funnel.Reference on the same facts; that is tested on random worlds.
package answer

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
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

	mutex sync.Mutex
	// newest are the newest maps as they were last read.
	newest map[journey.SiteID]*journey.Map
}

// New makes an answerer. maxMemoryBytes bounds what ClickHouse may use for one question, 0 for
// the server's own bound.
func New(st *store.Store, maps Maps, maxMemoryBytes int64) *Answerer {
	settings := map[string]string{}
	if maxMemoryBytes > 0 {
		settings["max_memory_usage"] = fmt.Sprint(maxMemoryBytes)
	}
	return &Answerer{
		store: st, maps: maps, directory: newDirectory(st), settings: settings,
		newest: make(map[journey.SiteID]*journey.Map),
	}
}

var _ api.Answers = (*Answerer)(nil)

// Funnel gives the numbers of a question. Errors: Invalid, TooLarge, Exhausted, Expired,
// Unavailable.
func (a *Answerer) Funnel(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (api.Funnel, error) {
	tally, facts, err := a.tally(ctx, site, q)
	if err != nil {
		return api.Funnel{}, err
	}
	return api.Funnel{Answer: tally.Answer(), Facts: facts}, nil
}

// FunnelAs gives the numbers of a question with the groups of another answer, in their order, and
// all others as one. Errors as of Funnel.
func (a *Answerer) FunnelAs(
	ctx context.Context, site journey.SiteID, q funnel.Question, groups []funnel.Group,
) (api.Funnel, error) {
	tally, facts, err := a.tally(ctx, site, q)
	if err != nil {
		return api.Funnel{}, err
	}
	return api.Funnel{Answer: tally.AnswerAs(groups), Facts: facts}, nil
}

// tally adds up all units.
func (a *Answerer) tally(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (*funnel.Tally, api.Facts, error) {
	var tallies []*funnel.Tally
	facts, err := a.each(ctx, site, q, false, func(*people) yield {
		tallies = make([]*funnel.Tally, workers())
		for i := range tallies {
			tallies[i] = funnel.NewTally(q)
		}
		return func(worker int, r result) error {
			tallies[worker].Add(r.counted)
			return boundGroups(tallies[worker])
		}
	})
	if err != nil {
		return nil, facts, err
	}
	for _, t := range tallies[1:] {
		tallies[0].Merge(t)
	}
	return tallies[0], facts, boundGroups(tallies[0])
}

func boundGroups(t *funnel.Tally) error {
	if t.Groups() <= funnel.MaxGroups {
		return nil
	}
	return fault.New(fault.TooLarge, "the question splits into more than %d groups; "+
		"split by something with fewer values, or ask about a shorter range", funnel.MaxGroups)
}

// Persons gives a page of the units behind a number. Errors as of Funnel.
func (a *Answerer) Persons(
	ctx context.Context, site journey.SiteID, q funnel.Question, page api.Page,
) (api.Persons, error) {
	var found [][]listed
	facts, err := a.each(ctx, site, q, true, func(pe *people) yield {
		found = make([][]listed, workers())
		return func(worker int, r result) error {
			for i, attempt := range q.Find(page.Selection, r.counted, nil) {
				attempt.Times = slices.Clone(attempt.Times)
				l := listed{person: r.person, unit: r.unit, number: i, attempt: attempt}
				if r.person != 0 {
					l.persona = pe.view(r.person).Persona
				}
				found[worker] = append(found[worker], l)
			}
			return nil
		}
	})
	if err != nil {
		return api.Persons{}, err
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, compareListed)
	from := begin(all, q.Unit, page)
	to := min(from+page.Limit, len(all))
	persons, err := a.persons(ctx, site, all[from:to])
	if err != nil {
		return api.Persons{}, err
	}
	return api.Persons{Persons: persons, Total: len(all), More: to < len(all), Facts: facts}, nil
}

func workers() int { return runtime.GOMAXPROCS(0) }
