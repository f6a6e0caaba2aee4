package main
import ("testing";"fmt")
func TestCodecs(t *testing.T) {
	b, ctx := openProbe(t)
	q := questions()[3]
	x := func(sql string) string { s, err := b.client.exec(ctx, sql); if err != nil { t.Fatal(err) }; return s }
	x("DROP TABLE IF EXISTS pf SYNC")
	x("DROP TABLE IF EXISTS cc SYNC")
	x("CREATE TABLE cc (site LowCardinality(String), identity UInt64 CODEC(Delta, ZSTD), at DateTime64(3, 'UTC') CODEC(DoubleDelta, LZ4), message_key FixedString(16) CODEC(NONE), stage LowCardinality(String), i1 UInt64 CODEC(LZ4), i2 UInt64 CODEC(Delta, LZ4), i3 UInt64 CODEC(ZSTD(1)), i4 UInt64 CODEC(T64, LZ4), a1 DateTime64(3,'UTC') CODEC(T64, LZ4), a2 DateTime64(3,'UTC') CODEC(Delta, LZ4), a3 DateTime64(3,'UTC') CODEC(LZ4), a4 DateTime64(3,'UTC') CODEC(DoubleDelta, ZSTD)) ENGINE=ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (site, identity, at, message_key)")
	x("INSERT INTO cc SELECT site, identity, at, message_key, stage, identity, identity, identity, identity, at, at, at, at FROM narrow_month WHERE at >= '2025-04-01'")
	x("OPTIMIZE TABLE cc FINAL")
	fmt.Println(x("SELECT column, round(sum(column_data_compressed_bytes)/sum(rows), 2) FROM system.parts_columns WHERE active AND table='cc' GROUP BY column ORDER BY column"))
	for _, c := range []string{"identity","i1","i2","i3","i4","at","a1","a2","a3","a4"} { tm(c, func() { x("SELECT "+c+" FROM cc FORMAT Null") }) }
	q.from = q.to.AddDate(-1,0,0)
	tm("stream null cc", func() { x(streamSQL(q, "cc")+" FORMAT Null") })
	tm("stream null narrow", func() { x(streamSQL(q, "narrow_month")+" FORMAT Null") })
	x("DROP TABLE cc SYNC")
}
