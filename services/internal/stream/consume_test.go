package stream_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/stream"
)

var errNotYet = errors.New("the store is away")

func lagIsCounted(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 3})
	group := w.config().Group
	if got := w.lag(t, group); got != 0 {
		t.Errorf("the lag of nothing is %d, want 0", got)
	}
	w.write(t, 0, 100)
	if got := w.lag(t, group); got != 100 {
		t.Errorf("the lag without a commit is %d, want 100", got)
	}
	all := newLedger(t)
	m := w.join(t, w.config(), all)
	w.await(t, "all is committed", func() bool { return w.lag(t, group) == 0 })
	if err := m.stop(); err != nil {
		t.Error(err)
	}
	w.write(t, 100, 130)
	if got := w.lag(t, group); got != 30 {
		t.Errorf("the lag behind a commit is %d, want 30", got)
	}
}

func commitsFollowYes(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 2})
	w.write(t, 0, 50)
	came, allow := make(chan struct{}, 1000), make(chan struct{})
	w.join(t, w.config(), stream.HandlerFunc(func(ctx context.Context, _ stream.Batch) error {
		came <- struct{}{}
		select {
		case <-allow:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}))
	receive(t, w, "a batch", came)
	if got := w.lag(t, w.config().Group); got != 50 {
		t.Errorf("while the first batch is handled the lag is %d, want 50", got)
	}
	close(allow)
	w.await(t, "all is committed", func() bool { return w.lag(t, w.config().Group) == 0 })
}

// idleIsToldBetweenBatches: it is told while there is nothing, and afterwards, and never beside a
// batch.
func idleIsToldBetweenBatches(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1})
	var busy atomic.Bool
	var rests, handled atomic.Int64
	config := w.config()
	config.IdleEvery = time.Millisecond
	config.Idle = func(context.Context) {
		rests.Add(1)
		if busy.Load() {
			t.Error("told to be idle while a batch is handled")
		}
	}
	w.join(t, config, stream.HandlerFunc(func(_ context.Context, b stream.Batch) error {
		busy.Store(true)
		defer busy.Store(false)
		handled.Add(int64(len(b.Records)))
		return nil
	}))
	w.await(t, "nothing comes", func() bool { return rests.Load() > 2 })
	w.write(t, 0, 100)
	w.await(t, "all is handled", func() bool { return handled.Load() == 100 })
	before := rests.Load()
	w.await(t, "nothing comes any more", func() bool { return rests.Load() > before+2 })
}

// stoppingEndsIdleAtOnce: what is done while there is nothing is no batch that may be finished.
func stoppingEndsIdleAtOnce(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1})
	config := w.config()
	config.FinishTimeout = patience
	config.RebalanceTimeout = 2 * patience
	config.IdleEvery = time.Millisecond
	came := make(chan struct{}, 1)
	config.Idle = func(ctx context.Context) {
		came <- struct{}{}
		<-ctx.Done()
	}
	m := w.join(t, config, newLedger(t))
	receive(t, w, "the first idle moment", came)
	m.cancel()
	receive(t, w, "the consumer's end", m.ended)
	m.ended <- nil
}

// errorsAreRetriedInOrder: a handler that fails sees the same batch until it says yes, and what
// it says yes to is each partition without a gap.
func errorsAreRetriedInOrder(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 3})
	const total = 500
	w.write(t, 0, total)
	config := w.config()
	config.BatchRecords = 40
	retries := make(chan error, 1000)
	config.Observer.OnRetry = func(err error, _ time.Duration) { retries <- err }
	var (
		calls  int
		failed *stream.Batch
		next   = map[int]int64{}
		taken  atomic.Int64
	)
	w.join(t, config, stream.HandlerFunc(func(_ context.Context, b stream.Batch) error {
		if failed != nil {
			if diff := cmp.Diff(failed.Spans, b.Spans); diff != "" {
				t.Errorf("another batch came after an error (-want +got):\n%s", diff)
			}
		}
		if calls++; calls%3 != 0 {
			failed = &b
			return errNotYet
		}
		failed = nil
		for _, r := range b.Records {
			if r.Offset != next[r.Partition] {
				t.Errorf("partition %d: got offset %d, want %d",
					r.Partition, r.Offset, next[r.Partition])
			}
			next[r.Partition] = r.Offset + 1
		}
		taken.Add(int64(len(b.Records)))
		return nil
	}))
	w.await(t, "all came", func() bool { return taken.Load() >= total })
	w.await(t, "all is committed", func() bool { return w.lag(t, config.Group) == 0 })
	told := false
	for len(retries) > 0 {
		told = errors.Is(<-retries, errNotYet) || told
	}
	if !told {
		t.Error("the observer did not hear of the handler's error")
	}
}

