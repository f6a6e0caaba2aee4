package spinetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// BenchmarkHandle handles batches of 1,000 touchpoints of 250 persons, some of whom sign in: from
// records to rows, links, receipts and profiles.
func BenchmarkHandle(b *testing.B) {
	for name, persons := range map[string]int{"new persons": 0, "known persons": 250} {
		b.Run(name, func(b *testing.B) { benchmarkHandle(b, persons) })
	}
}

func benchmarkHandle(b *testing.B, known int) {
	const batch = 1000
	dsn := enginetest.Database(b)
	st, err := store.Open(dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	if err := st.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	p := newProcessor(b, dsn)
	f := &flow{site: "bench", received: time.Now().UTC()}
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		var records stream.Batch
		for i := range batch {
			person := i % 250
			if known == 0 {
				person += n * 250
			}
			user := ""
			if i >= batch/2 && person%4 == 0 {
				user = fmt.Sprint("user-", person)
			}
			at := base.Add(time.Duration(f.messages) * time.Second)
			t := f.track("A", at, user, fmt.Sprint("visitor-", person))
			t.Properties = journey.Object(`{"price":12.5,"product":"apple"}`)
			value, err := wire.Encode(&t)
			if err != nil {
				b.Fatal(err)
			}
			records.Records = append(records.Records, stream.Record{Value: value})
		}
		b.StartTimer()
		if err := p.Handle(b.Context(), records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(batch*float64(b.N)/b.Elapsed().Seconds(), "touchpoints/s")
}
