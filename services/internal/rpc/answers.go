package rpc

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/waystage/waystage/services/internal/fault"
)

// answers is the way of calls that are answered by several messages, as unary is of the others: the
// request is the first message that the handler reads.
func (e *edge) answers(
	server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	began := time.Now()
	if info.IsClientStream {
		return StatusOf(fault.New(fault.Unsupported, "%s: streams of requests are not served",
			info.FullMethod)).Err()
	}
	ctx := stream.Context()
	if e.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.timeout)
		defer cancel()
	}
	guarded := &guardedStream{ServerStream: stream, ctx: ctx, edge: e, method: info.FullMethod}
	_, err := e.safely(func() (any, error) { return nil, handler(server, guarded) })
	return e.end(info.FullMethod, guarded.caller, err, time.Since(began))
}

// guardedStream is a stream whose handler sees nothing before the guard agrees.
type guardedStream struct {
	grpc.ServerStream

	ctx    context.Context
	edge   *edge
	method string
	caller Caller
}

// Context is that of the handler; once the request is read the caller is in it.
func (s *guardedStream) Context() context.Context { return s.ctx }

// RecvMsg reads the request, and gives it where the caller may ask it.
func (s *guardedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err //nolint:wrapcheck // as without this stream
	}
	ctx, caller, err := s.edge.admit(s.ctx, s.method, m)
	s.ctx, s.caller = ctx, caller
	return err
}

// lines is the way of the gateway's calls that are answered by several messages: they are written
// as JSON alone.
func lines(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if x := exchangeOf(ctx); x != nil {
		x.lines = true
		if err := x.settle(answerOf(method)); err != nil {
			return nil, err
		}
	}
	return open(ctx, desc, conn, method, options...)
}

// answerOf is the name of the message that answers a method, given as "/service/method".
func answerOf(method string) protoreflect.FullName {
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", "."))
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if m, is := found.(protoreflect.MethodDescriptor); err == nil && is {
		return m.Output().FullName()
	}
	return ""
}
