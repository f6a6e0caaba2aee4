package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/waystage/waystage/services/internal/fault"
)

// PortConfig says where and within which limits a Port serves.
type PortConfig struct {
	// Listener is the port. It belongs to the Port from then on.
	Listener net.Listener
	// MessageMaxBytes is the largest message that is read, decompressed.
	MessageMaxBytes int
	// ReadTimeout is how long the request of a call that is no stream may take to arrive.
	ReadTimeout time.Duration
}

// PortService is a gRPC service whose handlers let in their callers themselves. Those of methods
// that are no streams decide when the request is read: nothing of it is before. Whoever reads one
// into a *Raw gets its bytes.
type PortService struct {
	Desc    *grpc.ServiceDesc
	Handler any
}

// Port serves gRPC alone, without a gateway, to callers who may be many and hostile. Health and
// reflection are open to all. Make it with NewPort; it must be Stopped or Closed.
type Port struct {
	config PortConfig
	log    zerolog.Logger
	grpc   *grpc.Server
	health *health.Server
	edge   *edge
	// endStreams ends streams where they wait for the caller.
	endStreams context.CancelFunc
}

// Limits of a Port that nobody needs to set.
const (
	portStreams       = 256
	portWindowBytes   = 64 << 10
	portLineBytes     = 1 << 20
	portBufferBytes   = 16 << 10
	portHeaderBytes   = 32 << 10
	portHandshake     = 10 * time.Second
	portIdle          = 2 * time.Minute
	portPing          = time.Minute
	portPingTimeout   = 20 * time.Second
	portLeastPingTime = 10 * time.Second
)

// NewPort makes a port that serves nothing yet.
func NewPort(cfg PortConfig, services []PortService, log zerolog.Logger) *Port {
	draining, endStreams := context.WithCancel(context.Background())
	p := &Port{
		config: cfg, log: log, health: health.NewServer(), endStreams: endStreams,
		edge: &edge{
			draining: draining, log: log, observe: func(string, codes.Code, time.Duration) {},
		},
	}
	p.health.Shutdown() // not serving until it is said
	p.grpc = grpc.NewServer(append(p.limits(),
		grpc.UnaryInterceptor(p.unary), grpc.StreamInterceptor(p.stream))...)
	for _, service := range services {
		desc := p.lazy(service.Desc)
		p.grpc.RegisterService(&desc, service.Handler)
	}
	grpc_health_v1.RegisterHealthServer(p.grpc, p.health)
	reflection.Register(p.grpc)
	return p
}

// limits bound what callers can make a port hold.
func (p *Port) limits() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(p.config.MessageMaxBytes),
		grpc.ForceServerCodecV2(newPortCodec()),
		grpc.MaxConcurrentStreams(portStreams),
		grpc.MaxHeaderListSize(portHeaderBytes),
		// Fixed: a window that grows with the connection's speed is 16 MiB in the end.
		grpc.StaticStreamWindowSize(portWindowBytes),
		grpc.StaticConnWindowSize(portLineBytes),
		grpc.ReadBufferSize(portBufferBytes),
		grpc.WriteBufferSize(portBufferBytes),
		grpc.ConnectionTimeout(portHandshake),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: portIdle, Time: portPing, Timeout: portPingTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: portLeastPingTime, PermitWithoutStream: true,
		}),
		grpc.WaitForHandlers(true),
	}
}

// lazy is a service whose requests have to arrive in time, once they are read.
func (p *Port) lazy(desc *grpc.ServiceDesc) grpc.ServiceDesc {
	lazy := *desc
	lazy.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, method := range desc.Methods {
		lazy.Methods[i] = grpc.MethodDesc{
			MethodName: method.MethodName,
			Handler: func(
				server any, ctx context.Context, decode func(any) error,
				interceptor grpc.UnaryServerInterceptor,
			) (any, error) {
				timely := func(m any) error { return p.receive(decode, m) }
				return method.Handler(server, ctx, timely, interceptor)
			},
		}
	}
	return lazy
}

// receive reads a request. What is left behind when time is over ends with the call. Errors:
// Unavailable: what came too slowly may come in time when it is sent again.
func (p *Port) receive(decode func(any) error, m any) error {
	late := time.NewTimer(p.config.ReadTimeout)
	defer late.Stop()
	got := make(chan error, 1)
	go func() { got <- decode(m) }()
	select {
	case err := <-got:
		return err
	case <-late.C:
		return fault.New(fault.Unavailable,
			"the request did not arrive within %v: send it again", p.config.ReadTimeout)
	}
}

// unary is the way of every call that is no stream: panics and errors become a status.
func (p *Port) unary(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (any, error) {
	response, err := p.edge.safely(func() (any, error) { return handler(ctx, request) })
	if err != nil {
		return nil, p.failed(info.FullMethod, err)
	}
	return response, nil
}

// stream is the way of streams. One that waits for its caller when the port stops ends.
func (p *Port) stream(
	server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	if public(info.FullMethod) {
		return p.edge.stream(server, stream, info, handler)
	}
	_, err := p.edge.safely(func() (any, error) {
		return nil, handler(server, stoppingStream{stream, p.edge.draining})
	})
	if err != nil {
		return p.failed(info.FullMethod, err)
	}
	return nil
}

// stoppingStream is a stream that ends where it waits for its caller when the port stops.
type stoppingStream struct {
	grpc.ServerStream

	stopping context.Context
}

// RecvMsg is that of the stream. What is left behind ends with the stream, as soon as the handler
// returns. Errors: Unavailable, when the port stops.
func (s stoppingStream) RecvMsg(m any) error {
	got := make(chan error, 1)
	go func() { got <- s.ServerStream.RecvMsg(m) }()
	select {
	case err := <-got:
		return err
	case <-s.stopping.Done():
		return fault.New(fault.Unavailable, "the server stops: open the stream again, and send "+
			"again what was not answered")
	}
}

// failed makes an error a status. Only panics are logged: the handlers tell of the rest.
func (p *Port) failed(method string, err error) error {
	if _, panicked := errors.AsType[*panicError](err); panicked {
		p.log.Error().Str("method", method).AnErr("cause", err).Msg("call ended")
	}
	return StatusOf(err).Err()
}

// Addr is the address of the port, as host:port.
func (p *Port) Addr() string { return p.config.Listener.Addr().String() }

// Start begins to serve. broken hears of a port that broke.
func (p *Port) Start(broken func(error)) {
	go func() {
		if err := p.grpc.Serve(p.config.Listener); err != nil {
			broken(fmt.Errorf("serving gRPC on %s: %w", p.Addr(), err))
		}
	}()
}

// SetServing says what health checks hear.
func (p *Port) SetServing(is bool) {
	if is {
		p.health.Resume()
		return
	}
	p.health.Shutdown()
}

// Stop takes no new calls, ends streams that wait for their callers, and lets calls under way end.
// It does not wait: the function that it gives does, until all have ended or, with an error, ctx
// has.
func (p *Port) Stop(ctx context.Context) (wait func() error) {
	p.health.Shutdown()
	p.endStreams()
	done := make(chan struct{})
	go func() {
		p.grpc.GracefulStop()
		close(done)
	}()
	return func() error {
		defer p.Close()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("draining gRPC calls under way: %w", ctx.Err())
		}
	}
}

// Close ends everything at once. Closing twice is no error.
func (p *Port) Close() {
	p.endStreams()
	p.grpc.Stop()
	_ = p.config.Listener.Close() // closed already where it has served
}
