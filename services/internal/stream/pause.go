package stream

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// sleep waits and tells whether ctx still lives then.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// newPause gives waits that double from one bound to the other, each up to half longer or
// shorter, so that members do not come back all at once.
func newPause(first, longest time.Duration) *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = first
	pause.MaxInterval = longest
	pause.Multiplier = 2
	pause.Reset()
	return pause
}

// outlive gives a context that ends that long after its parent ended, or when the returned
// function is called.
func outlive(parent context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	return ctx, func() {
		stop()
		cancel()
	}
}
