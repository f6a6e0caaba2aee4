package funnel

// depart finds the leaving of an attempt in what follows its entry: the touches of the instant of
// its last step, filled being one more than that, are those from step to after, what followed them
// goes from there to end. False if none of them fills the step.
func (c *TrailCounter) depart(course TrailCourse, step, after, end int, filled uint8) bool {
	views := c.table.views
	i := after - 1
	for i >= step && course[i].Filled() != filled {
		i--
	}
	if i < step {
		return false
	}
	left := &views[course[i].View()]
	c.leaving.Manner, c.trace.last = Silent, left.place
	var next *trailView
	if after < end {
		next = &views[course[after].View()]
		c.leaving.Manner = left.manner(next)
		c.trace.next, c.trace.last = next.place, views[course[end-1].View()].place
		c.compareNext(course[after:end], next)
		c.compareLast(course[after:end])
	}
	c.compareSteps(course[step:i], filled, next)
	c.findChannel(course[:after])
	c.findBarriers(course[step:end])
	c.tell()
	return true
}

// tell says by name what the trace says by number.
func (c *TrailCounter) tell() {
	t, l := c.table, &c.leaving
	l.trace, l.Last, l.Next = &c.trace, t.places[c.trace.last], Place{}
	if l.Manner != Silent {
		l.Next = t.places[c.trace.next]
	}
	l.Channel = t.channels[c.trace.channel]
}

// manner is that of who left from a view to the next one.
func (v *trailView) manner(next *trailView) Manner {
	if 0 <= next.stage && next.stage < v.stage {
		return WentBack
	}
	return Diverted
}

// compareNext looks whether others of the first instant that followed could have been the next.
func (c *TrailCounter) compareNext(followed TrailCourse, next *trailView) {
	for _, t := range followed[1:] {
		if t.At() != followed[0].At() {
			break
		}
		v := &c.table.views[t.View()]
		c.ambiguous = c.ambiguous || v.place != c.trace.next || v.stage != next.stage
	}
}

// compareLast looks whether others of the last instant could have been the last.
func (c *TrailCounter) compareLast(followed TrailCourse) {
	last := len(followed) - 1
	for i := last - 1; i >= 0 && followed[i].At() == followed[last].At(); i-- {
		c.ambiguous = c.ambiguous || c.table.views[followed[i].View()].place != c.trace.last
	}
}

// compareSteps looks whether it would matter if others of the step's instant had filled it. next is
// nil where nothing followed.
func (c *TrailCounter) compareSteps(before TrailCourse, filled uint8, next *trailView) {
	for _, t := range before {
		if t.Filled() != filled {
			continue
		}
		v := &c.table.views[t.View()]
		if next == nil {
			c.ambiguous = c.ambiguous || v.place != c.trace.last
		} else {
			c.ambiguous = c.ambiguous || v.manner(next) != c.leaving.Manner
		}
	}
}

// findChannel finds the latest channel up to the step.
func (c *TrailCounter) findChannel(until TrailCourse) {
	views := c.table.views
	i := len(until) - 1
	for i >= 0 && views[until[i].View()].channel == 0 {
		i--
	}
	if c.trace.channel = 0; i < 0 {
		return
	}
	c.trace.channel = views[until[i].View()].channel
	for j := i - 1; j >= 0 && until[j].At() == until[i].At(); j-- {
		other := views[until[j].View()].channel
		c.ambiguous = c.ambiguous || other != 0 && other != c.trace.channel
	}
}

// findBarriers finds the barriers that were met.
func (c *TrailCounter) findBarriers(since TrailCourse) {
	c.leaving.Barriers, c.trace.barriers = nil, c.trace.barriers[:0]
	most := len(c.table.barriers) - 1
	if most == 0 {
		return
	}
	if c.turn++; c.turn == 0 {
		clear(c.met)
		c.turn++
	}
	for _, t := range since {
		b := c.table.views[t.View()].barrier
		if b == 0 || c.met[b] == c.turn {
			continue
		}
		c.met[b] = c.turn
		if c.trace.barriers = append(c.trace.barriers, b); len(c.trace.barriers) == most {
			break
		}
	}
	c.nameBarriers()
}

// nameBarriers says by name which barriers the trace has.
func (c *TrailCounter) nameBarriers() {
	if len(c.trace.barriers) == 0 {
		return
	}
	c.barriers = c.barriers[:0]
	for _, b := range c.trace.barriers {
		c.barriers = append(c.barriers, c.table.barriers[b])
	}
	c.leaving.Barriers = c.barriers
}
