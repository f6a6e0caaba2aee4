package picture

import (
	"io"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// DropOff draws what was lost between the steps, the worst place marked.
func (p Paper) DropOff(w io.Writer, a *funnelv1.AskDropOffResponse, now time.Time) error {
	d := &drawing{Paper: p}
	d.heading(a.GetFacts())
	d.dropOffs(a.GetDropOffs(), shownPlaces)
	for _, g := range a.GetGroups() {
		d.line("")
		d.line("%s", p.paint(bold, plain(groupName(g.GetValues(), g.GetOther()))))
		d.dropOffs(g.GetDropOffs(), 0)
	}
	d.facts(a.GetFacts(), now)
	return d.to(w)
}

// shownPlaces is how many of the most frequent values of a departure are drawn.
const shownPlaces = 5

// dropOffs draws the pairs of steps. places is how many values of departures are drawn, 0 for none
// but what became of them.
func (d *drawing) dropOffs(drops []*funnelv1.DropOff, places int) {
	labels := make([]string, len(drops))
	for i, o := range drops {
		labels[i] = o.GetFromLabel() + " → " + o.GetToLabel()
	}
	count := countColumns(drops)
	label := widest(labels, 8, d.width()-4*(count+1)-len(inWindow)+len("lost")-shareColumns)
	d.line("%s", d.paint(dim, fit("between", label)+" "+right("reached", count)+" "+
		right("went on", count)+" "+right("lost", count)+" "+right(inWindow, max(count, len(inWindow)))+
		" "+right("drop-off", shareColumns)))
	for i, o := range drops {
		d.line("%s %s %s %s %s %s", d.paint(bold, fit(labels[i], label)),
			right(Number(o.GetReached()), count), right(Number(o.GetWentOn()), count),
			right(Number(o.GetLost()), count),
			right(Number(o.GetInWindow()), max(count, len(inWindow))),
			right(share(o.GetDropOff()), shareColumns))
		d.dropOffBar(o)
		for _, leaving := range o.GetDepartures() {
			d.departure(leaving, places)
		}
		d.lostReasons(o.GetReasons())
	}
}

const inWindow = "in window"

// countColumns is the width of the widest count, or of its heading.
func countColumns(drops []*funnelv1.DropOff) int {
	columns := len("reached")
	for _, o := range drops {
		columns = max(columns, len(Number(o.GetReached())))
	}
	return columns
}

// worstMark stands behind the bar of the worst place.
const worstMark = " ◀ worst"

func (d *drawing) dropOffBar(o *funnelv1.DropOff) {
	if o.GetReached() == 0 {
		return
	}
	room := d.width() - len(worstMark)
	part := float64(o.GetReached()-o.GetWentOn()) / float64(o.GetReached())
	mark := ""
	if o.GetWorst() {
		mark = d.paint(red+bold, worstMark)
	}
	d.line("%s%s", d.paint(red, Bar(part, room)), mark)
}
