package main
import ("testing";"fmt")
func TestBlocks(t *testing.T) {
	b, ctx := openProbe(t)
	q := questions()[3]
	for _, bs := range []int{4096, 8192, 16384, 32768, 65409, 131072, 262144} {
		s := streamSQL(q, "narrow_month")
		set := fmt.Sprintf(" SETTINGS max_block_size=%d", bs)
		tm(fmt.Sprint("stream ", bs), func() { if _, err := askRows(ctx, b, q, s+set); err != nil { t.Fatal(err) } })
	}
	s := streamSQL(q, "narrow_month")
	tm("1 thread", func() { if _, err := askRows(ctx, b, q, s+" SETTINGS max_threads=1"); err != nil { t.Fatal(err) } })
	tm("prewhere", func() { if _, err := askRows(ctx, b, q, "SELECT identity, "+entry(q)+" AS e FROM narrow_month PREWHERE stage IN ("+stages()+") WHERE "+q.where()); err != nil { t.Fatal(err) } })
}
