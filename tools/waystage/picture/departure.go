package picture

import (
	"strconv"
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// departure draws what those did who went no further: a line of what became of them, and so many of
// the most frequent places where they went.
func (d *drawing) departure(o *funnelv1.Departure, places int) {
	head := d.paint(colorOf(o.GetOutcome()), "  "+Number(o.GetCount())+" "+outcomes[o.GetOutcome()])
	d.line("%s: %s silent, %s went back, %s did something else", head, part(o.GetSilent()),
		part(o.GetWentBack()), part(o.GetDiverted()))
	if places == 0 {
		return
	}
	d.places("next", touchpointParts(o.GetNextTouchpoints(), places))
	d.places("last", touchpointParts(o.GetLastTouchpoints(), places))
	d.places("came by", nameParts(o.GetChannels(), places))
	d.places("barriers", nameParts(o.GetBarriers(), places))
}

func (d *drawing) places(what string, parts []string) {
	if len(parts) > 0 {
		d.hanging("    "+fit(what, len("barriers"))+" ", parts)
	}
}

func part(s *funnelv1.NamedShare) string {
	if s.GetShare() == nil {
		return Number(s.GetCount())
	}
	return percent(s.GetShare().GetValue())
}

func touchpointParts(list []*funnelv1.TouchpointShare, most int) []string {
	var parts []string
	for _, t := range list[:min(len(list), most)] {
		name := strconv.Quote(t.GetEvent())
		if t.GetTouchpoint() != "" {
			name = t.GetTouchpoint()
		}
		if t.GetStage() != "" {
			name += " (" + t.GetStage() + ")"
		}
		parts = append(parts, name+" "+percent(t.GetShare().GetValue()))
	}
	return andMore(parts, len(list))
}

func nameParts(list []*funnelv1.NamedShare, most int) []string {
	var parts []string
	for _, n := range list[:min(len(list), most)] {
		name := n.GetName()
		if n.GetMissing() {
			name = None
		}
		parts = append(parts, strings.TrimSpace(name+" "+percent(n.GetShare().GetValue())))
	}
	return andMore(parts, len(list))
}

// andMore tells that there are others.
func andMore(parts []string, all int) []string {
	if len(parts) < all {
		parts = append(parts, "…")
	}
	return parts
}
