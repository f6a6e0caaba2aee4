// Package ingest is the service that takes messages: HTTP and gRPC come in, records on Kafka go
// out, and the sender hears of success when every in-sync replica has them. What may enter is
// decided in admit, the edge is capture; here they are wired and given a life.
//
// While Kafka is away, or its topics are not there yet, requests get 503 within WriteTimeout.
// While ClickHouse is away, keys that are known stay known and others get 503.
//
// Stop order: not ready → drain requests under way → flush the producer → close the store.
package ingest

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/ingest/capture"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
)

// Producer writes records; nil means that all of them are safe.
type Producer interface {
	Produce(ctx context.Context, records ...stream.Record) error
	InFlightBytes() int64
	Close(ctx context.Context) error
}

// Ingest is the service. Make it with New; it must be Run or Closed.
type Ingest struct {
	config    Config
	log       zerolog.Logger
	listener  *connections
	server    *http.Server
	grpc      *grpcPort
	producer  Producer
	recorder  *recorder
	closeKeys func() error
	// serving is what /readyz says: topics are there and no stop has begun.
	serving atomic.Bool
}

// neighbours are what a service rests on.
type neighbours struct {
	keys      capture.Keys
	sites     capture.Sites
	closeKeys func() error
	producer  Producer
}

// New wires the service and binds its port, so that the address is known; it answers nothing
// before Run. Kafka and ClickHouse may be away. Errors: a configuration that is wrong, a port that
// is taken.
func New(config Config, log zerolog.Logger, registry prometheus.Registerer) (*Ingest, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	st, err := store.Open(config.ClickHouse)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	s, err := assemble(config, neighbours{
		keys: st, sites: st, closeKeys: st.Close,
		producer: stream.NewProducer(stream.ProducerConfig{
			Brokers: config.Brokers,
			// Records of requests that gave up waiting come on top of the requests.
			MaxInFlightBytes: config.InFlightBytes / 2,
			WriteTimeout:     config.WriteTimeout,
		}),
	}, log, registry)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return s, nil
}

func assemble(
	config Config, n neighbours, log zerolog.Logger, registry prometheus.Registerer,
) (*Ingest, error) {
	edge, err := edgeOf(config)
	if err != nil {
		return nil, err
	}
	listener, err := listen(config.Listen, config.MaxConnections)
	if err != nil {
		return nil, fmt.Errorf("opening the port of ingest: %w", err)
	}
	s := &Ingest{
		config: config, log: log, listener: listener,
		producer: n.producer, closeKeys: n.closeKeys,
	}
	s.recorder = &recorder{
		producer: n.producer, log: log,
		touchpoints: config.Topic, quarantine: config.QuarantineTopic,
	}
	edge.Ready = s.serving.Load
	observer := &observer{log: log}
	handler := capture.New(
		edge, capture.NewKeyring(n.keys, config.KeyRate), s.recorder, observer)
	observer.metrics = newMetrics(registry, gauges{
		requestBytes: handler.InFlightBytes, recordBytes: n.producer.InFlightBytes,
		connections: listener.count,
	})
	listener.refused = observer.metrics.turnedAway.Inc
	s.server = newServer(config, handler, log)
	calls := capture.NewCalls(handler, n.sites, config.RootToken)
	if s.grpc, err = openGRPC(config, calls, log, listener.refused); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return s, nil
}

// edgeOf is the configuration of the edge. Errors: the snippet's directory or the public URL is
// wrong.
func edgeOf(config Config) (capture.Config, error) {
	edge := capture.Config{
		Rules:         admit.Rules{SkewTolerance: config.SkewTolerance},
		InFlightBytes: config.InFlightBytes,
		WriteTimeout:  config.WriteTimeout,
		Proxies:       config.Proxies,
	}
	var err error
	if edge.Public, err = config.public(); err != nil {
		return edge, err
	}
	if config.SnippetDir == "" {
		return edge, nil
	}
	if edge.Snippet, err = capture.ReadSnippet(os.DirFS(config.SnippetDir)); err != nil {
		return edge, fmt.Errorf("WAYSTAGE_INGEST_SNIPPET_DIR: %w", err)
	}
	return edge, nil
}

// Limits of a connection that nobody needs to set.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 75 * time.Second
	answerTimeout  = 5 * time.Second
	maxHeaderBytes = 16 << 10
)

func newServer(config Config, handler http.Handler, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: min(headerTimeout, config.ReadTimeout),
		ReadTimeout:       config.ReadTimeout,
		WriteTimeout:      config.ReadTimeout + config.WriteTimeout + answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          stdlog.New(log.With().Str("from", "net/http").Logger(), "", 0),
	}
}

// Addr is the address of the port, as host:port.
func (s *Ingest) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx ends, then stops in order. ready hears when messages can be taken and when
// no longer. Errors: the port broke, or not all that was under way ended in DrainTimeout.
func (s *Ingest) Run(ctx context.Context, ready func(bool)) error {
	defer s.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	topics := s.awaitTopics(ctx, func() {
		s.serving.Store(true)
		s.grpc.setServing(true)
		ready(true)
	})
	drained := make(chan error, 1)
	unplug := context.AfterFunc(ctx, func() {
		topics.stop()
		s.serving.Store(false)
		ready(false)
		drained <- s.drain()
	})
	s.log.Info().Str("http", s.Addr()).Str("grpc", s.GRPCAddr()).Msg("serving")
	s.grpc.start(stop)
	err := s.server.Serve(s.listener)
	if unplug() {
		topics.stop()
		s.grpc.close()
		return errors.Join(fmt.Errorf("serving %s: %w", s.Addr(), err), s.flush())
	}
	return errors.Join(<-drained, s.grpc.failure(), s.flush())
}

// drain lets requests under way end.
func (s *Ingest) drain() error {
	s.log.Info().Dur("timeout_ms", s.config.DrainTimeout).Msg("draining")
	ctx, cancel := context.WithTimeout(context.Background(), s.config.DrainTimeout)
	defer cancel()
	calls := s.grpc.stop(ctx)
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("draining requests under way: %w", err), s.server.Close(),
			calls())
	}
	return calls()
}

// flush writes what requests that gave up waiting have left.
func (s *Ingest) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.DrainTimeout)
	defer cancel()
	if err := s.producer.Close(ctx); err != nil {
		return fmt.Errorf("flushing records: %w", err)
	}
	return nil
}

// Close ends at once what was never run.
func (s *Ingest) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.producer.Close(ctx)
	s.close()
	return nil
}

func (s *Ingest) close() {
	s.grpc.close()
	_ = s.listener.Close() // closed already after Run
	if err := s.closeKeys(); err != nil {
		s.log.Warn().Err(err).Msg("closing the store")
	}
}
