package stream_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/stream"
)

// broker is what the contract is held against: a real one and the embedded one.
type broker interface {
	Addr() string
	Stop()
	Restart()
}

// contract is the suite that every broker has to pass. The shared broker is not disturbed by any
// test; open gives a test one of its own.
func contract(t *testing.T, shared broker, open func(testing.TB) broker) {
	on := func(test func(*testing.T, world)) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, shared))
		}
	}
	own := func(test func(*testing.T, world)) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, open(t)))
		}
	}
	t.Run("what is written is read back", on(writtenIsReadBack))
	t.Run("all codecs are read", on(allCodecsAreRead))
	t.Run("keys lie where Java puts them", on(keysLieWhereJavaPutsThem))
	t.Run("a record over the limit fails alone", on(oversizedFailsAlone))
	t.Run("a batch over the topic's limit fails alone", on(crowdedFailsAlone))
	t.Run("a missing topic is unavailable", on(missingTopicIsUnavailable))
	t.Run("closing flushes", on(closingFlushes))
	t.Run("topics are made once", on(topicsAreMadeOnce))
	t.Run("a topic that Kafka refuses is invalid", on(refusedTopicIsInvalid))
	t.Run("lag", on(lagIsCounted))
	t.Run("commits follow a yes", on(commitsFollowYes))
	t.Run("errors are retried in order", on(errorsAreRetriedInOrder))
	t.Run("idle is told between batches", on(idleIsToldBetweenBatches))
	t.Run("stopping ends idle at once", on(stoppingEndsIdleAtOnce))
	t.Run("batches keep their limits", on(batchesKeepTheirLimits))
	t.Run("a restarted member goes on", on(restartedMemberGoesOn))
	t.Run("a group may start at the end", on(groupStartsAtEnd))
	t.Run("stopping lets the batch finish", on(stoppingLetsBatchFinish))
	t.Run("stopping does not wait for ever", on(stoppingDoesNotWaitForEver))
	t.Run("members share without loss", on(membersShareWithoutLoss))
	t.Run("a killed member's batch comes again", on(killedMembersBatchComesAgain))
	t.Run("records gone are reported", on(goneRecordsAreReported))
	t.Run("a shorter log is read from its start", on(shorterLogIsReadFromStart))
	t.Run("a topic made later is read", on(laterTopicIsRead))
	t.Run("added partitions are read", on(addedPartitionsAreRead))
	t.Run("an outage is bounded and ends", own(outageIsBoundedAndEnds))
	t.Run("consumers outlive an outage", own(consumersOutliveOutage))
}

// patience bounds every wait: the machine may be busy, and sessions take 6 seconds to end.
const patience = 2 * time.Minute

// world is a broker and a topic of a test's own.
type world struct {
	broker  broker
	brokers []string
	topic   string
	ctx     context.Context
}

func newWorld(t *testing.T, b broker) world {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	topic := "t-" + strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, t.Name())
	return world{broker: b, brokers: []string{b.Addr()}, topic: topic, ctx: ctx}
}

func (w world) makeTopic(t *testing.T, topic stream.Topic) {
	t.Helper()
	topic.Name = w.topic
	if _, err := stream.EnsureTopics(w.ctx, w.brokers, []stream.Topic{topic}); err != nil {
		t.Fatalf("making the topic: %v", err)
	}
}

func (w world) producer(t *testing.T, config stream.ProducerConfig) *stream.Producer {
	t.Helper()
	config.Brokers = w.brokers
	p := stream.NewProducer(config)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Errorf("closing the producer: %v", err)
		}
	})
	return p
}

// numbered gives records with the values from..to-1 and as many keys as told.
func (w world) numbered(from, to, keys int) []stream.Record {
	records := make([]stream.Record, 0, to-from)
	for i := from; i < to; i++ {
		records = append(records, stream.Record{
			Topic: w.topic,
			Key:   fmt.Append(nil, "key-", i%keys),
			Value: strconv.AppendInt(nil, int64(i), 10),
		})
	}
	return records
}

