package main

import (
	"fmt"
	"strings"
)

// layout is a way of storing touchpoints.
type layout struct {
	table  string
	create string
	// fill copies the staged rows for which %s holds.
	fill string
}

// wideColumns are stored by every layout of whole touchpoints.
const wideColumns = `(
	site LowCardinality(String), identity UInt64 CODEC(LZ4),
	at DateTime64(3, 'UTC') CODEC(T64, LZ4), message_key FixedString(16) CODEC(NONE),
	message_id String CODEC(ZSTD(1)), dense UInt32,
	user_id String CODEC(ZSTD(1)), visitor_id String CODEC(ZSTD(1)),
	event LowCardinality(String), touchpoint LowCardinality(String),
	stage LowCardinality(String), channel LowCardinality(String), map_version UInt32,
	properties String CODEC(ZSTD(1)), context String CODEC(ZSTD(1)),
	original_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
	received_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)), batch_index UInt32
)`

const (
	byMonth   = "toYYYYMM(at)"
	byQuarter = "toStartOfQuarter(at)"
)

func wide(table, engine, partition, order string) layout {
	return layout{
		table: table,
		create: fmt.Sprintf("CREATE TABLE %s %s ENGINE = %s PARTITION BY %s ORDER BY (%s)",
			table, wideColumns, engine, partition, order),
		fill: fmt.Sprintf("INSERT INTO %s SELECT %s FROM staged WHERE %%s", table, wideRow()),
	}
}

// packed holds an array per identity and period; period is an SQL expression over at.
func packed(table, period, partition string) layout {
	at := "fromUnixTimestamp64Milli(at, 'UTC')"
	return layout{
		table: table,
		create: fmt.Sprintf(`CREATE TABLE %s (
			site LowCardinality(String), period Date, identity UInt64,
			a SimpleAggregateFunction(groupArrayArray, Array(UInt64)) CODEC(T64, LZ4),
			device SimpleAggregateFunction(groupArrayArray, Array(String)) CODEC(LZ4)
		) ENGINE = AggregatingMergeTree PARTITION BY %s ORDER BY (site, period, identity)`,
			table, partition),
		fill: fmt.Sprintf(`INSERT INTO %s SELECT 'bench', %s AS period, identity,
			groupArray(bitOr(bitShiftLeft(toUInt64(at), 8), event)), groupArray(toString(device))
			FROM (SELECT * FROM staged WHERE event < 40 AND %%s ORDER BY n)
			GROUP BY period, identity`, table, strings.ReplaceAll(period, "$at", at)),
	}
}

func layouts() []layout {
	return []layout{
		wide("plain", "MergeTree", byMonth, "site, toDate(at), event, identity"),
		wide("narrow_month", "ReplacingMergeTree", byMonth, "site, identity, at, message_key"),
		wide("narrow_quarter", "ReplacingMergeTree", byQuarter, "site, identity, at, message_key"),
		packed("packed_month", "toDate(toStartOfMonth($at))", "period"),
		packed("packed_quarter", "toDate(toStartOfQuarter($at))", "period"),
		packed("packed_life", "toDate('1970-01-01')", "tuple()"),
	}
}
