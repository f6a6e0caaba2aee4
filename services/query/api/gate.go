package api

import (
	"context"
	"fmt"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
)

// gate lets so many questions be answered at once. Further ones wait for a while.
type gate struct {
	slots chan struct{}
	wait  time.Duration
}

func newGate(most int, wait time.Duration) *gate {
	return &gate{slots: make(chan struct{}, most), wait: wait}
}

// enter waits for its turn; leave must be called once after it. Errors: Exhausted, Expired.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }, nil
	case <-timer.C:
		return nil, fault.Exhaust(g.wait,
			"%d questions are being answered already; try again later", cap(g.slots))
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a turn: %w", ctx.Err())
	}
}

// running is the number of questions inside.
func (g *gate) running() int { return len(g.slots) }
