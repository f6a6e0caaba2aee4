package capture

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// The problems of calls alone.
var (
	missingMetadata = &problem{
		status: http.StatusUnauthorized, code: missingKey.code, message: "there is no key: send it " +
			"in the metadata, \"authorization: Bearer KEY\"",
	}
	badMetadata = &problem{
		status: http.StatusUnauthorized, code: badAuthorization.code, message: "the authorization " +
			"in the metadata is neither \"Bearer KEY\" nor \"Basic \" with the base64 of KEY:",
	}
	unknownToken = &problem{
		status: http.StatusUnauthorized, code: "unknown_token", message: "no site has this token, " +
			"or it was revoked: use an admin token of the site",
	}
	emptyBatch = &problem{
		status: http.StatusBadRequest, code: "empty_batch", message: "the batch has no messages: " +
			"send at least one",
	}
	badRequest = &problem{
		status: http.StatusBadRequest, code: "bad_request", message: "the request is not the message " +
			"of this method: use the messages of waystage.collect.v1",
	}
)

// take judges and keeps a batch, of MaxMessages at most. What its request costs is held.
func (in call) take(
	ctx context.Context, door *Door, request *collectv1.CollectRequest,
) (*collectv1.CollectResponse, Outcome, error) {
	o := Outcome{Endpoint: in.endpoint}
	messages := request.GetMessages()
	if len(messages) == 0 {
		return nil, o, emptyBatch
	}
	body := bodyOf(request)
	b, err := in.calls.handler.take(ctx, door, in.from, in.endpoint, &body)
	if err != nil {
		return nil, o, err
	}
	o = outcome(http.StatusOK, ok.Code, b)
	o.Endpoint = in.endpoint
	return resultsOf(len(messages), b), o, nil
}

// bodyOf is a batch in the form of the others.
func bodyOf(request *collectv1.CollectRequest) admit.Body {
	pieces := make([]admit.Pieces, len(request.GetMessages()))
	for i, m := range request.GetMessages() {
		pieces[i] = admit.Pieces{
			Kind: wire.KindOf(m.GetKind()), Message: journey.MessageID(m.GetMessageId()),
			User: m.GetUserId(), Visitor: m.GetAnonymousId(), Previous: m.GetPreviousId(),
			Group: m.GetGroupId(), Event: m.GetEvent(), Name: m.GetName(),
			Timestamp:  stated(m.GetOccurredAt()),
			Properties: m.GetPropertiesJson(), Traits: m.GetTraitsJson(), Context: m.GetContextJson(),
		}
	}
	body := admit.Assemble(pieces)
	body.Envelope.Imported = request.GetImported()
	if at := request.GetSentAt(); at.CheckValid() == nil {
		body.Envelope.SentAt = at.AsTime()
	}
	return body
}

// stated is a time as messages have it, empty where there is none. One that cannot be is written
// so that it is refused.
func stated(at *timestamppb.Timestamp) string {
	switch {
	case at == nil:
		return ""
	case at.CheckValid() != nil:
		return fmt.Sprintf("%d s and %d ns after 1970", at.GetSeconds(), at.GetNanos())
	default:
		return at.AsTime().Format(time.RFC3339Nano)
	}
}

// resultsOf is what became of each message of a batch, in their order.
func resultsOf(messages int, b batch) *collectv1.CollectResponse {
	results := make([]*collectv1.Result, messages)
	for i := range b.accepted {
		f := &b.accepted[i]
		results[f.Index] = &collectv1.Result{MessageId: string(f.Message)}
	}
	for i := range b.refusals {
		r := &b.refusals[i]
		results[r.Index] = refusedResult(r.MessageID, string(r.Reason), r.Detail)
	}
	return &collectv1.CollectResponse{Results: results}
}

func refusedResult(id journey.MessageID, reason, detail string) *collectv1.Result {
	return &collectv1.Result{
		MessageId: string(id), Refusal: &collectv1.Refusal{Reason: reason, Detail: detail},
	}
}
