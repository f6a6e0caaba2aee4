// Package engine holds the two engines that let Waystage run on one machine with nothing
// installed: ClickHouse, as the libchdb shared library served over ClickHouse's own HTTP interface,
// and a Kafka broker written in Go that keeps its log on disk.
//
// Both listen on loopback and speak the protocols of the servers they stand for, so that every
// other package knows addresses only and cannot tell which of the two it talks to. Neither asks
// for credentials, and neither replicates: whoever may run programs on the machine may use them.
//
// # Where the embedded ClickHouse differs from a server
//
//   - There is the HTTP interface only, without users, sessions, external tables and
//     INSERT ... SELECT ... FROM input(). The query_id of a request is sent back, but
//     system.processes knows the query by log_comment, which ends with a random tag.
//   - A result is streamed, one block in memory, in Native and in the formats whose rows stand
//     alone (CSV, TabSeparated, JSONEachRow, RowBinary and their like). In other formats, and with
//     WITH TOTALS, libchdb holds the whole of it.
//   - In Native, DateTime columns come without their time zone (DateTime64 keep theirs). Clients
//     that announce client_protocol_version, as clickhouse-go does, get JSON columns as text, and
//     the error NOT_IMPLEMENTED for Variant, Dynamic and AggregateFunction.
package engine
