package api

import (
	"google.golang.org/grpc"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/internal/rpc"
)

// StreamFunnel answers as AskFunnel does, and tells on the way how far it is.
func (h *funnelHandler) StreamFunnel(
	m *funnelv1.StreamFunnelRequest,
	stream grpc.ServerStreamingServer[funnelv1.StreamFunnelResponse],
) error {
	ctx := stream.Context()
	a, err := h.read(ctx, m, place{}, nil)
	if err != nil {
		return err
	}
	offer, settle := rpc.Latest(func(p *funnelv1.Progress) error {
		return stream.Send(&funnelv1.StreamFunnelResponse{
			Is: &funnelv1.StreamFunnelResponse_Progress{Progress: p},
		})
	})
	meter := &meter{offer: offer}
	answer, err := h.answer(WithProgress(ctx, meter.tell), a)
	// What could not be told will not be answered either.
	settle()
	if err != nil {
		return err
	}
	return stream.Send(&funnelv1.StreamFunnelResponse{
		Is: &funnelv1.StreamFunnelResponse_Answer{Answer: answer},
	})
}

// meter makes progress messages, of several questions one after the other as of one.
type meter struct {
	offer func(*funnelv1.Progress)
	// before are the rows of the questions before, read and total those of this one.
	before, read, total uint64
	waiting             int
}

// tell offers a message where anything has changed. A question that reads less than was read began
// after that one.
func (m *meter) tell(read, total uint64, waiting int) {
	if read == 0 && total == 0 {
		read, total = m.read, m.total // what waits reads nothing new
	}
	if read < m.read {
		m.before += m.total
	} else if read == m.read && total == m.total && waiting == m.waiting {
		return
	}
	m.read, m.total, m.waiting = read, total, waiting
	m.offer(&funnelv1.Progress{
		RowsRead: float64(m.before + read), RowsToRead: float64(m.before + max(read, total)),
		WaitingBehind: count(max(waiting, 0)),
	})
}
