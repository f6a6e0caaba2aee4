package api

import (
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

const day = 24 * time.Hour

// preset is what unstated fields mean. What other products set of fields that are not answered
// yet (the effect of exclusions, the first day of a week) needs no place here: those fields are
// refused when they are stated.
type preset struct {
	mode         funnel.RangeMode
	reentry      funnel.Reentry
	window       time.Duration
	simultaneity time.Duration
}

// presets as docs/semantics.md, "Presets", has them.
var presets = map[funnelv1.Compat]preset{
	funnelv1.Compat_COMPAT_UNSPECIFIED: {window: funnel.DefaultWindow},
	funnelv1.Compat_COMPAT_POSTHOG:     {mode: funnel.All, window: 14 * day},
	funnelv1.Compat_COMPAT_MIXPANEL: {
		reentry: funnel.First, window: 7 * day, simultaneity: 2 * time.Second,
	},
	funnelv1.Compat_COMPAT_AMPLITUDE: {window: day, simultaneity: time.Second},
}

func (r *reader) preset(q *funnelv1.FunnelQuestion) preset {
	if !r.enum("question.compat", q.GetCompat()) {
		return presets[funnelv1.Compat_COMPAT_UNSPECIFIED]
	}
	return presets[q.GetCompat()]
}

func (r *reader) window(q *funnelv1.FunnelQuestion, p preset) time.Duration {
	if q.WindowSeconds == nil {
		return p.window
	}
	return r.span("question.window_seconds", q.GetWindowSeconds(), funnel.MinWindow, MaxWindow)
}

// simultaneity refuses every tolerance but 0, one that a preset sets too.
func (r *reader) simultaneity(q *funnelv1.FunnelQuestion, p preset) {
	const field = "question.simultaneity_seconds"
	switch {
	case q.SimultaneitySeconds != nil:
		r.span(field, q.GetSimultaneitySeconds(), 0, MaxWindow)
		r.laterIf(q.GetSimultaneitySeconds() > 0, field, "only 0 is answered yet")
	case p.simultaneity > 0:
		r.later(field, "only 0 is answered yet, and %s sets it to %g; state 0 beside it",
			q.GetCompat(), p.simultaneity.Seconds())
	}
}
