//go:build integration

package kafkatest_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/stream/kafkatest"
)

func TestRecordsSurviveStopAndKill(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	brokers := []string{cluster.Addr()}
	topic := stream.Topic{Name: "kept", Partitions: 2}
	if _, err := stream.EnsureTopics(ctx, brokers, []stream.Topic{topic}); err != nil {
		t.Fatal(err)
	}
	producer := stream.NewProducer(stream.ProducerConfig{Brokers: brokers})
	defer producer.Close(ctx)
	write := func(value string) {
		record := stream.Record{Topic: "kept", Key: []byte("k"), Value: []byte(value)}
		if err := producer.Produce(ctx, record); err != nil {
			t.Fatal(err)
		}
	}
	write("before")
	cluster.Restart()
	write("after a stop")
	cluster.Kill()
	cluster.Restart()
	write("after a kill")

	var got []string
	err := stream.Scan(ctx, brokers, "kept", func(r stream.Record) error {
		got = append(got, string(r.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"before", "after a stop", "after a kill"}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
