// Package processor takes records off Kafka, attributes them by the journey map in force when
// they were received, settles copies, and keeps facts and profiles in the store.
//
// Records are committed only after the store holds everything that follows from them. Stop order:
// stop fetching, finish the running batch on a context of its own (FinishTimeout), commit, leave
// the group. Killed at any point, it does the same batch again to the same result.
package processor

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/host"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
)

// Config holds the processor's settings.
type Config struct {
	Brokers         []string      `env:"WAYSTAGE_KAFKA_BROKERS,required" doc:"Addresses host:port of Kafka brokers, separated by commas."`
	Topic           string        `env:"WAYSTAGE_KAFKA_TOUCHPOINTS_TOPIC" envDefault:"waystage.touchpoints" doc:"Topic of admitted messages."`
	QuarantineTopic string        `env:"WAYSTAGE_KAFKA_QUARANTINE_TOPIC" envDefault:"waystage.quarantine" doc:"Topic of refused messages."`
	Partitions      int           `env:"WAYSTAGE_KAFKA_PARTITIONS" envDefault:"8" unit:"partitions" doc:"Partitions of the touchpoints topic where it has to be made."`
	Retention       time.Duration `env:"WAYSTAGE_KAFKA_RETENTION" envDefault:"168h" unit:"duration" doc:"How long admitted messages stay on Kafka where the topic has to be made."`
	Replication     int           `env:"WAYSTAGE_KAFKA_REPLICATION" envDefault:"0" unit:"copies" doc:"Copies of the topics where they have to be made; 0 is the brokers' default."`
	Group           string        `env:"WAYSTAGE_PROCESSOR_GROUP" envDefault:"waystage.processor" doc:"Consumer group that all processors share."`
	ClickHouse      string        `env:"WAYSTAGE_CLICKHOUSE_DSN,required" secret:"true" doc:"Address of ClickHouse, such as http://user:password@host:8123/waystage."`
	BatchRecords    int           `env:"WAYSTAGE_PROCESSOR_BATCH_RECORDS" envDefault:"10000" unit:"records" doc:"Most records stored at once."`
	BatchBytes      int64         `env:"WAYSTAGE_PROCESSOR_BATCH_BYTES" envDefault:"16777216" unit:"bytes" doc:"Most bytes of records stored at once."`
	BatchAge        time.Duration `env:"WAYSTAGE_PROCESSOR_BATCH_AGE" envDefault:"250ms" unit:"duration" doc:"How long a record waits for others to be stored with."`
	FinishTimeout   time.Duration `env:"WAYSTAGE_PROCESSOR_FINISH_TIMEOUT" envDefault:"20s" unit:"duration" doc:"How long the running batch may take after a stop."`
	SessionTimeout  time.Duration `env:"WAYSTAGE_PROCESSOR_SESSION_TIMEOUT" envDefault:"10s" unit:"duration" doc:"How long a processor that was killed keeps its partitions from the others."`
	CopyWindow      time.Duration `env:"WAYSTAGE_PROCESSOR_COPY_WINDOW" envDefault:"168h" unit:"duration" doc:"How far apart copies of one message may be received and still be found; at most 168h."`

	Host host.Config
}

// maxCopyWindow is how long the store keeps receipts, less how long a message may be replayed out
// of quarantine and then stay on the log.
const maxCopyWindow = 7 * 24 * time.Hour

// Validate tells every setting that is wrong.
func (c Config) Validate() error {
	switch {
	case c.BatchRecords < 1 || c.BatchBytes < 1 || c.BatchAge <= 0:
		return fmt.Errorf("the limits of a batch must be above 0")
	case c.Replication < 0:
		return fmt.Errorf("WAYSTAGE_KAFKA_REPLICATION: must be 0 or more")
	case c.CopyWindow <= 0 || c.CopyWindow > maxCopyWindow:
		return fmt.Errorf("WAYSTAGE_PROCESSOR_COPY_WINDOW: must lie above 0 and not above %v",
			maxCopyWindow)
	default:
		return nil
	}
}

// Processor is the service.
type Processor struct {
	config   Config
	log      zerolog.Logger
	store    *store.Store
	producer *stream.Producer
	handler  *handler
	keeper   quarantineKeeper
}

// New prepares a processor without connecting to anything. Errors: Invalid (address).
func New(config Config, log zerolog.Logger, registry prometheus.Registerer) (*Processor, error) {
	st, err := store.Open(config.ClickHouse)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	producer := stream.NewProducer(stream.ProducerConfig{Brokers: config.Brokers})
	m := newMetrics(registry)
	return &Processor{
		config: config, log: log, store: st, producer: producer,
		handler: newHandler(config, log, st, producer, m),
		keeper:  quarantineKeeper{log: log, store: st, metrics: m},
	}, nil
}

