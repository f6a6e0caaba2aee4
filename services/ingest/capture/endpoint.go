package capture

import (
	"mime"
	"net/http"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/journey"
)

// endpoint is a path that takes messages.
type endpoint struct {
	path string
	// kind is what its one message is; KindUnknown: the body holds many.
	kind journey.Kind
	// imported: the messages come from an archive.
	imported bool
	// form of the body where the path says it.
	form form
}

// form takes a body apart.
type form func(body []byte) (admit.Body, *admit.Refusal)

// endpoints are all of them. The short ones are those of browser SDKs.
var endpoints = []endpoint{
	{path: "/v1/track", kind: journey.Track},
	{path: "/v1/page", kind: journey.Page},
	{path: "/v1/screen", kind: journey.Screen},
	{path: "/v1/identify", kind: journey.Identify},
	{path: "/v1/group", kind: journey.Group},
	{path: "/v1/alias", kind: journey.Alias},
	{path: "/v1/batch"},
	{path: "/v1/import", imported: true},
	{path: "/v1/ndjson", form: admit.NDJSON},
	{path: "/v1/events", form: admit.CloudEvents},
	{path: "/v1/t", kind: journey.Track},
	{path: "/v1/p", kind: journey.Page},
	{path: "/v1/s", kind: journey.Screen},
	{path: "/v1/i", kind: journey.Identify},
	{path: "/v1/g", kind: journey.Group},
	{path: "/v1/a", kind: journey.Alias},
	{path: "/v1/b"},
	{path: "/beacon/v1/batch"},
}

// forms are the content types that say what a batch is written in. All others, wrong ones too,
// are the batch of the SDKs: they send it as text/plain and as a form.
var forms = map[string]form{
	"application/x-ndjson":               admit.NDJSON,
	"application/ndjson":                 admit.NDJSON,
	"application/cloudevents+json":       admit.CloudEvents,
	"application/cloudevents-batch+json": admit.CloudEvents,
}

func (e *endpoint) batch() bool { return e.kind == journey.KindUnknown }

// formOf is how the body of a request to the endpoint is read.
func (e *endpoint) formOf(header http.Header) form {
	if e.form != nil {
		return e.form
	}
	if !e.batch() {
		return admit.Single
	}
	stated := header.Get("Content-Type")
	if stated == "" || stated == "application/json" {
		return admit.Batch
	}
	kind, _, _ := mime.ParseMediaType(stated)
	if known := forms[kind]; known != nil {
		return known
	}
	return admit.Batch
}

// split takes the body of a request apart. Errors: *admit.Refusal of the whole body,
// tooManyMessages, contextTooLarge.
func (e *endpoint) split(header http.Header, raw []byte) (admit.Body, error) {
	body, refusal := e.formOf(header)(raw)
	if refusal != nil {
		return admit.Body{}, refusal
	}
	if err := bounded(&body); err != nil {
		return admit.Body{}, err
	}
	body.Envelope.Kind, body.Envelope.Imported = e.kind, e.imported
	return body, nil
}

// bounded tells by nil that a body holds no more than may come at once. Errors: tooManyMessages,
// contextTooLarge.
func bounded(body *admit.Body) error {
	if len(body.Messages) > MaxMessages {
		return tooManyMessages
	}
	if len(body.Messages)*len(body.Envelope.Context) > MaxContextBytes {
		return contextTooLarge
	}
	return nil
}
