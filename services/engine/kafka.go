package engine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// KafkaConfig says where the embedded Kafka broker keeps its log and where it listens.
type KafkaConfig struct {
	// Dir is the directory of the log, made if it is missing. One broker at a time may use it.
	Dir string
	// Port is the port on 127.0.0.1 to listen on. The broker tells clients this very address, so
	// give the same port every time if clients live longer than the broker. 0 takes a free one.
	Port int
}

// Kafka is a running embedded broker: one node, no replication, no authentication. Topics are made
// through the Kafka protocol; naming one that does not exist makes none.
type Kafka struct {
	cluster *kfake.Cluster
	address string
	lock    *os.File
}

// OpenKafka starts the broker on the log in cfg.Dir. What it has acknowledged is written: records,
// topics with their settings, and the offsets of consumer groups are there again after Close, and
// after a process that was killed. As with Kafka's own defaults, the operating system decides when
// written data reach the disk: what was acknowledged just before a power cut may be lost.
func OpenKafka(cfg KafkaConfig) (*Kafka, error) {
	if cfg.Dir == "" {
		return nil, errors.New("opening Kafka: no directory for its log is given")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the Kafka directory %s: %w", cfg.Dir, err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening Kafka in %s: %w", cfg.Dir, err)
	}
	cluster, err := kfake.NewCluster(
		kfake.Ports(cfg.Port),
		kfake.DataDir(filepath.Join(cfg.Dir, "log")),
		kfake.ClusterID("waystage-embedded"),
		kfake.DefaultNumPartitions(1),
	)
	if err != nil {
		_ = lock.Close() // it was only read
		return nil, fmt.Errorf("opening Kafka in %s on port %d: %w", cfg.Dir, cfg.Port, err)
	}
	return &Kafka{cluster: cluster, address: cluster.ListenAddrs()[0], lock: lock}, nil
}

// lockDir keeps other brokers out of a directory until the file it gives is closed, or the process
// ends.
func lockDir(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the lock of the directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close() // it was only read
		return nil, fmt.Errorf("locking the directory, which another broker may use: %w", err)
	}
	return lock, nil
}

// Addr is the broker's address, as host:port.
func (k *Kafka) Addr() string { return k.address }

// Port is the port the broker listens on.
func (k *Kafka) Port() int {
	_, text, err := net.SplitHostPort(k.address)
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}

// Close ends all connections and writes what is left to disk. It must be called once.
func (k *Kafka) Close() error {
	k.cluster.Close()
	if err := k.lock.Close(); err != nil {
		return fmt.Errorf("giving up the lock of Kafka's directory: %w", err)
	}
	return nil
}
