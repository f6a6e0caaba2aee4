// Package answer answers funnel questions from the store: it plans one query, gathers the
// touchpoints that come back by unit, and lets package funnel say what they mean. What it gives
// equals funnel.Reference on the same facts; that is tested on random worlds.
package answer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

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
	resident  *resident
	memory    memory
	settings  map[string]string
	// way is how questions are to be answered; spread how tables are spread, nil where that was not
	// read yet, and unfit why their shards cannot count.
	way    plan.Way
	spread *plan.Spread
	unfit  string

	mutex sync.Mutex
	// newest are the newest maps as they were last read.
	newest map[journey.SiteID]*journey.Map
}

// DefaultJourneyBytes is about how much memory the packed journeys may take that an Answerer keeps.
const DefaultJourneyBytes = 1 << 30

// New makes an answerer. maxMemoryBytes bounds what ClickHouse may use for one question, 0 for
// the server's own bound.
func New(st *store.Store, maps Maps, maxMemoryBytes int64) *Answerer {
	settings := map[string]string{}
	if maxMemoryBytes > 0 {
		settings["max_memory_usage"] = fmt.Sprint(maxMemoryBytes)
	}
	return &Answerer{
		store: st, maps: maps, directory: newDirectory(st), settings: settings,
		resident: newResident(st, settings, DefaultJourneyBytes),
		newest:   make(map[journey.SiteID]*journey.Map),
	}
}

// KeepJourneys sets about how much memory the packed journeys may take that are kept between
// questions, in bytes. It comes before the first question.
func (a *Answerer) KeepJourneys(most int) { a.resident.most = most }

// KeptJourneyBytes is about how much memory they take now.
func (a *Answerer) KeptJourneyBytes() int { return a.resident.kept() }

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

// tally adds up all units: inside ClickHouse where that is how the question goes.
func (a *Answerer) tally(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (*funnel.Tally, api.Facts, error) {
	counted, facts, err := a.inside(ctx, site, q)
	if !errors.Is(err, errUnsure) {
		return counted, facts, err
	}
	why := facts.Way
	counted, facts, err = a.streamed(ctx, site, q)
	facts.Way += "; streamed: " + why
	return counted, facts, err
}

// streamed adds up all units of the touchpoints that come back.
func (a *Answerer) streamed(
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
	if err := t.Err(); err != nil {
		return fault.New(fault.TooLarge, "%v", err)
	}
	return nil
}

// Persons gives a page of the units behind a number. Errors as of Funnel.
func (a *Answerer) Persons(
	ctx context.Context, site journey.SiteID, q funnel.Question, page api.Page,
) (api.Persons, error) {
	var lists []*list
	facts, err := a.each(ctx, site, q, true, func(pe *people) yield {
		lists = make([]*list, workers())
		for i := range lists {
			lists[i] = newList(q.Unit, page)
		}
		return func(worker int, r result) error {
			for i, attempt := range q.Find(page.Selection, r.counted, nil) {
				of := listed{person: r.person, unit: r.unit, number: i, attempt: attempt}
				if r.person != 0 {
					of.persona = pe.view(r.person).Persona
				}
				lists[worker].add(of)
			}
			return nil
		}
	})
	if err != nil {
		return api.Persons{}, err
	}
	of, total, more := pageOf(lists)
	persons, err := a.persons(ctx, site, of)
	if err != nil {
		return api.Persons{}, err
	}
	return api.Persons{Persons: persons, Total: total, More: more, Facts: facts}, nil
}

func workers() int { return runtime.GOMAXPROCS(0) }
