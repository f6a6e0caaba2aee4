//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// binary is the command as users have it, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

// together is how many tests run at a time, whatever the processors: most of them wait.
const together = "12"

func runAll(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", together); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "waystage-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "waystage")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", binary,
		"github.com/waystage/waystage/tools/waystage")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building waystage: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// environment is this process's, without what would point the command somewhere else.
func environment() []string {
	var kept []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "WAYSTAGE_") || name == "WAYSTAGE_LIBCHDB" {
			kept = append(kept, pair)
		}
	}
	return kept
}

// result is what a command that has ended said.
type result struct {
	code           int
	stdout, stderr string
}

// waystage runs a command to its end. It may be called by any goroutine of a test.
func waystage(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Env, command.Stdin = environment(), stdin
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Errorf("waystage %s: %v", strings.Join(args, " "), err)
		return result{code: -1}
	}
	return result{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// want fails unless a command ended with a code and said all the texts on stderr.
func (r result) want(t *testing.T, code int, says ...string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	for _, text := range says {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("stderr lacks %q:\n%s", text, r.stderr)
		}
	}
}

const (
	// patience is how long anything may take that has no limit of its own.
	patience  = 2 * time.Minute
	pollPause = 100 * time.Millisecond
)

// eventually tries until there is no error, and fails with the last one when time is up.
func eventually(t *testing.T, within time.Duration, try func() error) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	pause := time.NewTicker(pollPause)
	defer pause.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-pause.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %v", within, err)
		}
	}
}
