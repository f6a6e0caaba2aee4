package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// turn is the time during which a member owns the same partitions: one generation of its group.
type turn struct {
	config      ConsumerConfig
	generation  *kafka.Generation
	assignments []kafka.PartitionAssignment
	handler     Handler
	chunks      chan chunk
	piles       chan *pile
}

func newTurn(config ConsumerConfig, g *kafka.Generation, handler Handler) *turn {
	return &turn{
		config:      config,
		generation:  g,
		assignments: g.Assignments[config.Topic],
		handler:     handler,
		chunks:      make(chan chunk),
		piles:       make(chan *pile),
	}
}

// run reads, handles and commits until ctx ends, and returns when the last batch is through.
func (t *turn) run(ctx context.Context) {
	partitions := t.partitions()
	t.config.Observer.assigned(partitions)
	defer t.config.Observer.revoked(partitions)
	var readers sync.WaitGroup
	defer readers.Wait()
	for _, a := range t.assignments {
		readers.Go(func() { t.fetch(ctx, a) })
	}
	readers.Go(func() { gather(ctx, t.limits(), t.chunks, t.piles) })
	idle, stop := t.idle()
	defer stop()
	for {
		select {
		case p := <-t.piles:
			if ctx.Err() != nil || !t.work(ctx, p.batch(t.config.Topic)) {
				return
			}
		case <-idle:
			t.rest(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// idle ticks where somebody wants to know that there is no batch.
func (t *turn) idle() (ticks <-chan time.Time, stop func()) {
	if t.config.Idle == nil {
		return nil, func() {}
	}
	ticker := time.NewTicker(t.config.IdleEvery)
	return ticker.C, ticker.Stop
}

// rest ends with the turn: nothing waits for what is done meanwhile.
func (t *turn) rest(ctx context.Context) {
	if ctx.Err() == nil {
		t.config.Idle(ctx)
	}
}

func (t *turn) partitions() []int {
	partitions := make([]int, len(t.assignments))
	for i, a := range t.assignments {
		partitions[i] = a.ID
	}
	slices.Sort(partitions)
	return partitions
}

func (t *turn) limits() limits {
	return limits{t.config.BatchRecords, t.config.BatchBytes, t.config.BatchAge}
}

// work handles the batch and commits it, and gives false when the turn ended before both were
// done.
func (t *turn) work(ctx context.Context, b Batch) bool {
	lasting, cancel := outlive(ctx, t.config.FinishTimeout)
	defer cancel()
	handled := t.persist(ctx, func() error {
		if err := t.handler.Handle(lasting, b); err != nil {
			return fmt.Errorf("handling %d records of topic %q: %w", len(b.Records), b.Topic, err)
		}
		return nil
	})
	return handled && t.persist(ctx, func() error { return t.commit(b.ends()) })
}

// persist calls until the call gives nil, and once at least; no more when ctx has ended.
func (t *turn) persist(ctx context.Context, call func() error) bool {
	pause := newPause(t.config.RetryMin, t.config.RetryMax)
	for {
		err := call()
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			t.config.Observer.retry(err, 0)
			return false
		}
		wait := pause.NextBackOff()
		t.config.Observer.retry(err, wait)
		if !sleep(ctx, wait) {
			return false
		}
	}
}

// ends gives, per partition, the offset after the last one.
func (b *Batch) ends() map[int]int64 {
	ends := make(map[int]int64, len(b.Spans))
	for _, s := range b.Spans {
		ends[s.Partition] = s.LastOffset + 1
	}
	return ends
}

func (t *turn) commit(ends map[int]int64) error {
	err := t.generation.CommitOffsets(map[string]map[int]int64{t.config.Topic: ends})
	return unavailable(err, "committing %d partitions of topic %q", len(ends), t.config.Topic)
}

// fetch reads one partition until ctx ends.
func (t *turn) fetch(ctx context.Context, a kafka.PartitionAssignment) {
	c := &cursor{
		brokers:      t.config.Brokers,
		topic:        t.config.Topic,
		partition:    a.ID,
		next:         a.Offset,
		fetchBytes:   t.config.FetchBytes,
		chunkRecords: min(chunkRecords, t.config.BatchRecords),
		chunkBytes:   min(chunkBytes, t.config.BatchBytes),
	}
	defer c.close()
	pause := newPause(t.config.RetryMin, t.config.RetryMax)
	for ctx.Err() == nil {
		got, err := t.read(ctx, c)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			wait := pause.NextBackOff()
			t.config.Observer.retry(err, wait)
			sleep(ctx, wait)
			continue
		}
		pause.Reset()
		t.pass(ctx, got)
	}
}

// begin commits the place where a new group starts at the end: the next turn must not take what
// has been written until then for old.
func (t *turn) begin(ctx context.Context, c *cursor) error {
	if err := c.open(ctx); err != nil {
		c.close()
		return err
	}
	err := t.commit(map[int]int64{c.partition: c.next})
	if err != nil {
		c.close()
		c.next = kafka.LastOffset
	}
	return err
}

// read gives the next records. Where they are gone it goes to the first that are there.
func (t *turn) read(ctx context.Context, c *cursor) (chunk, error) {
	if c.next == kafka.LastOffset {
		if err := t.begin(ctx, c); err != nil {
			return chunk{}, t.reading(err, c)
		}
	}
	got, err := c.read(ctx)
	if !errors.Is(err, kafka.OffsetOutOfRange) {
		return got, t.reading(err, c)
	}
	from, to, err := c.rewind(ctx)
	if err == nil && from != to {
		t.config.Observer.lost(c.partition, from, to)
	}
	return chunk{}, t.reading(err, c)
}

func (t *turn) reading(err error, c *cursor) error {
	return unavailable(err, "reading partition %d of topic %q at offset %d",
		c.partition, c.topic, c.next)
}

func (t *turn) pass(ctx context.Context, c chunk) {
	if len(c.records) == 0 {
		return
	}
	select {
	case t.chunks <- c:
	case <-ctx.Done():
	}
}
