package funnel

import "slices"

// candidates are all keys that can be made of the values of the unit's touchpoints and persons.
func (u *knownUnit) candidates(q Question) []Key {
	keys := []Key{{}}
	for b := range q.Breakdowns {
		values := slices.Clone(absent)
		for i := range u.seen {
			for _, v := range u.seen[i].values[b] {
				if !slices.Contains(values, v) {
					values = append(values, v)
				}
			}
		}
		var longer []Key
		for _, key := range keys {
			for _, v := range values {
				key[b] = v
				longer = append(longer, key)
			}
		}
		keys = longer
	}
	return keys
}

// within tells whether the unit stands in a group, by docs/semantics.md, "Breakdown", and what is
// seen there.
func (u *knownUnit) within(q Question, key Key) ([]seenTouch, bool) {
	seen := slices.Clone(u.seen)
	for i, b := range q.Breakdowns {
		// "Read as a pair from one touchpoint."
		of := []int{i}
		for j, other := range q.Breakdowns {
			if j != i && other.Attribution == b.Attribution && other.Step == b.Step {
				of = append(of, j)
			}
		}
		carries := func(t *seenTouch) bool {
			for _, j := range of {
				if !slices.Contains(t.values[j], key[j]) {
					return false
				}
			}
			return true
		}
		switch b.Attribution {
		case FirstTouch, LastTouch:
			if !u.oneCarries(q, b.Attribution, of, key, carries) {
				return nil, false
			}
		case OfPerson:
			first := u.first(q)
			if first == nil || !slices.Contains(first.person.values[i], key[i]) {
				return nil, false
			}
		case EveryTouch:
			if !u.someCarries(q, ^uint32(0), carries) {
				return nil, false
			}
			seen = slices.DeleteFunc(seen, func(t seenTouch) bool { return !carries(&t) })
		case StepTouch:
			if !u.someCarries(q, 1<<b.Step, carries) {
				return nil, false
			}
			for k := range seen {
				if !carries(&seen[k]) {
					seen[k].Steps &^= 1 << b.Step
				}
			}
		}
	}
	return seen, true
}

// oneCarries tells whether the first or last touchpoint in range that matches a step and has some
// value carries the key; where none has, whether the key is missing.
func (u *knownUnit) oneCarries(
	q Question, a Attribution, of []int, key Key, carries func(*seenTouch) bool,
) bool {
	var one *seenTouch
	for i := range u.seen {
		t := &u.seen[i]
		has := slices.ContainsFunc(of, func(j int) bool { return !t.values[j][0].Missing })
		shows := t.Steps != 0 || q.Order == Strict
		if has && shows && t.inRange(q) && (one == nil || a == LastTouch) {
			one = t
		}
	}
	if one != nil {
		return carries(one)
	}
	return !slices.ContainsFunc(of, func(j int) bool { return !key[j].Missing })
}

// first is the first touchpoint in range that matches a step.
func (u *knownUnit) first(q Question) *seenTouch {
	for i := range u.seen {
		if t := &u.seen[i]; t.Steps != 0 && t.inRange(q) {
			return t
		}
	}
	return nil
}

// someCarries tells whether a touchpoint that some attempt may see matches one of the steps and
// carries the key.
func (u *knownUnit) someCarries(q Question, steps uint32, carries func(*seenTouch) bool) bool {
	from, last := q.From.UnixMilli(), q.To.UnixMilli()-1
	if q.Mode == Entry {
		last += q.Window.Milliseconds()
		if q.Order == Ordered {
			from -= q.Simultaneity.Milliseconds()
		}
	}
	for i := range u.seen {
		t := &u.seen[i]
		if t.Steps&steps != 0 && t.held && t.At >= from && t.At <= last &&
			t.At <= q.AsOf.UnixMilli() && carries(t) {
			return true
		}
	}
	return false
}

func (t *seenTouch) inRange(q Question) bool {
	return t.At >= q.From.UnixMilli() && t.At < q.To.UnixMilli() && t.At <= q.AsOf.UnixMilli()
}
