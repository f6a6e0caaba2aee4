package funnel

import "slices"

// firsts keeps of the touches that may fill a step the first one, where the question asks that.
type firsts struct {
	asOf int64
	// ofTarget and matching have the bits of the steps that only the first touchpoint of their target,
	// and the first that matches them, may fill.
	ofTarget, matching uint32
	course             Course
	touches            []Touch
}

func firstsOf(q *Question) firsts {
	f := firsts{asOf: q.AsOf.UnixMilli()}
	for k := range q.Steps {
		switch q.Steps[k].FirstTime {
		case FirstOfTarget:
			f.ofTarget |= 1 << k
		case FirstMatching:
			f.matching |= 1 << k
		}
	}
	return f
}

// only is a course in which no touch but the first may fill such a step. It holds until the next.
func (f *firsts) only(course *Course) *Course {
	if f.ofTarget|f.matching == 0 {
		return course
	}
	f.touches = slices.Grow(f.touches[:0], len(course.Touches))
	target, matching := f.ofTarget, f.matching
	for i, t := range course.Touches {
		var firstOf uint32
		if t.At <= f.asOf {
			firstOf = matching & t.Steps
			if target != 0 {
				firstOf |= target & course.Named[i]
			}
		}
		t.Steps &^= (f.ofTarget | f.matching) &^ firstOf
		target, matching = target&^firstOf, matching&^firstOf
		f.touches = append(f.touches, t)
	}
	f.course = *course
	f.course.Touches = f.touches
	return &f.course
}
