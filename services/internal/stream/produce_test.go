package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/stream"
)

func writtenIsReadBack(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1, Retention: -1})
	before := time.Now().Add(-time.Second)
	want := []stream.Record{
		{Key: []byte("k"), Value: []byte("v"), Headers: []stream.Header{
			{Name: "twice", Value: []byte("1")}, {Name: "twice", Value: []byte{0, 255}},
		}},
		{Key: nil, Value: []byte("no key")},
		{Key: []byte{}, Value: []byte("empty key")},
		{Key: []byte("k"), Value: []byte{}},
		{Key: []byte("k"), Value: nil},
		{Key: []byte("k"), Value: []byte(strings.Repeat("long", 50_000))},
	}
	for i := range want {
		want[i].Topic = w.topic
	}
	if err := w.producer(t, stream.ProducerConfig{}).Produce(w.ctx, want...); err != nil {
		t.Fatal(err)
	}
	got := w.scan(t)
	for i := range want {
		want[i].Offset = int64(i)
	}
	undated := cmpopts.IgnoreFields(stream.Record{}, "AppendedAt")
	if diff := cmp.Diff(want, got, undated, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	for _, r := range got {
		if r.AppendedAt.Before(before) || r.AppendedAt.After(time.Now().Add(time.Second)) {
			t.Errorf("record %d was appended at %v", r.Offset, r.AppendedAt)
		}
	}
}

func allCodecsAreRead(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 2})
	codecs := []stream.Compression{
		stream.Uncompressed, stream.Snappy, stream.LZ4, stream.Zstd,
	}
	for i, codec := range codecs {
		p := w.producer(t, stream.ProducerConfig{Compression: codec})
		if err := p.Produce(w.ctx, w.numbered(i*1000, (i+1)*1000, 20)...); err != nil {
			t.Fatalf("producing with %s: %v", codec, err)
		}
	}
	all := newLedger(t)
	w.join(t, w.config(), all)
	w.await(t, "all records came", func() bool { return all.distinct() == 1000*len(codecs) })
}

// The partitions were given by the Java client's partitioner: murmur2 of the key, positive, modulo
// the partitions; the hashes stand in Kafka's own UtilsTest.
func keysLieWhereJavaPutsThem(t *testing.T, w world) {
	const partitions = 16
	w.makeTopic(t, stream.Topic{Partitions: partitions})
	hashes := map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	}
	var records []stream.Record
	want := map[string]int{}
	for key, hash := range hashes {
		records = append(records, stream.Record{Topic: w.topic, Key: []byte(key)})
		want[key] = int(hash&0x7fffffff) % partitions
	}
	if err := w.producer(t, stream.ProducerConfig{}).Produce(w.ctx, records...); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range w.scan(t) {
		got[string(r.Key)] = r.Partition
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("partitions by key (-want +got):\n%s", diff)
	}
}

func oversizedFailsAlone(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1})
	p := w.producer(t, stream.ProducerConfig{BatchBytes: 10_000})
	err := p.Produce(w.ctx, w.sized(10, 20_000, 30, 10_001, 50)...)
	wantTooLarge(t, err, 1, 3)
	if diff := cmp.Diff([]int{10, 30, 50}, w.lengths(t)); diff != "" {
		t.Errorf("lengths of the records in the topic (-want +got):\n%s", diff)
	}
}

// The topic is made for smaller batches than the producer's: the broker refuses the whole batch.
func crowdedFailsAlone(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1, MaxMessageBytes: 2000})
	p := w.producer(t, stream.ProducerConfig{
		Compression: stream.Uncompressed, BatchTimeout: 100 * time.Millisecond,
	})
	err := p.Produce(w.ctx, w.sized(900, 3000, 901, 902, 5000)...)
	wantTooLarge(t, err, 1, 4)
	if diff := cmp.Diff([]int{900, 901, 902}, w.lengths(t)); diff != "" {
		t.Errorf("lengths of the records in the topic (-want +got):\n%s", diff)
	}
}

