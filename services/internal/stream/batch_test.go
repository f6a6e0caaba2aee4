package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/internal/fault"
)

// chunkOf makes records of one byte of value each.
func chunkOf(partition int, first int64, n int) chunk {
	var c chunk
	for i := range n {
		r := Record{Partition: partition, Offset: first + int64(i), Value: []byte("x")}
		c.records = append(c.records, r)
		c.bytes += r.bytes()
	}
	return c
}

// gathering runs gather in a bubble of its own time, and feeds it until the test returns.
func gathering(t *testing.T, l limits, chunks []chunk,
	test func(in chan<- chunk, out <-chan *pile, fed *atomic.Int64),
) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		in, out := make(chan chunk), make(chan *pile)
		var fed atomic.Int64
		go gather(ctx, l, in, out)
		go func() {
			for _, c := range chunks {
				select {
				case in <- c:
					fed.Add(1)
				case <-ctx.Done():
				}
			}
		}()
		test(in, out, &fed)
	})
}

func TestGatherGivesWhatIsOldEnough(t *testing.T) {
	t.Parallel()
	l := limits{records: 100, bytes: 1 << 20, age: time.Second}
	gathering(t, l, nil, func(in chan<- chunk, out <-chan *pile, _ *atomic.Int64) {
		for round := range 3 {
			time.Sleep(5 * time.Second) // an idle topic gives nothing, and no age passes
			begun := time.Now()
			in <- chunkOf(0, int64(10*round), 2)
			time.Sleep(700 * time.Millisecond)
			in <- chunkOf(1, 0, 3)
			got := <-out
			if age := time.Since(begun); age != time.Second {
				t.Errorf("round %d: the batch came after %v, want a second", round, age)
			}
			if got.records != 5 || !got.firstAt.Equal(begun) {
				t.Errorf("round %d: got %d records since %v, want 5 since %v",
					round, got.records, got.firstAt, begun)
			}
		}
	})
}

func TestGatherGivesWhatIsFull(t *testing.T) {
	t.Parallel()
	one := chunkOf(0, 0, 1).bytes
	for name, c := range map[string]struct {
		limits limits
		chunks []int
		want   []int
	}{
		"records reached": {limits{4, 1 << 20, time.Hour}, []int{2, 2, 4}, []int{4, 4}},
		"records would pass": {
			limits{4, 1 << 20, time.Hour},
			[]int{3, 2, 3, 4},
			[]int{3, 2, 3, 4},
		},
		"bytes reached":    {limits{1000, 4 * one, time.Hour}, []int{2, 2, 4}, []int{4, 4}},
		"bytes would pass": {limits{1000, 4 * one, time.Hour}, []int{3, 2, 4}, []int{3, 2, 4}},
		"a large one goes": {limits{1000, one, time.Hour}, []int{5, 1}, []int{5, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var chunks []chunk
			for i, n := range c.chunks {
				chunks = append(chunks, chunkOf(0, int64(i*100), n))
			}
			gathering(t, c.limits, chunks, func(_ chan<- chunk, out <-chan *pile, _ *atomic.Int64) {
				begun := time.Now()
				var got []int
				for range c.want {
					got = append(got, (<-out).records)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("sizes (-want +got):\n%s", diff)
				}
				if waited := time.Since(begun); waited != 0 {
					t.Errorf("waited %v for full batches", waited)
				}
			})
		})
	}
}

// While nobody takes the batch it grows to its limit, and not more than one chunk is read ahead.
func TestGatherReadsAheadWithinLimits(t *testing.T) {
	t.Parallel()
	l := limits{records: 10, bytes: 1 << 20, age: time.Second}
	chunks := make([]chunk, 50)
	for i := range chunks {
		chunks[i] = chunkOf(0, int64(i*3), 3)
	}
	gathering(t, l, chunks, func(_ chan<- chunk, out <-chan *pile, fed *atomic.Int64) {
		time.Sleep(time.Minute)
		if got := fed.Load(); got != 4 {
			t.Errorf("%d chunks of 3 were taken for a batch of 10, want 4", got)
		}
		if got := (<-out).records; got != 9 {
			t.Errorf("the batch has %d records, want 9", got)
		}
	})
}

