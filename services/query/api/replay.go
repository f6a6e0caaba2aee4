package api

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

const (
	defaultReplayed = 10_000
	maxReplayed     = 100_000
	// replayMessages and replayBytes bound what is sent to ingest at once.
	replayMessages = 500
	replayBytes    = 400 << 10
	// largestReplayed is the largest message that ingest can judge: with what stands around it in a
	// request it reads no more than 500 KiB.
	largestReplayed = 499 << 10
)

// ReplayQuarantinedMessages has refused messages judged again, oldest first. It ends early, with a
// token, when half of the call's time is over.
func (h *quarantineHandler) ReplayQuarantinedMessages(
	ctx context.Context, m *collectv1.ReplayQuarantinedMessagesRequest,
) (*collectv1.ReplayQuarantinedMessagesResponse, error) {
	r, err := h.readReplay(m)
	if err != nil {
		return nil, err
	}
	if h.replayer == nil {
		return nil, fault.Wrap(fault.Unsupported, errNoReplayer, "this installation does not "+
			"replay: set WAYSTAGE_QUERY_INGEST_GRPC of query to the gRPC address of ingest")
	}
	if _, err := h.sites.Site(ctx, r.of.Site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", r.of.Site, err)
	}
	if m.GetName() != "" {
		err = r.one(ctx)
	} else {
		err = r.all(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("replaying messages of site %s: %w", r.of.Site, err)
	}
	return r.response(m), nil
}

// replay is one call to replay messages.
type replay struct {
	handler *quarantineHandler
	of      wire.Selection
	dryRun  bool
	// id names one message alone.
	id string
	// left is how many may still be tried, after where to go on.
	left  int
	after *wire.Place
	// more tells that there are messages after that.
	more bool

	accepted, unreplayable uint64
	refused                map[string]uint64
}

func (h *quarantineHandler) readReplay(
	m *collectv1.ReplayQuarantinedMessagesRequest,
) (*replay, error) {
	site, err := parseSite("parent", m.GetParent())
	v := fault.ViolationsOf(err)
	r := &replay{
		handler: h, dryRun: m.GetDryRun(), left: int(m.GetMaxMessages()),
		of: h.readFilter(&v, site, m.GetFilter()), refused: make(map[string]uint64),
	}
	switch {
	case r.left == 0:
		r.left = defaultReplayed
	case r.left > maxReplayed:
		v.Add("max_messages", fmt.Sprintf("is %d: give 1 to %d, or 0 for %d", r.left, maxReplayed,
			defaultReplayed))
	}
	if m.GetPageToken() != "" {
		place, err := readToken(m)
		if err != nil {
			v.Add("page_token", err.Error())
		}
		r.after = readPlace(&v, place)
	}
	if m.GetName() != "" {
		r.id = readOne(&v, m, site)
	}
	return r, v.Err(fault.Invalid)
}

// readOne reads the name of the one message to replay, which must be of the site.
func readOne(
	v *fault.Violations, m *collectv1.ReplayQuarantinedMessagesRequest, parent journey.SiteID,
) string {
	site, id, err := parseQuarantined("name", m.GetName())
	switch {
	case err != nil:
		*v = append(*v, fault.ViolationsOf(err)...)
	case site != parent:
		v.Add("name", "is of another site than parent")
	case m.GetFilter() != nil:
		v.Add("filter", "stands beside name: give one of the two")
	case m.GetPageToken() != "":
		v.Add("page_token", "stands beside name: give one of the two")
	}
	return id
}

func (r *replay) one(ctx context.Context) error {
	q, err := r.handler.quarantine.QuarantinedByID(ctx, r.of.Site, r.id)
	if err != nil {
		return fmt.Errorf("finding the message: %w", err)
	}
	return r.try(ctx, []wire.Quarantined{q})
}

func (r *replay) all(ctx context.Context) error {
	enough := halfOf(ctx)
	for r.more = true; r.more && r.left > 0 && !enough(); {
		limit := min(r.left, replayMessages)
		page, err := r.handler.quarantine.Quarantined(ctx, r.of, wire.Span{
			OldestFirst: true, After: r.after, Limit: limit + 1,
		})
		if err != nil {
			return fmt.Errorf("reading messages: %w", err)
		}
		if r.more = len(page) > limit; r.more {
			page = page[:limit]
		}
		if len(page) == 0 {
			return nil
		}
		if err := r.try(ctx, page); err != nil {
			return err
		}
		place := wire.PlaceOf(&page[len(page)-1])
		r.left, r.after = r.left-len(page), &place
	}
	return nil
}

// halfOf tells when half of the time that a context has now is over.
func halfOf(ctx context.Context) func() bool {
	deadline, ends := ctx.Deadline()
	half := time.Until(deadline) / 2
	return func() bool { return ends && time.Until(deadline) < half }
}

// try sends the messages that can be judged again, in parts that fit into a request.
func (r *replay) try(ctx context.Context, page []wire.Quarantined) error {
	request := &collectv1.ReplayRequest{Parent: siteName(r.of.Site), DryRun: r.dryRun}
	size := 0
	for i := range page {
		m := page[i].Message()
		n := proto.Size(m)
		if !replayable(&page[i]) || n > largestReplayed {
			r.unreplayable++
			continue
		}
		if len(request.Messages) > 0 && size+n > replayBytes {
			if err := r.send(ctx, request); err != nil {
				return err
			}
			request.Messages, size = nil, 0
		}
		request.Messages, size = append(request.Messages, m), size+n
	}
	return r.send(ctx, request)
}

// replayable tells whether a message is whole and was judged by ingest.
func replayable(q *wire.Quarantined) bool {
	return q.By == wire.ByIngest && !q.PayloadCut && !q.Withheld
}

func (r *replay) send(ctx context.Context, request *collectv1.ReplayRequest) error {
	if len(request.GetMessages()) == 0 {
		return nil
	}
	response, err := r.handler.replayer.Replay(ctx, request)
	if err != nil {
		return fmt.Errorf("having %d messages judged: %w", len(request.GetMessages()), err)
	}
	if got := len(response.GetResults()); got != len(request.GetMessages()) {
		return fault.New(fault.Internal, "ingest judged %d of %d messages; replay them again", got,
			len(request.GetMessages()))
	}
	for _, result := range response.GetResults() {
		if result.GetRefusal() == nil {
			r.accepted++
			continue
		}
		r.refused[result.GetRefusal().GetReason()]++
	}
	return nil
}

func (r *replay) response(
	m *collectv1.ReplayQuarantinedMessagesRequest,
) *collectv1.ReplayQuarantinedMessagesResponse {
	out := &collectv1.ReplayQuarantinedMessagesResponse{
		Accepted: r.accepted, Unreplayable: r.unreplayable,
	}
	for _, reason := range slices.Sorted(maps.Keys(r.refused)) {
		out.Refused = append(out.Refused, &collectv1.ReasonCount{
			Reason: reason, Count: r.refused[reason],
		})
	}
	slices.SortStableFunc(out.Refused, func(a, b *collectv1.ReasonCount) int {
		return cmp.Compare(b.GetCount(), a.GetCount())
	})
	if r.more && r.after != nil {
		out.NextPageToken = placeToken(m, *r.after)
	}
	return out
}
