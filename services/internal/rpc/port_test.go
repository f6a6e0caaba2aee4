package rpc_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
)

// openService is a service whose method reads its request, if it is told to, and then does what it is
// told; and a stream that reads.
func openService(reads bool, do func(context.Context) error) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "test.Open", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Call",
			Handler: func(
				_ any, ctx context.Context, decode func(any) error, way grpc.UnaryServerInterceptor,
			) (any, error) {
				info := &grpc.UnaryServerInfo{FullMethod: "/test.Open/Call"}
				return way(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
					if reads {
						if err := decode(new(emptypb.Empty)); err != nil {
							return nil, err
						}
					}
					return new(emptypb.Empty), do(ctx)
				})
			},
		}},
		Streams: []grpc.StreamDesc{{
			StreamName: "Stream", ClientStreams: true, ServerStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error {
				if err := do(stream.Context()); err != nil {
					return err
				}
				return stream.RecvMsg(new(emptypb.Empty))
			},
		}},
	}
}

func openPort(
	t *testing.T, desc *grpc.ServiceDesc, log zerolog.Logger,
) (*rpc.Port, *grpc.ClientConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := rpc.NewPort(rpc.PortConfig{
		Listener: listener, MessageMaxBytes: 1 << 10, ReadTimeout: 50 * time.Millisecond,
	}, []rpc.PortService{{Desc: desc, Handler: 0}}, log)
	port.Start(func(err error) { t.Error(err) })
	conn, err := grpc.NewClient(port.Addr(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		port.Close()
	})
	return port, conn
}

func nothing(context.Context) error { return nil }

// calling begins a call and sends nothing.
func calling(t *testing.T, conn *grpc.ClientConn, method string) grpc.ClientStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		method)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// TestPortReadsLate: a handler answers before anything is read, and one that reads does not wait
// for ever.
func TestPortReadsLate(t *testing.T) {
	t.Parallel()
	_, conn := openPort(t, openService(false, nothing), zerolog.Nop())
	if err := calling(t, conn, "/test.Open/Call").RecvMsg(new(emptypb.Empty)); err != nil {
		t.Errorf("an early answer: %v", err)
	}
	_, conn = openPort(t, openService(true, nothing), zerolog.Nop())
	err := calling(t, conn, "/test.Open/Call").RecvMsg(new(emptypb.Empty))
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "50ms") {
		t.Errorf("a request that does not come: %v", err)
	}
	empty := new(emptypb.Empty)
	if err := conn.Invoke(t.Context(), "/test.Open/Call", empty, empty); err != nil {
		t.Errorf("a request that comes: %v", err)
	}
}

// TestPortErrors: faults become statuses, a panic becomes one and is logged with its stack.
func TestPortErrors(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	failing := func(context.Context) error { return fault.New(fault.Forbidden, "not you") }
	_, conn := openPort(t, openService(true, failing), zerolog.New(&lines))
	empty := new(emptypb.Empty)
	err := conn.Invoke(t.Context(), "/test.Open/Call", empty, empty)
	if status.Code(err) != codes.PermissionDenied || lines.Len() > 0 {
		t.Errorf("got %v, log %s", err, lines.String())
	}
	if err = calling(t, conn, "/test.Open/Stream").RecvMsg(empty); status.Code(err) !=
		codes.PermissionDenied {
		t.Errorf("stream: %v", err)
	}
	port, conn := openPort(t, openService(true, func(context.Context) error { panic("oh") }),
		zerolog.New(&lines))
	err = conn.Invoke(t.Context(), "/test.Open/Call", empty, empty)
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "oh") {
		t.Errorf("a panic: %v", err)
	}
	port.Close()
	if line := lines.String(); !strings.Contains(line, "panic: oh") ||
		!strings.Contains(line, "port_test.go") {
		t.Errorf("log of a panic: %s", line)
	}
}