func (w world) sized(lengths ...int) []stream.Record {
	records := make([]stream.Record, len(lengths))
	for i, n := range lengths {
		records[i] = stream.Record{
			Topic: w.topic, Key: []byte("k"), Value: []byte(strings.Repeat("x", n)),
		}
	}
	return records
}

func (w world) lengths(t *testing.T) []int {
	t.Helper()
	var lengths []int
	for _, r := range w.scan(t) {
		lengths = append(lengths, len(r.Value))
	}
	return lengths
}

func wantTooLarge(t *testing.T, err error, indices ...int) {
	t.Helper()
	partial, ok := errors.AsType[*stream.PartialError](err)
	if !ok {
		t.Fatalf("got %v, want a PartialError", err)
	}
	if diff := cmp.Diff(indices, partial.Failed); diff != "" {
		t.Errorf("failed records (-want +got):\n%s", diff)
	}
	for _, i := range indices {
		if got := fault.Of(partial.At(i)); got != fault.TooLarge {
			t.Errorf("record %d failed with %v (%v), want TooLarge", i, got, partial.At(i))
		}
	}
	if got := fault.Of(err); got != fault.TooLarge {
		t.Errorf("the whole is %v, want TooLarge", got)
	}
}

func missingTopicIsUnavailable(t *testing.T, w world) {
	p := w.producer(t, stream.ProducerConfig{})
	err := p.Produce(w.ctx, w.numbered(0, 3, 1)...)
	if got := fault.Of(err); got != fault.Unavailable {
		t.Errorf("producing gives %v (%v), want Unavailable", got, err)
	}
	if got := p.InFlightBytes(); got != 0 {
		t.Errorf("%d bytes are in flight, want none", got)
	}
	if _, err := stream.Lag(w.ctx, w.brokers, "g", w.topic); fault.Of(err) != fault.NotFound {
		t.Errorf("the lag is %v, want NotFound", err)
	}
	err = stream.Scan(w.ctx, w.brokers, w.topic, func(stream.Record) error { return nil })
	if fault.Of(err) != fault.NotFound {
		t.Errorf("scanning gives %v, want NotFound", err)
	}
}

// closingFlushes: what a call has given up waiting for is written before Close returns.
func closingFlushes(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 1})
	p := w.producer(t, stream.ProducerConfig{BatchTimeout: time.Hour})
	ctx, cancel := context.WithCancel(w.ctx)
	given := make(chan error)
	go func() { given <- p.Produce(ctx, w.numbered(0, 10, 3)...) }()
	w.await(t, "the records are in flight", func() bool { return p.InFlightBytes() > 0 })
	cancel()
	err := receive(t, w, "the call's end", given)
	if got := fault.Of(err); got != fault.Unavailable {
		t.Errorf("a call that gave up gives %v (%v), want Unavailable", got, err)
	}
	for range 2 {
		if err := p.Close(w.ctx); err != nil {
			t.Errorf("closing: %v", err)
		}
	}
	if _, partial := errors.AsType[*stream.PartialError](err); partial {
		if missing := w.missing(t, 0, 10); len(missing) > 0 {
			t.Errorf("not flushed: %v", missing)
		}
	}
	if got := p.InFlightBytes(); got != 0 {
		t.Errorf("%d bytes are in flight, want none", got)
	}
	if err := p.Produce(w.ctx, w.numbered(0, 1, 1)...); fault.Of(err) != fault.Unavailable {
		t.Errorf("a closed producer gives %v, want Unavailable", err)
	}
}

