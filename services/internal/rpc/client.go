package rpc

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/waystage/waystage/services/internal/fault"
)

// Dial prepares calls to another service of ours at host:port, without TLS, and connects with the
// first of them. Errors: an address that is none.
func Dial(address string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("dns:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%q is no address: write host:port", address)
	}
	return conn, nil
}

// Forwarded gives a context for calls on behalf of the caller of a handler: they carry that
// caller's token.
func Forwarded(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", headerOf(ctx))
}

// FaultOf makes the error of a call to another service of ours one that a handler may give. What
// the caller has to know stays as it is; a callee that is away is Unavailable, and one that has no
// such method Unsupported. nil gives nil.
func FaultOf(err error, callee string) error {
	if err == nil {
		return nil
	}
	s := status.Convert(err)
	cause := fmt.Errorf("calling %s: %w", callee, err)
	switch s.Code() {
	case codes.InvalidArgument:
		return fault.Wrap(fault.Invalid, cause, "%s", s.Message())
	case codes.Unauthenticated, codes.PermissionDenied:
		return fault.Wrap(fault.Forbidden, cause, "%s does not take this token: %s", callee,
			s.Message())
	case codes.NotFound:
		return fault.Wrap(fault.NotFound, cause, "%s", s.Message())
	case codes.ResourceExhausted, codes.Unavailable, codes.Aborted:
		return fault.Wrap(fault.Unavailable, cause, "%s is away or busy; try again in a few seconds",
			callee)
	case codes.DeadlineExceeded, codes.Canceled:
		return fault.Wrap(fault.Expired, cause,
			"the request was ended before it was done; try again with more time")
	case codes.Unimplemented:
		return fault.Wrap(fault.Unsupported, cause,
			"%s knows no such method; bring all services to one version", callee)
	default:
		return fault.Wrap(fault.Internal, cause, "%s failed; the operator's log has the cause", callee)
	}
}
