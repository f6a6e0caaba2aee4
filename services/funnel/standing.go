package funnel

import "slices"

// standing finds what counts of touches; index are their places in the course, nil if all are seen.
// opened tells that some touch opened an attempt.
func (c *Counter) standing(
	course *Course, touches []Touch, index []int32,
) (s Standing, opened bool) {
	seen := &scene{course: course, touches: touches, index: index}
	if c.plain || c.fenced && !slices.ContainsFunc(touches, Touch.excluded) {
		return c.plainStanding(seen)
	}
	if !c.seeker.seek(seen) {
		return Standing{}, false
	}
	attempts, buckets := len(c.attempts), len(c.buckets)
	for i := range c.seeker.winners {
		c.attempts = append(c.attempts, c.attempt(&c.seeker.winners[i]))
	}
	for i := range c.seeker.bucketed {
		w := &c.seeker.bucketed[i]
		c.buckets = append(c.buckets, Bucketed{w.bucket, c.attempt(w)})
	}
	s.Attempts = c.attempts[attempts:len(c.attempts):len(c.attempts)]
	s.Buckets = c.buckets[buckets:len(c.buckets):len(c.buckets)]
	if c.follows() {
		for i := range s.Attempts {
			w := &c.seeker.winners[i]
			c.follow(seen, &s, s.Attempts[i], w.entry.place, w.endsAt)
		}
	}
	return s, true
}

// attempt is what a winner gives, its times kept for the unit.
func (c *Counter) attempt(w *winner) (a Attempt) {
	a, c.times = w.attempt(c.seeker.rules, c.times)
	return a
}

// excluded tells that it is an exclusion.
func (t Touch) excluded() bool { return t.Exclusions != 0 }

// plainStanding is standing for plain questions, and for units that met no exclusion of those that
// have no other option.
func (c *Counter) plainStanding(seen *scene) (s Standing, opened bool) {
	a := c.evaluator.Evaluate(seen.touches)
	if a.Depth == 0 {
		return Standing{}, false
	}
	at := len(c.attempts)
	c.attempts = append(c.attempts, c.keep(a))
	s.Attempts = c.attempts[at : at+1 : at+1]
	a = s.Attempts[0]
	if len(c.seeker.bounds) > 0 {
		s.Buckets = plainBuckets(c, evaluating{c.evaluator, seen.touches}, a)
	}
	if c.follows() {
		c.follow(seen, &s, a, -1, a.Times[0]+c.seeker.rules.window)
	}
	return s, true
}

// keep keeps the times of an attempt for the unit.
func (c *Counter) keep(a Attempt) Attempt {
	from := len(c.times)
	c.times = append(c.times, a.Times...)
	a.Times = c.times[from:len(c.times):len(c.times)]
	return a
}

// entries are the touchpoints of a unit, as attempts of a plain question see them.
type entries interface {
	// nextEntry is the first instant from one on at which an attempt opens; false if there is none.
	nextEntry(from int64) (at int64, found bool)
	// bestOf finds the best of the attempts that open between two instants, the second outside, and
	// says how many touchpoints it looked at.
	bestOf(opens, closes int64) (best Attempt, looked int)
}

// plainBuckets are the best attempts of the buckets that have one, where a is that of the whole.
func plainBuckets[E entries](c *Counter, of E, a Attempt) []Bucketed {
	from, r := len(c.buckets), c.seeker.rules
	if r.reentry == First {
		c.buckets = append(c.buckets, Bucketed{c.seeker.bucketAt(a.Times[0]), a})
		return c.buckets[from:len(c.buckets):len(c.buckets)]
	}
	for opens := r.from; opens < r.to; {
		at, found := of.nextEntry(opens)
		if !found {
			break
		}
		bucket := c.seeker.bucketAt(at)
		opens = c.seeker.endOf(bucket)
		best, looked := of.bestOf(at, opens)
		c.buckets = append(c.buckets, Bucketed{bucket, c.keep(best)})
		if !c.spend(looked) {
			break
		}
	}
	return c.buckets[from:len(c.buckets):len(c.buckets)]
}

// follows tells whether units are followed after their last step, or between steps.
func (c *Counter) follows() bool { return c.program.question.Departures || c.scout != nil }

// follow finds out what a unit did beside filling the steps of an attempt whose entry is at a place
// in what is seen (-1: any) and which ended at an instant.
func (c *Counter) follow(seen *scene, s *Standing, a Attempt, entry int32, end int64) {
	r := c.seeker.rules
	if end = min(end, r.asOf); r.all {
		end = min(end, r.to-1)
	}
	if c.program.question.Departures {
		from, at := len(c.leavings), c.goodbye(seen, a, entry)
		at.end = end
		var l *Leaving
		if !a.Converted {
			l = c.trail.leaving(seen.course, at)
			c.work += c.trail.looked
		}
		c.leavings = append(c.leavings, l)
		s.Leavings = c.leavings[from-len(s.Leavings) : from+1 : from+1]
	}
	if c.scout != nil {
		first := c.scout.found() - len(s.Passages)
		c.scout.follow(seen.course, a, end)
		s.Passages = c.scout.since(first)
		c.work += c.scout.looked
	}
}

// goodbye is where an attempt got to: at the last touch seen at the instant of its deepest step
// that matches it.
func (c *Counter) goodbye(seen *scene, a Attempt, entry int32) goodbye {
	r := c.seeker.rules
	k := a.Depth - 1
	if r.order != Any {
		k = r.deepest(a.Filled)
	}
	g := goodbye{entry: a.Times[0], at: a.Times[k]}
	mask := uint32(1) << k
	if r.order == Any {
		mask = r.mask()
	}
	for i := lowerBound(seen.touches, g.at+1) - 1; i >= 0 && seen.touches[i].At == g.at; i-- {
		if seen.touches[i].Steps&mask != 0 && (entry < 0 || seen.together(int32(i), entry)) {
			g.step = seen.place(int32(i))
			break
		}
	}
	return g
}
