package main
import ("testing";"fmt";"syscall";"time"
"github.com/ClickHouse/ch-go/proto")
func TestSys(t *testing.T) {
	b, ctx := openProbe(t)
	q := questions()[3]
	s := streamSQL(q, "narrow_month")
	rep := func(name string, f func()) { f(); for range 4 { var u, v syscall.Rusage; syscall.Getrusage(0,&u); t0 := time.Now(); f(); syscall.Getrusage(0,&v); fmt.Printf("%-12s wall %.3f user %.3f sys %.3f minflt %d\n", name, time.Since(t0).Seconds(), float64(v.Utime.Nano()-u.Utime.Nano())/1e9, float64(v.Stime.Nano()-u.Stime.Nano())/1e9, v.Minflt-u.Minflt) } }
	rep("null", func() { b.client.exec(ctx, s+" FORMAT Null") })
	rep("decode", func() { var a, e proto.ColUInt64
		b.client.stream(ctx, s, func() proto.Results { return proto.Results{{Data: &a}, {Data: &e}} }, func() error { return nil }) })
	rep("all", func() { askRows(ctx, b, q, s) })
	rep("C decode", func() { var a, e proto.ColUInt64; arr := proto.NewArray(&e)
		b.client.stream(ctx, packedSQL("month")(q, "packed_month"), func() proto.Results { return proto.Results{{Data: &a}, {Data: arr}} }, func() error { return nil }) })
	rep("C all", func() { askArrays(true)(ctx, b, q, packedSQL("month")(q, "packed_month")) })
}
