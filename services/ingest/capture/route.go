package capture

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/waystage/waystage/services/internal/conf"
)

// serve answers a request. rest is what the path has in place of the route's open part.
type serve func(w http.ResponseWriter, r *http.Request, rest string) Outcome

// route is a path, or all paths of a form, and what answers there.
type route struct {
	// label names it in metrics. Empty: its requests are not counted.
	label string
	// methods that it takes. None: all of them.
	methods []string
	serve   serve
}

// Methods of routes.
var (
	getMethods  = []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	postMethods = []string{http.MethodPost, http.MethodOptions}
)

func (to *route) answer(w http.ResponseWriter, r *http.Request, rest string) Outcome {
	if to.methods != nil && !slices.Contains(to.methods, r.Method) {
		return methodNotAllowed(w, to.methods)
	}
	return to.serve(w, r, rest)
}

// pattern is the form of paths that hold something open.
type pattern struct {
	prefix, suffix string
	route          *route
}

// routes are all routes. Nothing is ever redirected: senders follow a redirect without their
// body, and browsers do not follow it at all after a preflight.
type routes struct {
	exact    map[string]*route
	patterns []pattern
	nowhere  *route
}

// Labels of routes that hold something open, and of paths where nothing is.
const (
	settingsLabel = "/v1/projects/KEY/settings"
	snippetLabel  = "/analytics.js/v1/KEY/analytics.min.js"
	bundlesLabel  = "/analytics-next/bundles/"
	metricsPath   = "/v1/m"
	sourcePath    = "/sourceConfig"
	nowhereLabel  = "nowhere"
)

// Endpoints are all that Outcome.Endpoint can be.
func Endpoints() []string {
	labels := []string{
		metricsPath, sourcePath, settingsLabel, snippetLabel, bundlesLabel, nowhereLabel,
		collectEndpoint, streamEndpoint, replayEndpoint,
	}
	for i := range endpoints {
		labels = append(labels, endpoints[i].path)
	}
	return labels
}

func (h *Handler) makeRoutes() routes {
	all := routes{exact: map[string]*route{
		metricsPath: {label: metricsPath, methods: postMethods, serve: discard},
		sourcePath:  {label: sourcePath, methods: getMethods, serve: h.sourceConfig},
		"/healthz":  {methods: getMethods, serve: health(func() bool { return true })},
		"/readyz":   {methods: getMethods, serve: health(h.config.Ready)},
	}}
	for i := range endpoints {
		e := &endpoints[i]
		all.exact[e.path] = &route{label: e.path, methods: postMethods, serve: h.receive(e)}
	}
	for _, open := range []struct {
		label, prefix, suffix string
		serve                 serve
	}{
		{settingsLabel, "/v1/projects/", "/settings", h.settings},
		{snippetLabel, "/analytics.js/v1/", "/analytics.min.js", h.config.Snippet.script},
		{bundlesLabel, bundlesLabel, "", h.config.Snippet.bundle},
	} {
		all.patterns = append(all.patterns, pattern{
			open.prefix, open.suffix,
			&route{label: open.label, methods: getMethods, serve: open.serve},
		})
	}
	all.nowhere = &route{label: nowhereLabel, serve: nowhere}
	return all
}

// find gives the route of a path, which is taken as it is meant: "//v1/batch/" is "/v1/batch".
func (all *routes) find(asked string) (to *route, rest string) {
	if to = all.exact[asked]; to != nil {
		return to, ""
	}
	meant := path.Clean("/" + asked)
	if to = all.exact[meant]; to != nil {
		return to, ""
	}
	for _, p := range all.patterns {
		if rest, ok := strings.CutPrefix(meant, p.prefix); ok {
			if rest, ok = strings.CutSuffix(rest, p.suffix); ok && rest != "" {
				return p.route, rest
			}
		}
	}
	return all.nowhere, ""
}

func nowhere(w http.ResponseWriter, _ *http.Request, _ string) Outcome {
	return notFound.answer(w)
}

// health answers by whether something holds.
func health(holds func() bool) serve {
	return func(w http.ResponseWriter, _ *http.Request, _ string) Outcome {
		w.Header().Set(conf.VersionHeader, conf.Version())
		if !holds() {
			return notReady.answer(w)
		}
		return done(w)
	}
}
