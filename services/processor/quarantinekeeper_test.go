package processor

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

func refused(index uint32, site journey.SiteID) wire.Quarantined {
	return wire.Quarantined{
		Site: site, By: wire.ByIngest, Reason: "bad_time", Detail: "mend it",
		Payload: []byte(`{"type":"track"}`), ReceivedAt: noon.Add(-time.Hour), Index: index,
		Source: "/v1/batch", Key: "k",
	}
}

func quarantineRecord(t *testing.T, q wire.Quarantined) stream.Record {
	t.Helper()
	value, err := wire.EncodeQuarantined(&q)
	if err != nil {
		t.Fatal(err)
	}
	return stream.Record{Topic: "quarantine", Key: wire.QuarantineKey(&q), Value: value}
}

func (r *running) shelved(t *testing.T, site journey.SiteID) []wire.Quarantined {
	t.Helper()
	kept, err := r.store.Quarantined(t.Context(), wire.Selection{
		Site: site, From: noon.Add(-30 * 24 * time.Hour), To: noon.Add(24 * time.Hour), Replayed: true,
	}, wire.Span{OldestFirst: true, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// TestQuarantineKeeper: a batch is stored whole but for what cannot be read, and again to the same
// result.
func TestQuarantineKeeper(t *testing.T) {
	t.Parallel()
	r := start(t)
	first, second := refused(0, site), refused(1, site)
	done := first
	done.ReplayedAt = noon
	batch := stream.Batch{Records: []stream.Record{
		quarantineRecord(t, first),
		{Topic: "quarantine", Offset: 1, Value: []byte("\xffgarbage")},
		quarantineRecord(t, done),
		{Topic: "quarantine", Offset: 3},
		quarantineRecord(t, second),
	}}
	for range 2 {
		if err := r.keeper.Handle(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	byIndex := map[uint32]wire.Quarantined{}
	kept := r.shelved(t, site)
	for _, q := range kept {
		byIndex[q.Index] = q
	}
	want := map[uint32]wire.Quarantined{0: done, 1: second}
	if diff := cmp.Diff(want, byIndex); diff != "" || len(kept) != 2 {
		t.Errorf("%d are kept (-want +got):\n%s", len(kept), diff)
	}
	m := r.keeper.metrics
	if a, b := testutil.ToFloat64(m.keptRefusals), testutil.ToFloat64(m.unreadableRefusals); a != 6 || b != 4 {
		t.Errorf("counted %v kept and %v unreadable, want 6 and 4", a, b)
	}
}

// TestQuarantineKeeperUnavailable: while ClickHouse is away a batch fails so that it comes again.
func TestQuarantineKeeperUnavailable(t *testing.T) {
	t.Parallel()
	p, err := New(Config{
		Brokers: []string{"127.0.0.1:1"}, ClickHouse: "http://127.0.0.1:1/x",
	}, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	batch := stream.Batch{Records: []stream.Record{quarantineRecord(t, refused(0, site))}}
	if err := p.keeper.Handle(t.Context(), batch); fault.Of(err) != fault.Unavailable {
		t.Errorf("error %v, want Unavailable", err)
	}
}

// TestBothTopics: a running processor stores what ingest refused and what it refuses itself beside
// what it takes, and ends with both.
func TestBothTopics(t *testing.T) {
	t.Parallel()
	// Another processor looks into the store: the running one closes its own.
	r := &running{kafka: enginetest.Kafka(t), dsn: enginetest.Database(t)}
	config := Config{
		Brokers: []string{r.kafka}, ClickHouse: r.dsn, CopyWindow: maxCopyWindow,
		Topic: "touchpoints", QuarantineTopic: "quarantine", Partitions: 1, Group: "g",
		Retention: time.Hour, FinishTimeout: 10 * time.Second, SessionTimeout: 10 * time.Second,
		BatchRecords: 100, BatchBytes: 1 << 20, BatchAge: 50 * time.Millisecond,
	}
	var err error
	if r.Processor, err = New(config, zerolog.Nop(), prometheus.NewRegistry()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	p, err := New(config, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, done := make(chan bool, 2), make(chan error, 1)
	go func() { done <- p.Run(ctx, func(is bool) { ready <- is }) }()
	if !<-ready {
		t.Fatal("it ended before it was ready")
	}
	good := fact(1, journey.Track, "", "v")
	value, err := wire.Encode(&good)
	if err != nil {
		t.Fatal(err)
	}
	err = r.producer.Produce(t.Context(), quarantineRecord(t, refused(0, site)),
		stream.Record{Topic: "touchpoints", Value: []byte("\xffgarbage")},
		stream.Record{Topic: "touchpoints", Value: value})
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		fresh, err := r.store.FreshUntil(t.Context(), site)
		return err == nil && fresh.Equal(good.ReceivedAt) && len(r.shelved(t, site)) == 1 &&
			len(r.shelved(t, "")) == 1
	})
	if q := r.shelved(t, "")[0]; q.By != wire.ByProcessor || q.Reason != "unreadable_record" {
		t.Errorf("kept %+v", q)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// await asks again and again whether a condition holds, for a minute at most.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited too long")
		}
	}
}