func topicsAreMadeOnce(t *testing.T, w world) {
	topics := []stream.Topic{
		{Name: w.topic, Partitions: 3, Retention: time.Hour, MaxMessageBytes: 2 << 20},
		{Name: w.topic + "-2", Partitions: 1, Replication: -1},
	}
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			others, err := stream.EnsureTopics(w.ctx, w.brokers, topics)
			if err != nil || len(others) > 0 {
				t.Errorf("got %v, %v, want nothing", others, err)
			}
		})
	}
	callers.Wait()
	topics[0].Partitions = 5
	others, err := stream.EnsureTopics(w.ctx, w.brokers, topics)
	if err != nil {
		t.Fatal(err)
	}
	want := []stream.Existing{{Name: w.topic, Partitions: 3, Wanted: 5}}
	if diff := cmp.Diff(want, others); diff != "" {
		t.Errorf("topics that are different (-want +got):\n%s", diff)
	}
}

func refusedTopicIsInvalid(t *testing.T, w world) {
	for name, topic := range map[string]stream.Topic{
		"name":        {Name: "not a name", Partitions: 1},
		"partitions":  {Name: w.topic, Partitions: 0},
		"replication": {Name: w.topic, Partitions: 1, Replication: 3},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stream.EnsureTopics(w.ctx, w.brokers, []stream.Topic{topic})
			if got := fault.Of(err); got != fault.Invalid {
				t.Errorf("got %v (%v), want Invalid", got, err)
			}
		})
	}
}

// outageIsBoundedAndEnds: without a broker every call ends, and what is held is bounded.
func outageIsBoundedAndEnds(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 2})
	const room = 100_000
	p := w.producer(t, stream.ProducerConfig{
		MaxInFlightBytes: room, BatchBytes: 5000, MaxAttempts: 1000, WriteTimeout: time.Second,
	})
	if err := p.Produce(w.ctx, w.numbered(0, 10, 5)...); err != nil {
		t.Fatal(err)
	}
	w.broker.Stop()
	if err := stream.Ping(w.ctx, w.brokers); fault.Of(err) != fault.Unavailable {
		t.Errorf("pinging a stopped broker gives %v, want Unavailable", err)
	}
	tooMuch := w.sized(50_000, 50_000)
	if err := p.Produce(w.ctx, append(tooMuch, tooMuch...)...); fault.Of(err) != fault.TooLarge {
		t.Errorf("more than is ever held gives %v, want TooLarge", err)
	}
	refused := 0
	for n := 0; refused < 3; n++ {
		ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
		err := p.Produce(ctx, w.sized(4000, 4000)...)
		cancel()
		if got := fault.Of(err); got != fault.Unavailable {
			t.Fatalf("call %d gives %v (%v), want Unavailable", n, got, err)
		}
		if _, waited := errors.AsType[*stream.PartialError](err); !waited {
			refused++
		}
		if got := p.InFlightBytes(); got > room {
			t.Fatalf("%d bytes are in flight, more than %d", got, room)
		}
		if n > 100 {
			t.Fatal("room for 100,000 bytes has taken 800,000")
		}
	}
	w.broker.Restart()
	w.await(t, "the producer writes again", func() bool {
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		return p.Produce(ctx, w.numbered(10, 20, 5)...) == nil
	})
	w.await(t, "nothing is in flight", func() bool { return p.InFlightBytes() == 0 })
	if missing := w.missing(t, 0, 20); len(missing) > 0 {
		t.Errorf("acknowledged and not in the topic: %v", missing)
	}
}

func (w world) missing(t *testing.T, from, to int) []string {
	t.Helper()
	all := newLedger(t)
	if err := all.Handle(w.ctx, stream.Batch{Records: w.scan(t)}); err != nil {
		t.Fatal(err)
	}
	return all.missing(from, to)
}

func ExamplePartialError() {
	err := error(&stream.PartialError{
		Failed: []int{2},
		Cause:  fault.New(fault.TooLarge, "the record is larger than its topic allows"),
	})
	if partial, ok := errors.AsType[*stream.PartialError](err); ok {
		for _, i := range partial.Failed {
			fmt.Println(i, fault.Of(partial.At(i)), fault.Message(partial.At(i)))
		}
	}
	// Output: 2 too_large the record is larger than its topic allows
}
