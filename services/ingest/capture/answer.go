package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// answer is the JSON body of every answer.
type answer struct {
	Success bool `json:"success"`
	// Accepted and Refused are there where messages were taken.
	Accepted *int      `json:"accepted,omitempty"`
	Refused  []refusal `json:"refused,omitzero"`
	Error    *failure  `json:"error,omitempty"`
}

// refusal names a message that went to quarantine.
type refusal struct {
	Index     int               `json:"index"`
	MessageID journey.MessageID `json:"message_id,omitempty"`
	Reason    admit.Reason      `json:"reason"`
	Detail    string            `json:"detail"`
}

type failure struct {
	Code      string            `json:"code"`
	Message   string            `json:"message"`
	MessageID journey.MessageID `json:"message_id,omitempty"`
}

func (a answer) code() string {
	if a.Error == nil {
		return "ok"
	}
	return a.Error.Code
}

func orEmpty(refusals []refusal) []refusal {
	if refusals == nil {
		return []refusal{}
	}
	return refusals
}

// problem is why a request was not served.
type problem struct {
	status        int
	code, message string
	messageID     journey.MessageID
}

func (p *problem) Error() string { return p.code + ": " + p.message }

func (p *problem) answer() answer {
	return answer{Error: &failure{Code: p.code, Message: p.message, MessageID: p.messageID}}
}

func (p *problem) write(w http.ResponseWriter) { writeJSON(w, p.status, p.answer()) }

const keyPlaces = "as the user of Basic authorization, as a Bearer token, or as writeKey in the " +
	"query or the body"

// The problems that do not depend on a message.
var (
	notFound = &problem{status: 404, code: "not_found", message: "there is nothing here; send " +
		"messages to /v1/track, page, screen, identify, group, alias, batch or import"}
	missingKey = &problem{status: 401, code: "missing_write_key", message: "there is no write " +
		"key: send it " + keyPlaces}
	badAuthorization = &problem{status: 401, code: "bad_authorization", message: "the " +
		"Authorization header is neither \"Basic \" with the base64 of KEY: nor \"Bearer KEY\": " +
		"send the write key " + keyPlaces}
	bodyTooLarge = &problem{status: 413, code: "body_too_large", message: fmt.Sprintf("the body "+
		"is larger than %d bytes (decompressed): send fewer messages at a time", MaxBodyBytes)}
	tooManyMessages = &problem{status: 413, code: "too_many_messages", message: fmt.Sprintf("the "+
		"batch has more than %d messages: send fewer at a time", MaxMessages)}
	contextTooLarge = &problem{status: 413, code: "context_too_large", message: fmt.Sprintf("the "+
		"context of the batch, counted once for each message, is larger than %d bytes: send "+
		"fewer messages at a time or a smaller context", MaxContextBytes)}
	unsupportedEncoding = &problem{status: 415, code: "unsupported_encoding", message: "the " +
		"Content-Encoding is unknown here: send gzip or none"}
	badGzip = &problem{status: 400, code: "bad_gzip", message: "the body is not gzip to its end, " +
		"as its Content-Encoding says: compress it, or leave the header out"}
	badBody = &problem{status: 400, code: "body_cut", message: "the body ended before its " +
		"stated length: send it again"}
	tooSlow = &problem{status: 408, code: "too_slow", message: "the body did not arrive in " +
		"time: send it again"}
	busy = &problem{status: 503, code: "busy", message: "too much is under way: send it again " +
		"after Retry-After"}
	notReady = &problem{status: 503, code: "not_ready", message: "not ready to take messages: " +
		"try again after Retry-After"}
	internal = &problem{status: 500, code: "internal", message: "an error in the server; its log " +
		"has the cause: send it again later"}
)

func problemOfMessage(r refusal) *problem {
	p := &problem{status: 400, code: string(r.Reason), message: r.Detail, messageID: r.MessageID}
	if r.Reason == admit.TooLarge {
		p.status = http.StatusRequestEntityTooLarge
	}
	return p
}

// problemOf is what an error means to the sender. Its causes are not told. A nil error is
// internal: nobody asks.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if r, ok := errors.AsType[*admit.Refusal](err); ok {
		return &problem{status: 400, code: string(r.Reason), message: r.Detail}
	}
	for _, m := range meanings {
		if fault.Of(err) == m.kind {
			return &problem{status: m.status, code: m.code, message: fault.Message(err)}
		}
	}
	return internal
}

// meanings of the faults of neighbours.
var meanings = []struct {
	kind   fault.Kind
	status int
	code   string
}{
	{fault.Unauthenticated, http.StatusUnauthorized, "unknown_write_key"},
	{fault.Forbidden, http.StatusForbidden, "not_a_write_key"},
	{fault.Unavailable, http.StatusServiceUnavailable, "unavailable"},
	{fault.Exhausted, http.StatusServiceUnavailable, "unavailable"},
	{fault.Expired, http.StatusServiceUnavailable, "unavailable"},
}

// retryAfterSeconds is told with every 503.
const retryAfterSeconds = 1

func writeJSON(w http.ResponseWriter, status int, a answer) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	}
	body, err := json.Marshal(a)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"success":false}`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

func methodNotAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	(&problem{
		status: http.StatusMethodNotAllowed, code: "method_not_allowed",
		message: "this method is not taken here: use one of " + allow,
	}).write(w)
}

// recovering answers 500 where a handler panicked, and goes on.
func (h *Handler) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause)
			default:
				h.observe.Failed(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
				internal.write(w)
			}
		}()
		next.ServeHTTP(w, r)
	})
}
