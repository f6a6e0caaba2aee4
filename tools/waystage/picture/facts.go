package picture

import (
	"fmt"
	"strings"
	"time"

	"github.com/rivo/uniseg"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// heading says which entries are counted.
func (d *drawing) heading(f *funnelv1.AnswerFacts) {
	if f == nil {
		return
	}
	text := entries(f.GetFromTime(), f.GetToTime())
	if d.Unit != "" {
		text += " · a unit is a " + plain(d.Unit)
	}
	d.line("%s", d.paint(dim, text))
	d.line("")
}

// entries says which range is meant.
func entries(from, to *timestamppb.Timestamp) string {
	return "entries from " + day(from.AsTime()) + " to " + day(to.AsTime()) + " UTC"
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
	if f.GetCached() {
		parts = append(parts, "kept from the same question before")
	}
	d.line("")
	d.wrapped("", parts)
	for _, line := range wrap(f.GetWay(), d.width(), 0) {
		d.line("%s", d.paint(dim, line))
	}
	for _, warning := range f.GetWarnings() {
		d.warning(warning)
	}
}

// warning writes a warning in as many lines as it needs.
func (d *drawing) warning(text string) {
	head := "warning:"
	for _, line := range wrap(head+" "+text, d.width(), len(head)+1) {
		d.line("%s%s", d.paint(yellow, head), strings.TrimPrefix(line, head))
		head = ""
	}
}

// wrapped writes parts as hanging does, behind an indent, so that they do not stand out.
func (d *drawing) wrapped(indent string, parts []string) {
	for _, line := range d.dotted(indent, parts) {
		d.line("%s", d.paint(dim, line))
	}
}

// hanging writes a head and parts with dots between, in as many lines as they need; the parts stand
// below each other.
func (d *drawing) hanging(head string, parts []string) {
	for _, line := range d.dotted(head, parts) {
		d.line("%s", line)
	}
}

// dotted gives the lines of hanging, at least one.
func (d *drawing) dotted(head string, parts []string) []string {
	const dot = " · "
	indent := uniseg.StringWidth(head)
	var lines []string
	line, used := head, indent
	for i, part := range parts {
		part = plain(part)
		if room := d.width() - indent; uniseg.StringWidth(part) > room {
			part = fit(part, room)
		}
		switch width := uniseg.StringWidth(part); {
		case i == 0:
			line, used = line+part, used+width
		case used+uniseg.StringWidth(dot)+width > d.width():
			lines = append(lines, line)
			line, used = strings.Repeat(" ", indent)+part, indent+width
		default:
			line, used = line+dot+part, used+uniseg.StringWidth(dot)+width
		}
	}
	return append(lines, line)
}