func batchesKeepTheirLimits(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 4})
	w.write(t, 0, 1000)
	config := w.config()
	config.BatchRecords = 64
	config.BatchBytes = 1500
	var taken atomic.Int64
	w.join(t, config, stream.HandlerFunc(func(_ context.Context, b stream.Batch) error {
		taken.Add(int64(len(b.Records)))
		if len(b.Records) > 64 || b.Bytes > 1500 && len(b.Records) > 1 {
			t.Errorf("a batch has %d records of %d bytes", len(b.Records), b.Bytes)
		}
		if b.Topic != w.topic || b.ReceivedAt.IsZero() {
			t.Errorf("a batch is of topic %q, received at %v", b.Topic, b.ReceivedAt)
		}
		if diff := cmp.Diff(spansOf(b.Records), b.Spans); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
		return nil
	}))
	w.await(t, "all came", func() bool { return taken.Load() >= 1000 })
}

// spansOf are the spans of sorted records.
func spansOf(records []stream.Record) []stream.Span {
	var spans []stream.Span
	for _, r := range records {
		if n := len(spans); n == 0 || spans[n-1].Partition != r.Partition {
			spans = append(spans, stream.Span{Partition: r.Partition, FirstOffset: r.Offset})
		}
		spans[len(spans)-1].LastOffset = r.Offset
	}
	return spans
}

func restartedMemberGoesOn(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 2})
	w.write(t, 0, 100)
	first := newLedger(t)
	m := w.join(t, w.config(), first)
	w.await(t, "the first half is committed",
		func() bool { return w.lag(t, w.config().Group) == 0 })
	if err := m.stop(); err != nil {
		t.Error(err)
	}
	w.write(t, 100, 200)
	second := newLedger(t)
	w.join(t, w.config(), second)
	w.await(t, "the second half came", func() bool { return len(second.missing(100, 200)) == 0 })
	if got := second.distinct(); got != 100 {
		t.Errorf("after a restart %d records came, want the 100 that were not committed", got)
	}
}

func groupStartsAtEnd(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 2})
	w.write(t, 0, 100)
	config := w.config()
	config.StartAtEnd = true
	config.Observer, _ = watched()
	idle := newLedger(t)
	m := w.join(t, config, idle)
	// The place is committed before anything is read, so that what comes after it is never old.
	w.await(t, "the start is committed", func() bool { return w.lag(t, config.Group) == 0 })
	if err := m.stop(); err != nil {
		t.Error(err)
	}
	w.write(t, 100, 150)
	all := newLedger(t)
	w.join(t, config, all)
	w.await(t, "the new ones came", func() bool { return len(all.missing(100, 150)) == 0 })
	if got := all.distinct() + idle.distinct(); got != 50 {
		t.Errorf("%d records came, want the 50 after the start", got)
	}
}

func stoppingLetsBatchFinish(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 2})
	w.write(t, 0, 100)
	observer, events := watched()
	config := w.config()
	config.Observer = observer
	came, allow := make(chan struct{}, 1), make(chan struct{})
	var calls, handled atomic.Int64
	m := w.join(t, config, stream.HandlerFunc(func(ctx context.Context, b stream.Batch) error {
		handled.Add(int64(len(b.Records)))
		if calls.Add(1) == 1 {
			came <- struct{}{}
			<-allow
		}
		return ctx.Err()
	}))
	receive(t, w, "a batch", came)
	m.cancel()
	close(allow)
	if err := m.stop(); err != nil {
		t.Error(err)
	}
	if got := calls.Load(); got != 1 {
		t.Errorf("%d batches were handled, want only the one that was running", got)
	}
	if got, want := w.lag(t, config.Group), 100-handled.Load(); got != want {
		t.Errorf("the lag is %d, want %d: the running batch was committed", got, want)
	}
	if diff := cmp.Diff([]string{"assigned [0 1]", "revoked [0 1]"}, events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func stoppingDoesNotWaitForEver(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1})
	w.write(t, 0, 100)
	config := w.config()
	config.FinishTimeout = 300 * time.Millisecond
	came := make(chan struct{}, 1)
	m := w.join(t, config, stream.HandlerFunc(func(ctx context.Context, b stream.Batch) error {
		came <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}))
	receive(t, w, "a batch", came)
	m.cancel()
	receive(t, w, "the consumer's end", m.ended)
	m.ended <- nil
	if got := w.lag(t, config.Group); got != 100 {
		t.Errorf("the lag is %d, want 100: nothing was handled", got)
	}
}

