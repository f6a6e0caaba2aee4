// Package broker runs a real Apache Kafka broker as a child process: one Java process that is
// broker and controller, on free ports of 127.0.0.1, with its log in a directory of the caller.
//
// It needs Java 17 and the jars that "make kafka-libs" puts into deploy/kafka/libs.
package broker

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Broker can be started, ended and started again on the same ports and the same log. Its methods
// are for one goroutine.
type Broker struct {
	dir, libs, address string
	running            *process
}

// New prepares a broker in an existing directory. Errors say what is missing and how to get it.
func New(dir string) (*Broker, error) {
	libs, err := FindLibs()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	b := &Broker{dir: dir, libs: libs, address: fmt.Sprintf("127.0.0.1:%d", ports[0])}
	if err := os.WriteFile(b.config(), properties(dir, ports[0], ports[1]), 0o600); err != nil {
		return nil, fmt.Errorf("writing the broker's configuration: %w", err)
	}
	return b, format(libs, b.config())
}

func (b *Broker) config() string { return filepath.Join(b.dir, "server.properties") }

// Addr is the broker's address, the same over restarts.
func (b *Broker) Addr() string { return b.address }

// Start launches the broker. It answers some seconds later.
func (b *Broker) Start() error {
	p, err := launch(b.libs, b.config(), filepath.Join(b.dir, "broker.log"))
	if err != nil {
		return fmt.Errorf("starting Kafka: %w", err)
	}
	b.running = p
	return nil
}

// Ended is closed when the broker that was started last has ended.
func (b *Broker) Ended() <-chan struct{} { return b.running.ended }

// PID is the process id of the broker that was started last.
func (b *Broker) PID() int { return b.running.command.Process.Pid }

// Log is the end of what the broker has logged.
func (b *Broker) Log() string { return b.running.tail() }

// Signal sends a signal to the running broker.
func (b *Broker) Signal(s syscall.Signal) error { return b.running.signal(s) }

// End sends a signal that ends it and waits until it has; without a running broker nothing is
// done.
func (b *Broker) End(s syscall.Signal) error {
	if b.running == nil {
		return nil
	}
	err := b.running.end(s)
	b.running = nil
	return err
}

// Running tells whether it was started and not ended.
func (b *Broker) Running() bool { return b.running != nil }

// freePorts gives different ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer listener.Close() //nolint:errcheck // all are held until all are found
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
