package ingest

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/ingest/capture"
	"github.com/waystage/waystage/services/internal/rpc"
)

// noGRPC is the address that stands for no port.
const noGRPC = "none"

// grpcConnections bounds the connections of the gRPC port: those of servers are few, and each takes
// far more memory than one of HTTP.
const grpcConnections = 2000

// grpcPort is the gRPC side of the service. A nil one does nothing.
type grpcPort struct {
	port     *rpc.Port
	listener *connections
	// broken gets why it broke, at most once.
	broken chan error
}

// openGRPC binds the port, if there is to be one. refused hears of connections beyond the bound.
func openGRPC(
	config Config, calls *capture.Calls, log zerolog.Logger, refused func(),
) (*grpcPort, error) {
	if config.GRPCListen == "" || config.GRPCListen == noGRPC {
		return nil, nil //nolint:nilnil // none is no mistake
	}
	listener, err := listen(config.GRPCListen, min(config.MaxConnections, grpcConnections))
	if err != nil {
		return nil, fmt.Errorf("opening the gRPC port of ingest: %w", err)
	}
	listener.refused = refused
	port := rpc.NewPort(rpc.PortConfig{
		Listener: listener, MessageMaxBytes: capture.MaxBodyBytes, ReadTimeout: config.ReadTimeout,
	}, []rpc.PortService{
		{Desc: &capture.CollectDesc, Handler: calls}, {Desc: &capture.ReplayDesc, Handler: calls},
	}, log)
	return &grpcPort{port: port, listener: listener, broken: make(chan error, 1)}, nil
}

// GRPCAddr is the address of the gRPC port, as host:port; empty where there is none.
func (s *Ingest) GRPCAddr() string {
	if s.grpc == nil {
		return ""
	}
	return s.grpc.listener.Addr().String()
}

// start begins to serve; stop is called if the port breaks.
func (g *grpcPort) start(stop func()) {
	if g == nil {
		return
	}
	g.port.Start(func(err error) {
		g.broken <- err
		stop()
	})
}

func (g *grpcPort) setServing(is bool) {
	if g != nil {
		g.port.SetServing(is)
	}
}

// stop takes no more calls, and gives what waits for those under way.
func (g *grpcPort) stop(ctx context.Context) (wait func() error) {
	if g == nil {
		return func() error { return nil }
	}
	return g.port.Stop(ctx)
}

// failure is why the port broke, nil if it did not.
func (g *grpcPort) failure() error {
	if g == nil {
		return nil
	}
	select {
	case err := <-g.broken:
		return err
	default:
		return nil
	}
}

func (g *grpcPort) close() {
	if g != nil {
		g.port.Close()
	}
}
