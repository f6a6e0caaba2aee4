//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// instance is a running "waystage up", in a process group of its own.
type instance struct {
	data    string
	command *exec.Cmd
	out     *screen
	began   time.Time
	exited  chan struct{}

	// ingest and http are base URLs, grpc and ingestGRPC host:port; all as the summary tells them.
	ingest, http, grpc, ingestGRPC string
	// ports are all addresses that it listens on.
	ports []string
	// creating: commands that keep keys in the folder take turns.
	creating sync.Mutex
}

// screen keeps what a process prints. It is safe for concurrent use.
type screen struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (s *screen) Write(text []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(text)
}

func (s *screen) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// start starts "up" on a folder, on free ports, and waits for its summary.
func start(t *testing.T, data string, flags ...string) *instance {
	t.Helper()
	return startWith(t, nil, data, flags...)
}

// startWith starts "up" with settings NAME=VALUE besides.
func startWith(t *testing.T, settings []string, data string, flags ...string) *instance {
	t.Helper()
	args := append([]string{
		"up", "--data", data, "--ingest-port", "0", "--http-port", "0", "--grpc-port", "0",
		"--ingest-grpc-port", "0",
	}, flags...)
	i := &instance{
		data: data, out: &screen{}, exited: make(chan struct{}), began: time.Now(),
		command: exec.Command(binary, args...), // it ends by the signals of the test
	}
	i.command.Env = append(environment(), settings...)
	i.command.Stdout, i.command.Stderr = i.out, i.out
	i.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := i.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = i.command.Wait() // how it ended is in ProcessState
		close(i.exited)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-i.command.Process.Pid, syscall.SIGKILL) // most often it has ended
		<-i.exited
		if t.Failed() {
			t.Logf("waystage up said:\n%s", i.out)
		}
	})
	eventually(t, patience, func() error {
		select {
		case <-i.exited:
			t.Fatalf("waystage up has ended:\n%s", i.out)
		default:
		}
		return i.summary()
	})
	return i
}

var (
	ingestLine = regexp.MustCompile(`send touchpoints +(http://(\S+))/v1/`)
	httpLine   = regexp.MustCompile(`ask, as JSON +(http://(\S+))/v1/`)
	grpcLine   = regexp.MustCompile(`ask, over gRPC +(\S+)`)
	sendLine   = regexp.MustCompile(`send, over gRPC +(\S+)`)
	engineLine = regexp.MustCompile(`started (?:clickhouse|kafka) +(?:http://)?(\S+) \(embedded\)`)
)

// summary reads the addresses off the screen, once they stand there.
func (i *instance) summary() error {
	text := i.out.String()
	if _, after, there := strings.Cut(text, "Waystage is up."); !there ||
		!strings.Contains(after, "\n  root token") {
		return fmt.Errorf("no summary yet:\n%s", text)
	}
	ingest, web := ingestLine.FindStringSubmatch(text), httpLine.FindStringSubmatch(text)
	grpc, engines := grpcLine.FindStringSubmatch(text), engineLine.FindAllStringSubmatch(text, -1)
	sendGRPC := sendLine.FindStringSubmatch(text)
	if ingest == nil || web == nil || grpc == nil || sendGRPC == nil || len(engines) != 2 {
		return fmt.Errorf("the summary lacks an address:\n%s", text)
	}
	i.ingest, i.http, i.grpc, i.ingestGRPC = ingest[1], web[1], grpc[1], sendGRPC[1]
	i.ports = []string{ingest[2], web[2], grpc[1], engines[0][1], engines[1][1]}
	return nil
}

// do runs another command on the instance's folder.
func (i *instance) do(t *testing.T, args ...string) result {
	t.Helper()
	return waystage(t, nil, append(args, "--data", i.data)...)
}

// signal sends a signal to "up" and waits for its end.
func (i *instance) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := i.command.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	select {
	case <-i.exited:
	case <-time.After(patience):
		t.Fatalf("not ended %v after %v:\n%s", patience, s, i.out)
	}
}

// gone checks that an ended instance left nothing behind: no process, no open port.
func (i *instance) gone(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(-i.command.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("processes of its group are left: %v", err)
	}
	for _, address := range i.ports {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = conn.Close()
			t.Errorf("%s is still open", address)
		}
	}
}
