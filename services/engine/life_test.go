package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine"
	"github.com/waystage/waystage/services/engine/enginetest"
)

// jobs are what children of the test process do.
var jobs = map[string]func(dir string) error{
	"write":   writeJob,
	"crash":   crashJob,
	"count":   countJob,
	"reopen":  reopenJob,
	"close":   closeJob,
	"recover": recoverJob,
	"refuse":  refuseJob,
	"kafka":   kafkaJob,
}

// writeJob adds 1000 rows and closes the engine.
func writeJob(dir string) error {
	opened, err := insertThousand(dir)
	if err != nil {
		return err
	}
	return opened.Close(context.Background())
}

// crashJob adds 1000 rows and leaves without closing anything.
func crashJob(dir string) error {
	if _, err := insertThousand(dir); err != nil {
		return err
	}
	os.Exit(0)
	return nil
}

func insertThousand(dir string) (*engine.ClickHouse, error) {
	opened, conn, err := openIn(dir)
	if err != nil {
		return nil, err
	}
	for _, query := range []string{
		"CREATE TABLE IF NOT EXISTS kept (n UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO kept SELECT number FROM numbers(1000)",
	} {
		if err := conn.Exec(context.Background(), query); err != nil {
			return nil, err
		}
	}
	return opened, nil
}

// countJob prints the number of rows.
func countJob(dir string) error {
	opened, conn, err := openIn(dir)
	if err != nil {
		return err
	}
	var rows uint64
	err = conn.QueryRow(context.Background(), "SELECT count() FROM kept").Scan(&rows)
	fmt.Println(rows)
	return errors.Join(err, opened.Close(context.Background()))
}

// reopenJob opens several directories after one another, and one twice.
func reopenJob(dir string) error {
	for _, name := range []string{"a", "b", "a"} {
		if err := writeJob(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return countJob(filepath.Join(dir, "a"))
}

// closeJob closes an engine under a query that would run for hours.
func closeJob(dir string) error {
	opened, conn, err := openIn(dir)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		var sum uint64
		ended <- conn.QueryRow(context.Background(),
			"SELECT sum(cityHash64(number)) FROM numbers(1000000000000)").Scan(&sum)
	}()
	if err := waitFor(func() bool { return queriesLike(conn, "%cityHash64%") == 1 }); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := opened.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("Close gives %w, want the context's error", err)
	}
	if taken := time.Since(begun); taken > 5*time.Second {
		return fmt.Errorf("Close took %v", taken)
	}
	if err := <-ended; err == nil {
		return errors.New("the query went on to its end")
	}
	return writeJob(dir) // closed means it can be opened again
}

// recoverJob checks that Go's own signal handling outlives the library.
func recoverJob(dir string) (err error) {
	opened, _, err := openIn(dir)
	if err != nil {
		return err
	}
	defer func() {
		if recover() == nil {
			err = errors.New("a nil pointer was followed")
		}
		err = errors.Join(err, opened.Close(context.Background()))
	}()
	var nothing *testing.T
	nothing.Fail()
	return nil
}

// refuseJob tries configurations that must not open, and after each the directory again.
func refuseJob(dir string) error {
	for _, cfg := range []engine.ClickHouseConfig{
		{},
		{Dir: dir, Addr: "0.0.0.0:0"},
		{Dir: dir, Addr: "127.0.0.1"},
		{Dir: dir, Library: "/nowhere/libchdb.so"},
		{Dir: dir, Settings: map[string]string{"no_such_setting": "1"}},
		{Dir: filepath.Join(os.Args[0], "below a file")},
	} {
		if opened, err := engine.OpenClickHouse(context.Background(), cfg); err == nil {
			return errors.Join(fmt.Errorf("%+v opens", cfg), opened.Close(context.Background()))
		}
	}
	return writeJob(dir)
}

func TestDataSurviveRestart(t *testing.T) {
	dir := t.TempDir()
	inChild(t, "write", dir)
	inChild(t, "crash", dir)
	if got := inChild(t, "count", dir); got != "2000" {
		t.Errorf("after a restart there are %s rows, want 2000", got)
	}
}

func TestReopenInOneProcess(t *testing.T) {
	if got := inChild(t, "reopen", t.TempDir()); got != "2000" {
		t.Errorf("there are %s rows, want 2000", got)
	}
}

func TestCloseCancelsWhatDoesNotEnd(t *testing.T) {
	inChild(t, "close", t.TempDir())
}

func TestWrongConfigurations(t *testing.T) {
	inChild(t, "refuse", t.TempDir())
}

func TestGoSignalsSurvive(t *testing.T) {
	inChild(t, "recover", t.TempDir())
}

func TestSecondOpen(t *testing.T) {
	enginetest.ClickHouse(t)
	_, err := engine.OpenClickHouse(t.Context(), engine.ClickHouseConfig{Dir: t.TempDir()})
	if !errors.Is(err, engine.ErrOpen) {
		t.Errorf("a second engine gives %v, want ErrOpen", err)
	}
}

func TestFindLibrary(t *testing.T) {
	found, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := engine.FindLibrary(found); err != nil || again != found {
		t.Errorf("the override %s gives %s, %v", found, again, err)
	}
	t.Run("wrong override", func(t *testing.T) {
		_, err := engine.FindLibrary("/nowhere/libchdb.so")
		if !errors.Is(err, engine.ErrNoLibrary) {
			t.Errorf("got %v, want ErrNoLibrary", err)
		}
	})
	t.Run("not installed", func(t *testing.T) {
		t.Chdir(t.TempDir())
		_, err := engine.FindLibrary("")
		if !errors.Is(err, engine.ErrNoLibrary) || !strings.Contains(err.Error(), "make deps") {
			t.Errorf("got %v, want ErrNoLibrary and what to do", err)
		}
	})
}

// waitFor polls until a condition holds, for ten seconds at most.
func waitFor(holds func() bool) error {
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			return errors.New("the awaited did not happen in ten seconds")
		case <-tick.C:
		}
	}
	return nil
}
