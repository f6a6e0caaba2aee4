package main
import ("testing";"context";"time";"os";"fmt";"runtime/pprof"
"github.com/ClickHouse/ch-go/proto"
"github.com/waystage/waystage/services/engine"
"github.com/waystage/waystage/services/world")
func TestProbe(t *testing.T) {
	ctx := context.Background()
	ch, err := engine.OpenClickHouse(ctx, engine.ClickHouseConfig{Dir: "/tmp/bench/20"})
	if err != nil { t.Fatal(err) }
	defer ch.Close(ctx)
	b := &bench{client: &client{url: ch.URL()}}
	w := world.NewBenchmark(1, 1_000_000)
	b.persons = newTable(w.Persons(), 0)
	for p := range w.Persons() {
		all := w.Identities(p)
		if len(all) > 1 { m := all[0]; for _, id := range all { m = min(m, id) }
			for _, id := range all { b.persons.set(uint64(id), uint64(m)) } }
	}
	q := questions()[2]
	tm := func(name string, f func()) { f(); for range 3 { u := used(); t0 := time.Now(); f(); fmt.Printf("%-30s wall %.3f cpu %.3f\n", name, time.Since(t0).Seconds(), used()-u) } }
	x := func(sql string) func() { return func() { if _, err := b.client.exec(ctx, sql); err != nil { t.Fatal(err) } } }
	s := streamSQL(q, "narrow_month")
	tm("plain", x(plainSQL(personByDictionary)(q, "plain")))
	tm("flat", x(plainSQL(personByFlat)(q, "plain")))
	tm("stream null", x(s+" FORMAT Null"))
	tm("sum", x("SELECT sum(identity), sum(e) FROM ("+s+")"))
	tm("count stage", x("SELECT count() FROM narrow_month WHERE "+q.where()+" AND stage IN ("+stages()+")"))
	tm("sum identity", x("SELECT sum(identity), sum(at::Int64) FROM narrow_month WHERE "+q.where()))
	tm("stream decode", func() {
		var a, e proto.ColUInt64
		n := 0
		if err := b.client.stream(ctx, s, func() proto.Results { return proto.Results{{Data: &a}, {Data: &e}} }, func() error { n += len(a); return nil }); err != nil { t.Fatal(err) }
		fmt.Println(n)
	})
	tm("group null", x(groupSQL(q, "narrow_month")+" FORMAT Null"))
	f, _ := os.Create("/tmp/cpu.prof"); pprof.StartCPUProfile(f)
	tm("stream all", func() { askRows(ctx, b, q, s) })
	pprof.StopCPUProfile()
}
