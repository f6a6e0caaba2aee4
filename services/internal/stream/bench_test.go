package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/waystage/waystage/services/internal/stream"
)

func BenchmarkEmbedded(b *testing.B) {
	broker := openEmbedded(b)
	benchmark(b, broker, broker.dir)
}

// benchmark measures writing with each codec, one record alone, and reading by one member. One
// operation is one record.
func benchmark(b *testing.B, broker broker, dir string) {
	codecs := []stream.Compression{
		stream.Uncompressed, stream.Snappy, stream.LZ4, stream.Zstd,
	}
	for _, codec := range codecs {
		b.Run("produce/"+string(codec), func(b *testing.B) {
			w := newBenchWorld(b, broker)
			before, cpu := sizeOf(b, dir), cpuTime(b)
			w.produce(b, codec, b.N)
			b.StopTimer()
			b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(sizeOf(b, dir)-before)/float64(b.N), "stored-B/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
	b.Run("produce one", func(b *testing.B) {
		w := newBenchWorld(b, broker)
		p := stream.NewProducer(stream.ProducerConfig{Brokers: w.brokers})
		records := touchpoints(w.topic, 100)
		for i := range b.N {
			if err := p.Produce(w.ctx, records[i%len(records)]); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		if err := p.Close(w.ctx); err != nil {
			b.Fatal(err)
		}
	})
	for _, codec := range codecs {
		b.Run("consume/"+string(codec), func(b *testing.B) {
			w := newBenchWorld(b, broker)
			w.produce(b, codec, b.N)
			cpu := cpuTime(b)
			b.ResetTimer()
			w.consume(b, b.N)
			b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

var benchTopics atomic.Int64

func newBenchWorld(b *testing.B, broker broker) world {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	b.Cleanup(cancel)
	w := world{
		broker:  broker,
		brokers: []string{broker.Addr()},
		topic:   "bench-" + strconv.FormatInt(benchTopics.Add(1), 10),
		ctx:     ctx,
	}
	topic := stream.Topic{Name: w.topic, Partitions: 4}
	if _, err := stream.EnsureTopics(ctx, w.brokers, []stream.Topic{topic}); err != nil {
		b.Fatal(err)
	}
	return w
}

// produce writes n records: 64 writers of 100 at a time.
func (w world) produce(b *testing.B, codec stream.Compression, n int) {
	b.Helper()
	p := stream.NewProducer(stream.ProducerConfig{Brokers: w.brokers, Compression: codec})
	records := touchpoints(w.topic, 10_000)
	b.SetBytes(int64(len(records[0].Value)))
	b.ResetTimer()
	var next atomic.Int64
	var writers sync.WaitGroup
	for range 64 {
		writers.Go(func() {
			for {
				from := int(next.Add(100)) - 100
				if from >= n {
					return
				}
				at := from % len(records)
				if err := p.Produce(w.ctx, records[at:at+min(100, n-from)]...); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	if err := p.Close(w.ctx); err != nil {
		b.Error(err)
	}
}

// consume reads until n records came.
func (w world) consume(b *testing.B, n int) {
	b.Helper()
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	left, batches := n, 0
	err := stream.NewConsumer(w.config()).Run(ctx,
		stream.HandlerFunc(func(_ context.Context, batch stream.Batch) error {
			batches++
			if left -= len(batch.Records); left <= 0 {
				b.StopTimer()
				cancel()
			}
			return nil
		}))
	if err != nil {
		b.Error(err)
	}
	b.ReportMetric(float64(n)/float64(batches), "records/batch")
}

// touchpoints are records of about 600 bytes that resemble those of a shop: few sites, pages and
// browsers, and identifiers that are all different.
func touchpoints(topic string, n int) []stream.Record {
	rng := rand.New(rand.NewPCG(1, 2))
	pages := []string{"/", "/basket", "/checkout/address", "/checkout/payment", "/search?q=shoes"}
	agents := []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
	}
	records := make([]stream.Record, n)
	for i := range records {
		visitor := fmt.Sprintf("%016x%016x", rng.Uint64(), rng.Uint64())
		value := fmt.Appendf(nil, `{"site":"shop-%d","message":"%016x%016x","anonymous":"%s",`+
			`"event":"page viewed","path":"%s/%d","agent":"%s","referrer":"https://www.example.com/`+
			`campaign?utm_source=newsletter&utm_campaign=%x","at":%d,"properties":{"price":%.2f,`+
			`"currency":"EUR","quantity":%d,"sku":"%08x","list":"%032x"}}`,
			rng.IntN(5), rng.Uint64(), rng.Uint64(), visitor, pages[rng.IntN(len(pages))],
			rng.IntN(10_000), agents[rng.IntN(len(agents))], rng.Uint32(),
			1_790_000_000_000+rng.Int64N(1_000_000_000), rng.Float64()*100, rng.IntN(9),
			rng.Uint32(), rng.Uint64())
		records[i] = stream.Record{Topic: topic, Key: []byte("shop/" + visitor), Value: value}
	}
	return records
}

// cpuTime is what this process has used of its processors: on a busy machine a better measure
// than the clock. Against the embedded broker it contains the broker's.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func sizeOf(b *testing.B, dir string) int64 {
	b.Helper()
	var size int64
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) == ".index" || filepath.Ext(path) == ".timeindex" {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return ignoreGone(err)
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// ignoreGone forgives files that vanish while their directory is read.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
