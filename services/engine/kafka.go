package engine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

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
}

// OpenKafka starts the broker on the log in cfg.Dir. What it has acknowledged is on disk: records,
// topics with their settings, and the offsets of consumer groups are there again after Close, and
// after a process that was killed.
func OpenKafka(cfg KafkaConfig) (*Kafka, error) {
	if cfg.Dir == "" {
		return nil, errors.New("opening Kafka: no directory for its log is given")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the Kafka directory %s: %w", cfg.Dir, err)
	}
	cluster, err := kfake.NewCluster(
		kfake.Ports(cfg.Port),
		kfake.DataDir(cfg.Dir),
		kfake.SyncWrites(),
		kfake.ClusterID("waystage-embedded"),
		kfake.DefaultNumPartitions(1),
	)
	if err != nil {
		return nil, fmt.Errorf("opening Kafka in %s on port %s: %w",
			cfg.Dir, strconv.Itoa(cfg.Port), err)
	}
	return &Kafka{cluster: cluster, address: cluster.ListenAddrs()[0]}, nil
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
	return nil
}
