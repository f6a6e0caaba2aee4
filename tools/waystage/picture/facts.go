package picture

import (
	"fmt"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// heading says which entries are counted.
func (d *drawing) heading(f *funnelv1.AnswerFacts) {
	if f == nil {
		return
	}
	d.line("%s", d.paint(dim, "entries from "+day(f.GetFromTime().AsTime())+
		" to "+day(f.GetToTime().AsTime())+" UTC"))
	d.line("")
}

// facts says what an answer rests on, and what is missing.
func (d *drawing) facts(f *funnelv1.AnswerFacts, now time.Time) {
	if f == nil {
		return
	}
	parts := []string{"no data yet"}
	if f.GetFreshUntil() != nil {
		until := f.GetFreshUntil().AsTime()
		ago := max(0, now.Sub(until)).Seconds()
		parts[0] = fmt.Sprintf("data until %s UTC (%s ago)", instant(until), Span(ago))
	}
	if f.GetMapVersion() > 0 {
		parts = append(parts, fmt.Sprintf("map version %d", f.GetMapVersion()))
	} else {
		parts = append(parts, "no map")
	}
	parts = append(parts,
		Number(int64(f.GetTouchpointsRead()))+" touchpoints read",
		"took "+Span(f.GetTookSeconds()))
	d.line("")
	d.wrapped("", parts)
	for _, warning := range f.GetWarnings() {
		d.line("%s %s", d.paint(yellow, "warning:"), plain(warning))
	}
}

// wrapped writes parts with dots between, in as many lines as they need, each behind the indent.
func (d *drawing) wrapped(indent string, parts []string) {
	const dot = " · "
	line := indent + parts[0]
	for _, part := range parts[1:] {
		if len([]rune(line))+len([]rune(dot))+len([]rune(part)) > d.width() {
			d.line("%s", d.paint(dim, line))
			line = indent + part
			continue
		}
		line += dot + part
	}
	d.line("%s", d.paint(dim, line))
}
