package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

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

// problem is why a request was not served.
type problem struct {
	status        int
	code, message string
	messageID     journey.MessageID
	// wait is when to try again: 1 s for every 503 that says nothing else.
	wait time.Duration
}

func (p *problem) Error() string { return p.code + ": " + p.message }

func (p *problem) body() answer {
	return answer{Error: &failure{Code: p.code, Message: p.message, MessageID: p.messageID}}
}

func (p *problem) write(w http.ResponseWriter) {
	if seconds := p.seconds(); seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	writeJSON(w, p.status, p.body())
}

// seconds of Retry-After, 0 for none.
func (p *problem) seconds() int {
	if p.wait > 0 {
		return int((p.wait + time.Second - 1) / time.Second)
	}
	if p.status == http.StatusServiceUnavailable {
		return 1
	}
	return 0
}

// answer writes it and says so.
func (p *problem) answer(w http.ResponseWriter) Outcome {
	p.write(w)
	return Outcome{Status: p.status, Code: p.code}
}

const keyPlaces = "as the user of Basic authorization, as a Bearer token, or as writeKey in the " +
	"query or the body"

// The problems that do not depend on a message.
var (
	notFound = &problem{status: 404, code: "not_found", message: "there is nothing here; send " +
		"messages to /v1/track, page, screen, identify, group, alias, batch, import, ndjson or " +
		"events"}
	missingKey = &problem{status: 401, code: "missing_write_key", message: "there is no write " +
		"key: send it " + keyPlaces}
	badAuthorization = &problem{status: 401, code: "bad_authorization", message: "the " +
		"Authorization header is neither \"Basic \" with the base64 of KEY: nor \"Bearer KEY\": " +
		"send the write key " + keyPlaces}
	originNotAllowed = &problem{status: 403, code: "origin_not_allowed", message: "pages of this " +
		"origin may not send with this write key: add the origin to the key, or use another key"}
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
	// These two are 503 and not 400 and 408, which some SDKs drop.
	bodyCut = &problem{status: 503, code: "body_cut", message: "the body ended before its " +
		"stated length: send it again"}
	tooSlow = &problem{status: 503, code: "too_slow", message: "the body did not arrive in " +
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
	if wait := fault.RetryAfter(err); wait > 0 {
		return &problem{
			status: http.StatusTooManyRequests, code: "rate_limited", message: fault.Message(err),
			wait: wait,
		}
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

// ok is what became of a request for a document.
var ok = Outcome{Status: http.StatusOK, Code: "ok"}

// The answers to nearly all requests, ready-made.
var (
	doneBody = []byte(`{"success":true}` + "\n")
	oneBody  = []byte(`{"success":true,"accepted":1,"refused":[]}` + "\n")
)

// done answers that all is well.
func done(w http.ResponseWriter) Outcome {
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write(doneBody)
	return ok
}

// writeTaken answers that messages are safe.
func writeTaken(w http.ResponseWriter, accepted int, refusals []refusal) {
	if len(refusals) > 0 {
		writeJSON(w, http.StatusOK, answer{Success: true, Accepted: &accepted, Refused: refusals})
		return
	}
	w.Header()["Content-Type"] = jsonType
	body := oneBody
	if accepted != 1 {
		body = strconv.AppendInt([]byte(`{"success":true,"accepted":`), int64(accepted), 10)
		body = append(body, `,"refused":[]}`+"\n"...)
	}
	_, _ = w.Write(body)
}

func writeJSON(w http.ResponseWriter, status int, a answer) {
	w.Header()["Content-Type"] = jsonType
	body, err := json.Marshal(a)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"success":false}`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

func methodNotAllowed(w http.ResponseWriter, methods []string) Outcome {
	allow := strings.Join(methods, ", ")
	w.Header().Set("Allow", allow)
	p := problem{
		status: http.StatusMethodNotAllowed, code: "method_not_allowed",
		message: "this method is not taken here: use one of " + allow,
	}
	return p.answer(w)
}

// recover answers 500 where a handler panicked, so that the connection goes on.
func (h *Handler) recover(w http.ResponseWriter) {
	switch cause := recover(); cause {
	case nil:
	case http.ErrAbortHandler:
		panic(cause)
	default:
		h.observe.Failed(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		internal.write(w)
	}
}
