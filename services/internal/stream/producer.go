package stream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/fault"
)

// Compression is how batches are packed on the wire and on the brokers' disks.
type Compression string

// The codecs; all of them are read by every Consumer.
const (
	Uncompressed Compression = "none"
	Snappy       Compression = "snappy"
	LZ4          Compression = "lz4"
	Zstd         Compression = "zstd"
)

var codecs = map[Compression]kafka.Compression{
	"":           kafka.Lz4,
	Uncompressed: 0,
	Snappy:       kafka.Snappy,
	LZ4:          kafka.Lz4,
	Zstd:         kafka.Zstd,
}

// ProducerConfig bounds a Producer. Zero values stand for the defaults; only Brokers has none.
type ProducerConfig struct {
	// Brokers are addresses host:port of some of the cluster's brokers.
	Brokers []string
	// BatchTimeout is how long a record waits for others to share a request; default 5 ms.
	BatchTimeout time.Duration
	// BatchRecords bounds the records of a request; default 128. Room for as many is kept ready
	// for each batch that is being filled, 150 bytes per record.
	BatchRecords int
	// BatchBytes bounds a record, and all records of a request together, before compression;
	// default 900,000. It has to stay below the topic's max.message.bytes.
	BatchBytes int64
	// MaxInFlightBytes bounds all records that are not yet acknowledged, those of calls that
	// have given up waiting included; default 64 MiB.
	MaxInFlightBytes int64
	// MaxAttempts is how often a request is tried; default 20, which with the pauses of 0.1 to
	// 1 second is about 17 seconds of a refused connection.
	MaxAttempts int
	// WriteTimeout bounds one attempt; default 5 s.
	WriteTimeout time.Duration
	// Compression is LZ4 by default: the least work in reading, and the most records a second in
	// writing; Zstd takes 40 % less room for half as much work again (see the benchmarks).
	Compression Compression
}

func (c ProducerConfig) withDefaults() ProducerConfig {
	c.BatchTimeout = orElse(c.BatchTimeout, 5*time.Millisecond)
	c.BatchRecords = orElse(c.BatchRecords, 128)
	c.BatchBytes = orElse(c.BatchBytes, 900_000)
	c.MaxInFlightBytes = orElse(c.MaxInFlightBytes, 64<<20)
	c.MaxAttempts = orElse(c.MaxAttempts, 20)
	c.WriteTimeout = orElse(c.WriteTimeout, 5*time.Second)
	return c
}

