package capture

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// MaxReplayed is the number of messages in a request to replay.
const MaxReplayed = 1000

// clocksApart is how far the clocks of two ingests may differ.
const clocksApart = time.Minute

// root is the operator's token.
type root struct {
	hash  [sha256.Size]byte
	there bool
}

func newRoot(token string) root { return root{sha256.Sum256([]byte(token)), token != ""} }

func (r root) is(secret string) bool {
	hash := sha256.Sum256([]byte(secret))
	return r.there && subtle.ConstantTimeCompare(hash[:], r.hash[:]) == 1
}

// replay judges messages of quarantine again.
func (c *Calls) replay(ctx context.Context, read decode) (proto.Message, Outcome, error) {
	o := Outcome{Endpoint: replayEndpoint}
	door, err := c.administrator(ctx)
	if err != nil {
		return nil, o, err
	}
	request := new(collectv1.ReplayRequest)
	if err = c.read(read, request); err != nil {
		return nil, o, err
	}
	hold := hold{budget: &c.handler.budget}
	defer hold.release()
	err = hold.grow(bytesPerBodyByte*proto.Size(request) +
		bytesPerMessage*len(request.GetMessages()))
	if err != nil {
		return nil, o, err
	}
	again, err := c.again(ctx, door, request)
	if err != nil {
		return nil, o, err
	}
	if !request.GetDryRun() {
		if err = c.keepAgain(ctx, &again); err != nil {
			return nil, o, err
		}
		o.Accepted = len(again.accepted)
	}
	return &collectv1.ReplayResponse{Results: again.results}, o, nil
}

// keepAgain keeps messages that were judged again, and marks them only then: a write that fails may
// have kept a part of what it was given, and nobody replays what is marked.
func (c *Calls) keepAgain(ctx context.Context, a *again) error {
	if err := c.handler.keep(ctx, batch{accepted: a.accepted}); err != nil {
		return err
	}
	return c.handler.keep(ctx, batch{refused: a.refused})
}

// administrator opens the door of a call's admin key; the operator's token opens none but may
// replay all: then it is nil. Errors: Unauthenticated, Forbidden, Unavailable.
func (c *Calls) administrator(ctx context.Context) (*Door, error) {
	tokens, err := tokensOf(ctx)
	if err != nil {
		return nil, err
	}
	var door *Door
	for _, token := range tokens {
		if c.root.is(token) {
			return nil, nil //nolint:nilnil // the operator
		}
		if door, err = c.handler.doors.Door(ctx, token); fault.Of(err) != fault.Unauthenticated {
			break
		}
	}
	switch {
	case fault.Of(err) == fault.Unauthenticated:
		return nil, unknownToken
	case err != nil:
		return nil, err
	case door.Kind != journey.AdminKey:
		return nil, &problem{
			status: http.StatusForbidden, code: "not_an_admin_key", message: fmt.Sprintf(
				"this is a %s key, which cannot replay messages: use an admin token of the site",
				door.Kind),
		}
	}
	return door, nil
}

// tokensOf are what may be the token of a call, the likeliest first, as query takes it from its own
// callers: of Basic authorization the password or the user.
func tokensOf(ctx context.Context) ([]string, error) {
	r := requestOf(ctx)
	user, password, basic := r.BasicAuth()
	if basic && password != "" {
		return []string{password, user}, nil
	}
	token, err := secretOfCall(r)
	return []string{token}, err
}

// again are messages that were judged again: those that may enter, and their quarantined selves
// marked as replayed, in a batch; what became of all of them as results.
type again struct {
	batch

	results []*collectv1.Result
}

func (c *Calls) again(
	ctx context.Context, door *Door, request *collectv1.ReplayRequest,
) (again, error) {
	site, err := siteOfReplay(door, request)
	if err != nil {
		return again{}, err
	}
	privacy, err := c.privacyOf(ctx, door, site)
	if err != nil {
		return again{}, err
	}
	a, now := again{}, c.handler.config.Now().Round(0).UTC()
	for i, m := range request.GetMessages() {
		q, err := quarantinedOf(m, site, now)
		if err != nil {
			return again{}, invalid("messages[%d]: %v", i, err)
		}
		env, no := envelopeOf(&q, privacy)
		switch {
		case no != nil && no.Reason == admit.TooLarge:
			a.refuse(no)
		case no != nil:
			return again{}, invalid("messages[%d]: %v", i, no)
		default:
			a.judge(c.handler.config.Rules, &q, &env, now)
		}
	}
	return a, nil
}

