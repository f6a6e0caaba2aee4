package stream

import (
	"context"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/fault"
)

// membership is one Run of a Consumer, over all generations of its group.
type membership struct {
	config  ConsumerConfig
	handler Handler
	// partitions is how many the topic had at some time before the present generation was made.
	partitions int
}

// survey counts the partitions, and gives false when ctx ends before that.
func (m *membership) survey(ctx context.Context) bool {
	pause := newPause(m.config.RetryMin, m.config.RetryMax)
	for {
		n, err := m.count(ctx)
		if err == nil {
			m.partitions = n
			return true
		}
		wait := pause.NextBackOff()
		m.config.Observer.retry(err, wait)
		if !sleep(ctx, wait) {
			return false
		}
	}
}

// count gives the number of the topic's partitions, 0 when there is no topic.
func (m *membership) count(ctx context.Context) (int, error) {
	partitions, err := partitionsOf(ctx, m.config.Brokers, m.config.Topic)
	if fault.Of(err) == fault.NotFound {
		return 0, nil
	}
	return len(partitions), err
}

// serve works on the generation's partitions until it or ctx ends.
func (m *membership) serve(ctx context.Context, g *kafka.Generation) {
	g.Start(m.watch)
	served := make(chan struct{})
	g.Start(func(owned context.Context) {
		turn, cancel := context.WithCancel(ctx)
		defer context.AfterFunc(owned, cancel)()
		defer cancel()
		newTurn(m.config, g, m.handler).run(turn)
		close(served)
		// Returning would end the generation, and the library would join the next one although
		// the group is about to be left.
		<-owned.Done()
	})
	<-served
}

// watch ends the generation, by returning, when the number of partitions has changed: the next one
// shares them out anew. The client library can do that too, but starts to count only after the
// sharing, and never sees what was added in between.
func (m *membership) watch(owned context.Context) {
	for sleep(owned, m.config.WatchInterval) {
		n, err := m.count(owned)
		switch {
		case err != nil:
			// Reading and heartbeats tell of a Kafka that is away.
		case n != m.partitions:
			m.partitions = n
			return
		case n == 0:
			err := fault.New(fault.Unavailable, "topic %q does not exist", m.config.Topic)
			m.config.Observer.retry(err, m.config.WatchInterval)
		}
	}
}

// leave leaves the group, so that the others need not wait for the end of its session.
func leave(group *kafka.ConsumerGroup, config ConsumerConfig) error {
	left := make(chan struct{})
	go func() {
		defer close(left)
		_ = group.Close()
	}()
	select {
	case <-left:
		return nil
	case <-time.After(config.FinishTimeout):
		return fault.New(fault.Unavailable, "leaving group %q takes too long", config.Group)
	}
}