func orElse[T ~int | ~int64](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// Producer writes records with the acknowledgement of all in-sync replicas. It is safe for
// concurrent use, and works best when shared: calls made at the same time share requests.
type Producer struct {
	config    ProducerConfig
	writer    *kafka.Writer
	transport *kafka.Transport
	inFlight  atomic.Int64

	mutex   sync.Mutex
	closed  bool
	calls   sync.WaitGroup
	closing sync.Once
	flushed chan struct{}
}

// NewProducer makes a producer. It does not connect: the first Produce does.
func NewProducer(config ProducerConfig) *Producer {
	config = config.withDefaults()
	p := &Producer{config: config, transport: transport(), flushed: make(chan struct{})}
	p.writer = &kafka.Writer{
		Addr:         kafka.TCP(config.Brokers...),
		Transport:    patient{p.transport},
		Balancer:     kafka.Murmur2Balancer{},
		RequiredAcks: kafka.RequireAll,
		Compression:  codecs[config.Compression],
		BatchTimeout: config.BatchTimeout,
		BatchSize:    config.BatchRecords,
		BatchBytes:   config.BatchBytes,
		MaxAttempts:  config.MaxAttempts,
		WriteTimeout: config.WriteTimeout,
		ReadTimeout:  config.WriteTimeout,
		// Asynchronous, and waited for here: the writer's own waiting does not tell whether what
		// it gave up waiting for is still in its memory.
		Async:      true,
		Completion: p.complete,
	}
	return p
}

// InFlightBytes is the size of all records that are not yet acknowledged.
func (p *Producer) InFlightBytes() int64 { return p.inFlight.Load() }

// Produce writes the records and gives nil when each of them is acknowledged by all in-sync
// replicas. It waits until then or until ctx ends; without a deadline in ctx, for all attempts of
// its requests and of those queued before it. It never waits for room: where MaxInFlightBytes
// would be passed it fails at once.
//
// The caller must not change keys, values and headers after the call, not even after an error:
// a request that was begun is tried to its end.
//
// Errors: *PartialError where some or all records failed, each with its own kind (TooLarge:
// never acceptable; Unavailable: try again; Internal: refused by Kafka). Otherwise nothing was
// written: Unavailable (no room, Kafka never reached, no such topic, closed) or TooLarge (all
// records together exceed MaxInFlightBytes).
func (p *Producer) Produce(ctx context.Context, records ...Record) error {
	if !p.enter() {
		return fault.New(fault.Unavailable, "the producer is closed")
	}
	defer p.calls.Done()
	c := newCall(records)
	messages, size := c.admit(p.config.BatchBytes)
	if err := p.reserve(size); err != nil {
		return err
	}
	if err := p.writer.WriteMessages(ctx, messages...); err != nil {
		p.inFlight.Add(-size)
		return classify(err, "writing %d records", len(records))
	}
	c.wait(ctx)
	for _, i := range c.crowded() {
		c.settle(i, classify(p.writeAlone(ctx, c, i), "writing a record"))
	}
	return c.err()
}

// Close refuses new calls, waits for the running ones and flushes what calls that gave up have
// left. It waits until ctx ends and gives Unavailable then; flushing goes on. It may be called
// several times.
func (p *Producer) Close(ctx context.Context) error {
	p.mutex.Lock()
	p.closed = true
	p.mutex.Unlock()
	// The writer must not be closed while a call may still hand records to it: it would keep
	// them for ever.
	p.closing.Do(func() {
		go func() {
			defer close(p.flushed)
			p.calls.Wait()
			_ = p.writer.Close()
			p.transport.CloseIdleConnections()
		}()
	})
	select {
	case <-p.flushed:
		return nil
	case <-ctx.Done():
		return unavailable(ctx.Err(), "flushing %d bytes of records", p.InFlightBytes())
	}
}

func (p *Producer) enter() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.closed {
		p.calls.Add(1)
	}
	return !p.closed
}

func (p *Producer) reserve(size int64) error {
	if size > p.config.MaxInFlightBytes {
		return fault.New(fault.TooLarge, "%d bytes of records at once are more than the %d that "+
			"are held for Kafka; send fewer at a time", size, p.config.MaxInFlightBytes)
	}
	if p.inFlight.Add(size) > p.config.MaxInFlightBytes {
		p.inFlight.Add(-size)
		return fault.New(fault.Unavailable, "Kafka does not keep up; try again")
	}
	return nil
}

// complete is called by the writer once for every message that it accepted.
func (p *Producer) complete(messages []kafka.Message, err error) {
	for i := range messages {
		s := messages[i].WriterData.(*slot)
		p.inFlight.Add(-s.bytes)
		s.done(&messages[i], err, len(messages) > 1)
	}
}

// writeAlone sends one record in a request of its own. Kafka refuses a batch as a whole: only
// alone it shows which record was too large.
func (p *Producer) writeAlone(ctx context.Context, c *call, index int) error {
	record := &c.records[index]
	ctx, cancel := context.WithTimeout(ctx, p.config.WriteTimeout)
	defer cancel()
	client := kafka.Client{Addr: p.writer.Addr, Transport: p.transport}
	answer, err := client.Produce(ctx, &kafka.ProduceRequest{
		Topic:        record.Topic,
		Partition:    c.slots[index].partition,
		RequiredAcks: kafka.RequireAll,
		Compression:  p.writer.Compression,
		Records: kafka.NewRecordReader(kafka.Record{
			Key:     kafka.NewBytes(record.Key),
			Value:   kafka.NewBytes(record.Value),
			Headers: headersOut(record.Headers),
		}),
	})
	if err != nil {
		return err
	}
	return answer.Error
}