// judge judges one message by the rules of now, as received when it was.
func (a *again) judge(rules admit.Rules, q *wire.Quarantined, env *admit.Envelope, now time.Time) {
	if q.By != wire.ByIngest || q.PayloadCut || q.Withheld {
		a.results = append(a.results, refusedResult("", q.Reason,
			"this message cannot be judged again: it was not kept whole, or not refused by ingest"))
		return
	}
	message, no := messageOf(q)
	if no != nil {
		a.refuse(no)
		return
	}
	fact, no := rules.Admit(env, q.Index, message)
	if no != nil {
		a.refuse(no)
		return
	}
	a.results = append(a.results, &collectv1.Result{MessageId: string(fact.Message)})
	a.accepted = append(a.accepted, fact)
	marked := *q
	marked.ReplayedAt = now
	a.refused = append(a.refused, marked)
}

func (a *again) refuse(no *admit.Refusal) {
	a.results = append(a.results, refusedResult(no.Message, string(no.Reason), no.Detail))
}

// messageOf is a quarantined message as Admit reads it: where events may come in, it may be one
// that was never written as a message.
func messageOf(q *wire.Quarantined) ([]byte, *admit.Refusal) {
	for i := range endpoints {
		if e := &endpoints[i]; e.path == q.Source && e.batch() {
			return admit.Again(q.Payload)
		}
	}
	return q.Payload, nil
}

// siteOfReplay is the site of a request. Errors: Invalid, Forbidden (the door is another site's).
func siteOfReplay(door *Door, request *collectv1.ReplayRequest) (journey.SiteID, error) {
	id, named := strings.CutPrefix(request.GetParent(), "sites/")
	site := journey.SiteID(id)
	if !named || !site.Valid() {
		return "", invalid(`parent: want "sites/{site}"`)
	}
	if n := len(request.GetMessages()); n == 0 || n > MaxReplayed {
		return "", invalid("messages: %d of them: send 1 to %d", n, MaxReplayed)
	}
	if door != nil && door.Site != site {
		return "", &problem{
			status: http.StatusForbidden, code: "another_site", message: "this token does not open " +
				request.GetParent() + ": use one of its own",
		}
	}
	return site, nil
}

func invalid(format string, args ...any) error {
	return &problem{
		status: http.StatusBadRequest, code: badRequest.code, message: fmt.Sprintf(format, args...),
	}
}

// privacyOf are a site's settings as they are now. Errors: Invalid (no such site), Unavailable.
func (c *Calls) privacyOf(
	ctx context.Context, door *Door, id journey.SiteID,
) (*admit.Privacy, error) {
	if door != nil {
		return door.Privacy, nil
	}
	site, err := c.sites.Site(ctx, id)
	switch {
	case err == nil:
		return admit.NewPrivacy(site.Privacy), nil
	case fault.Of(err) == fault.NotFound:
		return nil, invalid("parent: there is no such site")
	default:
		return nil, fault.Wrap(fault.Unavailable, err,
			"the settings of the site cannot be looked up now: try again")
	}
}

// quarantinedOf reads a message out of quarantine that must be of the site.
func quarantinedOf(
	m *collectv1.QuarantinedMessage, site journey.SiteID, now time.Time,
) (wire.Quarantined, error) {
	q, err := wire.QuarantinedOf(m)
	switch {
	case err != nil:
		return q, fmt.Errorf("reading it: %w", err)
	case q.Site != site:
		return q, fmt.Errorf("it is not of the site %s", site)
	case q.ReceivedAt.After(now.Add(clocksApart)):
		return q, fmt.Errorf("received_at is still to come: it is %s now", now.Format(time.RFC3339))
	}
	return q, nil
}

// envelopeOf is what came around a message when it was received, under the settings of now.
// Refusals: those of its context.
func envelopeOf(
	q *wire.Quarantined, privacy *admit.Privacy,
) (admit.Envelope, *admit.Refusal) {
	context, no := admit.ContextOf([]byte(q.Context))
	if no != nil {
		return admit.Envelope{}, no
	}
	return admit.Envelope{
		Site: q.Site, Key: q.Key, Kind: q.Kind, Imported: q.Imported, ReceivedAt: q.ReceivedAt,
		SentAt: q.SentAt, Context: context, Privacy: privacy, Internal: q.Internal,
	}, nil
}
