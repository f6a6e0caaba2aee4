// Package engine holds the two engines that let Waystage run on one machine with nothing
// installed: ClickHouse, as the libchdb shared library served over ClickHouse's own HTTP interface,
// and a Kafka broker written in Go that keeps its log on disk.
//
// Both listen on loopback and speak the protocols of the servers they stand for, so that every
// other package knows addresses only and cannot tell which of the two it talks to. Neither asks
// for credentials and neither replicates.
package engine
