package journey

import (
	"cmp"
	"slices"
)

// maxUnmapped is how many unmapped events Lint names.
const maxUnmapped = 100

// lintStream compares the map with what has come.
func (l *linter) lintStream() {
	if l.by.Stream == nil {
		return
	}
	if len(l.by.Stream.Events) == 0 {
		l.add(LintNote, "touchpoints", "the site has sent nothing yet; lint again when it has")
		return
	}
	seen := map[string]bool{}
	for i := range l.by.Stream.Events {
		seen[l.by.Stream.Events[i].Event] = true
	}
	for i := range l.Touchpoints {
		l.lintSeen(&l.Touchpoints[i], at("touchpoints", i), seen)
	}
	l.lintUnmapped()
}

// lintSeen reports live touchpoints whose events never came, and others whose events did.
func (l *linter) lintSeen(t *Touchpoint, path string, seen map[string]bool) {
	came := slices.ContainsFunc(t.Events, func(e string) bool { return seen[e] })
	switch {
	case t.Repeat != nil || len(t.Events) == 0:
	case t.Status == Live && !came && !l.by.Stream.Full:
		l.add(LintWarning, path+".events", "%q has never been seen: no %s has come; check how the site "+
			"spells it, or make the touchpoint planned", t.ID, quoted(t.Events))
	case t.Status != Live && came:
		l.add(LintWarning, path, "%q is %s, but %s has come; make it live", t.ID, t.Status,
			quoted(t.Events))
	}
}

// lintUnmapped names the events that the map does not know, the most frequent first.
func (l *linter) lintUnmapped() {
	listed := l.namedEvents()
	var unmapped []Seen
	for _, s := range l.by.Stream.Events {
		if !listed[s.Event] {
			unmapped = append(unmapped, s)
		}
	}
	slices.SortFunc(unmapped, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Event, b.Event))
	})
	for i, s := range unmapped {
		if i == maxUnmapped {
			l.add(LintNote, "touchpoints", "%d more events are no touchpoint of the map",
				len(unmapped)-maxUnmapped)
			return
		}
		l.add(LintNote, "touchpoints", "the event %q is no touchpoint of the map; it came %d times, "+
			"last on %s: add one that lists it, or stop sending it", clipped(s.Event), s.Count,
			s.LastAt.UTC().Format("2006-01-02"))
	}
}

// namedEvents are those that touchpoints, personas or KPIs name, or that questions know.
func (l *linter) namedEvents() map[string]bool {
	names := slices.Concat(exposureEvents, l.PersonNeeds().Events)
	for i := range l.Touchpoints {
		names = append(names, l.Touchpoints[i].Events...)
	}
	for i := range l.KPIs {
		if f := l.KPIs[i].Formula; f != nil {
			for _, s := range []*KPISubject{&f.Of, f.Among, f.To} {
				if s != nil {
					names = append(names, s.Event)
				}
			}
		}
	}
	named := make(map[string]bool, len(names))
	for _, name := range names {
		named[name] = true
	}
	return named
}
