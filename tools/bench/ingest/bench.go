package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"google.golang.org/grpc/codes"

	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/engine"
	"github.com/waystage/waystage/services/engine/broker"
	"github.com/waystage/waystage/services/query"
	"github.com/waystage/waystage/tools/waystage/remote"
)

const (
	partitions = 8
	floorTopic = "floor"
	ownTopic   = "waystage.touchpoints"
	readyWait  = time.Minute
	stopWait   = 30 * time.Second
)

// bench is a measurement under way.
type bench struct {
	options

	dir    string
	broker *broker.Broker
	dsn    string
	key    string
	// next numbers messages, so that each has an id of its own.
	next  atomic.Int64
	stops []func() error
}

// newBench builds the servers and starts what they need: the broker, and ClickHouse with a site.
func newBench(ctx context.Context, o options) (b *bench, err error) {
	b = &bench{options: o}
	if b.dir, err = os.MkdirTemp("", "waystage-bench-"); err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	b.stops = append(b.stops, func() error { return os.RemoveAll(b.dir) })
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	for program, from := range map[string]string{
		"ingest": "github.com/waystage/waystage/services/ingest/cmd/ingest",
		"floor":  "github.com/waystage/waystage/tools/bench/floor",
	} {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(b.dir, program), from)
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s: %w\n%s", program, err, out)
		}
	}
	if err := b.startBroker(ctx); err != nil {
		return nil, err
	}
	return b, b.makeSite(ctx)
}

func (b *bench) startBroker(ctx context.Context) (err error) {
	dir := filepath.Join(b.dir, "kafka")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if b.broker, err = broker.New(dir); err != nil {
		return fmt.Errorf("preparing Kafka: %w", err)
	}
	if err := b.broker.Start(); err != nil {
		return fmt.Errorf("starting Kafka: %w", err)
	}
	b.stops = append(b.stops, func() error { return b.broker.End(syscall.SIGTERM) })
	return awaitPort(ctx, b.broker.Addr())
}

// makeSite starts ClickHouse, and query for as long as it takes to make a site and a write key.
func (b *bench) makeSite(ctx context.Context) error {
	clickHouse, err := engine.OpenClickHouse(ctx, engine.ClickHouseConfig{
		Library: b.library, Dir: filepath.Join(b.dir, "clickhouse"),
	})
	if err != nil {
		return fmt.Errorf("starting ClickHouse: %w", err)
	}
	b.stops = append(b.stops, func() error {
		return clickHouse.Close(context.WithoutCancel(ctx))
	})
	b.dsn = clickHouse.DSN() + "/waystage"
	var config query.Config
	err = env.ParseWithOptions(&config, env.Options{Environment: map[string]string{
		"WAYSTAGE_CLICKHOUSE_DSN":    b.dsn,
		"WAYSTAGE_QUERY_HTTP_LISTEN": "127.0.0.1:0",
		"WAYSTAGE_QUERY_GRPC_LISTEN": "127.0.0.1:0",
		"WAYSTAGE_ROOT_TOKEN":        "root_" + rand.Text(),
	}})
	if err != nil {
		return fmt.Errorf("reading settings: %w", err)
	}
	service, err := query.New(config, zerolog.Nop(), prometheus.DefaultRegisterer)
	if err != nil {
		return fmt.Errorf("making query: %w", err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- service.Run(running, func(bool) {}) }()
	b.key, err = writeKey(ctx, service.GRPCAddr(), config.RootToken)
	stop()
	return errors.Join(err, <-ended)
}

func writeKey(ctx context.Context, address, token string) (string, error) {
	client, err := remote.New(address, token)
	if err != nil {
		return "", err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	key, err := backoff.Retry(ctx, func() (string, error) {
		_, err := client.Sites.CreateSite(ctx, &sitev1.CreateSiteRequest{SiteId: "bench"})
		if code := remote.Code(err); err != nil && code != codes.AlreadyExists {
			if code != codes.Unavailable {
				err = backoff.Permanent(err)
			}
			return "", err
		}
		made, err := client.Sites.CreateKey(ctx, &sitev1.CreateKeyRequest{
			Parent: "sites/bench", Kind: sitev1.KeyKind_KEY_KIND_WRITE,
		})
		return made.GetSecret(), err
	}, backoff.WithMaxElapsedTime(readyWait))
	if err != nil {
		return "", fmt.Errorf("making a site and a write key: %w", err)
	}
	return key, nil
}

func (b *bench) close() error {
	var failures []error
	for i := len(b.stops) - 1; i >= 0; i-- {
		failures = append(failures, b.stops[i]())
	}
	b.stops = nil
	return errors.Join(failures...)
}

// server is a process that is measured.
type server struct {
	name, address, topic, debug string

	command *exec.Cmd
	ended   chan struct{}
}

func (b *bench) startFloor(ctx context.Context) (*server, error) {
	s := &server{name: "floor", topic: floorTopic, address: freeAddress()}
	s.command = exec.CommandContext(ctx, filepath.Join(b.dir, "floor"), s.address,
		b.broker.Addr(), floorTopic, strconv.Itoa(partitions))
	return s, s.start(ctx)
}

func (b *bench) startIngest(ctx context.Context) (*server, error) {
	s := &server{name: "ingest", topic: ownTopic, address: freeAddress(), debug: freeAddress()}
	s.command = exec.CommandContext(ctx, filepath.Join(b.dir, "ingest"))
	s.command.Env = append(os.Environ(),
		"WAYSTAGE_INGEST_LISTEN="+s.address,
		"WAYSTAGE_DEBUG_LISTEN="+s.debug,
		"WAYSTAGE_KAFKA_BROKERS="+b.broker.Addr(),
		"WAYSTAGE_CLICKHOUSE_DSN="+b.dsn,
		"WAYSTAGE_KAFKA_PARTITIONS="+strconv.Itoa(partitions),
		"WAYSTAGE_INGEST_GRPC_LISTEN=127.0.0.1:0",
	)
	return s, s.start(ctx)
}

func (s *server) start(ctx context.Context) error {
	s.command.Stderr = os.Stderr
	if err := s.command.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", s.name, err)
	}
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		_ = s.command.Wait() // how it ended is no matter
	}()
	return awaitPort(ctx, s.address)
}

