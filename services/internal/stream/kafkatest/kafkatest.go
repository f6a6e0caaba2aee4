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
	"syscall"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine/broker"
	"github.com/waystage/waystage/services/internal/stream"
)

const (
	startTimeout = 90 * time.Second
	// freezeTimeout is how long a broker must be silent to be held frozen.
	freezeTimeout = 500 * time.Millisecond
	readyPoll     = 100 * time.Millisecond
)

// Cluster is a broker that can be stopped and started again. Its methods are for one goroutine.
type Cluster struct {
	tb     testing.TB
	dir    string
	broker *broker.Broker
}

// Start starts a broker and waits until it answers. It ends with the test. The test fails, and is
// told what to do, where Java or the jars are missing.
func Start(tb testing.TB) *Cluster {
	tb.Helper()
	dir := tb.TempDir()
	b, err := broker.New(dir)
	if err != nil {
		tb.Fatal(err)
	}
	c := &Cluster{tb: tb, dir: dir, broker: b}
	tb.Cleanup(c.Kill)
	c.Restart()
	return c
}

// Addr is the broker's address, the same over restarts.
func (c *Cluster) Addr() string { return c.broker.Addr() }

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
	return stream.Ping(ctx, []string{c.Addr()}) == nil
}

// Thaw lets a frozen broker go on.
func (c *Cluster) Thaw() { c.signal(syscall.SIGCONT) }

// Restart starts the broker again on the same ports and the same log, ending it before where it
// still runs, and waits until it answers.
func (c *Cluster) Restart() {
	c.tb.Helper()
	c.Stop()
	if err := c.broker.Start(); err != nil {
		c.tb.Fatal(err)
	}
	c.awaitReady()
}

func (c *Cluster) awaitReady() {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		err := stream.Ping(ctx, []string{c.Addr()})
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-c.broker.Ended():
			c.tb.Fatalf("Kafka ended while starting; its log says:\n%s", c.broker.Log())
		case <-ctx.Done():
			c.tb.Fatalf("Kafka does not answer (%v); its log says:\n%s", err, c.broker.Log())
		}
	}
}

func (c *Cluster) signal(s syscall.Signal) {
	c.tb.Helper()
	if !c.broker.Running() {
		c.tb.Fatal("Kafka is not running")
	}
	if err := c.broker.Signal(s); err != nil {
		c.tb.Fatalf("signalling Kafka: %v", err)
	}
}

func (c *Cluster) end(s syscall.Signal) {
	c.tb.Helper()
	if err := c.broker.End(s); err != nil {
		c.tb.Errorf("ending Kafka: %v", err)
	}
}
