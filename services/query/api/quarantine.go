package api

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// quarantineHandler answers QuarantineService.
type quarantineHandler struct {
	collectv1.UnimplementedQuarantineServiceServer

	sites      Sites
	quarantine Quarantine
	replayer   Replayer
	now        func() time.Time
}

const (
	quarantinedCollection = "quarantinedMessages"
	// quarantineSpan is how far back is looked where nothing is said.
	quarantineSpan = 30 * 24 * time.Hour
	// quarantinePageBytes bounds the payloads and contexts of a page. The first message always fits.
	quarantinePageBytes = 8 << 20
)

// ListQuarantinedMessages gives a page of refused messages.
func (h *quarantineHandler) ListQuarantinedMessages(
	ctx context.Context, m *collectv1.ListQuarantinedMessagesRequest,
) (*collectv1.ListQuarantinedMessagesResponse, error) {
	site, err := parseSite("parent", m.GetParent())
	v := fault.ViolationsOf(err)
	of := h.readFilter(&v, site, m.GetFilter())
	limit, after, err := readPage(m, maxPageSize)
	v = append(v, fault.ViolationsOf(err)...)
	span := wire.Span{Limit: limit + 1, After: readPlace(&v, after)}
	if err := v.Err(fault.Invalid); err != nil {
		return nil, err
	}
	if _, err := h.sites.Site(ctx, site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", site, err)
	}
	out := &collectv1.ListQuarantinedMessagesResponse{}
	if after == nil {
		counts, err := h.quarantine.QuarantineReasons(ctx, of)
		if err != nil {
			return nil, fmt.Errorf("counting refused messages of site %s: %w", site, err)
		}
		out.Reasons = reasonCounts(counts)
	}
	found, err := h.quarantine.Quarantined(ctx, of, span)
	if err != nil {
		return nil, fmt.Errorf("listing refused messages of site %s: %w", site, err)
	}
	page := quarantinePage(found, limit)
	for i := range page {
		out.Messages = append(out.Messages, page[i].Message())
	}
	if len(page) < len(found) {
		out.NextPageToken = placeToken(m, wire.PlaceOf(&page[len(page)-1]))
	}
	return out, nil
}

// quarantinePage cuts a page by its number of messages and by their size.
func quarantinePage(found []wire.Quarantined, limit int) []wire.Quarantined {
	size := 0
	for i := range found {
		size += len(found[i].Payload) + len(found[i].Context)
		if i == limit || i > 0 && size > quarantinePageBytes {
			return found[:i]
		}
	}
	return found
}

func reasonCounts(counts []wire.ReasonCount) []*collectv1.ReasonCount {
	var list []*collectv1.ReasonCount
	for _, c := range counts {
		list = append(list, &collectv1.ReasonCount{Reason: c.Reason, Count: c.Count})
	}
	return list
}

// readFilter reads a filter, an absent one too.
func (h *quarantineHandler) readFilter(
	v *fault.Violations, site journey.SiteID, m *collectv1.QuarantineFilter,
) wire.Selection {
	of := wire.Selection{
		Site: site, Reason: m.GetReason(), Key: journey.KeyID(m.GetKeyId()),
		Replayed: m.GetIncludeReplayed(),
	}
	of.To = readInstant(v, "filter.to_time", m.GetToTime(), h.now().UTC())
	of.From = readInstant(v, "filter.from_time", m.GetFromTime(), of.To.Add(-quarantineSpan))
	if !of.From.Before(of.To) {
		v.Add("filter.from_time", fmt.Sprintf("is not before to_time, which is %s",
			of.To.Format(time.RFC3339)))
	}
	return of
}

func readInstant(
	v *fault.Violations, field string, m *timestamppb.Timestamp, otherwise time.Time,
) time.Time {
	if m == nil {
		return otherwise
	}
	if err := m.CheckValid(); err != nil {
		v.Add(field, "is no instant: give one such as 2026-01-31T12:30:00Z")
		return otherwise
	}
	return m.AsTime()
}

// Of a place in a token: seconds since 1970, nanoseconds, then the id.
const (
	placeSecondBytes = 8
	placeTimeBytes   = 12
	placeIDBytes     = 16
)

func placeToken(m continued, p wire.Place) string {
	place := binary.BigEndian.AppendUint64(nil, uint64(p.ReceivedAt.Unix()))
	place = binary.BigEndian.AppendUint32(place, uint32(p.ReceivedAt.Nanosecond()))
	id, _ := hex.DecodeString(p.ID) // hexadecimal by its making
	return token{requestHash(m), append(place, id...)}.String()
}

// readPlace reads the place in a token, nil where there is none.
func readPlace(v *fault.Violations, place []byte) *wire.Place {
	switch {
	case place == nil:
		return nil
	case len(place) != placeTimeBytes+placeIDBytes:
		v.Add("page_token", noToken)
		return nil
	}
	return &wire.Place{
		ReceivedAt: time.Unix(int64(binary.BigEndian.Uint64(place)),
			int64(binary.BigEndian.Uint32(place[placeSecondBytes:]))).UTC(),
		ID: hex.EncodeToString(place[placeTimeBytes:]),
	}
}

// GetQuarantinedMessage gives one refused message.
func (h *quarantineHandler) GetQuarantinedMessage(
	ctx context.Context, m *collectv1.GetQuarantinedMessageRequest,
) (*collectv1.GetQuarantinedMessageResponse, error) {
	site, id, err := parseQuarantined("name", m.GetName())
	if err != nil {
		return nil, err
	}
	found, err := h.quarantine.QuarantinedByID(ctx, site, id)
	if err != nil {
		return nil, fmt.Errorf("finding a refused message of site %s: %w", site, err)
	}
	return &collectv1.GetQuarantinedMessageResponse{Message: found.Message()}, nil
}

// parseQuarantined reads the name of a refused message. Errors: Invalid naming the field.
func parseQuarantined(field, name string) (journey.SiteID, string, error) {
	site, id, err := parseChild(field, name, quarantinedCollection)
	if err != nil {
		return "", "", err
	}
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != placeIDBytes {
		return "", "", misnamed(field, name, `"sites/{site}/quarantinedMessages/{id}", `+
			"an id being 32 hexadecimal digits")
	}
	return site, hex.EncodeToString(raw), nil
}

var errNoReplayer = errors.New("no address of ingest is configured")
