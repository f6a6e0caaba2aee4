package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/test/bufconn"
)

// Config says where and within which limits to serve.
type Config struct {
	// GRPCListen and HTTPListen are addresses such as ":9090"; port 0 takes any free one.
	GRPCListen, HTTPListen string
	// CallTimeout is the most time a call may take, whatever the caller allows. 0: no limit.
	CallTimeout time.Duration
	// DrainTimeout is the time that calls under way have to end when the server stops.
	DrainTimeout time.Duration
	// BodyMaxBytes is the largest request, on gRPC and on HTTP.
	BodyMaxBytes int
	// OpenAPI is the description of the HTTP API as a JSON document.
	OpenAPI []byte
	// Beside is done while the server serves, until its context ends; its error ends the server.
	// nil does nothing.
	Beside func(ctx context.Context) error
	// QueryParameters are the names that may stand in the query of a GET; others are refused.
	QueryParameters []string
	// Prepare makes the context of a call, that was let in, the handler's. nil leaves it as it is.
	Prepare func(context.Context) context.Context
	// Formats are those of answers over HTTP besides JSON.
	Formats []Format
}

// Service is a gRPC service, its gateway and who may call it.
type Service struct {
	Desc    *grpc.ServiceDesc
	Handler any
	// Gateway is the generated Register…Handler.
	Gateway func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error
	// Access of each method by its short name. A method that is missing here is closed.
	Access map[string]Access
}

// Server serves until it is told to stop. Make it with New.
type Server struct {
	cfg      Config
	log      zerolog.Logger
	grpc     *grpc.Server
	http     *http.Server
	health   *health.Server
	conn     *grpc.ClientConn
	inside   *bufconn.Listener
	grpcPort net.Listener
	httpPort net.Listener
	// endStreams ends health watches and reflection.
	endStreams context.CancelFunc
}

// insideBytes is the buffer between the gateway and the gRPC server.
const insideBytes = 1 << 20

// New binds both ports, so that the addresses are known and a taken port is an error here, and
// serves nothing yet: Run does. Who never runs it must Close it.
func New(
	cfg Config, guard *Guard, services []Service, log zerolog.Logger, observe Observer,
) (*Server, error) {
	s := &Server{cfg: cfg, log: log, health: health.NewServer()}
	s.health.Shutdown() // not serving until Run
	draining, endStreams := context.WithCancel(context.Background())
	s.endStreams = endStreams
	e := &edge{
		draining: draining, guard: guard, access: accessOf(services),
		timeout: cfg.CallTimeout, prepare: cfg.Prepare, log: log, observe: observe,
	}
	s.grpc = newGRPC(cfg, e)
	for _, service := range services {
		s.grpc.RegisterService(service.Desc, service.Handler)
	}
	grpc_health_v1.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	if err := s.open(services); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func newGRPC(cfg Config, e *edge) *grpc.Server {
	return grpc.NewServer(
		grpc.UnaryInterceptor(e.unary),
		grpc.StreamInterceptor(e.stream),
		grpc.MaxRecvMsgSize(cfg.BodyMaxBytes),
		grpc.WaitForHandlers(true),
	)
}

// open binds the ports and builds the gateway.
func (s *Server) open(services []Service) error {
	var err error
	if s.grpcPort, err = net.Listen("tcp", s.cfg.GRPCListen); err != nil {
		return fmt.Errorf("listening for gRPC: %w", err)
	}
	if s.httpPort, err = net.Listen("tcp", s.cfg.HTTPListen); err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	s.inside = bufconn.Listen(insideBytes)
	if s.conn, err = dial(s.inside); err != nil {
		return fmt.Errorf("connecting the gateway: %w", err)
	}
	mux := newMux()
	for _, service := range services {
		if err := service.Gateway(context.Background(), mux, s.conn); err != nil {
			return fmt.Errorf("registering %s with the gateway: %w", service.Desc.ServiceName, err)
		}
	}
	forms, err := formsOf(services)
	if err != nil {
		return err
	}
	s.http = newHTTP(s.cfg, mux, forms)
	return nil
}

// dial connects the gateway with the gRPC server inside the process. Answers may be of any size.
func dial(inside *bufconn.Listener) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///inside",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return inside.DialContext(ctx)
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(convert),
		grpc.WithStreamInterceptor(lines),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<31-1)),
	)
}

func accessOf(services []Service) map[string]Access {
	access := make(map[string]Access)
	for _, service := range services {
		for method, a := range service.Access {
			access["/"+service.Desc.ServiceName+"/"+method] = a
		}
	}
	return access
}

// public tells the methods that need no token: health and reflection.
func public(method string) bool {
	return strings.HasPrefix(method, "/grpc.health.v1.") ||
		strings.HasPrefix(method, "/grpc.reflection.")
}

// GRPCAddr is the address bound for gRPC.
func (s *Server) GRPCAddr() string { return s.grpcPort.Addr().String() }

// HTTPAddr is the address bound for HTTP.
func (s *Server) HTTPAddr() string { return s.httpPort.Addr().String() }

// Run serves until the context ends, then stops in the order of the package comment and returns
// nil, or the error of a port that broke. ready is told true once it serves and false before it
// stops. It may be called once.
func (s *Server) Run(ctx context.Context, ready func(bool)) error {
	broken := make(chan error, 4)
	beside, stop := context.WithCancel(ctx)
	defer s.runBeside(beside, broken)()
	defer stop()
	for _, port := range []net.Listener{s.grpcPort, s.inside} {
		go func() { broken <- s.grpc.Serve(port) }()
	}
	go func() { broken <- s.http.Serve(s.httpPort) }()
	s.health.Resume()
	ready(true)
	s.log.Info().Str("grpc", s.GRPCAddr()).Str("http", s.HTTPAddr()).Msg("serving")
	var err error
	select {
	case <-ctx.Done():
	case err = <-broken:
		err = fmt.Errorf("serving: %w", err)
	}
	ready(false)
	s.health.Shutdown()
	return errors.Join(err, s.drain())
}

// runBeside does the work beside serving, and gives what waits for its end.
func (s *Server) runBeside(ctx context.Context, broken chan<- error) (wait func()) {
	if s.cfg.Beside == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.cfg.Beside(ctx); err != nil {
			broken <- err
		}
	}()
	return func() { <-done }
}

// drain lets calls under way end, for DrainTimeout at most, and closes everything.
func (s *Server) drain() error {
	s.log.Info().Dur("timeout_ms", s.cfg.DrainTimeout).Msg("draining")
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.DrainTimeout)
	defer cancel()
	defer s.Close()
	err := s.http.Shutdown(ctx)
	s.endStreams()
	done := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("draining calls under way: %w", err)
	}
	return nil
}

// Close ends everything at once. Closing twice is no error.
func (s *Server) Close() {
	s.endStreams()
	if s.http != nil {
		_ = s.http.Close()
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.grpc.Stop()
	for _, port := range []net.Listener{s.grpcPort, s.httpPort} {
		if port != nil {
			_ = port.Close()
		}
	}
}
