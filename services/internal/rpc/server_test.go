package rpc_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/journey"
)

const rootToken = "root-token-of-the-test"

// noKeys knows no key.
type noKeys struct{}

func (noKeys) KeyByHash(context.Context, journey.KeyHash) (journey.Key, error) {
	return journey.Key{}, fault.New(fault.NotFound, "no such key")
}

// probe is a service of one method that tells its caller.
var probe = grpc.ServiceDesc{
	ServiceName: "test.Probe",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Call",
		Handler: func(
			srv any, ctx context.Context, decode func(any) error, i grpc.UnaryServerInterceptor,
		) (any, error) {
			request := &emptypb.Empty{}
			if err := decode(request); err != nil {
				return nil, err
			}
			info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/test.Probe/Call"}
			return i(ctx, request, info, func(ctx context.Context, _ any) (any, error) {
				srv.(chan rpc.Caller) <- rpc.CallerOf(ctx)
				return request, nil
			})
		},
	}},
}

func serve(
	t *testing.T, root string, access map[string]rpc.Access, observe rpc.Observer,
) (*grpc.ClientConn, chan rpc.Caller) {
	t.Helper()
	called := make(chan rpc.Caller, 1)
	server, err := rpc.New(
		rpc.Config{
			GRPCListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", DrainTimeout: time.Minute,
			BodyMaxBytes: 1 << 20,
		},
		rpc.NewGuard(root, noKeys{}, time.Now),
		[]rpc.Service{{
			Desc: &probe, Handler: called, Access: access,
			Gateway: func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error { return nil },
		}}, zerolog.Nop(), observe)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(server.GRPCAddr(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, func(bool) {}) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("stopping: %v", err)
		}
		if err := conn.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return conn, called
}

func asRoot(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+rootToken)
}

func TestHandlersKnowTheirCaller(t *testing.T) {
	t.Parallel()
	observed := make(chan string, 1)
	conn, called := serve(t, rootToken, map[string]rpc.Access{"Call": rpc.Operation},
		func(method string, code codes.Code, _ time.Duration) {
			observed <- method + " " + code.String()
		})
	empty := &emptypb.Empty{}
	if err := conn.Invoke(asRoot(t.Context()), "/test.Probe/Call", empty, empty); err != nil {
		t.Fatal(err)
	}
	if caller := <-called; !caller.Root {
		t.Errorf("caller %+v", caller)
	}
	if got := <-observed; got != "/test.Probe/Call OK" {
		t.Errorf("observed %q", got)
	}
}

// TestMethodsWithoutRuleAreClosed: forgetting a rule opens nothing, not even to the operator.
func TestMethodsWithoutRuleAreClosed(t *testing.T) {
	t.Parallel()
	conn, called := serve(t, rootToken, nil, func(string, codes.Code, time.Duration) {})
	empty := &emptypb.Empty{}
	err := conn.Invoke(asRoot(t.Context()), "/test.Probe/Call", empty, empty)
	if err == nil || !strings.Contains(err.Error(), "access rule") {
		t.Errorf("got %v", err)
	}
	select {
	case caller := <-called:
		t.Errorf("called by %+v", caller)
	default:
	}
}

// TestTakenPort: the error comes before anything is served, and leaves nothing open.
func TestTakenPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]rpc.Config{
		"gRPC": {GRPCListen: taken.Addr().String(), HTTPListen: "127.0.0.1:0"},
		"HTTP": {GRPCListen: "127.0.0.1:0", HTTPListen: taken.Addr().String()},
	} {
		_, err := rpc.New(c, rpc.NewGuard("", noKeys{}, time.Now), nil, zerolog.Nop(),
			func(string, codes.Code, time.Duration) {})
		if err == nil || !strings.Contains(err.Error(), "listening for "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoRootToken: where there is none, neither an empty token nor any other is it.
func TestNoRootToken(t *testing.T) {
	t.Parallel()
	conn, _ := serve(t, "", map[string]rpc.Access{"Call": rpc.Operation},
		func(string, codes.Code, time.Duration) {})
	empty := &emptypb.Empty{}
	for _, header := range []string{"Bearer ", "Bearer", "Basic Og==", "Bearer " + rootToken} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", header)
		err := conn.Invoke(ctx, "/test.Probe/Call", empty, empty)
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%q: %v", header, err)
		}
	}
}
