package funnel

import "slices"

// fewEntries is the number up to which entries are tried without asking for their prospects.
const fewEntries = 2

// elect finds the best attempt of entries of one lane, in shown order.
func (s *seeker) elect(to *election, entries []entry) {
	l := &s.all[entries[0].lane]
	if len(entries) <= fewEntries {
		for _, e := range entries {
			s.stand(to, e, forever)
		}
		return
	}
	s.sorted = append(s.sorted[:0], entries...)
	slices.SortFunc(s.sorted, comparePromise)
	s.spend(len(entries))
	for i := range s.sorted {
		e := &s.sorted[i]
		if e.depth < to.best.depth || s.err != nil {
			break
		}
		if to.hopes(e) {
			s.stand(to, *e, s.until(to))
		}
	}
	if s.count != PerSession && to.best.end != EndConverted && !to.open {
		s.lookOpen(to, l, entries)
	}
}

// hopes tells whether an attempt may be better than the best so far, or void and deeper.
func (to *election) hopes(e *entry) bool {
	best := &to.best
	switch {
	case e.end == EndRemoved:
		return e.depth > max(best.depth, to.void)
	case best.depth == 0 || e.depth > best.depth:
		return true
	case best.hit() && e.end != EndDropped:
		return true
	case best.hit():
		return best.beatenAt(e.soonest, e.place)
	default:
		return e.end != EndDropped && best.beatenAt(e.clean, e.place)
	}
}

// beatenAt tells whether an attempt as deep wins whose deepest step comes at an instant.
func (t *tried) beatenAt(at int64, place int32) bool {
	return at < t.deepest || at == t.deepest && place > t.entry.place
}

// until is the last instant of interest: where the earliest choice is the best, that of the
// conversion found.
func (s *seeker) until(to *election) int64 {
	if to.best.depth > 0 && to.best.end == EndConverted &&
		(s.rules.order == Any || s.rules.direct) {
		return to.best.deepest
	}
	return forever
}

// lookOpen looks for an attempt that can still convert, from the newest entry back.
func (s *seeker) lookOpen(to *election, l *lane, entries []entry) {
	r := s.rules
	if r.all && r.to <= r.asOf || l.ends <= r.asOf || !r.mayBeOpen(l) {
		return
	}
	for i := len(entries) - 1; i >= 0 && !to.open && s.err == nil; i-- {
		e := entries[i]
		opened := l.touches[e.at].At
		if opened+r.window <= r.asOf {
			return
		}
		if r.barrier(l, opened) == forever {
			_, _, to.open = s.try(e, forever)
		}
		if r.direct {
			return
		}
	}
}
