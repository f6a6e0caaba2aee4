package capture

import (
	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/journey"
)

// endpoint is a path that takes messages.
type endpoint struct {
	path string
	// kind is what its one message is; KindUnknown: the body is a batch.
	kind journey.Kind
	// imported: the messages come from an archive.
	imported bool
}

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
	{path: "/v1/t", kind: journey.Track},
	{path: "/v1/p", kind: journey.Page},
	{path: "/v1/s", kind: journey.Screen},
	{path: "/v1/i", kind: journey.Identify},
	{path: "/v1/g", kind: journey.Group},
	{path: "/v1/a", kind: journey.Alias},
	{path: "/v1/b"},
	{path: "/beacon/v1/batch"},
}

func (e endpoint) batch() bool { return e.kind == journey.KindUnknown }

// split takes a body apart. Errors: *admit.Refusal of the whole body, tooManyMessages,
// contextTooLarge.
func (e endpoint) split(bytes []byte) (admit.Body, error) {
	read := admit.Single
	if e.batch() {
		read = admit.Batch
	}
	body, refusal := read(bytes)
	if refusal != nil {
		return admit.Body{}, refusal
	}
	if len(body.Messages) > MaxMessages {
		return admit.Body{}, tooManyMessages
	}
	if len(body.Messages)*len(body.Envelope.Context) > MaxContextBytes {
		return admit.Body{}, contextTooLarge
	}
	body.Envelope.Kind, body.Envelope.Imported = e.kind, e.imported
	return body, nil
}
