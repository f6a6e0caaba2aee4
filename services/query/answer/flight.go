package answer

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/query/api"
)

// flightID is a question over a state of the data.
type flightID struct {
	key   key
	state stamp
}

// flight is an answer that is being worked out for all who ask for it. It goes on while one of them
// waits, and is cancelled when none does.
//
// Who joins it found the state of the data as it was when the flight began: what the flight read
// before equals what it would read now.
type flight struct {
	asOf   time.Time
	cancel context.CancelFunc
	// done is closed once answer and err are there.
	done   chan struct{}
	answer any
	err    error

	// waiting are those who wait, guarded by the mutex of the cache.
	waiting []*waiter
}

// waiter is told how far a flight is, where it asks.
type waiter struct{ progress api.Progress }

// share waits for an answer that is being worked out, or works it out for others too.
func (c *Cache) share(
	ctx context.Context, a asking, id flightID, evaluate func(context.Context) (any, error),
) (any, Source, error) {
	flying, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f, w, first := c.board(ctx, a, id, cancel)
	if first {
		go c.fly(api.WithProgress(flying, c.tell(f)), id, f, evaluate)
	} else {
		cancel()
	}
	if f == nil {
		answer, err := evaluate(ctx)
		return answer, Evaluated, err
	}
	select {
	case <-f.done:
		c.leave(id, f, w)
	case <-ctx.Done():
		c.leave(id, f, w)
		return nil, Evaluated, fmt.Errorf("waiting for an answer: %w", ctx.Err())
	}
	if first || f.err != nil {
		return f.answer, Evaluated, f.err
	}
	if !f.asOf.Equal(a.question.AsOf) && !c.moves.may(ctx, a, f.asOf) {
		answer, err := evaluate(ctx)
		return answer, Evaluated, err
	}
	return f.answer, Shared, nil
}

// board joins the flight of a question, or begins one, which cancel ends. It gives none where the
// one under way is as of a later instant.
func (c *Cache) board(
	ctx context.Context, a asking, id flightID, cancel context.CancelFunc,
) (f *flight, w *waiter, first bool) {
	w = &waiter{api.ProgressOf(ctx)}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	f = c.flights[id]
	switch {
	case f == nil:
		f = &flight{asOf: a.question.AsOf, cancel: cancel, done: make(chan struct{})}
		c.flights[id], first = f, true
	case f.asOf.After(a.question.AsOf):
		return nil, nil, false
	}
	f.waiting = append(f.waiting, w)
	return f, w, first
}

// leave waits no longer. The last one who leaves cancels the flight if the answer is not there yet,
// and nobody joins it any more.
func (c *Cache) leave(id flightID, f *flight, w *waiter) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	f.waiting = slices.DeleteFunc(f.waiting, func(one *waiter) bool { return one == w })
	if len(f.waiting) > 0 {
		return
	}
	f.cancel()
	if c.flights[id] == f {
		delete(c.flights, id)
	}
}

// tell passes on how far a flight is, to whoever still waits.
func (c *Cache) tell(f *flight) api.Progress {
	return func(read, total uint64, waiting int) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		for _, w := range f.waiting {
			if w.progress != nil {
				w.progress(read, total, waiting)
			}
		}
	}
}

// fly works an answer out, keeps it under the state of the data as it was before, and gives it to
// those who wait.
func (c *Cache) fly(
	ctx context.Context, id flightID, f *flight, evaluate func(context.Context) (any, error),
) {
	defer close(f.done)
	defer f.cancel()
	f.answer, f.err = safely(ctx, evaluate)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if f.err == nil {
		c.keep(id.key, id.state, dated{f.asOf, f.answer})
	}
	if c.flights[id] == f {
		delete(c.flights, id)
	}
}

// safely makes a panic an error: nobody else would catch it here.
func safely(
	ctx context.Context, evaluate func(context.Context) (any, error),
) (answer any, err error) {
	defer func() {
		if v := recover(); v != nil {
			cause := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			err = fault.Wrap(fault.Internal, cause, "internal error; the operator's log has the cause")
		}
	}()
	return evaluate(ctx)
}
