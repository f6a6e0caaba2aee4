package command

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/waystage/waystage/tools/waystage/archive"
	"github.com/waystage/waystage/tools/waystage/instance"
)

// TestKilledImportOnARealStack kills an import into a whole pipeline, lets another go on, and asks
// how many persons did what the file says: each row is of one.
func TestKilledImportOnARealStack(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	data := filepath.Join(t.TempDir(), "data")
	self := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0], append(args, "--data", data)...)
		c.Env = append(os.Environ(), selfVariable+"=1")
		c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
		return c
	}
	upCommand := self("up", "--demo", "none", "--ingest-port", "0", "--http-port", "0",
		"--grpc-port", "0", "--ingest-grpc-port", "0")
	screen := new(strings.Builder)
	upCommand.Stdout, upCommand.Stderr = screen, screen
	if err := upCommand.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = upCommand.Wait() // the end of the test's context has stopped it
		if t.Failed() {
			t.Logf("up said:\n%s", screen)
		}
	})
	await(t, func() error { _, err := instance.Folder(data).FindRun(); return err })
	if out, err := self("site", "create", "shop").CombinedOutput(); err != nil {
		t.Fatalf("creating a site: %v\n%s", err, out)
	}
	var file strings.Builder
	file.WriteString("who,when\n")
	for n := range rows {
		fmt.Fprintf(&file, "u%d,2026-11-%02d 10:00\n", n, n%20+1)
	}
	path := put(t, "visits.csv", file.String())
	importing := func(more ...string) *exec.Cmd {
		return self(append([]string{
			"import", path, "--site", "shop", "--event", "Visited", "--column", "userId=who",
			"--column", "timestamp=when", "--json", "--workers", "1", "--checkpoint-every", "1ns",
		}, more...)...)
	}
	killed := importing()
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, func() error { _, err := os.Stat(archive.CheckpointPath(path)); return err })
	_ = killed.Process.Kill() // were it done, the next one would find no checkpoint
	_ = killed.Wait()
	out, err := importing("--resume").Output()
	var sum archive.Report
	if err != nil || json.Unmarshal(out, &sum) != nil || sum.Accepted != rows {
		t.Fatalf("going on: %v\n%s", err, out)
	}
	await(t, func() error {
		out, err := self("ask", "funnel", "--site", "shop", "--from", "2026-11-01", "--to",
			"2026-11-22", "--step", "event:Visited", "--step", "event:Never", "--json").CombinedOutput()
		var answer struct {
			Steps []struct{ Count json.Number }
		}
		if err == nil {
			err = json.Unmarshal(out, &answer)
		}
		if err != nil || len(answer.Steps) != 2 || answer.Steps[0].Count.String() != fmt.Sprint(rows) {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// await tries until there is no error, for two minutes.
func await(t *testing.T, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			t.Fatalf("not in two minutes: %v", err)
		}
	}
}
