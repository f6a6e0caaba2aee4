package api

import (
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
)

const day = 24 * time.Hour

// preset is what unstated fields mean.
type preset struct {
	mode         funnel.RangeMode
	reentry      funnel.Reentry
	window       time.Duration
	simultaneity time.Duration
	// effect is that of exclusions.
	effect funnel.Effect
	// weekStart is the first day of a trend's weeks.
	weekStart time.Weekday
}

// presets as docs/semantics.md, "Presets", has them.
var presets = map[funnelv1.Compat]preset{
	funnelv1.Compat_COMPAT_UNSPECIFIED: {window: funnel.DefaultWindow, weekStart: time.Monday},
	funnelv1.Compat_COMPAT_POSTHOG: {
		mode: funnel.All, window: 14 * day, effect: funnel.Remove, weekStart: time.Sunday,
	},
	funnelv1.Compat_COMPAT_MIXPANEL: {
		reentry: funnel.First, window: 7 * day, simultaneity: 2 * time.Second,
		weekStart: time.Monday,
	},
	funnelv1.Compat_COMPAT_AMPLITUDE: {
		window: day, simultaneity: time.Second, weekStart: time.Monday,
	},
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

func (r *reader) simultaneity(q *funnelv1.FunnelQuestion, p preset) time.Duration {
	if q.SimultaneitySeconds == nil {
		return p.simultaneity
	}
	return r.span("question.simultaneity_seconds", q.GetSimultaneitySeconds(), 0, MaxWindow)
}
