// Package enginetest gives tests the embedded engines. A process has room for one ClickHouse, so
// all tests of a package share one, each in a database of its own; every test gets its own Kafka.
//
// A test package that uses ClickHouse calls Main from its TestMain:
//
//	func TestMain(m *testing.M) { enginetest.Main(m) }
package enginetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine"
)

// shared is the one ClickHouse of the process.
var shared struct {
	sync.Mutex
	engine *engine.ClickHouse
	dir    string
	err    error
}

// databases numbers the databases of this process.
var databases atomic.Int64

// ClickHouse gives the address of the ClickHouse of this process, started by the first call in a
// directory that Main removes. When it cannot be started the test fails and says what to install.
func ClickHouse(tb testing.TB) (dsn string) {
	tb.Helper()
	running, err := open(os.Getenv("WAYSTAGE_LIBCHDB"))
	if err != nil {
		tb.Fatalf("starting the embedded ClickHouse: %v", err)
	}
	return running.DSN()
}

// open starts the shared engine once; a failure is remembered.
func open(override string) (*engine.ClickHouse, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.engine != nil || shared.err != nil {
		return shared.engine, shared.err
	}
	shared.engine, shared.err = start(override)
	return shared.engine, shared.err
}

// start starts an engine in a new directory.
func start(override string) (*engine.ClickHouse, error) {
	library, err := engine.FindLibrary(override)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "waystage-clickhouse-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for ClickHouse: %w", err)
	}
	shared.dir = dir
	return engine.OpenClickHouse(context.Background(), engine.ClickHouseConfig{
		Library: library, Dir: dir, MaxConnections: 64,
	})
}

// Database makes a new database, dropped when the test ends, and gives a DSN that names it.
func Database(tb testing.TB) (dsn string) {
	tb.Helper()
	server := ClickHouse(tb)
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := exec(server, "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("making the database %s: %v", name, err)
	}
	tb.Cleanup(func() {
		if err := exec(server, "DROP DATABASE IF EXISTS "+name+" SYNC"); err != nil {
			tb.Errorf("dropping the database %s: %v", name, err)
		}
	})
	return server + "/" + name
}

// exec runs a statement without a result.
func exec(server, query string) error {
	request, err := http.NewRequestWithContext(
		context.Background(), http.MethodPost, server+"/", strings.NewReader(query))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("ClickHouse answers %s: %s", answer.Status, text)
	}
	return err
}

// Kafka starts a broker whose log lies in a directory of the test; both end with the test.
func Kafka(tb testing.TB) (addr string) {
	tb.Helper()
	broker, err := engine.OpenKafka(engine.KafkaConfig{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatalf("starting the embedded Kafka: %v", err)
	}
	tb.Cleanup(func() {
		if err := broker.Close(); err != nil {
			tb.Errorf("closing the embedded Kafka: %v", err)
		}
	})
	return broker.Addr()
}

// closeWait bounds the wait for queries that tests left running.
const closeWait = 10 * time.Second

// Main runs the tests of a package, closes the shared ClickHouse, removes its directory and exits.
func Main(m *testing.M) {
	code := m.Run()
	if err := Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Close ends the shared ClickHouse and removes its directory; for a TestMain that has more to do
// than Main. A later call of ClickHouse starts a new one.
func Close() error {
	shared.Lock()
	defer shared.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	if shared.engine != nil {
		if err := shared.engine.Close(ctx); err != nil {
			return fmt.Errorf("closing the embedded ClickHouse of the tests: %w", err)
		}
	}
	if err := os.RemoveAll(shared.dir); err != nil {
		return fmt.Errorf("removing the directory of the embedded ClickHouse: %w", err)
	}
	shared.engine, shared.dir, shared.err = nil, "", nil
	return nil
}
