package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/engine/enginetest"
)

// BenchmarkResult reads long results over HTTP: as the library writes them, and upgraded for a
// client with a protocol version. The second must not be slower.
func BenchmarkResult(b *testing.B) {
	server := enginetest.ClickHouse(b)
	for name, query := range map[string]string{
		"UInt64": "SELECT number, number * 2 FROM numbers(19000000)",
		"Arrays": "SELECT number, arrayMap(x -> toUInt64(x), range(40)) FROM numbers(900000)",
		"Texts":  "SELECT toString(number), toLowCardinality('a') FROM numbers(10000000)",
	} {
		for _, version := range []string{"none", "54485"} {
			b.Run(name+"/version="+version, func(b *testing.B) {
				values := url.Values{"query": {query + " FORMAT Native"}}
				if version != "none" {
					values.Set("client_protocol_version", version)
				}
				for b.Loop() {
					b.SetBytes(download(b, server+"/?"+values.Encode()))
				}
			})
		}
	}
}

// download reads an answer, drops it and gives its length.
func download(b *testing.B, address string) int64 {
	answer, err := http.Get(address)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	length, err := io.Copy(io.Discard, answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatal(answer.Status, err)
	}
	return length
}

// BenchmarkSmallQuery shows what a request costs by itself, a new session included.
func BenchmarkSmallQuery(b *testing.B) {
	conn, err := dial(enginetest.ClickHouse(b))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	for b.Loop() {
		var one uint8
		if err := conn.QueryRow(b.Context(), "SELECT 1").Scan(&one); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInsert sends batches of 10,000 rows of 10 numbers.
func BenchmarkInsert(b *testing.B) {
	conn, err := dial(enginetest.ClickHouse(b))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec(b.Context(), "CREATE OR REPLACE TABLE bench (n UInt64, l Array(UInt64)) "+
		"ENGINE = MergeTree ORDER BY n"); err != nil {
		b.Fatal(err)
	}
	list := make([]uint64, 9)
	b.SetBytes(10_000 * 80)
	for b.Loop() {
		batch, err := conn.PrepareBatch(b.Context(), "INSERT INTO bench")
		if err != nil {
			b.Fatal(err)
		}
		for i := range uint64(10_000) {
			if err := batch.Append(i, list); err != nil {
				b.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKafka writes batches of 1000 records of 300 bytes with acks from all, then reads them.
func BenchmarkKafka(b *testing.B) {
	addr := enginetest.Kafka(b)
	client := &kafka.Client{Addr: kafka.TCP(addr)}
	if _, err := client.CreateTopics(b.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 4, ReplicationFactor: 1}},
	}); err != nil {
		b.Fatal(err)
	}
	writer := &kafka.Writer{
		Addr: kafka.TCP(addr), Topic: topic, RequiredAcks: kafka.RequireAll, BatchSize: 1000,
		BatchTimeout: 5 * time.Millisecond, Compression: kafka.Lz4, Balancer: &kafka.RoundRobin{},
	}
	defer writer.Close()
	messages := make([]kafka.Message, 8000)
	for i := range messages {
		messages[i].Value = bytes.Repeat(fmt.Appendf(nil, "%06d", i), 50)
	}
	for b.Loop() {
		if err := writer.WriteMessages(context.Background(), messages...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(messages))/b.Elapsed().Seconds(), "records/s")
}
