package funnel

import "slices"

// rivals are the attempt of a unit or a session that counts, and the best other one that is not
// void: nil where there is none.
type rivals struct{ counted, other *toldAttempt }

// tell finds why each attempt counts or does not.
func (x *explainer) tell() {
	all := make(map[int32]*rivals)
	for i := range x.told {
		t := &x.told[i]
		r := all[x.electorate(t)]
		if r == nil {
			r = &rivals{}
			all[x.electorate(t)] = r
		}
		switch {
		case x.counted[t.entry.place] != nil:
			r.counted = t
		case t.end != EndRemoved && (r.other == nil || t.compare(&r.other.tried) < 0):
			r.other = t
		}
	}
	for i := range x.told {
		if t := &x.told[i]; t.why == 0 {
			t.why = x.whyOf(t, all[x.electorate(t)])
		}
	}
}

// electorate is what tells the attempts apart of which one counts.
func (x *explainer) electorate(t *toldAttempt) int32 {
	if x.count == PerSession {
		return t.session
	}
	return 0
}

func (x *explainer) whyOf(t *toldAttempt, r *rivals) Why {
	switch {
	case t == r.counted && len(x.told) > 1 && x.first():
		return WhyFirst
	case t == r.counted && r.other == nil:
		return WhyOnly
	case t == r.counted:
		return whyAhead(t, r.other, WhyDeepest, WhyClean, WhySooner, WhyLater)
	case t.end == EndRemoved:
		return WhyVoid
	case x.first() && t.entry != x.told[0].entry:
		return WhyNotFirst
	case r.counted == nil:
		return WhyLeft
	default:
		return whyAhead(r.counted, t, WhyShallow, WhyHit, WhySlower, WhyEarlier)
	}
}

func (x *explainer) first() bool { return x.count == Once && x.rules.reentry == First }

// whyAhead is the first in which an attempt is ahead of another one: depth, being clean, the time
// of the deepest step, the entry.
func whyAhead(t, o *toldAttempt, depth, clean, sooner, later Why) Why {
	switch {
	case t.depth != o.depth:
		return depth
	case t.hit() != o.hit():
		return clean
	case t.deepest != o.deepest:
		return sooner
	default:
		return later
	}
}

// reason is why the unit counts as it does.
func (x *explainer) reason() Why {
	switch {
	case len(x.winners) > 0 && x.count != Once:
		return WhyEach
	case len(x.winners) > 0:
		i := slices.IndexFunc(x.told, func(t toldAttempt) bool {
			return t.entry == x.winners[0].entry
		})
		return x.told[i].why
	case x.count != Once:
		return WhyVoid
	default:
		return WhyLeft
	}
}
