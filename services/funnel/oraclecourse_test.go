package funnel

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// courseOf is what a store would hand to a Counter: what the filter hides is not there, and as
// little else as Program.Scope lets be left out, where spare says so.
func courseOf(l life, program *Program, spare bool) Course {
	var course Course
	scope := program.Scope()
	o := newBrute(l)
	for i, d := range l.Deeds {
		if d.Hidden || spare && !needed(l, d, scope) {
			continue
		}
		course.Touches = append(course.Touches, Touch{At: d.At, Steps: d.Steps, Exclusions: d.Exclusions})
		if scope.FirstTime != 0 {
			course.Named = append(course.Named, d.Named&scope.FirstTime)
		}
		if len(l.Hold) > 0 {
			course.Holds = append(course.Holds, d.Hold)
		}
		if scope.Unfiltered {
			course.Sessions = append(course.Sessions, int32(o.sessions[i]))
		}
		view := &TouchView{}
		view.Values[0] = absent
		if len(d.Values) > 0 {
			view.Values[0] = nil
		}
		for _, v := range d.Values {
			view.Values[0] = append(view.Values[0], GroupValue{Value: v})
		}
		course.Views = append(course.Views, view)
	}
	if scope.Unfiltered {
		gap := SessionGap.Milliseconds()
		course.SessionEnds = []int64{}
		for _, end := range o.ends {
			course.SessionEnds = append(course.SessionEnds, end-gap)
		}
	}
	return course
}

// needed tells whether a deed must be in a course.
func needed(l life, d deed, scope Scope) bool {
	if d.Named&scope.FirstTime != 0 && d.At <= l.AsOf.UnixMilli() {
		return true
	}
	if d.At > l.AsOf.UnixMilli() || d.At < l.From.UnixMilli()-scope.Before ||
		d.At > l.To.UnixMilli()-1+scope.After {
		return false
	}
	return scope.Everything || d.Steps != 0 || d.Exclusions != 0
}

// tell is a standing in words: a line an attempt, those of the trend after their bucket.
func tell(q Question, s Standing) string {
	var lines []string
	for _, a := range s.Attempts {
		lines = append(lines, tellAttempt(q, a))
	}
	for _, b := range s.Buckets {
		lines = append(lines, fmt.Sprintf("[%d] %s", b.Bucket, tellAttempt(q, b.Attempt)))
	}
	if len(lines) == 0 {
		return "none"
	}
	return strings.Join(lines, "; ")
}

// tellAttempt has the steps filled, A for the first (under ANY 1), with their instants, and the
// outcome.
func tellAttempt(q Question, a Attempt) string {
	var words []string
	letters := "ABCDEFGH"
	if q.Order == Any {
		letters = "12345678"
	}
	for k := range a.Times {
		if a.Filled>>k&1 != 0 {
			separator := ""
			if q.Order == Any {
				separator = "@"
			}
			words = append(words, letters[k:k+1]+separator+tellInstant(a.Times[k]))
		}
	}
	switch a.Outcome() {
	case Converted:
		words = append(words, "converted")
	case InWindow:
		words = append(words, "in window")
	default:
		words = append(words, "lost")
	}
	if a.Hit {
		words = append(words, "hit")
	}
	if n := a.Filled >> len(a.Times); n != 0 {
		words = append(words, "with steps past the last time")
	}
	return fmt.Sprintf("%s (%d)", strings.Join(words, " "), a.Depth)
}

// tellGroups has what counts by group, in the order of their values.
func tellGroups(q Question, groups map[Key]Standing) string {
	var keys []Key
	for key := range groups {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareKeys)
	var b strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&b, "\n    %+v: %s", key[0], tell(q, groups[key]))
	}
	return b.String()
}

// tellInstant has whole minutes as such.
func tellInstant(at int64) string {
	if minute := time.Minute.Milliseconds(); at >= minute && at%minute == 0 {
		return fmt.Sprint(at/minute, "m")
	}
	return fmt.Sprint(at)
}
