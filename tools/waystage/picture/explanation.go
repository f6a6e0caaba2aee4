package picture

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// mostAttempts is how many attempts are drawn that do not count.
const mostAttempts = 20

// Explanation draws why a unit counts as it does: every attempt as a line scaled to time, what
// filled which step and when, and what ended it. who is what the asker called the unit.
func (p Paper) Explanation(
	w io.Writer, who string, e *funnelv1.ExplainFunnelResponse, now time.Time,
) error {
	d := &drawing{Paper: p}
	d.heading(e.GetFacts())
	names := []string{}
	if who != "" {
		names = append(names, plain(who))
	}
	if e.GetPersonId() != "" {
		names = append(names, "person "+e.GetPersonId())
	}
	d.line("%s", d.paint(bold, fit(strings.Join(names, " · "), d.width())))
	for _, line := range wrap(e.GetReason(), d.width(), 2) {
		d.line("%s", line)
	}
	others := 0
	for i, a := range e.GetAttempts() {
		if !a.GetCounted() {
			if others++; others > mostAttempts {
				continue
			}
		}
		d.line("")
		d.attempt(e, i, a)
	}
	if more := others - mostAttempts; more > 0 {
		d.line("")
		d.line("%s more attempts do not count; --json has them all", Number(more))
	}
	d.legend(e)
	d.facts(e.GetFacts(), now)
	return d.to(w)
}

// attempt draws one attempt.
func (d *drawing) attempt(
	e *funnelv1.ExplainFunnelResponse, i int, a *funnelv1.ExplainedAttempt,
) {
	line := timeLine{of: e, attempt: a}
	color := dim
	if a.GetCounted() {
		color = colorOf(a.GetOutcome())
	}
	head := fmt.Sprintf("attempt %d of %d · %s", i+1, len(e.GetAttempts()), outcomes[a.GetOutcome()])
	if a.GetCounted() {
		head += " · counts"
	}
	if a.GetBucket() > 0 {
		head += fmt.Sprintf(" · in bucket %d of the trend", a.GetBucket())
	}
	d.line("%s", d.paint(bold, head))
	d.line("  %s", d.paint(color, line.draw(d.width()-2)))
	d.moments(line.moments())
	for _, text := range wrap(a.GetReason(), d.width()-2, 0) {
		d.line("  %s", text)
	}
}

// moments writes what happened in an attempt, a line each.
func (d *drawing) moments(list []moment) {
	signs, whats := []string(nil), []string(nil)
	for _, m := range list {
		if m.what != "" {
			signs, whats = append(signs, m.sign), append(whats, m.what)
		}
	}
	sign := widest(signs, 1, 3)
	what := widest(whats, 4, d.width()-2-sign-1-len("2006-01-02 15:04:05")-2-12)
	var first time.Time
	for _, m := range list {
		if m.what == "" {
			continue
		}
		after := ""
		if first.IsZero() {
			first = m.at
		} else {
			after = "+" + Span(max(0, m.at.Sub(first).Seconds()))
		}
		d.line("  %s %s %s  %s", right(m.sign, sign), fit(m.what, what), instant(m.at), after)
	}
}

// timeLine is an attempt on a line.
type timeLine struct {
	of      *funnelv1.ExplainFunnelResponse
	attempt *funnelv1.ExplainedAttempt
}

// moment is a mark on the line. what says it in words; empty: it stands on the line alone.
type moment struct {
	at         time.Time
	sign, what string
}

// Signs on a line.
const (
	excludedSign = "✗"
	besideSign   = "x"
	brokenSign   = "!"
	endSign      = "│"
	openSign     = "▷"
)

// ends says what ended an attempt, and by which sign.
var ends = map[funnelv1.AttemptEnd]struct{ sign, what string }{
	funnelv1.AttemptEnd_ATTEMPT_END_WINDOW:  {endSign, "the window closed"},
	funnelv1.AttemptEnd_ATTEMPT_END_WITHIN:  {endSign, "the time for the next step ran out"},
	funnelv1.AttemptEnd_ATTEMPT_END_RANGE:   {endSign, "the range ended"},
	funnelv1.AttemptEnd_ATTEMPT_END_SESSION: {endSign, "the session ended"},
	funnelv1.AttemptEnd_ATTEMPT_END_OPEN:    {openSign, "it can go on until"},
}

