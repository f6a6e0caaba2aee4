package query

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/internal/fault"
)

// ingestDouble answers as it was told and remembers the tokens of its callers.
type ingestDouble struct {
	collectv1.UnimplementedReplayServiceServer

	tokens []string
	err    error
}

func (d *ingestDouble) Replay(
	ctx context.Context, m *collectv1.ReplayRequest,
) (*collectv1.ReplayResponse, error) {
	d.tokens = append(d.tokens, metadata.ValueFromIncomingContext(ctx, "authorization")...)
	if d.err != nil {
		return nil, d.err
	}
	return &collectv1.ReplayResponse{Results: []*collectv1.Result{{MessageId: m.GetParent()}}}, nil
}

// TestReplayer: ingest gets the token of the handler's caller and nothing else, and its errors
// become ours.
func TestReplayer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	double := &ingestDouble{}
	g := grpc.NewServer()
	collectv1.RegisterReplayServiceServer(g, double)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	r, err := newReplayer(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(
		"authorization", "Bearer at_1", "cookie", "secret"))
	request := &collectv1.ReplayRequest{Parent: "sites/shop"}
	got, err := r.Replay(ctx, request)
	if err != nil || got.GetResults()[0].GetMessageId() != "sites/shop" ||
		len(double.tokens) != 1 || double.tokens[0] != "Bearer at_1" {
		t.Errorf("%v, %v; tokens %q", got, err, double.tokens)
	}
	for code, kind := range map[codes.Code]fault.Kind{
		codes.InvalidArgument: fault.Invalid, codes.NotFound: fault.NotFound,
		codes.Unauthenticated: fault.Forbidden, codes.PermissionDenied: fault.Forbidden,
		codes.ResourceExhausted: fault.Unavailable, codes.Unavailable: fault.Unavailable,
		codes.DeadlineExceeded: fault.Expired, codes.Unimplemented: fault.Unsupported,
		codes.Internal: fault.Internal, codes.Unknown: fault.Internal,
	} {
		double.err = status.Error(code, "as it is")
		if _, err := r.Replay(ctx, request); fault.Of(err) != kind {
			t.Errorf("%v becomes %v, want %v", code, err, kind)
		}
	}
	g.Stop()
	<-served
	if _, err := r.Replay(ctx, request); fault.Of(err) != fault.Unavailable {
		t.Errorf("ingest away: %v, want Unavailable", err)
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
}

// TestOpenWithIngest: the address is checked, and nothing is called.
func TestOpenWithIngest(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.ClickHouse = "http://127.0.0.1:1/x"
	for address, want := range map[string]bool{"": false, "127.0.0.1:1": true} {
		cfg.IngestGRPC = address
		b, err := open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.replayer != nil; got != want {
			t.Errorf("address %q: a replayer %v, want %v", address, got, want)
		}
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}
}
