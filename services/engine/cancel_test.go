package engine_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waystage/waystage/services/engine/enginetest"
)

// queriesLike counts the running queries whose text is like pattern.
func queriesLike(conn driver.Conn, pattern string) uint64 {
	var running uint64
	err := conn.QueryRow(context.Background(), "SELECT count() FROM system.processes "+
		"WHERE query LIKE {p:String} AND query NOT LIKE '%system.processes%'",
		clickhouse.Named("p", pattern)).Scan(&running)
	if err != nil {
		return 0
	}
	return running
}

func TestCancel(t *testing.T) {
	conn := connect(t)
	mustExec(t, conn, "CREATE TABLE sink (n UInt64) ENGINE = MergeTree ORDER BY n")
	for name, query := range map[string]string{
		"aggregate": "SELECT sum(cityHash64(number, 1)) FROM numbers(1000000000000)",
		"sleep":     "SELECT count(sleepEachRow(0.1) + 2) FROM numbers(1000000) SETTINGS max_block_size = 1",
		"insert":    "INSERT INTO sink SELECT cityHash64(number, 3) AS h FROM numbers(1000000000000) WHERE h = 1",
	} {
		t.Run(name, func(t *testing.T) {
			checkCancel(t, conn, query)
		})
	}
}

// checkCancel starts a query, cancels it once it runs, and waits until the engine is rid of it.
func checkCancel(t *testing.T, conn driver.Conn, query string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- conn.Exec(ctx, query) }()
	pattern := query[:40] + "%"
	if err := waitFor(func() bool { return queriesLike(conn, pattern) == 1 }); err != nil {
		t.Fatal(err)
	}
	cancel()
	begun := time.Now()
	if err := <-ended; err == nil {
		t.Error("the cancelled query gives no error")
	}
	if err := waitFor(func() bool { return queriesLike(conn, pattern) == 0 }); err != nil {
		t.Fatal(err)
	}
	if taken := time.Since(begun); taken > 3*time.Second {
		t.Errorf("the query ended %v after it was cancelled", taken)
	}
}

func TestCancelInTheMiddleOfAResult(t *testing.T) {
	conn := connect(t)
	query := "SELECT number, number + 77 FROM system.numbers"
	answer, err := http.Get(enginetest.ClickHouse(t) + "/?" + url.Values{"query": {query}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, answer.Body, 10<<20); err != nil {
		t.Fatal(err)
	}
	if running := queriesLike(conn, "%number + 77%"); running != 1 {
		t.Fatalf("%d queries run, want 1", running)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err := waitFor(func() bool { return queriesLike(conn, "%number + 77%") == 0 }); err != nil {
		t.Fatal(err)
	}
}
