package funnel

import (
	"cmp"
	"slices"
)

// subcourse is what an evaluation for one group sees.
type subcourse struct {
	touches []Touch
	// index are the places of touches in the course.
	index []int32
}

// Count finds what counts of a unit. It belongs to the counter and holds until its next Count.
// Errors: ErrTooBig, that of Interrupt.
func (c *Counter) Count(course *Course) (*Counted, error) {
	c.counted, c.work = Counted{Groups: c.counted.Groups[:0]}, 0
	c.times, c.attempts, c.trail.walked = c.times[:0], c.attempts[:0], false
	c.counted.Standing = c.standing(course, course.Touches, nil)
	if len(c.counted.Attempts) == 0 {
		return &c.counted, nil
	}
	factors := c.program.factors
	if len(factors) == 0 {
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

// split finds the keys of a factor.
func (c *Counter) split(course *Course, number int) {
	f, p := &c.program.factors[number], &c.parts[number]
	p.reset()
	switch f.attribution {
	case FirstTouch, LastTouch:
		c.splitOne(course, f, p)
	case OfPerson:
		person := course.Person
		if course.Persons != nil {
			person = course.Persons[c.firstMatch(course)]
		}
		c.addAll(p, f, func(b int) []GroupValue { return person[b] }, func(int32) {})
	default:
		c.splitAll(course, f, p)
	}
}

// firstMatch is the first touch in range that matches a step.
func (c *Counter) firstMatch(course *Course) int {
	begin, end := c.evaluator.inRange(course.Touches)
	for i := begin; i < end; i++ {
		if course.Touches[i].Steps != 0 {
			return i
		}
	}
	return begin
}

// splitOne finds the first or last touch in range that has a value.
func (c *Counter) splitOne(course *Course, f *factor, p *part) {
	begin, end := c.evaluator.inRange(course.Touches)
	for n := range end - begin {
		i := begin + n
		if f.attribution == LastTouch {
			i = end - 1 - n
		}
		values := func(b int) []GroupValue { return course.values(i, b) }
		if !f.matches(course.Touches[i]) || allMissing(f, values) {
			continue
		}
		c.addAll(p, f, values, func(int32) {})
		return
	}
	c.addAll(p, f, func(int) []GroupValue { return absent }, func(int32) {})
}

// addAll adds the keys of a touch or a person, unless they are too many.
func (c *Counter) addAll(
	p *part, f *factor, values func(breakdown int) []GroupValue, each func(key int32),
) {
	n := 1
	for _, b := range f.breakdowns {
		n *= len(values(b))
	}
	if n > MaxGroups {
		n = c.most + 1
	}
	if c.work += n; !c.tooMuch() {
		p.addAll(f, values, each)
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

func allMissing(f *factor, values func(breakdown int) []GroupValue) bool {
	for _, b := range f.breakdowns {
		if !values(b)[0].Missing {
			return false
		}
	}
	return true
}

// splitAll finds every key of the touches that an attempt may see, and which touches carry it.
func (c *Counter) splitAll(course *Course, f *factor, p *part) {
	begin, end := c.evaluator.reach(course.Touches)
	for i := begin; i < end; i++ {
		if !f.matches(course.Touches[i]) {
			continue
		}
		c.addAll(p, f, func(b int) []GroupValue { return course.values(i, b) }, func(key int32) {
			p.carry(f.attribution, key, int32(i))
		})
		if c.tooMuch() {
			return
		}
	}
	slices.SortFunc(p.carried, func(a, b carriage) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.touch, b.touch))
	})
	for i, at := range p.carried {
		if i+1 == len(p.carried) || p.carried[i+1].key != at.key {
			p.ends = append(p.ends, i+1)
		}
	}
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
		if c.interrupted != nil {
			return c.interrupted
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
		if c.interrupted != nil || c.tooMuch() {
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
	begin, end := c.evaluator.reach(course.Touches)
	if f.step == 0 {
		span := c.parts[0].spans[number]
		begin = lowerBound(course.Touches, course.Touches[span.first].At)
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
	if t.Steps != 0 {
		c.sub.touches = append(c.sub.touches, t)
		c.sub.index = append(c.sub.index, int32(i))
	}
}

// evaluate finds what counts in a group: number is the place of its key among those of the first
// factor.
func (c *Counter) evaluate(course *Course, number int, key Key) Standing {
	if c.Interrupt != nil {
		if c.interrupted = c.Interrupt(); c.interrupted != nil {
			return Standing{}
		}
	}
	c.see(course, number, key)
	c.work++
	return c.standing(course, c.sub.touches, c.sub.index)
}

// standing finds what counts of touches; index are their places in the course, nil if all are seen.
func (c *Counter) standing(course *Course, touches []Touch, index []int32) Standing {
	a := c.evaluator.Evaluate(touches)
	if a.Depth == 0 {
		return Standing{}
	}
	from := len(c.times)
	c.times = append(c.times, a.Times...)
	a.Times = c.times[from:len(c.times):len(c.times)]
	at := len(c.attempts)
	c.attempts = append(c.attempts, a)
	s := Standing{Attempts: c.attempts[at : at+1 : at+1]}
	if c.program.question.Departures {
		s.Leavings = []*Leaving{c.trail.leaving(course, touches, index, a)}
		c.work += c.trail.looked
	}
	return s
}
