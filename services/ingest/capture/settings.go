package capture

import (
	"encoding/json"
	"net/http"
	"strings"
)

// settingsDocument tells Segment's browser SDK where to send. It holds what the SDK reads.
type settingsDocument struct {
	Integrations struct {
		Segment destination `json:"Segment.io"` //nolint:tagliatelle // the SDK's name
	} `json:"integrations"`
	Metrics struct {
		SampleRate int `json:"sampleRate"`
	} `json:"metrics"`
}

type destination struct {
	APIKey   string `json:"apiKey"`
	APIHost  string `json:"apiHost"`
	Protocol string `json:"protocol"`
}

// settings answers for any key, without looking it up: an SDK whose settings are refused sends
// nothing, ever, and every call on its page hangs. A key that is wrong gets its 401 when it sends.
func (h *Handler) settings(w http.ResponseWriter, r *http.Request, key string) Outcome {
	var document settingsDocument
	document.Integrations.Segment = destination{APIKey: key}
	to := &document.Integrations.Segment
	to.Protocol, to.APIHost = h.whereabouts(r)
	return h.document(w, document)
}

// document answers with what an SDK asks for before it sends.
func (h *Handler) document(w http.ResponseWriter, document any) Outcome {
	body, err := json.Marshal(document)
	if err != nil {
		h.observe.Failed(err)
		return internal.answer(w)
	}
	header := w.Header()
	header["Content-Type"] = jsonType
	// Not by a cache for many: what is right depends on who has asked, and how.
	header.Set("Cache-Control", "private, max-age=300")
	_, _ = w.Write(body)
	return ok
}

// whereabouts is where the sender of a request finds this server: the protocol, and the host with
// the path of the API, without a scheme.
func (h *Handler) whereabouts(r *http.Request) (protocol, apiHost string) {
	if public := h.config.Public; public != nil {
		return public.Scheme, public.Host + strings.TrimRight(public.EscapedPath(), "/") + "/v1"
	}
	protocol = "http"
	if h.config.Proxies.secure(r) {
		protocol = "https"
	}
	return protocol, r.Host + "/v1"
}

// sourceDocument is what RudderStack's browser SDK asks of its control plane before it sends
// anything: that the source is there, and that it has no destinations of its own.
type sourceDocument struct {
	Source source `json:"source"`
}

type source struct {
	ID           string       `json:"id"`
	Name         string       `json:"name"`
	WriteKey     string       `json:"writeKey"`
	WorkspaceID  string       `json:"workspaceId"`
	Enabled      bool         `json:"enabled"`
	Destinations []any        `json:"destinations"`
	Connections  []any        `json:"connections"`
	Config       sourceConfig `json:"config"`
}

type sourceConfig struct {
	// StatsCollection keeps the SDK from reporting about itself to its makers.
	StatsCollection struct {
		Errors  enabled `json:"errors"`
		Metrics enabled `json:"metrics"`
	} `json:"statsCollection"`
}

type enabled struct {
	Enabled bool `json:"enabled"`
}

// sourceConfig answers for any key, as settings does.
func (h *Handler) sourceConfig(w http.ResponseWriter, r *http.Request, _ string) Outcome {
	key, err := secretOf(r)
	if err != nil {
		return problemOf(err).answer(w)
	}
	if key == "" {
		return missingKey.answer(w)
	}
	return h.document(w, sourceDocument{source{
		ID: key, Name: "Waystage", WriteKey: key, WorkspaceID: "waystage", Enabled: true,
		Destinations: []any{}, Connections: []any{},
	}})
}
