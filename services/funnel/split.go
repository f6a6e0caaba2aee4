package funnel

import (
	"cmp"
	"slices"
)

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
		if !c.shows(f, course.Touches[i]) || allMissing(f, values) {
			continue
		}
		c.addAll(p, f, values, func(int32) {})
		return
	}
	c.addAll(p, f, func(int) []GroupValue { return absent }, func(int32) {})
}

// shows tells whether the unit's first or last touch of a value is looked for at a touch: one that
// matches a step, under Strict any.
func (c *Counter) shows(f *factor, t Touch) bool {
	return f.matches(t) || c.program.question.Order == Strict
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
	begin, end := c.seeker.rules.sees(course.Touches)
	for i := begin; i < end; i++ {
		if !f.matches(course.Touches[i]) || !course.sees(i) {
			continue
		}
		c.addAll(p, f, func(b int) []GroupValue { return course.values(i, b) }, func(key int32) {
			p.carry(f.attribution, key, int32(i))
		})
		if c.tooMuch() {
			return
		}
	}
	if f.attribution == EveryTouch {
		c.carryOthers(course, f, p)
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

// carryOthers finds which of the touches that match no step carry one of the keys: what attempts
// of the key's group see.
func (c *Counter) carryOthers(course *Course, f *factor, p *part) {
	begin, end := c.seeker.rules.sees(course.Touches)
	for i := begin; i < end && !c.tooMuch(); i++ {
		if t := course.Touches[i]; f.matches(t) || !c.matters(t) {
			continue
		}
		for k, key := range p.keys {
			if c.work++; course.carries(i, f, key) {
				p.carry(f.attribution, int32(k), int32(i))
			}
		}
	}
}