// Whatever comes in whatever portions, the batches have every record once, in order.
func TestGatherLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		l := limits{
			records: rapid.IntRange(1, 20).Draw(r, "records"),
			bytes:   rapid.Int64Range(1, 1000).Draw(r, "bytes"),
			age:     time.Millisecond,
		}
		sizes := rapid.SliceOfN(rapid.IntRange(1, 15), 1, 30).Draw(r, "sizes")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		in, out := make(chan chunk), make(chan *pile)
		go gather(ctx, l, in, out)
		total := 0
		for _, n := range sizes {
			total += n
		}
		go func() {
			var next [3]int64
			for i, n := range sizes {
				in <- chunkOf(i%3, next[i%3], n)
				next[i%3] += int64(n)
			}
		}()
		var next [3]int64
		for total > 0 {
			b := (<-out).batch("topic")
			total -= len(b.Records)
			for i, rec := range b.Records {
				if i > 0 && rec.Partition < b.Records[i-1].Partition {
					r.Fatal("partitions are not in order")
				}
				if rec.Offset != next[rec.Partition] {
					r.Fatalf("got offset %d, want %d", rec.Offset, next[rec.Partition])
				}
				next[rec.Partition]++
			}
			for partition, end := range b.ends() {
				if end != next[partition] {
					r.Fatalf("the batch commits %d, want %d", end, next[partition])
				}
			}
		}
	})
}

// What is admitted must never be refused by the client library for its size: it would refuse the
// whole call.
func TestRecordBytesAreEnough(t *testing.T) {
	t.Parallel()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	text := rapid.SliceOfN(rapid.Byte(), 0, 300)
	rapid.Check(t, func(r *rapid.T) {
		record := Record{Key: text.Draw(r, "key"), Value: text.Draw(r, "value")}
		for range rapid.IntRange(0, 5).Draw(r, "headers") {
			record.Headers = append(record.Headers,
				Header{Name: string(text.Draw(r, "name")), Value: text.Draw(r, "header")})
		}
		writer := &kafka.Writer{
			Addr: kafka.TCP("127.0.0.1:1"), Topic: "t", BatchBytes: record.bytes(),
		}
		defer writer.Close()
		err := writer.WriteMessages(done, kafka.Message{
			Key: record.Key, Value: record.Value, Headers: headersOut(record.Headers),
		})
		if _, large := errors.AsType[kafka.MessageTooLargeError](err); large || err == nil {
			r.Fatalf("a record of %d bytes gives %v", record.bytes(), err)
		}
	})
}

func TestPartialErrorNamesEachCause(t *testing.T) {
	t.Parallel()
	large := fault.New(fault.TooLarge, "large")
	away := fault.New(fault.Unavailable, "away")
	err := newPartialError([]int{1, 4, 7}, []error{large, away, large})
	for index, want := range map[int]error{0: nil, 1: large, 4: away, 5: nil, 7: large} {
		if got := err.At(index); !errors.Is(got, want) {
			t.Errorf("record %d: got %v, want %v", index, got, want)
		}
	}
	if got := fault.Of(err); got != fault.Unavailable {
		t.Errorf("the whole is %v, want Unavailable: a part may be tried again", got)
	}
}

func TestOutliveEndsAfterGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, end := context.WithCancel(t.Context())
		ctx, cancel := outlive(parent, 10*time.Second)
		defer cancel()
		time.Sleep(time.Hour)
		end()
		ended := time.Now()
		if err := ctx.Err(); err != nil {
			t.Errorf("it ended with its parent: %v", err)
		}
		<-ctx.Done()
		if got := time.Since(ended); got != 10*time.Second {
			t.Errorf("it ended %v after its parent, want 10s", got)
		}
	})
}

func TestConsumerNeedsItsConfiguration(t *testing.T) {
	t.Parallel()
	whole := ConsumerConfig{Brokers: []string{"127.0.0.1:1"}, Group: "g", Topic: "t"}
	for name, change := range map[string]func(*ConsumerConfig){
		"brokers": func(c *ConsumerConfig) { c.Brokers = nil },
		"group":   func(c *ConsumerConfig) { c.Group = "" },
		"topic":   func(c *ConsumerConfig) { c.Topic = "" },
		"finish":  func(c *ConsumerConfig) { c.FinishTimeout = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := whole
			change(&config)
			err := NewConsumer(config).Run(t.Context(), nil)
			if got := fault.Of(err); got != fault.Invalid {
				t.Errorf("got %v (%v), want Invalid", got, err)
			}
		})
	}
}
