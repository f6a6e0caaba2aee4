package engine_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waystage/waystage/services/engine"
	"github.com/waystage/waystage/services/engine/enginetest"
)

// A process has room for one ClickHouse, so what opens and closes engines runs in children of the
// test process: these variables tell a child what to do, and in which directory.
const (
	childJob = "ENGINE_TEST_JOB"
	childDir = "ENGINE_TEST_DIR"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childJob); job != "" {
		if err := jobs[job](os.Getenv(childDir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	enginetest.Main(m)
}

// inChild runs a job in a process of its own and gives what it printed.
func inChild(t *testing.T, job, dir string) string {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childJob+"="+job, childDir+"="+dir)
	var complaints strings.Builder
	child.Stderr = &complaints
	printed, err := child.Output()
	if err != nil {
		t.Fatalf("the job %s: %v\n%s", job, err, complaints.String())
	}
	return strings.TrimSpace(string(printed))
}

// connect opens a clickhouse-go connection to a fresh database.
func connect(t *testing.T, change ...func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	conn, err := dial(enginetest.Database(t), change...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func dial(dsn string, change ...func(*clickhouse.Options)) (driver.Conn, error) {
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	for _, each := range change {
		each(options)
	}
	return clickhouse.Open(options)
}

// mustExec runs statements without results.
func mustExec(t *testing.T, conn driver.Conn, queries ...string) {
	t.Helper()
	for _, query := range queries {
		if err := conn.Exec(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
}

// one reads the single value of a query.
func one[T any](t *testing.T, conn driver.Conn, query string, args ...any) T {
	t.Helper()
	return oneIn[T](t, t.Context(), conn, query, args...)
}

func oneIn[T any](
	t *testing.T, ctx context.Context, conn driver.Conn, query string, args ...any, //nolint:revive // t is first
) T {
	t.Helper()
	var value T
	if err := conn.QueryRow(ctx, query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

// openIn opens an engine in a child.
func openIn(dir string) (*engine.ClickHouse, driver.Conn, error) {
	opened, err := engine.OpenClickHouse(context.Background(), engine.ClickHouseConfig{Dir: dir})
	if err != nil {
		return nil, nil, err
	}
	conn, err := dial(opened.DSN())
	return opened, conn, err
}
