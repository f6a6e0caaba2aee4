package stream

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Member is a Consumer with what is to be done with its records.
type Member struct {
	Consumer *Consumer
	Handler  Handler
}

// RunAll runs members at once, each as Consumer.Run does, until ctx ends. When one fails the
// others end too, in their own order; its error is given once all have ended.
func RunAll(ctx context.Context, members ...Member) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, m := range members {
		group.Go(func() error { return m.Consumer.Run(ctx, m.Handler) })
	}
	return group.Wait()
}
