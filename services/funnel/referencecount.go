package funnel

import "slices"

// count finds what counts of the unit.
func (u *knownUnit) count(q Question) Counted {
	c := Counted{Standing: u.evaluate(q, u.seen)}
	if len(q.Breakdowns) == 0 {
		return c
	}
	for _, key := range u.candidates(q) {
		seen, stands := u.within(q, key)
		if !stands {
			continue
		}
		if s := u.evaluate(q, seen); len(s.Attempts) > 0 {
			c.Groups = append(c.Groups, Grouped{key, s})
		}
	}
	return c
}

// evaluate finds what counts of what is seen, by the general way: plain questions too.
func (u *knownUnit) evaluate(q Question, seen []seenTouch) Standing {
	seeker := newSeeker(&q, &meter{most: 1 << 62})
	course := u.course(q, seen)
	seeker.seek(&scene{course: course, touches: course.Touches})
	var s Standing
	for i := range seeker.winners {
		w := &seeker.winners[i]
		a, _ := w.attempt(seeker.rules, nil)
		s.Attempts = append(s.Attempts, a)
		if q.Departures {
			s.Leavings = append(s.Leavings, u.leaving(q, seen, w, a))
		}
		if q.Reasons != nil {
			s.Passages = append(s.Passages, u.passed(q, a, u.endOf(q, w))...)
		}
	}
	for i := range seeker.bucketed {
		w := &seeker.bucketed[i]
		a, _ := w.attempt(seeker.rules, nil)
		s.Buckets = append(s.Buckets, Bucketed{w.bucket, a})
	}
	return s
}

// course is what attempts look at.
func (u *knownUnit) course(q Question, seen []seenTouch) *Course {
	c := &Course{}
	for i := range seen {
		c.Touches = append(c.Touches, seen[i].Touch)
		if len(q.Hold) > 0 {
			c.Holds = append(c.Holds, u.holdOf(&seen[i]))
		}
		if q.Count == PerSession {
			c.Sessions = append(c.Sessions, u.sessionOf(seen[i].At))
		}
	}
	gap := SessionGap.Milliseconds()
	for i, at := range u.instants {
		if q.Count == PerSession && (i+1 == len(u.instants) || u.instants[i+1]-at > gap) {
			c.SessionEnds = append(c.SessionEnds, at)
		}
	}
	return c
}

// holdOf is the place of the first touchpoint with the same values held, -1 without all of them.
func (u *knownUnit) holdOf(t *seenTouch) int32 {
	if !t.held {
		return -1
	}
	return int32(slices.IndexFunc(u.seen, func(o seenTouch) bool {
		return o.held && o.hold == t.hold
	}))
}

// sessionOf is how many sessions ended before an instant.
func (u *knownUnit) sessionOf(at int64) (n int32) {
	for i := 1; i < len(u.instants) && u.instants[i] <= at; i++ {
		if u.instants[i]-u.instants[i-1] > SessionGap.Milliseconds() {
			n++
		}
	}
	return n
}

// endOf is the last instant of an attempt that is seen.
func (u *knownUnit) endOf(q Question, w *winner) int64 {
	end := min(w.endsAt, q.AsOf.UnixMilli())
	if q.Mode == All {
		end = min(end, q.To.UnixMilli()-1)
	}
	return end
}
