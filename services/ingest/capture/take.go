package capture

import (
	"context"
	"net/http"
	"time"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// What a request costs besides its body: the canonical texts, the records and the writer's copy
// are each about as large, every message has its structs, and the context of its batch twice.
const (
	bytesPerBodyByte    = 3
	bytesPerContextByte = 2
	bytesPerMessage     = 1 << 10
)

func cost(body []byte, parts *admit.Body) int {
	each := bytesPerMessage + bytesPerContextByte*len(parts.Envelope.Context)
	return bytesPerBodyByte*len(body) + each*len(parts.Messages)
}

// batch are the judged messages of one request.
type batch struct {
	accepted []journey.Fact
	refused  []wire.Quarantined
	refusals []refusal
}

// take answers requests to one endpoint.
func (h *Handler) take(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			methodNotAllowed(w, "POST, OPTIONS")
			return
		}
		began := time.Now()
		b, err := h.collect(w, r, e)
		status, a := h.answer(e, b, err)
		writeJSON(w, status, a)
		o := Outcome{Endpoint: e.path, Status: status, Code: a.code(), Took: time.Since(began)}
		if err == nil {
			o.Accepted = len(b.accepted)
			for _, q := range b.refused {
				o.Refused = append(o.Refused, admit.Reason(q.Reason))
			}
		}
		h.observe.Answered(o)
	}
}

// answer is what to say of a batch, or of the error that kept it out.
func (h *Handler) answer(e endpoint, b batch, err error) (status int, a answer) {
	if err == nil && (e.batch() || len(b.refused) == 0) {
		return http.StatusOK, answer{
			Success: true, Accepted: new(len(b.accepted)), Refused: orEmpty(b.refusals),
		}
	}
	p := problemOf(err)
	if err == nil {
		p = problemOfMessage(b.refusals[0])
	}
	if p.status == http.StatusInternalServerError {
		h.observe.Failed(err)
	}
	return p.status, p.answer()
}

// collect reads, judges and keeps the messages of a request.
func (h *Handler) collect(w http.ResponseWriter, r *http.Request, e endpoint) (batch, error) {
	hold := hold{budget: &h.budget}
	defer hold.release()
	secret, err := secretOf(r)
	if err != nil {
		return batch{}, err
	}
	var site journey.SiteID
	if secret != "" {
		// Before the body is read: who has no key costs no memory.
		if site, err = h.sites.SiteOf(r.Context(), secret); err != nil {
			return batch{}, err
		}
	}
	bytes, err := readBody(w, r, &hold)
	if err != nil {
		return batch{}, err
	}
	body, err := e.split(bytes)
	if err != nil {
		return batch{}, err
	}
	if secret == "" {
		if body.WriteKey == "" {
			return batch{}, missingKey
		}
		if site, err = h.sites.SiteOf(r.Context(), body.WriteKey); err != nil {
			return batch{}, err
		}
	}
	if err = hold.grow(cost(bytes, &body)); err != nil {
		return batch{}, err
	}
	body.Envelope.Site = site
	body.Envelope.ReceivedAt = h.config.Now().Round(0).UTC()
	b := h.judge(e, &body)
	return b, h.keep(r.Context(), b)
}

// judge admits each message or says why not.
func (h *Handler) judge(e endpoint, body *admit.Body) batch {
	b := batch{accepted: make([]journey.Fact, 0, len(body.Messages))}
	for i, message := range body.Messages {
		fact, no := h.config.Rules.Admit(&body.Envelope, uint32(i), message)
		if no == nil {
			b.accepted = append(b.accepted, fact)
			continue
		}
		b.refusals = append(b.refusals, refusal{
			Index: i, MessageID: no.Message, Reason: no.Reason, Detail: no.Detail,
		})
		b.refused = append(b.refused, wire.Quarantined{
			Site: body.Envelope.Site, By: wire.ByIngest,
			Reason: string(no.Reason), Detail: no.Detail, Payload: message,
			ReceivedAt: body.Envelope.ReceivedAt, Index: uint32(i), Source: e.path,
		})
	}
	return b
}

// keep hands a batch to the sink. A sender who has gone away meanwhile does not stop it: what has
// been received is kept.
func (h *Handler) keep(ctx context.Context, b batch) error {
	if len(b.accepted)+len(b.refused) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.config.WriteTimeout)
	defer cancel()
	return h.sink.Write(ctx, b.accepted, b.refused)
}
