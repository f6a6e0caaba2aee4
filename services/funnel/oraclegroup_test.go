package funnel

import "slices"

// bruteGroups is what counts of the unit by the one breakdown of the question, which must be by
// touchpoints: "ALL: evaluated once per value, seeing only touchpoints that carry it"; "STEP n: evaluated
// once per value among the touchpoints it sees that match step n, step n having to carry it; a unit
// without one is left out".
func bruteGroups(l life) map[Key]Standing {
	groups := make(map[Key]Standing)
	if b := l.Breakdowns[0]; b.Attribution == FirstTouch || b.Attribution == LastTouch {
		o := newBrute(l)
		if s := o.standing(); len(s.Attempts) > 0 {
			for _, v := range o.oneValue(b.Attribution) {
				groups[KeyOf(v)] = s
			}
		}
		return groups
	}
	for _, v := range []GroupValue{{Value: "x"}, {Value: "y"}, {Missing: true}} {
		o := newBrute(l)
		if !o.restrict(l.Breakdowns[0], v) {
			continue
		}
		if s := o.standing(); len(s.Attempts) > 0 {
			groups[KeyOf(v)] = s
		}
	}
	return groups
}

// restrict leaves what an evaluation for a value sees, and tells whether the unit stands there.
func (o *brute) restrict(b Breakdown, v GroupValue) bool {
	stands := false
	for i, d := range o.Deeds {
		matches := o.steps[i] != 0
		if b.Attribution == StepTouch {
			matches = o.steps[i]>>b.Step&1 != 0
		}
		// "each element of an array counts"; "a missing value is a value of its own".
		carries := slices.Contains(d.Values, v.Value) && !v.Missing || v.Missing && len(d.Values) == 0
		switch {
		case carries:
			stands = stands || matches && o.visible(i) && o.mightBeSeen(i)
		case b.Attribution == EveryTouch:
			o.outside[i] = true
		default:
			o.steps[i] &^= 1 << b.Step
		}
	}
	return stands
}

// mightBeSeen tells whether some attempt of the range could see a deed: from the range's beginning,
// by simultaneity a little before, to the end of the latest window.
func (o *brute) mightBeSeen(i int) bool {
	at := o.Deeds[i].At
	return at >= o.from-o.tolerance && at < o.to+o.window
}

// oneValue: "the first or last non-missing value among the unit's touchpoints in range that match a
// step (STRICT: among all it sees in range)". What a hold keeps from attempts is the unit's all the
// same.
func (o *brute) oneValue(a Attribution) []GroupValue {
	value := []GroupValue{{Missing: true}}
	for i, d := range o.Deeds {
		matches := o.steps[i] != 0 || o.Order == Strict
		if d.Hidden || d.At > o.asOf || !o.inRange(i) || !matches || len(d.Values) == 0 {
			continue
		}
		value = nil
		for _, v := range d.Values {
			value = append(value, GroupValue{Value: v})
		}
		if a == FirstTouch {
			break
		}
	}
	return value
}
