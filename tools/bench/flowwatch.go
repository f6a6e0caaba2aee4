package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

const (
	// probePause lies between two probes, watchPause between two questions for them.
	probePause = 50 * time.Millisecond
	watchPause = 20 * time.Millisecond
	// probeEvent is what probes do.
	probeEvent = "Product Viewed"
	// probeWait is how long the last probe may take.
	probeWait = time.Minute
	// probePage is more than all probes of a measurement.
	probePage = 10_000
)

// watch sends probes, each of a person of its own, and sees when questions know them.
type watch struct {
	funnels funnelv1.FunnelServiceClient
	sender  *sender
	began   time.Time

	mutex sync.Mutex
	// accepted and seen are when a probe was, by its visitor.
	accepted, seen map[string]time.Time
	// done tells that all probes were sent.
	done bool

	// spans are from acceptance to sight, asked how long questions took.
	spans, asked []time.Duration
}

func newWatch(funnels funnelv1.FunnelServiceClient, s *sender) *watch {
	return &watch{
		funnels: funnels, sender: s,
		accepted: make(map[string]time.Time), seen: make(map[string]time.Time),
	}
}

// probe sends probes for a while, and asks until all were seen.
func (w *watch) probe(ctx context.Context, span time.Duration) error {
	w.began = time.Now()
	ctx, cancel := context.WithTimeout(ctx, span+probeWait)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.send(ctx, span) })
	group.Go(func() error { return w.look(ctx) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("probing: %w", err)
	}
	for visitor, at := range w.accepted {
		// An answer may come before that of ingest.
		w.spans = append(w.spans, max(0, w.seen[visitor].Sub(at)))
	}
	return nil
}

func (w *watch) send(ctx context.Context, span time.Duration) error {
	err := paced(ctx, probePause, span, func(ctx context.Context, n int) error {
		visitor := fmt.Sprintf("probe-%d", n)
		body := fmt.Sprintf(`{"event":%q,"anonymousId":%q,"messageId":%q,"timestamp":%q}`,
			probeEvent, visitor, visitor, time.Now().UTC().Format(time.RFC3339Nano))
		if err := w.sender.post(ctx, "track", []byte(body)); err != nil {
			return err
		}
		w.mutex.Lock()
		defer w.mutex.Unlock()
		w.accepted[visitor] = time.Now()
		return nil
	})
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.done = true
	return err
}

// look asks until all probes were sent and seen.
func (w *watch) look(ctx context.Context) error {
	pause := time.NewTicker(watchPause)
	defer pause.Stop()
	for !w.through() {
		if err := w.ask(ctx); err != nil {
			return err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (w *watch) through() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.done && len(w.seen) == len(w.accepted)
}

// ask lists the persons of the probes and notes those that are new.
func (w *watch) ask(ctx context.Context) error {
	began := time.Now()
	list, err := w.funnels.ListFunnelPersons(ctx, &funnelv1.ListFunnelPersonsRequest{
		Parent: "sites/" + probeSite, Step: 1, PageSize: probePage,
		Question: questionSince(w.began.Add(-time.Minute),
			&funnelv1.Step{Target: &funnelv1.Step_Event{Event: probeEvent}}),
	})
	if err != nil {
		return fmt.Errorf("asking for probes: %w", err)
	}
	now := time.Now()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.asked = append(w.asked, now.Sub(began))
	for _, p := range list.GetPersons() {
		for _, visitor := range p.GetAnonymousIds() {
			if _, known := w.seen[visitor]; !known {
				w.seen[visitor] = now
			}
		}
	}
	return nil
}
