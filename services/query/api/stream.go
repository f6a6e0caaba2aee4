package api

import (
	"context"

	"google.golang.org/grpc"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/internal/rpc"
)

// StreamFunnel answers as AskFunnel does, and tells on the way how far it is.
func (h *funnelHandler) StreamFunnel(
	m *funnelv1.StreamFunnelRequest,
	stream grpc.ServerStreamingServer[funnelv1.StreamFunnelResponse],
) error {
	a, err := h.read(stream.Context(), m, place{}, nil)
	if err != nil {
		return err
	}
	answer, err := watched(stream, func(p *funnelv1.Progress) *funnelv1.StreamFunnelResponse {
		return &funnelv1.StreamFunnelResponse{
			Is: &funnelv1.StreamFunnelResponse_Progress{Progress: p},
		}
	}, func(ctx context.Context) (*funnelv1.AskFunnelResponse, error) { return h.answer(ctx, a) })
	if err != nil {
		return err
	}
	return stream.Send(&funnelv1.StreamFunnelResponse{
		Is: &funnelv1.StreamFunnelResponse_Answer{Answer: answer},
	})
}

// StreamDropOff answers as AskDropOff does, and tells on the way how far it is.
func (h *funnelHandler) StreamDropOff(
	m *funnelv1.StreamDropOffRequest,
	stream grpc.ServerStreamingServer[funnelv1.StreamDropOffResponse],
) error {
	a, err := h.readDropOff(stream.Context(), m)
	if err != nil {
		return err
	}
	answer, err := watched(stream, func(p *funnelv1.Progress) *funnelv1.StreamDropOffResponse {
		return &funnelv1.StreamDropOffResponse{
			Is: &funnelv1.StreamDropOffResponse_Progress{Progress: p},
		}
	}, func(ctx context.Context) (*funnelv1.AskDropOffResponse, error) { return h.dropOff(ctx, a) })
	if err != nil {
		return err
	}
	return stream.Send(&funnelv1.StreamDropOffResponse{
		Is: &funnelv1.StreamDropOffResponse_Answer{Answer: answer},
	})
}

// StreamFunnelPersons answers as ListFunnelPersons does, and tells on the way how far it is.
func (h *funnelHandler) StreamFunnelPersons(
	m *funnelv1.StreamFunnelPersonsRequest,
	stream grpc.ServerStreamingServer[funnelv1.StreamFunnelPersonsResponse],
) error {
	l, err := h.readList(stream.Context(), listRequest(m))
	if err != nil {
		return err
	}
	answer, err := watched(stream, func(p *funnelv1.Progress) *funnelv1.StreamFunnelPersonsResponse {
		return &funnelv1.StreamFunnelPersonsResponse{
			Is: &funnelv1.StreamFunnelPersonsResponse_Progress{Progress: p},
		}
	}, func(ctx context.Context) (*funnelv1.ListFunnelPersonsResponse, error) {
		return h.list(ctx, l)
	})
	if err != nil {
		return err
	}
	return stream.Send(&funnelv1.StreamFunnelPersonsResponse{
		Is: &funnelv1.StreamFunnelPersonsResponse_Answer{Answer: answer},
	})
}

// listRequest is the request that a streamed list stands for, to whose pages its own belong.
func listRequest(m *funnelv1.StreamFunnelPersonsRequest) *funnelv1.ListFunnelPersonsRequest {
	return &funnelv1.ListFunnelPersonsRequest{
		Parent: m.GetParent(), Question: m.GetQuestion(), Words: m.GetWords(), Saved: m.GetSaved(),
		Step: m.GetStep(), Selection: m.GetSelection(), Group: m.GetGroup(), Other: m.GetOther(),
		Bucket: m.GetBucket(), PageSize: m.GetPageSize(), PageToken: m.GetPageToken(),
	}
}

// watched asks, and tells on the way how far that is, by messages of its stream. What could not be
// told until then is not told any more.
func watched[M, A any](
	stream grpc.ServerStreamingServer[M], message func(*funnelv1.Progress) *M,
	ask func(context.Context) (A, error),
) (A, error) {
	offer, settle := rpc.Latest(func(p *funnelv1.Progress) error { return stream.Send(message(p)) })
	defer settle()
	meter := &meter{offer: offer}
	return ask(WithProgress(stream.Context(), meter.tell))
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
