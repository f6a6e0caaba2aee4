package main
import ("testing";"fmt";"time")
func TestProjection(t *testing.T) {
	b, ctx := openProbe(t)
	y := func(sql string) string { t0 := time.Now(); s, err := b.client.exec(ctx, sql); if err != nil { s = err.Error(); if len(s) > 600 { s = s[len(s)-400:] } }; fmt.Println(time.Since(t0), sql[:min(len(sql),90)], "->", s); return s }
	y("DROP TABLE IF EXISTS pr")
	y("CREATE TABLE pr (site LowCardinality(String), identity UInt64 CODEC(LZ4), at DateTime64(3, 'UTC') CODEC(T64, LZ4), message_key FixedString(16) CODEC(NONE), stage LowCardinality(String), event LowCardinality(String), PROJECTION packed (SELECT site, toYYYYMM(at), identity, groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(at)), 8), toUInt64(length(event)))) GROUP BY site, toYYYYMM(at), identity)) ENGINE=ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (site, identity, at, message_key) SETTINGS deduplicate_merge_projection_mode='rebuild'")
	y("INSERT INTO pr SELECT site, identity, at, message_key, stage, event FROM narrow_month WHERE toYYYYMM(at) IN (202602, 202603) AND cityHash64(identity) % 2 = 0")
	y("INSERT INTO pr SELECT site, identity, at, message_key, stage, event FROM narrow_month WHERE toYYYYMM(at) IN (202602, 202603) AND cityHash64(identity) % 2 = 1")
	y("SELECT name, rows, bytes_on_disk FROM system.parts WHERE active AND table='pr'")
	y("SELECT parent_name, name, rows, bytes_on_disk FROM system.projection_parts WHERE active AND table='pr'")
	y("OPTIMIZE TABLE pr FINAL")
	y("SELECT parent_name, name, rows, bytes_on_disk FROM system.projection_parts WHERE active AND table='pr'")
	y("DESCRIBE mergeTreeProjection(default, pr, packed)")
	y("SELECT count(), sum(length(finalizeAggregation(`groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(at)), 8), toUInt64(length(event))))`))) FROM mergeTreeProjection(default, pr, packed) WHERE site='bench' AND `toYYYYMM(at)` = 202603")
	y("EXPLAIN indexes=1 SELECT count() FROM mergeTreeProjection(default, pr, packed) WHERE site='bench' AND `toYYYYMM(at)` = 202603 AND identity > 1000000000000000000")
	y("DELETE FROM pr WHERE identity = (SELECT min(identity) FROM pr)")
	y("SELECT parent_name, name, rows, bytes_on_disk FROM system.projection_parts WHERE active AND table='pr'")
}
