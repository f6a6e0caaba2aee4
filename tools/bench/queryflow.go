package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/world"
)

// settleTime is how long touchpoints flow before anything is asked.
const settleTime = 20 * time.Second

// reportFlow asks everything while touchpoints flow through ingest, Kafka and processor, and into
// the plain table as they are stored.
func (b *queryBench) reportFlow(ctx context.Context) (err error) {
	if err := b.services.startProcessing(ctx); err != nil {
		return err
	}
	made, err := b.services.client.Sites.CreateKey(ctx, &sitev1.CreateKeyRequest{
		Parent: "sites/" + string(world.BenchmarkSite), Kind: sitev1.KeyKind_KEY_KIND_WRITE,
	})
	if err != nil {
		return fmt.Errorf("making a write key: %w", err)
	}
	err = b.exec(ctx, "CREATE MATERIALIZED VIEW IF NOT EXISTS plain_feed TO plain AS "+
		"SELECT * FROM waystage.touchpoints")
	if err != nil {
		return err
	}
	flowing, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	river := newRiver(newSender(b.services.ingest, made.GetSecret(), newCrowd()))
	go func() { done <- river.flow(flowing, b.flowing) }()
	defer func() {
		stop()
		if ended := <-done; !errors.Is(ended, context.Canceled) {
			err = joined(err, ended)
		}
	}()
	b.say("%d touchpoints a second flow", b.flowing)
	select {
	case <-time.After(settleTime):
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // interrupted
	}
	began, before := time.Now(), river.sent.Load()
	all, err := b.measureForms(ctx, false)
	rate := float64(river.sent.Load()-before) / time.Since(began).Seconds()
	printForms(b.out, fmt.Sprintf("While %.0f touchpoints a second flow into the last 30 days, from "+
		"HTTP to rows", rate), all)
	return err
}

// river sends touchpoints of the benchmark world's events, of new visitors, in its last 30 days.
type river struct {
	sender *sender
	events []world.Event
	sent   atomic.Int64
}

func newRiver(s *sender) *river { return &river{sender: s, events: world.Catalogue()} }

// riverBatch is how many touchpoints a request has.
const riverBatch = 100

// flow sends so many a second until ctx ends.
func (r *river) flow(ctx context.Context, rate int) error {
	interval := time.Second * riverBatch / time.Duration(rate)
	return paced(ctx, interval, 24*time.Hour, func(ctx context.Context, n int) error {
		if err := r.sender.post(ctx, "batch", r.batch(n)); err != nil {
			return err
		}
		r.sent.Add(riverBatch)
		return nil
	})
}

// batch is the n-th request.
func (r *river) batch(n int) []byte {
	dice := rand.New(rand.NewPCG(uint64(n), 1))
	var body bytes.Buffer
	body.WriteString(`{"batch":[`)
	for i := range riverBatch {
		if i > 0 {
			body.WriteByte(',')
		}
		visitor := n*riverBatch/personMessages + i%(riverBatch/personMessages)
		at := world.BenchmarkEnd.Add(-time.Duration(dice.Int64N(int64(30 * 24 * time.Hour))))
		fmt.Fprintf(&body, `{"type":"track","messageId":"river-%d-%d","anonymousId":"river-%d",`+
			`"timestamp":%q,"event":%q,"properties":{"amount":%d,"category":"bakery","device":"phone"}}`,
			n, i, visitor, at.UTC().Format(time.RFC3339Nano),
			r.events[dice.IntN(len(r.events))].Name, dice.IntN(500))
	}
	body.WriteString("]}")
	return body.Bytes()
}

func joined(errs ...error) error { return errors.Join(errs...) }
