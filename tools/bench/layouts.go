package main

import (
	"fmt"
	"strings"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/world"
)

// layout is a way of storing touchpoints.
type layout struct {
	table   string
	columns string
	engine  string
	// rows are the rows of the staged touchpoints for which the condition holds.
	rows func(condition string) string
}

func (l layout) create(table string) string {
	return fmt.Sprintf("CREATE TABLE %s (%s) ENGINE = %s", table, l.columns, l.engine)
}

func (l layout) fill(table string, from, to int) string {
	return "INSERT INTO " + table + " " + l.rows(fmt.Sprintf("n >= %d AND n < %d", from, to))
}

// The layouts. Plain tables are what one would make without thinking of funnels; narrow ones are
// the touchpoints of Waystage; packed ones its journeys.
func layouts() []layout {
	const (
		byDay      = "(site, toDate(at), event, identity)"
		byIdentity = "(site, identity, at, message_key, received_at, batch_index)"
		byMonth    = "toYYYYMM(at)"
	)
	return []layout{
		wide("plain", "MergeTree", byMonth, byDay),
		wide("narrow_month", "ReplacingMergeTree", byMonth, byIdentity),
		wide("narrow_quarter", "ReplacingMergeTree", "toStartOfQuarter(at)", byIdentity),
		packed("packed_month", "toYYYYMM($at)"),
		packed("packed_quarter", "toYYYYMM(toStartOfQuarter($at))"),
		packed("packed_life", "0"),
	}
}

// wideColumns are those of the touchpoints of Waystage.
const wideColumns = `
	site LowCardinality(String), identity UInt64 CODEC(ZSTD(1)),
	at DateTime64(3, 'UTC') CODEC(T64, LZ4), message_key FixedString(16),
	received_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD), batch_index UInt32 CODEC(ZSTD),
	kind LowCardinality(String), event LowCardinality(String), touchpoint LowCardinality(String),
	stage LowCardinality(String), channel LowCardinality(String), map_version UInt32,
	message_id String CODEC(ZSTD), user_id String CODEC(ZSTD), anonymous_id String CODEC(ZSTD),
	group_id String CODEC(ZSTD), occurred_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
	original_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD), properties String CODEC(ZSTD),
	context String CODEC(ZSTD), stored_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
	number UInt32`

func wide(table, engine, partition, order string) layout {
	return layout{
		table: table, columns: wideColumns,
		engine: fmt.Sprintf("%s PARTITION BY %s ORDER BY %s", engine, partition, order),
		rows: func(condition string) string {
			return "SELECT " + wideRow() + " FROM staged WHERE " + condition
		},
	}
}

// instant is a staged row's.
const instant = "fromUnixTimestamp64Milli(at_ms, 'UTC')"

// wideRow makes a stored row of a staged one, as the processor would.
func wideRow() string {
	pick := func(value func(world.Event) string) string {
		return "arrayElement(" + listOf(value) + ", event + 1)"
	}
	return `'bench', identity, ` + instant + `, sipHash128(number_in_world),
		` + instant + ` + 1, modulo(n, 100), 'track',
		` + pick(func(e world.Event) string { return e.Name }) + `,
		` + pick(func(e world.Event) string { return string(e.Attribution.Touchpoint) }) + `,
		` + pick(func(e world.Event) string { return string(e.Attribution.Stage) }) + `,
		` + pick(func(e world.Event) string { return string(e.Attribution.Channel) }) + `,
		1, lower(hex(sipHash128(number_in_world + 1))),
		if(is_user, concat('user-', toString(number)), ''),
		if(is_user, '', concat('visitor-', toString(number))), '',
		` + instant + `, ` + instant + `,
		concat('{"amount":', toString(amount), ',"category":"', category, '","device":"', device,
			'"}'),
		concat('{"locale":"en-GB","page":{"path":"/shop/', category, '"}}'),
		` + instant + ` + 2, number`
}

// packed holds an array of touchpoints per identity and period, and one of a property beside it.
// Period is an SQL expression over $at.
func packed(table, period string) layout {
	codes := listOf(func(e world.Event) string { return fmt.Sprint(codeOf(e)) })
	return layout{
		table: table,
		columns: `site LowCardinality(String), period UInt32, identity UInt64 CODEC(Delta, LZ4),
			touches SimpleAggregateFunction(groupArrayArray, Array(UInt64)) CODEC(T64, LZ4),
			devices SimpleAggregateFunction(groupArrayArray, Array(String)) CODEC(LZ4)`,
		engine: "AggregatingMergeTree PARTITION BY period ORDER BY (site, identity)",
		rows: func(condition string) string {
			return fmt.Sprintf(`SELECT 'bench', %s AS period, identity,
				groupArray(bitOr(bitShiftLeft(toUInt64(at_ms), 22), arrayElement(%s, event + 1))),
				groupArray(toString(device))
				FROM (SELECT * FROM staged WHERE %s ORDER BY n) GROUP BY period, identity`,
				strings.ReplaceAll(period, "$at", instant), codes, condition)
		},
	}
}

func codeOf(e world.Event) journey.LabelCode {
	return journey.Label{
		Event: e.Name, Touchpoint: e.Attribution.Touchpoint, Stage: e.Attribution.Stage,
	}.Code(world.BenchmarkSite)
}

// listOf is an SQL array with a value of each event; texts that are no numbers are quoted.
func listOf(value func(world.Event) string) string {
	var values []string
	for _, e := range world.Catalogue() {
		v := value(e)
		if v == "" || v[0] > '9' {
			v = "'" + v + "'"
		}
		values = append(values, v)
	}
	return "[" + strings.Join(values, ", ") + "]"
}
