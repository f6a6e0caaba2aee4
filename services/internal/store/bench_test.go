package store_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
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

// BenchmarkReceipts looks the messages of a batch up, as is done twice for each: half of them are
// known.
func BenchmarkReceipts(b *testing.B) {
	for _, size := range []int{500, 5000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := newDatabase(b)
			at := time.Now()
			var known []journey.Receipt
			keys := make([]journey.MessageKey, size)
			for i := range keys {
				binary.BigEndian.PutUint64(keys[i][:], uint64(i)*0x9E3779B97F4A7C15)
				if i%2 == 0 {
					known = append(known, journey.Receipt{Site: "shop", Key: keys[i], ReceivedAt: at})
				}
			}
			if err := d.InsertReceipts(b.Context(), known); err != nil {
				b.Fatal(err)
			}
			asked := map[journey.SiteID][]journey.MessageKey{"shop": keys}
			for b.Loop() {
				found, err := d.Receipts(b.Context(), asked, at.AddDate(0, 0, -7), at.AddDate(0, 0, 7))
				if err != nil || len(found) != len(known) {
					b.Fatalf("%d receipts, %v; want %d", len(found), err, len(known))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/message")
		})
	}
}

// BenchmarkAnswerParts lists parts of 40 months, as every question does.
func BenchmarkAnswerParts(b *testing.B) {
	d := newDatabase(b)
	d.raw(b, `INSERT INTO touchpoints (site, at)
		SELECT 'shop', toDateTime64('2023-01-15', 3, 'UTC') + toIntervalMonth(number) FROM numbers(40)`)
	for b.Loop() {
		if parts, _, err := d.AnswerParts(b.Context()); err != nil || len(parts) < 40 {
			b.Fatalf("%d parts, %v", len(parts), err)
		}
	}
}

// BenchmarkStreamSmall reads a row, which costs what an answer costs by itself.
func BenchmarkStreamSmall(b *testing.B) {
	d := newDatabase(b)
	q := store.Query{SQL: "SELECT toUInt64(1)", Columns: []store.Column{{Name: "n", Type: store.UInt64}}}
	for b.Loop() {
		if err := d.Stream(b.Context(), q, func(*store.Block) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
