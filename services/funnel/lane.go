package funnel

import "sort"

// lane is what the attempts of some entries see: touches in shown order, of one session and of one
// set of held values where the question asks these.
type lane struct {
	touches []Touch
	// places are those of the touches in what the unit did.
	places []int32
	// twins are, for each touch, the place in the lane of the first one of the same instant that may
	// fill the same steps: one of the two is as good as the other.
	twins []int32
	// session is its number, and ends its deadline: forever where none is asked.
	session int32
	ends    int64
	// marks are the places in the lane of the exclusions, one exclusion's after the other's, begins
	// where each one's begin.
	marks  []int32
	begins [MaxExclusions + 1]int32
}

// nextMark is the place of the first touch after an instant that is an exclusion, -1 if there is
// none.
func (l *lane) nextMark(exclusion int, at int64) int32 {
	marks := l.marks[l.begins[exclusion]:l.begins[exclusion+1]]
	i := sort.Search(len(marks), func(i int) bool { return l.touches[marks[i]].At > at })
	if i == len(marks) {
		return -1
	}
	return marks[i]
}

// lastMark is the place of the last touch up to an instant that is an exclusion, -1 if there is
// none.
func (l *lane) lastMark(exclusion int, at int64) int32 {
	marks := l.marks[l.begins[exclusion]:l.begins[exclusion+1]]
	i := sort.Search(len(marks), func(i int) bool { return l.touches[marks[i]].At > at })
	if i == 0 {
		return -1
	}
	return marks[i-1]
}

// markAt is the instant of an exclusion's place, forever of none.
func (l *lane) markAt(mark int32) int64 {
	if mark < 0 {
		return forever
	}
	return l.touches[mark].At
}

// alone tells that no other touch lies within a span of a touch.
func (l *lane) alone(i int32, span int64) bool {
	at := l.touches[i].At
	return (i == 0 || at-l.touches[i-1].At > span) &&
		(int(i) == len(l.touches)-1 || l.touches[i+1].At-at > span)
}
