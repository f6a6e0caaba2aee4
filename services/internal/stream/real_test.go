//go:build integration

package stream_test

import (
	"context"
	"testing"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/stream/kafkatest"
)

// TestApacheKafka holds the contract against real brokers.
func TestApacheKafka(t *testing.T) {
	t.Parallel()
	contract(t, kafkatest.Start(t), func(tb testing.TB) broker { return kafkatest.Start(tb) })
}

// A broker that holds still keeps its connections and answers nothing.
func TestFrozenBrokerIsBoundedAndEnds(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t)
	w := newWorld(t, cluster)
	w.makeTopic(t, stream.Topic{Partitions: 2})
	all := newLedger(t)
	w.join(t, w.config(), all)
	p := w.producer(t, stream.ProducerConfig{WriteTimeout: time.Second, MaxAttempts: 1000})
	if err := p.Produce(w.ctx, w.numbered(0, 10, 5)...); err != nil {
		t.Fatal(err)
	}
	cluster.Freeze()
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Second)
	defer cancel()
	for name, call := range map[string]func() error{
		"ping":    func() error { return stream.Ping(ctx, w.brokers) },
		"produce": func() error { return p.Produce(ctx, w.numbered(10, 20, 5)...) },
		"lag": func() error {
			_, err := stream.Lag(ctx, w.brokers, "g", w.topic)
			return err
		},
		"scan": func() error {
			return stream.Scan(ctx, w.brokers, w.topic, func(stream.Record) error { return nil })
		},
	} {
		if err := call(); fault.Of(err) != fault.Unavailable {
			t.Errorf("%s gives %v, want Unavailable", name, err)
		}
	}
	cluster.Thaw()
	if err := p.Produce(w.ctx, w.numbered(20, 30, 5)...); err != nil {
		t.Errorf("after the thaw: %v", err)
	}
	w.await(t, "all came", func() bool {
		return len(all.missing(0, 10)) == 0 && len(all.missing(20, 30)) == 0
	})
}

func BenchmarkApacheKafka(b *testing.B) {
	cluster := kafkatest.Start(b)
	benchmark(b, cluster, cluster.Dir())
}
