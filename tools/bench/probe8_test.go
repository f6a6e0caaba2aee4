package main
import ("testing";"fmt";"time";"os";"runtime/pprof";"slices"
"github.com/ClickHouse/ch-go/proto")
func TestKernel(t *testing.T) {
	b, ctx := openProbe(t)
	q := questions()[3]
	for _, name := range []string{"rows","arrays"} {
	var blocks []block
	if name == "rows" {
	var identities, entries proto.ColUInt64
	b.client.stream(ctx, streamSQL(q, "narrow_month"), func() proto.Results { return proto.Results{{Data: &identities}, {Data: &entries}} }, func() error {
		blocks = append(blocks, block{identities: slices.Clone(identities), entries: slices.Clone(entries)}); return nil })
	} else {
	var identities, values proto.ColUInt64
	entries := proto.NewArray(&values)
	b.client.stream(ctx, packedSQL("month")(q, "packed_month"), func() proto.Results { return proto.Results{{Data: &identities}, {Data: entries}} }, func() error {
		blocks = append(blocks, block{identities: slices.Clone(identities), entries: slices.Clone(values), ends: slices.Clone(entries.Offsets)}); return nil })
	}
	fmt.Println(name, len(blocks))
	f, _ := os.Create("/tmp/cpu"+name+".prof"); pprof.StartCPUProfile(f)
	for range 6 {
		k := &b.kernel
		var masks *[256]uint32
		if name == "arrays" { masks = eventMasks() }
		k.reset(q, masks)
		u, t0 := used(), time.Now()
		for _, bl := range blocks { k.add(bl) }
		ta, ua := time.Since(t0), used()-u
		c := k.answer()
		fmt.Printf("add %.3f cpu %.3f answer wall %.3f cpu %.3f %v\n", ta.Seconds(), ua, (time.Since(t0)-ta).Seconds(), used()-u-ua, c)
	}
	pprof.StopCPUProfile()
	}
}
