package up

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Default ports, all on loopback.
const (
	DefaultIngestPort = 8380
	DefaultHTTPPort   = 8381
	DefaultGRPCPort   = 8382
	// DefaultIngestGRPCPort is that for sending over gRPC.
	DefaultIngestGRPCPort = 8383
)

// port is an address to listen on and how to choose another.
type port struct {
	use, flag string
	number    int
}

func (p port) address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.number))
}

func (c Config) ports() []port {
	return []port{
		{"sending touchpoints (ingest)", "--ingest-port", c.IngestPort},
		{"questions as JSON (query, HTTP)", "--http-port", c.HTTPPort},
		{"questions over gRPC (query)", "--grpc-port", c.GRPCPort},
		{"sending touchpoints over gRPC (ingest)", "--ingest-grpc-port", c.IngestGRPCPort},
	}
}

// check tells every port that cannot be had, before anything is started.
func checkPorts(ctx context.Context, ports []port) error {
	var mistakes []error
	for i, p := range ports {
		for _, other := range ports[:i] {
			if p.number == other.number && p.number != 0 {
				mistakes = append(mistakes, fmt.Errorf(
					"port %d is given to %s and %s: choose another with %s", p.number, other.flag,
					p.flag, p.flag))
			}
		}
		if err := p.check(ctx); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return errors.Join(mistakes...)
}

func (p port) check(ctx context.Context) error {
	if p.number < 0 || p.number > 65535 {
		return fmt.Errorf("%s %d: a port is 0 to 65535", p.flag, p.number)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.address())
	switch {
	case err == nil:
		return l.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %d, for %s, is taken by another program: choose another with "+
			"%s PORT, or %s 0 for any free one", p.number, p.use, p.flag, p.flag)
	default:
		return fmt.Errorf("listening on %s, for %s: %w; choose another with %s PORT",
			p.address(), p.use, err, p.flag)
	}
}
