package query

import (
	"context"

	"google.golang.org/grpc"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/internal/rpc"
)

// replayer has ingest judge messages from quarantine again.
type replayer struct {
	conn   *grpc.ClientConn
	client collectv1.ReplayServiceClient
}

// newReplayer prepares calls without making any. Errors: Invalid (address).
func newReplayer(address string) (*replayer, error) {
	conn, err := rpc.Dial(address)
	if err != nil {
		return nil, err
	}
	return &replayer{conn: conn, client: collectv1.NewReplayServiceClient(conn)}, nil
}

// Replay asks ingest on the token of the handler's caller. Errors: Forbidden, Invalid,
// Unavailable, Unsupported.
func (r *replayer) Replay(
	ctx context.Context, m *collectv1.ReplayRequest,
) (*collectv1.ReplayResponse, error) {
	response, err := r.client.Replay(rpc.Forwarded(ctx), m)
	if err != nil {
		return nil, rpc.FaultOf(err, "ingest")
	}
	return response, nil
}

func (r *replayer) close() error { return r.conn.Close() }