// moments are those of the attempt by time: steps, what ended it, and exclusions that did not.
func (l timeLine) moments() []moment {
	touches := l.of.GetTouchpoints()
	var list []moment
	for _, s := range l.attempt.GetSteps() {
		if t := touchAt(touches, s.GetTouchpoint()); t != nil {
			list = append(list, moment{
				t.GetOccurredAt().AsTime(), strconv.Itoa(int(s.GetStep())),
				labelAt(l.of.GetLabels(), s.GetStep()) + ": " + touchName(t),
			})
		}
	}
	list = append(list, l.beside(list)...)
	at := l.attempt.GetEndedAt().AsTime()
	switch end := l.attempt.GetEnd(); end {
	case funnelv1.AttemptEnd_ATTEMPT_END_DROPPED, funnelv1.AttemptEnd_ATTEMPT_END_REMOVED:
		list = append(list, moment{at, excludedSign, "excluded: " + l.endedBy()})
	case funnelv1.AttemptEnd_ATTEMPT_END_BROKEN:
		list = append(list, moment{at, brokenSign, "in between: " + l.endedBy()})
	default:
		if e, is := ends[end]; is {
			list = append(list, moment{at, e.sign, e.what})
		}
	}
	slices.SortStableFunc(list, func(a, b moment) int { return a.at.Compare(b.at) })
	return list
}

// mostBeside is how many exclusions are drawn that did not end an attempt.
const mostBeside = 5

// beside are the first exclusions that came while the attempt lasted and did not end it.
func (l timeLine) beside(steps []moment) []moment {
	if len(steps) == 0 {
		return nil
	}
	var list []moment
	from, to := steps[0].at, l.attempt.GetEndedAt().AsTime()
	for i, t := range l.of.GetTouchpoints() {
		at := t.GetOccurredAt().AsTime()
		ended := l.attempt.EndedBy != nil && int(l.attempt.GetEndedBy()) == i
		within := !at.Before(from) && !at.After(to)
		if len(t.GetExclusions()) > 0 && !ended && within && len(list) < mostBeside {
			list = append(list, moment{at: at, sign: besideSign})
		}
	}
	return list
}

// endedBy is the touchpoint that ended the attempt.
func (l timeLine) endedBy() string {
	if l.attempt.EndedBy == nil {
		return "a touchpoint"
	}
	return touchName(touchAt(l.of.GetTouchpoints(), l.attempt.GetEndedBy()))
}

func touchAt(list []*funnelv1.ExplainedTouchpoint, i uint32) *funnelv1.ExplainedTouchpoint {
	if int(i) < len(list) {
		return list[i]
	}
	return nil
}

// touchName is a touchpoint's event, with its id in the map where that says more.
func touchName(t *funnelv1.ExplainedTouchpoint) string {
	if t.GetTouchpoint() == "" || t.GetTouchpoint() == t.GetEvent() {
		return plain(t.GetEvent())
	}
	return plain(t.GetEvent() + " (" + t.GetTouchpoint() + ")")
}

// draw draws the line: signs where their moments are, pushed apart where they would cover each
// other; what lies after as_of is dotted.
func (l timeLine) draw(width int) string {
	list := l.moments()
	if len(list) == 0 {
		return ""
	}
	first, last := list[0].at, list[len(list)-1].at
	column := func(at time.Time) int {
		if !last.After(first) {
			return 0
		}
		return int(float64(at.Sub(first)) / float64(last.Sub(first)) * float64(width-1))
	}
	places := apart(list, column, width)
	seen := width
	if asOf := l.of.GetFacts().GetAsOf(); asOf != nil && asOf.AsTime().Before(last) {
		seen = column(asOf.AsTime())
	}
	var line strings.Builder
	at := 0
	for i, m := range list {
		for ; at < places[i]; at++ {
			if at <= seen {
				line.WriteString("─")
			} else {
				line.WriteString("┄")
			}
		}
		line.WriteString(m.sign)
		at += len([]rune(m.sign))
	}
	return line.String()
}

// apart gives each sign its column: that of its moment, or the next one that is free.
func apart(list []moment, column func(time.Time) int, width int) []int {
	places := make([]int, len(list))
	free := 0
	for i, m := range list {
		places[i] = max(free, column(m.at))
		free = places[i] + len([]rune(m.sign))
	}
	for i, end := len(list)-1, width; i >= 0; i-- {
		places[i] = max(0, min(places[i], end-len([]rune(list[i].sign))))
		end = places[i]
	}
	return places
}

// legend says what the signs mean that stand on lines alone.
func (d *drawing) legend(e *funnelv1.ExplainFunnelResponse) {
	for _, a := range e.GetAttempts() {
		for _, m := range (timeLine{of: e, attempt: a}).moments() {
			if m.sign == besideSign {
				d.line("")
				d.line("%s", d.paint(dim, besideSign+" is an exclusion that came where it does not act"))
				return
			}
		}
	}
}
