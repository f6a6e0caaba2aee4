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
	// Idle, where it is there, is called every IdleEvery (default 1 s) while there is no batch to
	// handle, never while Handle runs. Unlike that of a batch its context ends at once when the
	// partitions are lost or the Consumer is told to stop.
	Idle      func(ctx context.Context)
	IdleEvery time.Duration
	// WatchInterval is how often the topic is asked for new partitions; default 5 s.
	WatchInterval time.Duration

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
	c.IdleEvery = orElse(c.IdleEvery, time.Second)
	c.WatchInterval = orElse(c.WatchInterval, 5*time.Second)
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
		ID:                c.Group,
		Brokers:           c.Brokers,
		Topics:            []string{c.Topic},
		Dialer:            dialer(),
		StartOffset:       start,
		HeartbeatInterval: c.HeartbeatInterval,
		SessionTimeout:    c.SessionTimeout,
		RebalanceTimeout:  c.RebalanceTimeout,
		JoinGroupBackoff:  joinPause,
		GroupBalancers: []kafka.GroupBalancer{
			kafka.RangeGroupBalancer{}, kafka.RoundRobinGroupBalancer{},
		},
	}
}

// joinPause is the pause after a failed attempt to join the group.
const joinPause = time.Second

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
// everything: Kafka away, partitions lost and won, a topic that does not exist yet, a Handler that
// fails. The order of each partition's records is kept, and none is skipped. Each Run is a member
// of its own.
//
// Errors: Invalid for the configuration; Unavailable when the group could not be left in
// FinishTimeout, which its other members notice by SessionTimeout.
func (c *Consumer) Run(ctx context.Context, handler Handler) error {
	if err := c.config.check(); err != nil {
		return err
	}
	m := &membership{config: c.config, handler: handler}
	if !m.survey(ctx) {
		return nil
	}
	group, err := kafka.NewConsumerGroup(c.config.group())
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "the consumer's configuration is not acceptable")
	}
	for ctx.Err() == nil {
		generation, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			err = unavailable(err, "joining group %q", c.config.Group)
			c.config.Observer.retry(err, joinPause)
		default:
			m.serve(ctx, generation)
		}
	}
	return leave(group, c.config)
}
