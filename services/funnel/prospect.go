package funnel

import (
	"cmp"
	"slices"
	"sort"
)

// prospect is what an attempt can reach at best.
type prospect struct {
	depth int
	// soonest is when its deepest step would come, clean when it would if no exclusion hits.
	soonest, clean int64
	// end is EndDropped or EndRemoved if it is sure to be that unless it stays less deep, else 0.
	end AttemptEnd
}

// comparePromise orders entries as they should be tried: the deepest first, clean ones before hit
// ones, then the soonest, then the latest.
func comparePromise(a, b entry) int {
	return cmp.Or(cmp.Compare(b.depth, a.depth), cmp.Compare(a.end, b.end),
		cmp.Compare(a.clean, b.clean), cmp.Compare(b.place, a.place))
}

// lookout finds what the attempts of a lane can reach at best, by hopping from each entry to the
// next occurrence of one required step after the other, whatever lies between: too good where
// options of the question forbid that, never too bad.
type lookout struct {
	rules *rules
	// required are the steps that must be filled, rank the number of those before each step.
	required []int
	rank     [MaxSteps]int
	// occurs are the instants at which each step occurs; cursors where its search stands.
	occurs  [MaxSteps][]int64
	cursors [MaxSteps]int
	// floors are the instants before which a step cannot come if no exclusion hits.
	floors [MaxSteps]int64
	times  [MaxSteps]int64
}

func newLookout(r *rules) lookout {
	k := lookout{rules: r}
	for step := range r.steps {
		k.rank[step] = len(k.required)
		if r.required(step) {
			k.required = append(k.required, step)
		}
	}
	return k
}

// look finds the prospects of entries of a lane, in shown order.
func (k *lookout) look(l *lane, entries []entry) {
	k.read(l, entries)
	for i := range entries {
		entries[i].prospect = k.prospect(l, l.touches[entries[i].at].At)
	}
}

// read notes when the steps occur in the windows of the entries.
func (k *lookout) read(l *lane, entries []entry) {
	for step := range k.rules.steps {
		k.occurs[step], k.cursors[step] = k.occurs[step][:0], 0
	}
	from := lowerBound(l.touches, l.touches[entries[0].at].At-k.rules.slack)
	to := lowerBound(l.touches, l.touches[entries[len(entries)-1].at].At+k.rules.window+1)
	for _, t := range l.touches[from:to] {
		for step := range k.rules.steps {
			if t.Steps>>step&1 != 0 {
				k.occurs[step] = append(k.occurs[step], t.At)
			}
		}
	}
}

func (k *lookout) prospect(l *lane, opened int64) prospect {
	barrier := k.rules.barrier(l, opened)
	last := min(opened+k.rules.window, barrier+k.rules.slack)
	var p prospect
	if k.rules.order == Any {
		p.depth, p.soonest = k.gather(opened, last)
	} else {
		p.depth, p.soonest = k.hop(k.required, opened, last, k.next)
	}
	p.clean = p.soonest
	if k.rules.fixed() && p.depth < len(k.required) {
		k.doom(l, &p, opened)
	}
	return p
}

// doom finds out whether a prospect that is no conversion is hit, or comes later if it is not:
// after the first step of an exclusion that it cannot outlast there must be no touch of that
// exclusion up to its end.
func (k *lookout) doom(l *lane, p *prospect, opened int64) {
	end, _ := k.rules.deadline(l, opened, opened, 0)
	if k.rules.order == Any {
		if k.rules.barrier(l, opened) <= end {
			p.end = k.rules.worst()
		}
		return
	}
	for step := range k.rules.steps {
		k.floors[step] = never
	}
	for j, f := range k.rules.fences {
		if k.rules.required(f.from) && k.rank[f.from] < p.depth &&
			k.rules.required(f.to) && k.rank[f.to] >= p.depth {
			if m := l.lastMark(j, end); m >= 0 {
				k.floors[f.from] = max(k.floors[f.from], l.markAt(m))
			}
		}
	}
	depth, soonest := 0, int64(0)
	if k.floors[0] <= opened {
		depth, soonest = k.hop(k.required[:p.depth], opened, opened+k.rules.window, k.nextAbove)
	}
	if depth < p.depth {
		p.end = k.rules.worst()
	} else {
		p.clean = soonest
	}
}

// next is the first instant, not before a given one, at which a step occurs: forever if none is.
// The instants asked of one step never go back.
func (k *lookout) next(step int, at int64) int64 {
	occurs, i := k.occurs[step], k.cursors[step]
	for i < len(occurs) && occurs[i] < at {
		i++
	}
	k.cursors[step] = i
	if i == len(occurs) {
		return forever
	}
	return occurs[i]
}

// nextAbove is the same where the step has a floor, and instants may go back.
func (k *lookout) nextAbove(step int, at int64) int64 {
	at = max(at, k.floors[step])
	occurs := k.occurs[step]
	i := sort.Search(len(occurs), func(i int) bool { return occurs[i] >= at })
	if i == len(occurs) {
		return forever
	}
	return occurs[i]
}

// hop goes from one of some steps to the next.
func (k *lookout) hop(
	steps []int, opened, last int64, next func(step int, at int64) int64,
) (depth int, soonest int64) {
	depth, soonest = 1, opened
	newest := opened
	for _, step := range steps[1:] {
		at := next(step, newest-k.rules.slack)
		if at > last {
			break
		}
		newest = max(newest, at)
		depth, soonest = depth+1, at
	}
	return depth, soonest
}

// gather takes the first occurrence of every step.
func (k *lookout) gather(opened, last int64) (depth int, soonest int64) {
	times := k.times[:k.rules.steps]
	for step := range times {
		times[step] = k.next(step, opened)
	}
	slices.Sort(times)
	depth, soonest = 1, opened
	for depth < len(times) && times[depth] <= last {
		soonest = times[depth]
		depth++
	}
	return depth, soonest
}
