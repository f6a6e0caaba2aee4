package spinetest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor"
)

// BenchmarkHandle handles batches of 1,000 touchpoints of 250 persons, some of whom sign in: from
// records to rows, links, receipts and profiles.
func BenchmarkHandle(b *testing.B) {
	for name, persons := range map[string]int{"new persons": 0, "known persons": 250} {
		b.Run(name, func(b *testing.B) { benchmarkHandle(b, persons) })
	}
}

func benchmarkHandle(b *testing.B, known int) {
	st, dsn := benchStore(b)
	defer st.Close()
	handleBatches(b, newProcessor(b, dsn), known)
}

func benchStore(b *testing.B) (*store.Store, string) {
	dsn := enginetest.Database(b)
	st, err := store.Open(dsn)
	if err != nil {
		b.Fatal(err)
	}
	if err := st.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	return st, dsn
}

// BenchmarkHandleAmongMany handles the same batches, of known persons, where three million
// touchpoints of half a year are stored: what rules about persons cost that look at touchpoints.
func BenchmarkHandleAmongMany(b *testing.B) {
	st, dsn := benchStore(b)
	defer st.Close()
	fill(b, dsn)
	for _, c := range []struct{ name, rule string }{
		{"traits alone", `has(traits.plan)`},
		{"a rare event", `count("Order Completed") > 1`},
		{"the usual event", `sum("A", "price") > 100.0`},
		{"sessions", `sessions > 2`},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := newProcessor(b, dsn)
			caughtUp := catchUpWith(b, st, p, c.rule)
			handleBatches(b, p, 250)
			b.ReportMetric(caughtUp.Seconds(), "s/catch-up")
		})
	}
}

// catchUpWith publishes a map of one persona and waits until all profiles follow it.
func catchUpWith(
	b *testing.B, st *store.Store, p *processor.Processor, rule string,
) time.Duration {
	b.Helper()
	source := "{title: x, stages: [{id: a}, {id: b}], personas: [{id: p, when: '" + rule +
		"'}], touchpoints: [{id: t, stage: a, events: [A]}]}"
	m, err := st.Publish(b.Context(), "bench", source, "")
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for current := journey.MapVersion(0); current != m.Version; {
		p.Idle(b.Context())
		if current, err = st.PersonasCurrent(b.Context(), "bench"); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// fill stores three million touchpoints of 300,000 visitors, a hundredth of them orders.
func fill(b *testing.B, dsn string) {
	server, database, _ := strings.Cut(strings.TrimPrefix(dsn, "http://"), "/")
	for part := range 3 {
		sql := fmt.Sprintf(`INSERT INTO touchpoints (site, identity, at, message_key, received_at,
				batch_index, kind, event, touchpoint, stage, message_id, anonymous_id, occurred_at,
				original_at, properties, context, stored_at)
			SELECT 'bench', sipHash64(number %% 300000), occurred, sipHash128(number), occurred, 0,
				'track', if(number %% 101 = 0, 'Order Completed', 'A'), 't', 'a', toString(number),
				toString(number %% 300000), occurred, occurred, '{"price":12.5,"product":"apple"}',
				'{"library":{"name":"analytics.js"},"userAgent":"Mozilla/5.0 (X11; Linux)"}', now64(3)
			FROM (SELECT number, toDateTime64('2024-01-01 00:00:00', 9, 'UTC')
				+ toIntervalMillisecond(number * 5184 + %d) AS occurred
				FROM numbers(%d, 1000000))`, part, part*1_000_000)
		address := "http://" + server + "/?" + url.Values{"database": {database}}.Encode()
		answer, err := http.Post(address, "text/plain", strings.NewReader(sql))
		if err != nil {
			b.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			b.Fatalf("filling: %s: %s", answer.Status, text)
		}
	}
}

func handleBatches(b *testing.B, p *processor.Processor, known int) {
	const batch = 1000
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