// stop ends it as an operator would.
func (s *server) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping %s: %w", s.name, err)
	}
	select {
	case <-s.ended:
		return nil
	case <-time.After(stopWait):
		return errors.Join(fmt.Errorf("%s does not end", s.name), s.kill())
	}
}

func (s *server) kill() error {
	err := s.command.Process.Kill()
	<-s.ended
	return err
}

// cpu is the processor time used so far.
func (s *server) cpu() time.Duration { return processorTime(s.command.Process.Pid) }

// ticks a second that /proc counts in.
const ticks = 100

func processorTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, wrong := strconv.Atoi(fields[11])
	system, bad := strconv.Atoi(fields[12])
	if wrong != nil || bad != nil {
		return 0
	}
	return time.Duration(user+system) * time.Second / ticks
}

// memory is a line of /proc/PID/status in MB: VmHWM is the most that was resident so far.
func (s *server) memory(line string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(l, line+":"); found {
			kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				return 0
			}
			return float64(kilobytes) / 1024
		}
	}
	return 0
}

// stored is how many records a topic holds, as Kafka's own tool says.
func (b *bench) stored(ctx context.Context, topic string) (int64, error) {
	libs, err := broker.FindLibs()
	if err != nil {
		return 0, fmt.Errorf("looking for Kafka's tools: %w", err)
	}
	tool := exec.CommandContext(ctx, "java", "-XX:TieredStopAtLevel=1", "-cp",
		filepath.Join(libs, "*"), "org.apache.kafka.tools.GetOffsetShell",
		"--bootstrap-server", b.broker.Addr(), "--topic", topic)
	out, err := tool.Output()
	if err != nil {
		return 0, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	var sum int64
	for line := range strings.Lines(string(out)) {
		_, end, _ := strings.Cut(strings.TrimSpace(line), ":")
		_, end, found := strings.Cut(end, ":")
		n, err := strconv.ParseInt(end, 10, 64)
		if !found || err != nil {
			return 0, fmt.Errorf("asking for the end of %s: %q", topic, line)
		}
		sum += n
	}
	return sum, nil
}

func freeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer listener.Close() //nolint:errcheck // it was only asked for a port
	return listener.Addr().String()
}

// awaitPort waits until somebody listens.
func awaitPort(ctx context.Context, address string) error {
	for deadline := time.Now().Add(readyWait); ; time.Sleep(50 * time.Millisecond) {
		conn, err := dial(ctx, address)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nobody listens on %s: %w", address, err)
		}
	}
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return conn, nil
}

const dialTimeout = 5 * time.Second
