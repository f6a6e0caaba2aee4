package answer_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// endless answers by a query that runs until it is ended; who reads it leaves with the caller, and
// the server does not notice.
type endless struct {
	store *store.Store
	query string
}

func (e endless) run(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() {
		ended <- e.store.Stream(context.WithoutCancel(ctx), store.Query{
			SQL:      "SELECT number FROM system.numbers WHERE number % 1000000007 = " + e.query,
			Columns:  []store.Column{{Name: "number", Type: store.UInt64}},
			Settings: map[string]string{"max_execution_time": "50"}, // where nobody ends it
		}, func(*store.Block) error { return nil })
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e endless) Funnel(
	ctx context.Context, _ journey.SiteID, _ funnel.Question,
) (api.Funnel, error) {
	return api.Funnel{}, e.run(ctx)
}

func (e endless) FunnelAs(
	ctx context.Context, _ journey.SiteID, _ funnel.Question, _ []funnel.Group,
) (api.Funnel, error) {
	return api.Funnel{}, e.run(ctx)
}

func (e endless) Persons(
	ctx context.Context, _ journey.SiteID, _ funnel.Question, _ api.Page,
) (api.Persons, error) {
	return api.Persons{}, e.run(ctx)
}

func (e endless) Explain(
	ctx context.Context, _ journey.SiteID, _ funnel.Question, _ api.UnitName,
) (api.Explained, error) {
	return api.Explained{}, e.run(ctx)
}

// running are the endless queries of that name in the server.
func (e endless) running(t *testing.T) uint64 {
	t.Helper()
	var n uint64
	err := e.store.Stream(t.Context(), store.Query{
		SQL: "SELECT count() AS n FROM system.processes WHERE query LIKE '%1000000007 = " + e.query +
			"' AND query NOT LIKE '%processes%'",
		Columns: []store.Column{{Name: "n", Type: store.UInt64}},
	}, func(b *store.Block) error {
		n += b.UInt64(0)[0]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWatched: whatever is asked, who asks is told how far it is, and who leaves takes the query
// along, which another one's is not.
func TestWatched(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	stays := endless{m.Store, "1"}
	staying := answer.NewWatched(stays, m.Store, func() {})
	ctx, leave := context.WithCancel(t.Context())
	stayed := make(chan error, 1)
	go func() {
		_, err := staying.Funnel(ctx, site, whole)
		stayed <- err
	}()
	until(t, func() bool { return stays.running(t) == 1 })
	for name, ask := range map[string]func(context.Context, *answer.Watched, endless) error{
		"2": func(ctx context.Context, w *answer.Watched, _ endless) error {
			_, err := w.Funnel(ctx, site, whole)
			return err
		},
		"3": func(ctx context.Context, w *answer.Watched, _ endless) error {
			_, err := w.FunnelAs(ctx, site, whole, nil)
			return err
		},
		"4": func(ctx context.Context, w *answer.Watched, _ endless) error {
			_, err := w.Persons(ctx, site, whole, api.Page{})
			return err
		},
		"5": func(ctx context.Context, w *answer.Watched, e endless) error {
			_, err := w.Explainer(e).Explain(ctx, site, whole, api.UnitName{})
			return err
		},
	} {
		e := endless{m.Store, name}
		var given atomic.Int64
		w := answer.NewWatched(e, m.Store, func() { given.Add(1) })
		var heard told
		ctx, leave := context.WithCancel(api.WithProgress(t.Context(), heard.tell))
		left := make(chan error, 1)
		go func() { left <- ask(ctx, w, e) }()
		until(t, func() bool { return len(heard.was()) > 1 })
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: who left got %v", name, err)
		}
		list := heard.was()
		if first, last := list[0], list[len(list)-1]; first[0] <= 0 || last[0] <= first[0] ||
			last[1] < last[0] {
			t.Errorf("%s: told %v", name, list)
		}
		until(t, func() bool { return e.running(t) == 0 })
		until(t, func() bool { return given.Load() == 1 })
	}
	if stays.running(t) != 1 || len(stayed) != 0 {
		t.Errorf("%d queries of who stayed are running", stays.running(t))
	}
	leave()
	<-stayed
	until(t, func() bool { return stays.running(t) == 0 })
}

// TestKilledAgain: where the server could not be asked to end a query it is asked again.
func TestKilledAgain(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	var asked atomic.Int64
	address := enginetest.Between(t, m.dsn, func(sql string, _ *http.Request, forward func()) {
		if strings.Contains(sql, "KILL QUERY") && asked.Add(1) <= 3 {
			panic(http.ErrAbortHandler)
		}
		forward()
	})
	st, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	e := endless{m.Store, "6"}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := answer.NewWatched(e, st, func() {}).Funnel(ctx, site, whole)
		left <- err
	}()
	until(t, func() bool { return e.running(t) == 1 })
	leave()
	<-left
	until(t, func() bool { return e.running(t) == 0 })
	if n := asked.Load(); n <= 3 {
		t.Errorf("asked %d times", n)
	}
}

// tardy is a context that never begins what is to be done after it.
type tardy struct {
	context.Context

	done chan struct{}
}

func (t tardy) Done() <-chan struct{} { return t.done }

func (t tardy) Err() error {
	select {
	case <-t.done:
		return context.Canceled
	default:
		return nil
	}
}

func (tardy) AfterFunc(func()) (stop func() bool) { return func() bool { return true } }

// TestKilledAtOnce: a question that sees at once that the caller has left, before its context has
// begun to end it, is ended all the same.
func TestKilledAtOnce(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	var given atomic.Int64
	e := endless{m.Store, "7"}
	ctx := tardy{context.Background(), make(chan struct{})}
	left := make(chan error, 1)
	go func() {
		_, err := answer.NewWatched(e, m.Store, func() { given.Add(1) }).Funnel(ctx, site, whole)
		left <- err
	}()
	until(t, func() bool { return e.running(t) == 1 })
	close(ctx.done)
	<-left
	until(t, func() bool { return e.running(t) == 0 })
	until(t, func() bool { return given.Load() == 1 })
}

// TestWatchedToTheEnd: what is answered was not given up.
func TestWatchedToTheEnd(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	m.crowd(t, 2)
	var given atomic.Int64
	w := answer.NewWatched(m.fresh, m.Store, func() { given.Add(1) })
	ctx, leave := context.WithCancel(t.Context())
	got, err := w.Funnel(ctx, site, whole)
	leave()
	m.numbers(t, "afterwards", whole, []int{2, 0}) // for as long as that takes
	if err != nil || got.Steps[0].Count != 2 || given.Load() != 0 {
		t.Errorf("%+v, %v, given up %d times", got, err, given.Load())
	}
}