// TestPortHealth: health checks hear what they are told, and that the port stops.
func TestPortHealth(t *testing.T) {
	t.Parallel()
	port, conn := openPort(t, openService(true, nothing), zerolog.Nop())
	checks := grpc_health_v1.NewHealthClient(conn)
	for _, is := range []bool{false, true, false} {
		port.SetServing(is)
		response, err := checks.Check(t.Context(), new(grpc_health_v1.HealthCheckRequest))
		if err != nil {
			t.Fatal(err)
		}
		if got := response.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING; got != is {
			t.Errorf("serving: %t, want %t", got, is)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watch, err := checks.Watch(ctx, new(grpc_health_v1.HealthCheckRequest))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = watch.Recv(); err != nil {
		t.Fatal(err)
	}
	// A watch must not hold it up.
	if err := port.Stop(ctx)(); err != nil {
		t.Error(err)
	}
}

// TestPortStopsInTime: a call that does not end is ended when the time to stop is over.
func TestPortStopsInTime(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 1)
	port, conn := openPort(t, openService(false, func(ctx context.Context) error {
		entered <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}), zerolog.Nop())
	stream := calling(t, conn, "/test.Open/Call")
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := port.Stop(ctx)(); err == nil || !strings.Contains(err.Error(), "draining") {
		t.Errorf("stopping: %v", err)
	}
	if err := stream.RecvMsg(new(emptypb.Empty)); status.Code(err) != codes.Unavailable &&
		status.Code(err) != codes.Canceled {
		t.Errorf("the call: %v", err)
	}
}

// TestPortBounds: a message beyond the bound is not read.
func TestPortBounds(t *testing.T) {
	t.Parallel()
	_, conn := openPort(t, openService(true, nothing), zerolog.Nop())
	large := &emptypb.Empty{}
	large.ProtoReflect().SetUnknown(append([]byte{10, 0x81, 0x10}, make([]byte, 2049)...))
	err := conn.Invoke(t.Context(), "/test.Open/Call", large, new(emptypb.Empty))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v", err)
	}
}

// TestRaw: who reads a request into a Raw has its bytes, and makes a message of them where they are
// one.
func TestRaw(t *testing.T) {
	t.Parallel()
	desc := openService(false, nothing)
	desc.Methods[0].Handler = func(
		_ any, ctx context.Context, decode func(any) error, way grpc.UnaryServerInterceptor,
	) (any, error) {
		info := &grpc.UnaryServerInfo{FullMethod: "/test.Open/Call"}
		return way(ctx, nil, info, func(context.Context, any) (any, error) {
			var raw rpc.Raw
			if err := decode(&raw); err != nil {
				return nil, err
			}
			defer raw.Free()
			got := new(wrapperspb.StringValue)
			if err := raw.Into(got); err != nil {
				return nil, fault.Wrap(fault.Invalid, err, "no message")
			}
			return wrapperspb.Int64(int64(len(raw.Bytes()))), nil
		})
	}
	_, conn := openPort(t, desc, zerolog.Nop())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, c := range []struct {
		request *wrapperspb.StringValue
		code    codes.Code
	}{
		{wrapperspb.String(strings.Repeat("x", 500)), codes.OK},
		{wrapperspb.String(""), codes.OK},
		{wrapperspb.String(strings.Repeat("x", 2000)), codes.ResourceExhausted},
	} {
		got := new(wrapperspb.Int64Value)
		err := conn.Invoke(ctx, "/test.Open/Call", c.request, got)
		if status.Code(err) != c.code || err == nil && got.GetValue() != int64(proto.Size(c.request)) {
			t.Errorf("%d bytes: %v, %v", proto.Size(c.request), got, err)
		}
	}
	// A text has to be UTF-8.
	err := conn.Invoke(ctx, "/test.Open/Call", &wrapperspb.BytesValue{Value: []byte("\xff")},
		new(wrapperspb.Int64Value))
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("no message: %v", err)
	}
}