// Run processes until ctx ends. ready is told once records are being read.
func (p *Processor) Run(ctx context.Context, ready func(bool)) error {
	defer p.close()
	if err := p.prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	ready(true)
	defer ready(false)
	err := stream.RunAll(ctx,
		stream.Member{
			Consumer: p.consumer(p.config.Topic, "", p.handler.forget, p.Idle), Handler: p,
		},
		stream.Member{
			Consumer: p.consumer(p.config.QuarantineTopic, QuarantineGroup, func() {}, nil),
			Handler:  p.keeper,
		},
	)
	if err != nil {
		return fmt.Errorf("reading %s and %s: %w", p.config.Topic, p.config.QuarantineTopic, err)
	}
	return nil
}

// QuarantineGroup is what stands behind the group's name for the quarantine topic.
const QuarantineGroup = ".quarantine"

// consumer reads a topic as a member of the group with that suffix; revoked is called when
// partitions are lost, idle while there is no batch.
func (p *Processor) consumer(
	topic, suffix string, revoked func(), idle func(context.Context),
) *stream.Consumer {
	return stream.NewConsumer(stream.ConsumerConfig{
		Brokers: p.config.Brokers, Group: p.config.Group + suffix, Topic: topic,
		BatchRecords: p.config.BatchRecords, BatchBytes: p.config.BatchBytes,
		BatchAge: p.config.BatchAge, FinishTimeout: p.config.FinishTimeout,
		SessionTimeout: p.config.SessionTimeout,
		Idle:           idle, IdleEvery: idleEvery,
		Observer: p.observer(topic, revoked),
	})
}

// Handle does one batch: it gives nil once the store holds everything that follows from it. Run
// calls it; it is called by one goroutine at a time.
func (p *Processor) Handle(ctx context.Context, batch stream.Batch) error {
	return p.handler.Handle(ctx, batch)
}

// Idle does what is to be done while there is no batch: it brings profiles to maps that were
// published since they were derived. Run calls it every quarter of a second, never while Handle
// runs.
func (p *Processor) Idle(ctx context.Context) { p.handler.Idle(ctx) }

// prepare waits for Kafka and ClickHouse, as long as ctx lives.
func (p *Processor) prepare(ctx context.Context) error {
	err := p.persist(ctx, "migrating the store", func() error { return p.store.Migrate(ctx) })
	if err != nil {
		return err
	}
	return p.persist(ctx, "making topics", func() error {
		_, err := stream.EnsureTopics(ctx, p.config.Brokers, []stream.Topic{
			{
				Name: p.config.Topic, Partitions: p.config.Partitions,
				Replication: p.config.Replication, Retention: p.config.Retention,
			},
			{
				Name: p.config.QuarantineTopic, Partitions: 1,
				Replication: p.config.Replication, Retention: quarantineRetention,
			},
		})
		return err
	})
}

const quarantineRetention = 30 * 24 * time.Hour

func (p *Processor) observer(topic string, revoked func()) stream.Observer {
	log := p.log.With().Str("topic", topic).Logger()
	return stream.Observer{
		OnAssigned: func(partitions []int) {
			log.Info().Ints("partitions", partitions).Msg("partitions assigned")
		},
		OnRevoked: func(partitions []int) {
			revoked()
			log.Info().Ints("partitions", partitions).Msg("partitions revoked")
		},
		OnRetry: func(err error, wait time.Duration) {
			p.handler.metrics.retries.Inc()
			log.Warn().Err(err).Dur("wait", wait).Msg("trying again")
		},
		OnLost: func(partition int, from, to int64) {
			p.handler.metrics.lost.Add(float64(to - from))
			log.Error().Int("partition", partition).Int64("from", from).Int64("to", to).
				Msg("records were gone before they were read")
		},
	}
}

func (p *Processor) close() {
	ctx, cancel := context.WithTimeout(context.Background(), p.config.FinishTimeout)
	defer cancel()
	if err := p.producer.Close(ctx); err != nil {
		p.log.Warn().Err(err).Msg("closing the producer")
	}
	if err := p.store.Close(); err != nil {
		p.log.Warn().Err(err).Msg("closing the store")
	}
}

// persist calls try until it succeeds or ctx ends, with growing pauses. Only what may be retried
// is.
func (p *Processor) persist(ctx context.Context, doing string, try func() error) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := try()
		if err != nil && !fault.Retryable(err) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, wait time.Duration) {
		p.log.Warn().Err(err).Dur("wait", wait).Msg("trying again: " + doing)
	}))
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
