package funnel

// subcourse is what an evaluation for one group sees.
type subcourse struct {
	touches []Touch
	// index are the places of touches in the course.
	index []int32
}

// Count finds what counts of a unit. It belongs to the counter and holds until its next Count. A
// unit that leaves the funnel as a whole may still stand in groups that see only a part of what it
// did. Errors: ErrTooBig, that of Interrupt.
func (c *Counter) Count(course *Course) (*Counted, error) {
	c.reset()
	course = c.firsts.only(course)
	opened := false
	c.counted.Standing, opened = c.standing(course, course.Touches, nil)
	factors := c.program.factors
	if c.err != nil || !opened || len(factors) == 0 {
		return &c.counted, c.err
	}
	if len(c.counted.Attempts) == 0 && !factors[0].attribution.several() {
		return &c.counted, nil
	}
	for i := range factors {
		if c.split(course, i); c.tooMuch() {
			return nil, ErrTooBig
		}
		if len(c.parts[i].keys) == 0 {
			return &c.counted, nil
		}
	}
	return &c.counted, c.group(course)
}

// reset turns to the next unit.
func (c *Counter) reset() {
	c.begin()
	c.interrupt = c.Interrupt
	c.counted = Counted{Groups: c.counted.Groups[:0]}
	c.times, c.attempts, c.trail.walked = c.times[:0], c.attempts[:0], false
	c.leavings, c.buckets = c.leavings[:0], c.buckets[:0]
	if c.scout != nil {
		c.scout.reset()
	}
}

// tooMuch tells that the unit cannot be evaluated: it would take too long, or stands in more groups
// or has more values than may be kept.
func (c *Counter) tooMuch() bool {
	if c.work > c.most || len(c.counted.Groups) > MaxGroups {
		return true
	}
	for i := range c.program.factors {
		if p := &c.parts[i]; len(p.keys) > MaxGroups || len(p.carried) > maxCarried {
			return true
		}
	}
	return false
}

// matters tells whether attempts look at a touch.
func (c *Counter) matters(t Touch) bool {
	return t.Steps != 0 || t.Exclusions != 0 || c.program.question.Order == Strict
}

// group evaluates the unit for each of its groups.
func (c *Counter) group(course *Course) error {
	factors := c.program.factors
	counted := c.counted.Standing
	for i, key := range c.parts[0].keys {
		if factors[0].attribution.several() && !c.bothSeveral() {
			counted = c.evaluate(course, i, key)
		}
		if len(factors) == 1 {
			c.add(counted, key)
		} else {
			c.combine(course, i, counted)
		}
		if c.err != nil {
			return c.err
		}
		if c.tooMuch() {
			return ErrTooBig
		}
	}
	return nil
}

// combine adds the groups of a key of the first factor with every one of the second.
func (c *Counter) combine(course *Course, i int, counted Standing) {
	f := &c.program.factors[1]
	for _, other := range c.parts[1].keys {
		if c.err != nil || c.tooMuch() {
			return
		}
		key := merged(c.parts[0].keys[i], other, f)
		if c.bothSeveral() {
			counted = c.evaluate(course, i, key)
		}
		c.add(counted, key)
	}
}

func (c *Counter) bothSeveral() bool {
	f := c.program.factors
	return len(f) > 1 && f[1].attribution.several()
}

func merged(key, other Key, f *factor) Key {
	for _, b := range f.breakdowns {
		key[b] = other[b]
	}
	return key
}

func (c *Counter) add(s Standing, key Key) {
	if len(s.Attempts) > 0 {
		c.counted.Groups = append(c.counted.Groups, Grouped{key, s})
	}
}

// see gathers what is seen in a group: under EveryTouch the touches that carry its value; those
// that do not carry that of StepTouch do not match the step. What comes before the first touch
// that may open an attempt, or after the windows of all of them, makes no difference and is left
// out: so a unit with a value of its own at each first step takes no square of the time.
func (c *Counter) see(course *Course, number int, key Key) {
	c.sub.touches, c.sub.index = c.sub.touches[:0], c.sub.index[:0]
	f := &c.program.factors[0]
	if f.attribution == EveryTouch {
		for _, at := range c.parts[0].of(number) {
			c.seeTouch(course, int(at.touch), key)
		}
		return
	}
	begin, end := c.seeker.rules.sees(course.Touches)
	if f.step == 0 && c.program.question.Order != Any {
		span := c.parts[0].spans[number]
		begin = max(begin, lowerBound(
			course.Touches, course.Touches[span.first].At-c.seeker.rules.slack))
		end = min(end, lowerBound(
			course.Touches, course.Touches[span.last].At+c.evaluator.window+1))
	}
	for i := begin; i < end; i++ {
		c.seeTouch(course, i, key)
	}
}

func (c *Counter) seeTouch(course *Course, i int, key Key) {
	t := course.Touches[i]
	c.work++
	for n := range c.program.factors {
		f := &c.program.factors[n]
		if f.attribution != StepTouch || !f.matches(t) {
			continue
		}
		c.work += len(course.values(i, f.breakdowns[0])) - 1
		if !course.carries(i, f, key) {
			t.Steps &^= 1 << f.step
		}
	}
	if c.matters(t) {
		c.sub.touches = append(c.sub.touches, t)
		c.sub.index = append(c.sub.index, int32(i))
	}
}

// evaluate finds what counts in a group: number is the place of its key among those of the first
// factor.
func (c *Counter) evaluate(course *Course, number int, key Key) Standing {
	if c.ask(); c.err != nil {
		return Standing{}
	}
	c.see(course, number, key)
	c.work++
	s, _ := c.standing(course, c.sub.touches, c.sub.index)
	return s
}
