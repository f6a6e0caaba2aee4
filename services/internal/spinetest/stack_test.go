//go:build realdata || cases

package spinetest

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stack is everything that runs in production: ingest and query in this process, the processor as
// a child process that can be killed.
type stack struct {
	system

	binary   string
	child    *child
	childLog string
}

// in is the same stack for a subtest.
func (s *stack) in(t *testing.T) *stack {
	inner := *s
	inner.t = t
	return &inner
}

// child is the processor that runs, if one does.
type child struct {
	command *exec.Cmd
	exited  chan error
}

// newStack starts a stack on a broker and the embedded ClickHouse.
func newStack(t *testing.T, kafka string) *stack {
	t.Helper()
	s := &stack{system: *newSystem(t, kafka), child: new(child)}
	s.buildProcessor()
	s.startProcessor()
	return s
}

// settle waits until everything that was accepted is stored.
func (s *stack) settle() {
	s.t.Helper()
	s.system.settle(s.child.exited)
}

func (s *stack) buildProcessor() {
	s.binary = filepath.Join(s.t.TempDir(), "processor")
	build := exec.Command("go", "build", "-o", s.binary,
		"github.com/waystage/waystage/services/processor/cmd/processor")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("building the processor: %v\n%s", err, out)
	}
	s.childLog = filepath.Join(s.t.TempDir(), "processor.log")
	s.t.Cleanup(func() {
		s.stop(syscall.SIGTERM)
		if s.t.Failed() {
			text, _ := os.ReadFile(s.childLog)
			s.t.Logf("processor's log:\n%s", tail(text, 4000))
		}
	})
}

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

func (s *stack) startProcessor() {
	s.t.Helper()
	log, err := os.OpenFile(s.childLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	command := exec.Command(s.binary)
	command.Env = append(os.Environ(), "WAYSTAGE_KAFKA_BROKERS="+s.kafka,
		"WAYSTAGE_CLICKHOUSE_DSN="+s.dsn, "WAYSTAGE_DEBUG_LISTEN=none",
		"WAYSTAGE_PROCESSOR_BATCH_RECORDS=1500", "WAYSTAGE_PROCESSOR_SESSION_TIMEOUT=6s")
	command.Stderr = log
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	*s.child = child{command, exited}
}

// stop ends the processor by a signal and waits for it.
func (s *stack) stop(signal syscall.Signal) {
	if s.child.command == nil {
		return
	}
	_ = s.child.command.Process.Signal(signal)
	<-s.child.exited
	*s.child = child{}
}

// site makes a site with a map and gives its write key and read token.
func (s *stack) site(id, source string) (writeKey, readToken string) {
	s.t.Helper()
	return s.siteIn("", id, source)
}

// stored counts the messages of a site that are stored.
func (s *stack) stored(site string) int {
	s.t.Helper()
	base, database, _ := strings.Cut(strings.TrimPrefix(s.dsn, "http://"), "/")
	query := url.Values{"database": {database}, "query": {
		"SELECT uniqExact(message_key) FROM touchpoints WHERE site = '" + site + "'",
	}}
	response, err := http.Get("http://" + base + "/?" + query.Encode())
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		s.t.Fatalf("counting what is stored: %s", text)
	}
	return n
}

// killInFlow kills the processor each time that another part of the messages of a site is stored.
func (s *stack) killInFlow(site string, messages, kills int) {
	s.t.Helper()
	for k := range kills {
		deadline := time.Now().Add(2 * time.Minute)
		for s.stored(site) < (k+1)*messages/(kills+2) {
			if time.Now().After(deadline) {
				s.t.Fatalf("after %d kills only %d messages are stored", k, s.stored(site))
			}
			time.Sleep(10 * time.Millisecond)
		}
		s.stop(syscall.SIGKILL)
		s.startProcessor()
	}
	s.t.Logf("killed %d times, the last time with %d of %d messages stored", kills,
		s.stored(site), messages)
}