// write produces records with the values from..to-1.
func (w world) write(t *testing.T, from, to int) {
	t.Helper()
	p := w.producer(t, stream.ProducerConfig{})
	if err := p.Produce(w.ctx, w.numbered(from, to, 50)...); err != nil {
		t.Fatalf("producing: %v", err)
	}
}

func (w world) scan(t *testing.T) []stream.Record {
	t.Helper()
	var all []stream.Record
	err := stream.Scan(w.ctx, w.brokers, w.topic, func(r stream.Record) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatalf("scanning: %v", err)
	}
	return all
}

func (w world) lag(t *testing.T, group string) int64 {
	t.Helper()
	var sum int64
	w.await(t, "the lag is told", func() bool {
		lag, err := stream.Lag(w.ctx, w.brokers, group, w.topic)
		switch fault.Of(err) {
		case 0:
		case fault.Unavailable:
			return false // the group's coordinator may be on its way
		default:
			t.Fatalf("asking for the lag: %v", err)
		}
		sum = 0
		for _, n := range lag {
			sum += n
		}
		return true
	})
	return sum
}

// await polls until the condition holds.
func (w world) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-w.ctx.Done():
			t.Fatalf("waiting in vain until %s", what)
		}
	}
}

// receive gives the next value of the channel.
func receive[T any](t *testing.T, w world, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-w.ctx.Done():
		t.Fatalf("waiting in vain for %s", what)
		panic("not reached")
	}
}

// config is a consumer that is quick to notice things.
func (w world) config() stream.ConsumerConfig {
	return stream.ConsumerConfig{
		Brokers:           w.brokers,
		Group:             "g-" + w.topic,
		Topic:             w.topic,
		BatchAge:          20 * time.Millisecond,
		RetryMin:          10 * time.Millisecond,
		RetryMax:          100 * time.Millisecond,
		SessionTimeout:    6 * time.Second,
		HeartbeatInterval: 200 * time.Millisecond,
		WatchInterval:     200 * time.Millisecond,
	}
}

// member is a running consumer.
type member struct {
	cancel context.CancelFunc
	ended  chan error
	once   sync.Once
	err    error
}

func (w world) join(t *testing.T, config stream.ConsumerConfig, handler stream.Handler) *member {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{cancel: cancel, ended: make(chan error, 1)}
	go func() { m.ended <- stream.NewConsumer(config).Run(ctx, handler) }()
	t.Cleanup(func() {
		if err := m.stop(); err != nil {
			t.Errorf("the consumer ended with: %v", err)
		}
	})
	return m
}

// stop ends the consumer and gives what Run gave.
func (m *member) stop() error {
	m.once.Do(func() {
		m.cancel()
		m.err = <-m.ended
	})
	return m.err
}

// ledger is a handler that says yes and remembers. It fails the test where the order within a
// batch is not what was promised.
type ledger struct {
	t     *testing.T
	mutex sync.Mutex
	seen  map[string]int
	sizes []int
}

func newLedger(t *testing.T) *ledger { return &ledger{t: t, seen: map[string]int{}} }

func (l *ledger) Handle(_ context.Context, b stream.Batch) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, r := range b.Records {
		l.seen[string(r.Value)]++
	}
	l.sizes = append(l.sizes, len(b.Records))
	if !slices.IsSortedFunc(b.Records, byPlace) {
		l.t.Errorf("a batch is not sorted by partition and offset")
	}
	return nil
}

func byPlace(a, b stream.Record) int {
	if a.Partition != b.Partition {
		return a.Partition - b.Partition
	}
	return int(a.Offset - b.Offset)
}

// distinct is how many different records came.
func (l *ledger) distinct() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.seen)
}

// missing gives those of the values from..to-1 that did not come.
func (l *ledger) missing(from, to int) []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	wanted := map[string]bool{}
	for i := from; i < to; i++ {
		if v := strconv.Itoa(i); l.seen[v] == 0 {
			wanted[v] = true
		}
	}
	return slices.Sorted(maps.Keys(wanted))
}
