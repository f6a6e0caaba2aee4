package picture

import (
	"io"
	"strings"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
)

// messageColumns is the width of a number of messages.
const messageColumns = 13

// Events draws a list of the names of events.
func (p Paper) Events(w io.Writer, list *cataloguev1.ListEventsResponse) error {
	d := &drawing{Paper: p}
	names := make([]string, len(list.GetEvents()))
	for i, e := range list.GetEvents() {
		names[i] = e.GetEvent()
	}
	columns := widest(names, len("event"), d.width()-messageColumns-2*19-3)
	d.line("%s", d.paint(dim, fit("event", columns)+" "+right("messages", messageColumns)+" "+
		fit("first (UTC)", 19)+" last (UTC)"))
	for _, e := range list.GetEvents() {
		d.line("%s %s %s %s", fit(e.GetEvent(), columns), right(Number(e.GetCount()), messageColumns),
			instant(e.GetFirstSeenAt().AsTime()), instant(e.GetLastSeenAt().AsTime()))
	}
	d.more(len(list.GetEvents()), list.GetNextPageToken())
	d.overflow(list.GetOverflow(), "messages were of events", len(list.GetEvents()))
	return d.to(w)
}

// Properties draws a list of the names of properties under their events, and of traits.
func (p Paper) Properties(w io.Writer, list *cataloguev1.ListPropertiesResponse) error {
	d := &drawing{Paper: p}
	names := make([]string, len(list.GetProperties()))
	for i, n := range list.GetProperties() {
		names[i] = n.GetProperty()
	}
	columns := widest(names, len("property"), 24)
	d.line("%s", d.paint(dim, "  "+fit("property", columns)+" "+right("messages", messageColumns)+" "+
		fit("types", typeColumns)+" examples"))
	heading := ""
	for _, n := range list.GetProperties() {
		if h := headingOf(n); h != heading {
			heading = h
			d.line("%s", d.paint(bold, plain(h)))
		}
		d.property(n, columns)
	}
	d.more(len(list.GetProperties()), list.GetNextPageToken())
	d.overflow(list.GetOverflow(), "values were of properties", len(list.GetProperties()))
	return d.to(w)
}

const typeColumns = 15

func headingOf(n *cataloguev1.Property) string {
	if n.GetScope() == cataloguev1.Scope_SCOPE_TRAIT {
		return "traits of persons"
	}
	return n.GetEvent()
}

func (d *drawing) property(n *cataloguev1.Property, columns int) {
	types := make([]string, len(n.GetTypes()))
	for i, t := range n.GetTypes() {
		types[i] = t.GetType()
	}
	room := d.width() - 2 - columns - messageColumns - typeColumns - 3
	d.line("  %s %s %s %s", fit(n.GetProperty(), columns), right(Number(n.GetCount()), messageColumns),
		fit(strings.Join(types, ", "), typeColumns), fit(strings.Join(n.GetExamples(), " "), room))
}

// more says that the list goes on.
func (d *drawing) more(shown int, token string) {
	if token != "" {
		d.line("%s", d.paint(dim, "The first "+Number(shown)+"; --limit 0 lists all."))
	}
}

// overflow says what a full catalogue does not name.
func (d *drawing) overflow(o *cataloguev1.Overflow, what string, shown int) {
	switch {
	case o.GetCount() > 0:
		d.line("%s", d.paint(yellow, "The catalogue is full: "+Number(o.GetCount())+" "+what+
			" that found no room,"))
		d.line("%s", d.paint(yellow, "the last at "+instant(o.GetLastSeenAt().AsTime())+" UTC."))
	case shown == 0:
		d.line("Nothing has been seen yet, or nothing that was asked for.")
	}
}
