package funnel

import (
	"cmp"
	"fmt"
	"slices"
)

// checkStepOptions checks what a step, from 0, may state beside what fills it.
func (q Question) checkStepOptions(i int, field string, v *Violations) {
	s := q.Steps[i]
	outer := i == 0 || i == len(q.Steps)-1
	switch {
	case s.Optional && q.Order == Any:
		v.add(field+".optional", "is true: under order ANY every step counts; leave it out")
	case s.Optional && outer:
		v.add(field+".optional", "is true: the first and the last step cannot be left out; leave "+
			"optional out")
	}
	switch {
	case s.Within == nil:
	case q.Order == Any:
		v.add(field+".within_seconds", "is stated: under order ANY no step is the one before; leave "+
			"it out and set window_seconds")
	case i == 0:
		v.add(field+".within_seconds", "is stated: no step comes before the first; leave it out")
	case *s.Within < 0:
		v.add(field+".within_seconds", "is %v: give 0 or more", *s.Within)
	}
	if s.FirstTime > FirstMatching {
		v.add(field+".first_time", "is unknown: give NONE, EVENT or MATCHING")
	}
}

func (q Question) checkChoices(v *Violations) {
	if q.Order > Any {
		v.add("question.order", "is unknown: give ORDERED, STRICT or ANY")
	}
	if q.Reentry > First {
		v.add("question.reentry", "is unknown: give BEST or FIRST")
	}
	if q.Count > PerSession {
		v.add("question.count", "is unknown: give ONCE, ATTEMPT or SESSION")
	}
}

func (q Question) checkSimultaneity(v *Violations) {
	const field = "question.simultaneity_seconds"
	switch {
	case q.Simultaneity < 0:
		v.add(field, "is %v: give 0 or more", q.Simultaneity)
	case q.Simultaneity > q.Window && q.Window >= MinWindow:
		v.add(field, "is %v, more than the window of %v: give at most the window", q.Simultaneity,
			q.Window)
	}
}

func (q Question) checkHold(v *Violations) {
	if n := len(q.Hold); n > MaxHold {
		v.add("question.hold", "are %d properties: give at most %d", n, MaxHold)
	}
	for i, name := range q.Hold {
		field := fmt.Sprintf("question.hold[%d]", i)
		switch {
		case name == "":
			v.add(field, "is empty: give the name of a property")
		case slices.Contains(q.Hold[:i], name):
			v.add(field, "is %q once more: give each property once", name)
		}
	}
}

func (q Question) checkExclusions(v *Violations) {
	if n := len(q.Exclusions); n > MaxExclusions {
		v.add("question.exclusions", "are %d: give at most %d", n, MaxExclusions)
	}
	for i, e := range q.Exclusions {
		field := fmt.Sprintf("question.exclusions[%d]", i)
		e.Target.check(field+".touchpoint", v)
		checkConditions(e.Conditions, field+".touchpoint", v)
		q.checkPair(field, e.From, e.To, v)
		q.checkWhole(field, e, v)
		if e.Effect > Remove {
			v.add(field+".effect", "is unknown: give DROP or REMOVE")
		}
		if step := q.stepLike(e); step >= 0 {
			v.add(field+".touchpoint", "is the same as step %d: what fills a step cannot be "+
				"excluded; add a condition to one of them, or leave the exclusion out", step+1)
		}
	}
}

// checkWhole checks that an exclusion under Any covers the whole attempt: which step comes first is
// not known there. What checkPair refuses is not refused again.
func (q Question) checkWhole(field string, e Exclusion, v *Violations) {
	last := len(q.Steps) - 1
	if q.Order != Any || e.From < 0 || e.To <= e.From || e.To > last {
		return
	}
	const why = "is %d: under order ANY an exclusion covers the whole attempt; give the %s step, %d"
	if e.From != 0 {
		v.add(field+".from_step", why, e.From+1, "first", 1)
	}
	if e.To != last {
		v.add(field+".to_step", why, e.To+1, "last", last+1)
	}
}

// checkPair checks two steps, from 0, of which the second must come after the first. Messages count
// from 1.
func (q Question) checkPair(field string, from, to int, v *Violations) {
	n := len(q.Steps)
	from, to = from+1, to+1
	switch {
	case from < 1 || from > n:
		v.add(field+".from_step", "is %d: give 1 to the number of steps, %d", from, n)
	case to < 1 || to > n:
		v.add(field+".to_step", "is %d: give 1 to the number of steps, %d", to, n)
	case to <= from:
		v.add(field+".to_step", "is %d: give a step after from_step, %d", to, from)
	}
}

// stepLike is the step, from 0, that an exclusion equals in target and conditions, -1 if none does.
func (q Question) stepLike(e Exclusion) int {
	return slices.IndexFunc(q.Steps, func(s Step) bool {
		return s.Target == e.Target && coveredBy(s.Conditions, e.Conditions) &&
			coveredBy(e.Conditions, s.Conditions)
	})
}

// coveredBy tells whether each of some conditions is among others.
func coveredBy(some, others []Condition) bool {
	return !slices.ContainsFunc(some, func(c Condition) bool {
		return !slices.ContainsFunc(others, c.equals)
	})
}

// equals tells whether a condition is another one.
func (c Condition) equals(d Condition) bool {
	return c.Subject == d.Subject && c.fullName() == d.fullName() && c.Operator == d.Operator &&
		slices.Equal(c.Values, d.Values)
}

// fullName is the name with what an empty one stands for.
func (c Condition) fullName() string {
	switch c.Subject {
	case OfCampaign:
		return cmp.Or(c.Name, CampaignName)
	case OfGroup:
		return groupType(c.Name)
	}
	return c.Name
}

func (q Question) checkBuckets(v *Violations) {
	const field = "question.trend"
	n := len(q.Buckets)
	switch {
	case q.Buckets == nil:
	case n > MaxBuckets:
		v.add(field, "would have more than %d buckets: give a shorter range or longer buckets",
			MaxBuckets)
	case n == 0 || q.Buckets[0].After(q.From) || !q.Buckets[n-1].Before(q.To):
		v.add(field, "does not cover the range: begin with a bucket that holds its beginning")
	case !q.ascending():
		v.add(field, "has buckets out of order: let each begin after the one before")
	}
}

// ascending tells whether each bucket begins after the one before.
func (q Question) ascending() bool {
	for i := range len(q.Buckets) - 1 {
		if !q.Buckets[i].Before(q.Buckets[i+1]) {
			return false
		}
	}
	return true
}

func (q Question) checkTimeToConvert(v *Violations) {
	const field = "question.time_to_convert"
	t := q.TimeToConvert
	if t == nil {
		return
	}
	q.checkPair(field, t.From, t.To, v)
	if t.Bins < 0 || t.Bins > MaxBins {
		v.add(field+".bins", "are %d: give 1 to %d", t.Bins, MaxBins)
	}
}
