package stream

import (
	"context"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/fault"
)

// ConsumerConfig describes a member of a group. Zero values stand for the defaults; Brokers, Group
// and Topic have none.
type ConsumerConfig struct {
	// Brokers are addresses host:port of some of the cluster's brokers.
	Brokers []string
	// Group names the members that share the partitions and the committed offsets.
	Group string
	Topic string
	// StartAtEnd lets a group without committed offsets begin after the records that are there;
	// otherwise it begins at the first one.
	StartAtEnd bool

	// BatchRecords and BatchBytes bound a batch, defaults 10,000 and 8 MiB; a single record may
	// be larger. BatchAge is how long its first record waits for others, default 250 ms.
	BatchRecords int
	BatchBytes   int64
	BatchAge     time.Duration
	// FetchBytes is how much is asked of a broker at a time, per partition and as compressed
	// there; default 1 MiB. Beside the batch at the Handler and the next one, up to 256 KiB of
	// records and one unpacked request of a producer are held per partition.
	FetchBytes int

	// FinishTimeout is how long a batch may still be handled after the partitions were lost or
	// the Consumer was told to stop; default 10 s. It has to be smaller than RebalanceTimeout.
	FinishTimeout time.Duration
	// RetryMin and RetryMax bound the pauses after errors, defaults 100 ms and 10 s.
	RetryMin time.Duration
	RetryMax time.Duration
	// SessionTimeout is how long a member that is silent keeps its partitions, default 30 s;
	// HeartbeatInterval is how often it speaks, default a tenth of that.
	SessionTimeout    time.Duration
	HeartbeatInterval time.Duration
	// RebalanceTimeout is how long the members have to finish when another one joins or
	// leaves; default 30 s.
	RebalanceTimeout time.Duration

	Observer Observer
}

// Chunks are what goes at once from a partition's reader to the batch.
const (
	chunkRecords = 512
	chunkBytes   = 256 << 10
)

func (c ConsumerConfig) withDefaults() ConsumerConfig {
	c.BatchRecords = orElse(c.BatchRecords, 10_000)
	c.BatchBytes = orElse(c.BatchBytes, 8<<20)
	c.BatchAge = orElse(c.BatchAge, 250*time.Millisecond)
	c.FetchBytes = orElse(c.FetchBytes, 1<<20)
	c.FinishTimeout = orElse(c.FinishTimeout, 10*time.Second)
	c.RetryMin = orElse(c.RetryMin, 100*time.Millisecond)
	c.RetryMax = orElse(c.RetryMax, 10*time.Second)
	c.SessionTimeout = orElse(c.SessionTimeout, 30*time.Second)
	c.HeartbeatInterval = orElse(c.HeartbeatInterval, c.SessionTimeout/10)
	c.RebalanceTimeout = orElse(c.RebalanceTimeout, 30*time.Second)
	return c
}

func (c ConsumerConfig) check() error {
	switch {
	case len(c.Brokers) == 0, c.Group == "", c.Topic == "":
		return fault.New(fault.Invalid, "a consumer needs brokers, a group and a topic")
	case c.FinishTimeout >= c.RebalanceTimeout:
		return fault.New(fault.Invalid, "the finish timeout (%v) must be smaller than the "+
			"rebalance timeout (%v)", c.FinishTimeout, c.RebalanceTimeout)
	}
	return nil
}

func (c ConsumerConfig) group() kafka.ConsumerGroupConfig {
	start := kafka.FirstOffset
	if c.StartAtEnd {
		start = kafka.LastOffset
	}
	return kafka.ConsumerGroupConfig{
		ID:                    c.Group,
		Brokers:               c.Brokers,
		Topics:                []string{c.Topic},
		Dialer:                dialer(),
		StartOffset:           start,
		HeartbeatInterval:     c.HeartbeatInterval,
		SessionTimeout:        c.SessionTimeout,
		RebalanceTimeout:      c.RebalanceTimeout,
		JoinGroupBackoff:      joinPause,
		WatchPartitionChanges: true,
		GroupBalancers: []kafka.GroupBalancer{
			kafka.RangeGroupBalancer{}, kafka.RoundRobinGroupBalancer{},
		},
	}
}

const (
	// joinPause is the pause after a failed attempt to join the group.
	joinPause = time.Second
	// briefTurn is how long owning nothing must last not to be taken for a missing topic.
	briefTurn = time.Second
)

// Consumer is a member of a consumer group: it reads the partitions that the group gives to it,
// hands out their records in batches and commits what was handled.
type Consumer struct {
	config ConsumerConfig
}

// NewConsumer makes a consumer. It does not connect: Run does.
func NewConsumer(config ConsumerConfig) *Consumer {
	return &Consumer{config: config.withDefaults()}
}

// Run reads until ctx ends: then it stops fetching, lets the running Handle come to an end (for
// FinishTimeout at most), commits, leaves the group and gives nil. Until then it goes through
// everything: Kafka away, partitions lost and won, a Handler that fails. The order of each
// partition's records is kept, and none is skipped.
//
// Errors: Invalid for the configuration; Unavailable when the group could not be left in
// FinishTimeout, which its other members notice by SessionTimeout.
func (c *Consumer) Run(ctx context.Context, handler Handler) error {
	if err := c.config.check(); err != nil {
		return err
	}
	group, err := kafka.NewConsumerGroup(c.config.group())
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "the consumer's configuration is not acceptable")
	}
	pause := newPause(c.config.RetryMin, c.config.RetryMax)
	for ctx.Err() == nil {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			c.config.Observer.retry(
				unavailable(err, "joining group %q", c.config.Group), joinPause)
			continue
		}
		if c.serve(ctx, generation, handler) {
			pause.Reset()
			continue
		}
		wait := pause.NextBackOff()
		c.config.Observer.retry(fault.New(fault.Unavailable,
			"joining group %q gave nothing: topic %q has no partitions",
			c.config.Group, c.config.Topic), wait)
		sleep(ctx, wait)
	}
	return c.leave(group)
}

// serve works on the generation's partitions until it or ctx ends. It gives false for a
// generation that ended at once and had no partitions.
func (c *Consumer) serve(ctx context.Context, g *kafka.Generation, handler Handler) bool {
	begun := time.Now()
	t := newTurn(c.config, g, handler)
	served := make(chan struct{})
	g.Start(func(owned context.Context) {
		turn, cancel := context.WithCancel(ctx)
		defer context.AfterFunc(owned, cancel)()
		defer cancel()
		t.run(turn)
		close(served)
		// Returning would end the generation, and the library would join the next one although
		// the group is about to be left.
		<-owned.Done()
	})
	<-served
	return len(t.assignments) > 0 || time.Since(begun) > briefTurn
}

func (c *Consumer) leave(group *kafka.ConsumerGroup) error {
	left := make(chan struct{})
	go func() {
		defer close(left)
		_ = group.Close()
	}()
	select {
	case <-left:
		return nil
	case <-time.After(c.config.FinishTimeout):
		return fault.New(fault.Unavailable, "leaving group %q takes too long", c.config.Group)
	}
}
