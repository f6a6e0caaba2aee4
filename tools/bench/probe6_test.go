package main
import ("testing";"fmt";"time";"strings")
func TestFull(t *testing.T) {
	b, ctx := openProbe(t)
	x := func(sql string) { if _, err := b.client.exec(ctx, sql); err != nil { t.Fatal(err) } }
	y := func(sql string) string { t0 := time.Now(); s, err := b.client.exec(ctx, sql); if err != nil { s = err.Error(); if len(s) > 600 { s = s[len(s)-400:] } }; fmt.Println(time.Since(t0), sql[:min(len(sql),90)], "->", s); return s }
	var names, codes []string
	for i, e := range worldCatalogue() { names = append(names, "'"+e+"'"); codes = append(codes, fmt.Sprint(i)) }
	y("DROP TABLE IF EXISTS pr SYNC"); y("DROP TABLE IF EXISTS c1 SYNC"); y("DROP TABLE IF EXISTS p_q SYNC"); y("DROP TABLE IF EXISTS p_y SYNC")
	if s := y("EXISTS TABLE pf"); s != "1\n" {
	y("CREATE TABLE pf (site LowCardinality(String), identity UInt64 CODEC(LZ4), at DateTime64(3, 'UTC') CODEC(T64, LZ4), message_key FixedString(16) CODEC(NONE), stage LowCardinality(String), code UInt8, PROJECTION packed (SELECT site, toYYYYMM(at), identity, groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(at)), 8), toUInt64(code))) GROUP BY site, toYYYYMM(at), identity)) ENGINE=ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (site, identity, at, message_key) SETTINGS deduplicate_merge_projection_mode='rebuild'")
	y("INSERT INTO pf SELECT site, identity, at, message_key, stage, transform(toString(event), ["+strings.Join(names, ",")+"], ["+strings.Join(codes, ",")+"], 255) FROM narrow_month")
	y("OPTIMIZE TABLE pf FINAL")
	}
	y("SELECT sum(rows), sum(bytes_on_disk) FROM system.projection_parts WHERE active AND table='pf'")
	col := "`groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(at)), 8), toUInt64(code)))`"
	for _, q := range questions()[:4] {
		where := fmt.Sprintf(" FROM mergeTreeProjection(default, pf, packed) WHERE site='bench' AND `toYYYYMM(at)` BETWEEN toYYYYMM(%s) AND toYYYYMM(%s)", stamp(q.from), stamp(q.until()))
		sql := "SELECT identity, finalizeAggregation("+col+") AS e" + where
		if c, err := askArrays(true)(ctx, b, q, sql); err != nil { t.Fatal(err) } else { fmt.Println(c) }
		tm("proj null "+q.name, func() { x(sql+" FORMAT Null") })
		tm("proj raw null "+q.name, func() { x("SELECT identity, "+col+where+" FORMAT Null") })
		tm("proj "+q.name, func() { askArrays(true)(ctx, b, q, sql) })
		tm("B stream "+q.name, func() { askRows(ctx, b, q, streamSQL(q, "pf")) })
		tm("B group pf "+q.name, func() { askArrays(false)(ctx, b, q, groupSQL(q, "pf")) })
		tm("C2 "+q.name, func() { askArrays(true)(ctx, b, q, packedSQL("quarter")(q, "packed_quarter")) })
		if s := y("EXISTS TABLE packed_month"); s == "1\n" {
		tm("C "+q.name, func() { askArrays(true)(ctx, b, q, packedSQL("month")(q, "packed_month")) })
		}
	}
}
