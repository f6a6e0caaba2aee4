package capture

import (
	"context"
	"io"
	"net/http"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// What messages cost besides the body that they came in: the canonical texts, the records and the
// writer's copy are each about as large; every message has its structs, and the context of its
// batch and what the request tells of its sender in each of the three.
const (
	bytesPerBodyByte    = 3
	bytesPerContextByte = 3
	bytesPerMessage     = 2 << 10
)

// cost is what the messages of a body take at most, in bytes, until they are kept.
func cost(body *admit.Body, from caller) int {
	bytes := 0
	for _, message := range body.Messages {
		bytes += len(message)
	}
	each := bytesPerMessage + bytesPerContextByte*(len(body.Envelope.Context)+from.bytes())
	return bytesPerBodyByte*bytes + each*len(body.Messages)
}

// batch are the judged messages of one request.
type batch struct {
	// accepted and refused are in the order sent; Index is the place of each.
	accepted []journey.Fact
	refused  []wire.Quarantined
	// refusals are what the sender hears of the refused, at the same places.
	refusals []refusal
}

// receive answers requests to one endpoint.
func (h *Handler) receive(e *endpoint) serve {
	return func(w http.ResponseWriter, r *http.Request, _ string) Outcome {
		b, err := h.collect(w, r, e)
		if err == nil && (e.batch() || len(b.refusals) == 0) {
			writeTaken(w, len(b.accepted), b.refusals)
			return outcome(http.StatusOK, "ok", b)
		}
		p := problemOf(err)
		if err == nil {
			p = problemOfMessage(b.refusals[0])
		} else {
			b = batch{}
			drain(r)
		}
		if p.status == http.StatusInternalServerError {
			h.observe.Failed(err)
		}
		p.write(w)
		return outcome(p.status, p.code, b)
	}
}

func outcome(status int, code string, b batch) Outcome {
	o := Outcome{Status: status, Code: code, Accepted: len(b.accepted)}
	for i := range b.refusals {
		o.Refused = append(o.Refused, b.refusals[i].Reason)
	}
	return o
}

// drain reads what is left of a body that is refused: a sender whose connection is closed before
// it has sent all may never see the answer, and try again what it should drop.
func drain(r *http.Request) {
	if r.ContentLength <= MaxBodyBytes && r.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, r.Body, MaxBodyBytes)
	}
}

// collect reads, judges and keeps the messages of a request.
func (h *Handler) collect(w http.ResponseWriter, r *http.Request, e *endpoint) (batch, error) {
	secret, err := secretOf(r)
	if err != nil {
		return batch{}, err
	}
	var door *Door
	if secret != "" {
		// Before the body is read: who has no key costs no memory.
		if door, err = h.enter(r, secret); err != nil {
			return batch{}, err
		}
	}
	hold := hold{budget: &h.budget}
	defer hold.release()
	raw, err := readBody(w, r, &hold)
	if err != nil {
		return batch{}, err
	}
	defer raw.free()
	body, err := e.split(r.Header, raw.bytes)
	if err != nil {
		return batch{}, err
	}
	if door == nil {
		if body.WriteKey == "" {
			return batch{}, missingKey
		}
		if door, err = h.enter(r, body.WriteKey); err != nil {
			return batch{}, err
		}
	}
	return h.take(r.Context(), door, h.config.Proxies.caller(r), e.path, &body)
}

// enter opens the door of a request's write key, if its page may come in by it. Errors: those of
// open, originNotAllowed.
func (h *Handler) enter(r *http.Request, secret string) (*Door, error) {
	door, err := h.open(r.Context(), secret)
	if err != nil {
		return nil, err
	}
	return door, door.admits(r.Header.Get("Origin"))
}

// open gives what a write key opens. Errors: Unauthenticated, Forbidden (another kind of key),
// Unavailable.
func (h *Handler) open(ctx context.Context, secret string) (*Door, error) {
	door, err := h.doors.Door(ctx, secret)
	if err != nil {
		return nil, err
	}
	return door, door.sends()
}

// take judges and keeps the messages of a body that came through a door, whatever the edge: nil
// means that every one of them is safe, the refused ones in quarantine. source names the endpoint.
// Of the envelope kind, imported, sent_at and context are the caller's to fill, the rest is filled
// here. Errors: busy, Exhausted with the time to wait (the key's rate), those of the sink.
func (h *Handler) take(
	ctx context.Context, door *Door, from caller, source string, body *admit.Body,
) (batch, error) {
	hold := hold{budget: &h.budget}
	defer hold.release()
	if err := hold.grow(cost(body, from)); err != nil {
		return batch{}, err
	}
	now := h.config.Now()
	if err := door.charge(now, len(body.Messages)); err != nil {
		return batch{}, err
	}
	env := &body.Envelope
	env.Site, env.Key, env.Privacy = door.Site, door.KeyID, door.Privacy
	env.ReceivedAt = now.Round(0).UTC()
	from.describe(env)
	b := h.judge(source, body)
	err := h.keep(ctx, b)
	if err != nil {
		door.refund(len(body.Messages))
	}
	return b, err
}

// judge admits each message or says why not.
func (h *Handler) judge(source string, body *admit.Body) batch {
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
		b.refused = append(b.refused, quarantined(&body.Envelope, source, uint32(i), message, no))
	}
	return b
}

// quarantined is a refused message with all that is needed to judge it again, less what the site
// does not let be kept. One that is too large for that with the context of its batch is kept
// without: it counts as cut.
func quarantined(
	env *admit.Envelope, source string, index uint32, message []byte, no *admit.Refusal,
) wire.Quarantined {
	kept := env.Kept(index, message)
	cut := len(kept.Payload)+len(kept.Context) > wire.MaxPayloadBytes
	if cut {
		kept.Context = ""
	}
	return wire.Quarantined{
		Site: env.Site, By: wire.ByIngest, Key: env.Key, Source: source,
		Reason: string(no.Reason), Detail: no.Detail,
		Payload: kept.Payload, PayloadCut: cut || kept.Cut, Context: kept.Context,
		Withheld:   kept.Withheld,
		ReceivedAt: env.ReceivedAt, Index: index, Kind: env.Kind, SentAt: env.SentAt,
		Imported: env.Imported, Internal: env.Internal,
	}
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

// discard answers endpoints whose bodies nobody needs.
func discard(w http.ResponseWriter, r *http.Request, _ string) Outcome {
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, MaxBodyBytes)); err != nil {
		return problemOf(readError(err, bodyCut)).answer(w)
	}
	return done(w)
}
