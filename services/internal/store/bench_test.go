package store_test

import (
	"context"
	"testing"

	"github.com/waystage/waystage/services/internal/store"
)

// BenchmarkStream reads what a question reads by columns, BenchmarkStreamRows by the driver's rows.
func BenchmarkStream(b *testing.B) {
	benchmarkStream(b, func(d database) streamer { return d.Stream })
}

// BenchmarkStreamRows is the slow way, that of the native protocol.
func BenchmarkStreamRows(b *testing.B) {
	benchmarkStream(b, func(d database) streamer { return d.StreamRows })
}

func benchmarkStream(b *testing.B, way func(database) streamer) {
	stream := way(newDatabase(b))
	q := store.Query{
		SQL: "SELECT number, toInt64(number), toUInt32(1) FROM numbers(2000000)",
		Columns: []store.Column{
			{Name: "identity", Type: store.UInt64},
			{Name: "at", Type: store.Int64},
			{Name: "names", Type: store.UInt32},
		},
	}
	rows := 0
	for b.Loop() {
		err := stream(context.Background(), q, func(block *store.Block) error {
			rows += block.Rows
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
