package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine"
	"github.com/waystage/waystage/services/world"
)

func openProbe(t *testing.T) (*bench, context.Context) {
	ctx := context.Background()
	ch, err := engine.OpenClickHouse(ctx, engine.ClickHouseConfig{Dir: "/tmp/bench/20"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ch.Close(ctx) })
	b := &bench{client: &client{url: ch.URL()}}
	w := world.NewBenchmark(1, 1_000_000)
	b.kernel.persons = newTable(w.Persons(), 0)
	for p := range w.Persons() {
		all := w.Identities(p)
		if len(all) > 1 {
			m := all[0]
			for _, id := range all {
				m = min(m, id)
			}
			for _, id := range all {
				b.kernel.persons.set(uint64(id), uint64(m))
			}
		}
	}
	return b, ctx
}

func tm(name string, f func()) {
	f()
	bw, bc := 1e9, 1e9
	for range 4 {
		u := used()
		t0 := time.Now()
		f()
		bw = min(bw, time.Since(t0).Seconds())
		bc = min(bc, used()-u)
	}
	fmt.Printf("%-30s wall %.3f cpu %.3f\n", name, bw, bc)
}

func TestProbe(t *testing.T) {
	b, ctx := openProbe(t)
	x := func(sql string) func() {
		return func() {
			if _, err := b.client.exec(ctx, sql); err != nil {
				t.Fatal(err)
			}
		}
	}
	f, _ := os.Create("/tmp/cpu.prof")
	pprof.StartCPUProfile(f)
	for _, q := range questions()[:4] {
		if q.name == "3 years" {
			tm("stream "+q.name, func() { askRows(ctx, b, q, streamSQL(q, "narrow_month")) })
		}
	}
	pprof.StopCPUProfile()
	for _, q := range questions()[:4] {
		tm("plain "+q.name, x(plainSQL(personByDictionary)(q, "plain")))
		tm("stream null "+q.name, x(streamSQL(q, "narrow_month")+" FORMAT Null"))
		tm("stream "+q.name, func() { askRows(ctx, b, q, streamSQL(q, "narrow_month")) })
		tm("C2 null "+q.name, x(packedSQL("quarter")(q, "packed_quarter")+" FORMAT Null"))
		tm("C2 "+q.name, func() { askArrays(true)(ctx, b, q, packedSQL("quarter")(q, "packed_quarter")) })
	}
}
