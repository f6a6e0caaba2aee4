package rpc

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/waystage/waystage/services/internal/fault"
)

// Observer is told of every call that ended: its full method, code and time taken.
type Observer func(method string, code codes.Code, took time.Duration)

// edge holds what the interceptors share.
type edge struct {
	// draining ends when the server stops: health watches would hold it up forever.
	draining context.Context

	guard   *Guard
	access  map[string]Access
	timeout time.Duration
	prepare func(context.Context) context.Context
	log     zerolog.Logger
	observe Observer
}

// unary is the way of every call: clock, guard, handler, error to status, log line.
func (e *edge) unary(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (any, error) {
	began := time.Now()
	if e.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.timeout)
		defer cancel()
	}
	var caller Caller
	response, err := e.safely(func() (any, error) {
		var err error
		if ctx, caller, err = e.admit(ctx, info.FullMethod, request); err != nil {
			return nil, err
		}
		return handler(ctx, request)
	})
	return response, e.end(info.FullMethod, caller, err, time.Since(began))
}

// admit lets public methods pass, and the others where the guard agrees. A method without an
// entry in the table is closed.
func (e *edge) admit(
	ctx context.Context, method string, request any,
) (context.Context, Caller, error) {
	if public(method) {
		return ctx, Caller{}, nil
	}
	access, ok := e.access[method]
	if !ok {
		return ctx, Caller{}, fault.New(fault.Internal, "method %s has no access rule", method)
	}
	caller, err := e.guard.authenticate(ctx)
	if err != nil {
		return ctx, Caller{}, err
	}
	if err := authorize(caller, access, request); err != nil {
		return ctx, caller, err
	}
	ctx = context.WithValue(ctx, callerKey{}, caller)
	if e.prepare != nil {
		ctx = e.prepare(ctx)
	}
	return ctx, caller, nil
}

// stream is the way of health watches and reflection, which are open to all, and of answers that
// come in several messages.
func (e *edge) stream(
	server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	if !public(info.FullMethod) {
		return e.answers(server, stream, info, handler)
	}
	began := time.Now()
	_, err := e.safely(func() (any, error) {
		ctx, cancel := context.WithCancel(stream.Context())
		defer cancel()
		defer context.AfterFunc(e.draining, cancel)()
		return nil, handler(server, endingStream{stream, ctx})
	})
	return e.end(info.FullMethod, Caller{}, err, time.Since(began))
}

// endingStream is a stream with another context.
type endingStream struct {
	grpc.ServerStream

	ctx context.Context
}

// Context is that of the handler.
func (s endingStream) Context() context.Context { return s.ctx }

// RecvMsg ends with the context too: reflection waits here for the next question. What is left
// behind ends with the stream, as soon as the handler returns.
func (s endingStream) RecvMsg(m any) error {
	got := make(chan error, 1)
	go func() { got <- s.ServerStream.RecvMsg(m) }()
	select {
	case err := <-got:
		return err
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// safely makes a panic an Internal error.
func (e *edge) safely(f func() (any, error)) (response any, err error) {
	defer func() {
		if v := recover(); v != nil {
			cause := &panicError{value: v, stack: debug.Stack()}
			response, err = nil, fault.Wrap(fault.Internal, cause,
				"internal error; the operator's log has the cause")
		}
	}()
	return f()
}

// end counts the call, writes its line and makes its error a status.
func (e *edge) end(method string, caller Caller, err error, took time.Duration) error {
	s := StatusOf(err)
	e.observe(method, s.Code(), took)
	line := e.log.WithLevel(levelOf(method, s.Code())).
		Str("method", method).Str("code", s.Code().String()).Dur("took_ms", took)
	switch {
	case caller.Root:
		line = line.Bool("root", true)
	case caller.Key.ID != "":
		line = line.Str("site", string(caller.Key.Site)).Str("key", string(caller.Key.ID))
	}
	if ours(s.Code()) {
		line = line.AnErr("cause", err)
	}
	line.Msg("call ended")
	return s.Err()
}

// ours tells the codes whose cause is for the operator; the others are the caller's doing, and
// their text may hold what the caller sent.
func ours(c codes.Code) bool {
	return c == codes.Internal || c == codes.Unavailable || c == codes.Unknown
}

func levelOf(method string, c codes.Code) zerolog.Level {
	switch {
	case c == codes.OK && public(method):
		return zerolog.DebugLevel // probes come every few seconds
	case c == codes.Internal || c == codes.Unknown:
		return zerolog.ErrorLevel
	case c == codes.Unavailable:
		return zerolog.WarnLevel
	}
	return zerolog.InfoLevel
}
