package answer

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// Watched follows every question into ClickHouse: who is asked for progress is told how far its
// queries are, and when the caller leaves, they are ended there too. It is safe for concurrent use.
type Watched struct {
	api.Answers

	store *store.Store
	// cancelled is told of every question that was given up.
	cancelled func()
}

// NewWatched watches the queries by which others answer. cancelled is told of every question that
// its callers gave up.
func NewWatched(answers api.Answers, st *store.Store, cancelled func()) *Watched {
	return &Watched{answers, st, cancelled}
}

// Funnel gives the numbers of a question.
func (w *Watched) Funnel(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (api.Funnel, error) {
	ctx, over := w.watch(ctx)
	defer over()
	return w.Answers.Funnel(ctx, site, q) //nolint:wrapcheck // nothing to add
}

// FunnelAs gives the numbers of a question with the groups of another answer.
func (w *Watched) FunnelAs(
	ctx context.Context, site journey.SiteID, q funnel.Question, groups []funnel.Group,
) (api.Funnel, error) {
	ctx, over := w.watch(ctx)
	defer over()
	return w.Answers.FunnelAs(ctx, site, q, groups) //nolint:wrapcheck // nothing to add
}

// Persons gives a page of the persons behind a number.
func (w *Watched) Persons(
	ctx context.Context, site journey.SiteID, q funnel.Question, page api.Page,
) (api.Persons, error) {
	ctx, over := w.watch(ctx)
	defer over()
	return w.Answers.Persons(ctx, site, q, page) //nolint:wrapcheck // nothing to add
}

// Explainer watches the queries by which single units are explained.
func (w *Watched) Explainer(explainer api.Explainer) api.Explainer {
	return &watchedExplainer{explainer, w}
}

type watchedExplainer struct {
	api.Explainer

	watched *Watched
}

// Explain gives every attempt of a unit.
func (e *watchedExplainer) Explain(
	ctx context.Context, site journey.SiteID, q funnel.Question, of api.UnitName,
) (api.Explained, error) {
	ctx, over := e.watched.watch(ctx)
	defer over()
	return e.Explainer.Explain(ctx, site, q, of) //nolint:wrapcheck // nothing to add
}

// watch tags the queries of a question until over is called.
func (w *Watched) watch(ctx context.Context) (tagged context.Context, over func()) {
	f := &follower{store: w.store, tag: "question" + rand.Text(), over: make(chan struct{})}
	end := func() {
		w.cancelled()
		f.kill(context.WithoutCancel(ctx))
	}
	stop := context.AfterFunc(ctx, end)
	if tell := api.ProgressOf(ctx); tell != nil {
		f.told.Add(1)
		go f.follow(ctx, tell)
	}
	return store.WithTag(ctx, f.tag), func() {
		close(f.over)
		if stop() && ctx.Err() != nil {
			go end() // the question saw that the caller had left before the context began to end it
		}
		f.told.Wait()
	}
}

// follower follows the queries of one question.
type follower struct {
	store *store.Store
	tag   string
	// over is closed when the question is.
	over chan struct{}
	told sync.WaitGroup
}

// How often the server is asked how far queries are, and to end them; how long at most it is asked
// to end them; how often after there were none, and how often after it could not be asked: it
// limits queries by itself.
const (
	tellEvery = 200 * time.Millisecond
	killEvery = 100 * time.Millisecond
	killTime  = 30 * time.Second
	killCalm  = 3
	killTries = 20
)

// kill ends the queries in the server. One that is just on its way there is not known to it yet: so
// it asks until the question is over and there were none for a while.
func (f *follower) kill(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, killTime)
	defer cancel()
	ticks := time.NewTicker(killEvery)
	defer ticks.Stop()
	for calm, failed := 0, 0; calm < killCalm && failed < killTries; {
		running, err := f.store.Kill(ctx, f.tag)
		select {
		case <-f.over:
			if err != nil {
				failed++
			} else {
				calm++
			}
		default:
		}
		if running > 0 {
			calm = 0
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

// follow tells how far the queries are, until the question is over.
func (f *follower) follow(ctx context.Context, tell api.Progress) {
	defer f.told.Done()
	ticks := time.NewTicker(tellEvery)
	defer ticks.Stop()
	sum := readings{known: make(map[string]store.Reading)}
	for {
		select {
		case <-f.over:
			return
		case <-ticks.C:
		}
		// What is not known now is known a little later.
		now, err := f.store.Readings(ctx, f.tag)
		if err == nil && sum.add(now) {
			read, total := sum.sum()
			tell(read, total, 0)
		}
	}
}

// readings are how far the queries of a question are, those that ended too.
type readings struct{ known map[string]store.Reading }

// add takes the running queries, and tells whether any of them went on.
func (r *readings) add(now []store.Reading) (went bool) {
	for _, n := range now {
		n.RowsToRead = max(n.RowsToRead, n.RowsRead)
		if r.known[n.Query] != n {
			r.known[n.Query], went = n, true
		}
	}
	return went
}

func (r *readings) sum() (read, total uint64) {
	for _, k := range r.known {
		read += k.RowsRead
		total += k.RowsToRead
	}
	return read, total
}