// membersShareWithoutLoss: records are written all the time while members join and leave.
func membersShareWithoutLoss(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 4})
	const total = 4000
	p := w.producer(t, stream.ProducerConfig{})
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := 0; i < total; i += 100 {
			if err := p.Produce(w.ctx, w.numbered(i, i+100, 50)...); err != nil {
				t.Errorf("producing: %v", err)
			}
		}
	}()
	all := newLedger(t)
	watch := func(partitions *atomic.Int64) stream.ConsumerConfig {
		config := w.config()
		config.BatchRecords = 100
		config.Observer.OnAssigned = func(p []int) { partitions.Store(int64(len(p))) }
		config.Observer.OnRevoked = func([]int) { partitions.Store(0) }
		return config
	}
	var one, two atomic.Int64
	first := w.join(t, watch(&one), all)
	w.await(t, "the first member has all", func() bool { return one.Load() == 4 })
	w.join(t, watch(&two), all)
	w.await(t, "both have half", func() bool { return one.Load() == 2 && two.Load() == 2 })
	if err := first.stop(); err != nil {
		t.Error(err)
	}
	w.await(t, "the second member has all", func() bool { return two.Load() == 4 })
	receive(t, w, "the end of writing", written)
	w.await(t, "all came", func() bool { return len(all.missing(0, total)) == 0 })
	w.await(t, "all is committed", func() bool { return w.lag(t, w.config().Group) == 0 })
}

func goneRecordsAreReported(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1})
	w.write(t, 0, 100)
	all := newLedger(t)
	m := w.join(t, w.config(), all)
	w.await(t, "all is committed", func() bool { return w.lag(t, w.config().Group) == 0 })
	if err := m.stop(); err != nil {
		t.Error(err)
	}
	w.write(t, 100, 200)
	w.deleteRecords(t, 150)
	lost := make(chan [3]int64, 10)
	config := w.config()
	config.Observer.OnLost = func(partition int, from, to int64) {
		lost <- [3]int64{int64(partition), from, to}
	}
	rest := newLedger(t)
	w.join(t, config, rest)
	if diff := cmp.Diff([3]int64{0, 100, 150}, receive(t, w, "a loss", lost)); diff != "" {
		t.Errorf("partition, from, to (-want +got):\n%s", diff)
	}
	w.await(t, "the rest came", func() bool { return len(rest.missing(150, 200)) == 0 })
	if got := rest.distinct(); got != 50 {
		t.Errorf("%d records came, want the 50 that are there", got)
	}
}

func shorterLogIsReadFromStart(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1})
	w.write(t, 0, 20)
	w.commitOffset(t, w.config().Group, 1000)
	lost := make(chan [3]int64, 10)
	config := w.config()
	config.Observer.OnLost = func(partition int, from, to int64) {
		lost <- [3]int64{int64(partition), from, to}
	}
	all := newLedger(t)
	w.join(t, config, all)
	if diff := cmp.Diff([3]int64{0, 1000, 0}, receive(t, w, "a loss", lost)); diff != "" {
		t.Errorf("partition, from, to (-want +got):\n%s", diff)
	}
	w.await(t, "all came", func() bool { return len(all.missing(0, 20)) == 0 })
	w.await(t, "all is committed", func() bool { return w.lag(t, config.Group) == 0 })
}

func laterTopicIsRead(t *testing.T, w world) {
	retries := make(chan error, 10_000)
	config := w.config()
	config.Observer.OnRetry = func(err error, _ time.Duration) { retries <- err }
	all := newLedger(t)
	w.join(t, config, all)
	receive(t, w, "word of the missing topic", retries)
	w.makeTopic(t, stream.Topic{Partitions: 2})
	w.write(t, 0, 10)
	w.await(t, "all came", func() bool { return len(all.missing(0, 10)) == 0 })
}

func addedPartitionsAreRead(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1})
	w.write(t, 0, 10)
	all := newLedger(t)
	w.join(t, w.config(), all)
	w.await(t, "the first came", func() bool { return len(all.missing(0, 10)) == 0 })
	w.addPartitions(t, 4)
	w.write(t, 10, 200)
	w.await(t, "the rest came", func() bool { return len(all.missing(0, 200)) == 0 })
}

func consumersOutliveOutage(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 2})
	w.write(t, 0, 100)
	retries := make(chan error, 10_000)
	config := w.config()
	config.Observer.OnRetry = func(err error, _ time.Duration) { retries <- err }
	all := newLedger(t)
	w.join(t, config, all)
	w.await(t, "the first came", func() bool { return len(all.missing(0, 100)) == 0 })
	w.broker.Stop()
	receive(t, w, "word of the outage", retries)
	w.broker.Restart()
	w.write(t, 100, 200)
	w.await(t, "the rest came", func() bool { return len(all.missing(0, 200)) == 0 })
	w.await(t, "all is committed", func() bool { return w.lag(t, config.Group) == 0 })
}

// watched gives an observer and what it saw of the assignments so far.
func watched() (stream.Observer, func() []string) {
	var mutex sync.Mutex
	var events []string
	note := func(what string) func([]int) {
		return func(partitions []int) {
			mutex.Lock()
			defer mutex.Unlock()
			events = append(events, what+" "+printed(partitions))
		}
	}
	seen := func() []string {
		mutex.Lock()
		defer mutex.Unlock()
		return slices.Clone(events)
	}
	return stream.Observer{OnAssigned: note("assigned"), OnRevoked: note("revoked")}, seen
}
