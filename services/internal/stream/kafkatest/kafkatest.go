// Package kafkatest runs a real Apache Kafka broker for tests: one Java process that is broker and
// controller, on free ports of 127.0.0.1, with its log in a directory of the test.
//
// It needs Java 17 and the jars that
//
//	mvn -q -f deploy/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=libs
//
// puts into deploy/kafka/libs. They are looked for from the working directory upwards;
// WAYSTAGE_KAFKA_LIBS names another directory.
package kafkatest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/waystage/waystage/services/internal/stream"
)

const (
	startTimeout = 90 * time.Second
	stopTimeout  = 30 * time.Second
	// freezeTimeout is how long a broker must be silent to be held frozen.
	freezeTimeout = 500 * time.Millisecond
	readyPoll     = 100 * time.Millisecond
)

// Cluster is a broker that can be stopped and started again. Its methods are for one goroutine.
type Cluster struct {
	tb      testing.TB
	dir     string
	libs    string
	address string
	running *process
}

// Start starts a broker and waits until it answers. It ends with the test. The test fails, and is
// told what to do, where Java or the jars are missing.
func Start(tb testing.TB) *Cluster {
	tb.Helper()
	libs, err := findLibs()
	if err != nil {
		tb.Fatal(err)
	}
	ports := freePorts(tb, 2)
	c := &Cluster{
		tb:      tb,
		dir:     tb.TempDir(),
		libs:    libs,
		address: fmt.Sprintf("127.0.0.1:%d", ports[0]),
	}
	if err := os.WriteFile(c.config(), properties(c.dir, ports[0], ports[1]), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := format(libs, c.config()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Kill)
	c.Restart()
	return c
}

// Addr is the broker's address, the same over restarts.
func (c *Cluster) Addr() string { return c.address }

// Dir is the directory of the broker's log, configuration and output.
func (c *Cluster) Dir() string { return c.dir }

// Stop ends the broker as an operator would, and waits until it has ended.
func (c *Cluster) Stop() { c.end(syscall.SIGTERM) }

// Kill ends the broker at once, as a crash would.
func (c *Cluster) Kill() { c.end(syscall.SIGKILL) }

// Freeze holds the broker still: connections stay open, nothing is answered.
func (c *Cluster) Freeze() {
	c.tb.Helper()
	c.signal(syscall.SIGSTOP)
	for c.answers() {
		// The signal takes its time.
	}
}

func (c *Cluster) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), freezeTimeout)
	defer cancel()
	return stream.Ping(ctx, []string{c.address}) == nil
}

// Thaw lets a frozen broker go on.
func (c *Cluster) Thaw() { c.signal(syscall.SIGCONT) }

// Restart starts the broker again on the same ports and the same log, ending it before where it
// still runs, and waits until it answers.
func (c *Cluster) Restart() {
	c.tb.Helper()
	c.Stop()
	p, err := launch(c.libs, c.config(), filepath.Join(c.dir, "broker.log"))
	if err != nil {
		c.tb.Fatalf("starting Kafka: %v", err)
	}
	c.running = p
	c.awaitReady()
}

func (c *Cluster) config() string { return filepath.Join(c.dir, "server.properties") }

func (c *Cluster) awaitReady() {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		err := stream.Ping(ctx, []string{c.address})
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-c.running.ended:
			c.tb.Fatalf("Kafka ended while starting; its log says:\n%s", c.running.tail())
		case <-ctx.Done():
			c.tb.Fatalf("Kafka does not answer (%v); its log says:\n%s", err, c.running.tail())
		}
	}
}

func (c *Cluster) signal(s syscall.Signal) {
	c.tb.Helper()
	if c.running == nil {
		c.tb.Fatal("Kafka is not running")
	}
	if err := c.running.signal(s); err != nil {
		c.tb.Fatalf("signalling Kafka: %v", err)
	}
}

func (c *Cluster) end(s syscall.Signal) {
	c.tb.Helper()
	if c.running == nil {
		return
	}
	if err := c.running.end(s); err != nil {
		c.tb.Errorf("ending Kafka: %v", err)
	}
	c.running = nil
}

// freePorts gives different ports that nobody listens on.
func freePorts(tb testing.TB, n int) []int {
	tb.Helper()
	ports := make([]int, n)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports
}
