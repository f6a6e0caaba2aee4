package capture

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/journey"
)

// Endpoints of gRPC, as they are told to an Observer.
const (
	collectEndpoint = "grpc:Collect"
	streamEndpoint  = "grpc:CollectStream"
	replayEndpoint  = "grpc:Replay"
)

// Sites finds the settings of a site. Errors: NotFound; every other means that they cannot be told
// now.
type Sites interface {
	Site(ctx context.Context, id journey.SiteID) (journey.Site, error)
}

// Calls answers gRPC calls as a Handler answers requests: by the same doors and rules, within the
// same memory, to the same sink. It is safe for concurrent use.
type Calls struct {
	handler *Handler
	sites   Sites
	root    root
	// reading bounds what is being read: gRPC does not say how much comes, nor lets it be refused
	// on the way. It is a bound of its own, so that slow callers do not keep requests out.
	reading budget
}

// What a call holds of reading: one whose request comes, a whole request; a stream, which mostly
// waits, a share of one.
const (
	callBytes   = MaxBodyBytes
	streamBytes = MaxBodyBytes / 4
)

// NewCalls makes the gRPC side of a handler. rootToken is the operator's, which may replay messages
// of every site; an empty one opens nothing.
func NewCalls(handler *Handler, sites Sites, rootToken string) *Calls {
	c := &Calls{handler: handler, sites: sites, root: newRoot(rootToken)}
	c.reading.limit = max(handler.budget.limit, callBytes)
	return c
}

// CollectDesc is collectv1.CollectService with a Calls as its server. The write key is looked at
// before anything of a request is read.
var CollectDesc = grpc.ServiceDesc{
	ServiceName: collectv1.CollectService_ServiceDesc.ServiceName,
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{method("Collect", (*Calls).collect)},
	Streams: []grpc.StreamDesc{{
		StreamName: "CollectStream", ServerStreams: true, ClientStreams: true,
		Handler: func(server any, stream grpc.ServerStream) error {
			return server.(*Calls).collectStream(stream)
		},
	}},
	Metadata: collectv1.CollectService_ServiceDesc.Metadata,
}

// ReplayDesc is collectv1.ReplayService with a Calls as its server.
var ReplayDesc = grpc.ServiceDesc{
	ServiceName: collectv1.ReplayService_ServiceDesc.ServiceName,
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{method("Replay", (*Calls).replay)},
	Metadata:    collectv1.ReplayService_ServiceDesc.Metadata,
}

// decode reads a request into a message.
type decode func(into any) error

// method is one of a Calls that decides itself when its request is read.
func method(
	name string, call func(*Calls, context.Context, decode) (proto.Message, Outcome, error),
) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(
		server any, ctx context.Context, read func(any) error, way grpc.UnaryServerInterceptor,
	) (any, error) {
		calls := server.(*Calls)
		info := &grpc.UnaryServerInfo{Server: server, FullMethod: name}
		return way(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
			began := time.Now()
			response, outcome, err := call(calls, ctx, read)
			return response, calls.ended(began, outcome, err)
		})
	}}
}

// ended tells of a call, or of a batch of a stream, and makes its error one for the caller.
func (c *Calls) ended(began time.Time, o Outcome, err error) error {
	o.Status, o.Code, o.Took = http.StatusOK, ok.Code, time.Since(began)
	if err != nil {
		p := problemOf(err)
		o = Outcome{Endpoint: o.Endpoint, Status: p.status, Code: p.code, Took: o.Took}
		if p.status == http.StatusInternalServerError {
			c.handler.observe.Failed(err)
		}
		err = p.fault()
	}
	c.handler.observe.Answered(o)
	return err
}

// faults are the kinds of problems by their status.
var faults = map[int]fault.Kind{
	http.StatusBadRequest:            fault.Invalid,
	http.StatusUnauthorized:          fault.Unauthenticated,
	http.StatusForbidden:             fault.Forbidden,
	http.StatusRequestEntityTooLarge: fault.TooLarge,
	http.StatusServiceUnavailable:    fault.Unavailable,
}

// fault is a problem as an error of gRPC.
func (p *problem) fault() error {
	message := strings.ReplaceAll(p.message, "Retry-After", "the time of RetryInfo")
	if p.status == http.StatusTooManyRequests {
		return fault.Exhaust(p.wait, "%s", message)
	}
	kind, known := faults[p.status]
	if !known {
		kind = fault.Internal
	}
	return fault.New(kind, "%s", message)
}

// requestOf is what the metadata of a call say, in the form of HTTP.
func requestOf(ctx context.Context) *http.Request {
	r := &http.Request{Header: make(http.Header), URL: new(url.URL)}
	for _, name := range []string{"Authorization", "User-Agent", "X-Forwarded-For"} {
		r.Header[name] = metadata.ValueFromIncomingContext(ctx, name)
	}
	if p, known := peer.FromContext(ctx); known {
		r.RemoteAddr = p.Addr.String()
	}
	return r.WithContext(ctx)
}

// secretOfCall is the key or token of a call. Errors: missingMetadata, badMetadata.
func secretOfCall(r *http.Request) (string, error) {
	secret, err := secretOf(r)
	switch {
	case err != nil:
		return "", badMetadata
	case secret == "":
		return "", missingMetadata
	}
	return secret, nil
}

// call is who sends by one call.
type call struct {
	calls    *Calls
	endpoint string
	secret   string
	from     caller
}

// enter opens the door of a call's write key.
func (c *Calls) enter(ctx context.Context, endpoint string) (call, *Door, error) {
	r := requestOf(ctx)
	secret, err := secretOfCall(r)
	if err != nil {
		return call{}, nil, err
	}
	door, err := c.handler.open(ctx, secret)
	return call{
		calls: c, endpoint: endpoint, secret: secret, from: c.handler.config.Proxies.caller(r),
	}, door, err
}

// collect takes one batch.
func (c *Calls) collect(ctx context.Context, read decode) (proto.Message, Outcome, error) {
	o := Outcome{Endpoint: collectEndpoint}
	in, door, err := c.enter(ctx, collectEndpoint)
	if err != nil {
		return nil, o, err
	}
	request, hold := new(collectv1.CollectRequest), hold{budget: &c.handler.budget}
	defer hold.release()
	if err = c.receive(read, request, &hold); err != nil {
		return nil, o, err
	}
	return in.take(ctx, door, request)
}

// read reads the request of a call that is no stream, and holds nothing for it afterwards.
func (c *Calls) read(read decode, request proto.Message) error {
	hold := hold{budget: &c.handler.budget}
	defer hold.release()
	return c.receive(read, request, &hold)
}

// receive reads the request of a call that is no stream. What it takes as a message is taken from
// the hold.
func (c *Calls) receive(read decode, request proto.Message, parsed *hold) error {
	arriving := hold{budget: &c.reading}
	defer arriving.release()
	if err := arriving.grow(callBytes); err != nil {
		return err
	}
	var raw rpc.Raw
	if err := readCallError(read(&raw)); err != nil {
		return err
	}
	defer raw.Free()
	return parse(&raw, request, parsed)
}

// collectStream takes batches, one after the other: the next is read when the last is answered.
func (c *Calls) collectStream(stream grpc.ServerStream) error {
	began, ctx := time.Now(), stream.Context()
	hold := hold{budget: &c.reading}
	defer hold.release()
	in, _, err := c.enter(ctx, streamEndpoint)
	if err == nil {
		err = hold.grow(streamBytes)
	}
	if err != nil {
		return c.ended(began, Outcome{Endpoint: streamEndpoint}, err)
	}
	for {
		var raw rpc.Raw
		err := stream.RecvMsg(&raw)
		if left, err := leaving(err); left {
			return err
		}
		began = time.Now()
		response, o, err := in.next(ctx, &raw, readCallError(err))
		if err = c.ended(began, o, err); err != nil {
			return err
		}
		if err = stream.SendMsg(response); err != nil {
			return err //nolint:wrapcheck // a status, which gRPC has sent
		}
	}
}

// leaving tells whether a stream ends without being at fault, and by what error: its caller has
// done, or has gone, or the server stops.
func leaving(err error) (bool, error) {
	switch {
	case errors.Is(err, io.EOF):
		return true, nil
	case fault.Of(err) == fault.Unavailable, grpcstatus.Code(err) == codes.Canceled,
		grpcstatus.Code(err) == codes.DeadlineExceeded:
		return true, err
	}
	return false, nil
}

// next takes the next batch of a stream. The key may have been revoked since the last one.
func (in call) next(
	ctx context.Context, raw *rpc.Raw, err error,
) (*collectv1.CollectStreamResponse, Outcome, error) {
	o := Outcome{Endpoint: in.endpoint}
	if err != nil {
		return nil, o, err
	}
	defer raw.Free()
	door, err := in.calls.handler.open(ctx, in.secret)
	if err != nil {
		return nil, o, err
	}
	request, hold := new(collectv1.CollectStreamRequest), hold{budget: &in.calls.handler.budget}
	defer hold.release()
	if err = parse(raw, request, &hold); err != nil {
		return nil, o, err
	}
	batch, o, err := in.take(ctx, door, request.GetBatch())
	return &collectv1.CollectStreamResponse{Batch: batch}, o, err
}

// readCallError is what an error of reading a request means.
func readCallError(err error) error {
	switch grpcstatus.Code(err) {
	case codes.OK:
		return nil
	case codes.ResourceExhausted:
		return bodyTooLarge
	case codes.Canceled, codes.DeadlineExceeded:
		return bodyCut
	}
	if fault.Of(err) == fault.Unavailable {
		return tooSlow
	}
	return badRequest
}
