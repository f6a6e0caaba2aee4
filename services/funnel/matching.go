package funnel

import "math/bits"

// matching gives consecutive steps to distinct touches of one millisecond. Where a touch may fill
// several steps that is a bipartite matching, grown step by step along augmenting paths (Kuhn,
// "The Hungarian method", 1955; Berge, "Two theorems in graph theory", 1957). The zero matching is
// ready for use.
type matching struct {
	// masks are the touches kept, step the step that each fills, or -1.
	masks []uint32
	step  []int8
	// touch is the touch that fills each step.
	touch [MaxSteps]int32
	// tried[i] is the last round that looked at touch i.
	tried []uint32
	round uint32
	// origin is the result of origins.
	origin [MaxSteps + 1]int8
}

// union has the steps that some touch may fill, and whether no touch may fill two of them. The
// touch at index without, if any, does not count.
func union(group []Touch, without int) (mask uint32, single bool) {
	single = true
	for i := range group {
		steps := group[i].Steps
		if i == without {
			continue
		}
		mask |= steps
		single = single && steps&(steps-1) == 0
	}
	return mask, single
}

// reach is how deep an attempt at a depth gets by a group without one of its touches (-1: with
// all). Not beyond the number of steps.
func (m *matching) reach(group []Touch, without, depth, steps int) int {
	mask, single := union(group, without)
	run := bits.TrailingZeros32(^(mask >> depth))
	if single || run < 2 {
		return min(depth+run, steps)
	}
	m.load(group, without, steps)
	for depth < steps && m.add(depth) {
		depth++
	}
	return depth
}

// retreat is the least depth, 1 or more, from which a group leads to a depth.
func (m *matching) retreat(group []Touch, depth int) int {
	mask, single := union(group, -1)
	if single {
		for depth > 1 && mask>>(depth-1)&1 != 0 {
			depth--
		}
		return depth
	}
	m.load(group, -1, depth)
	for depth > 1 && m.add(depth-1) {
		depth--
	}
	return depth
}

// origins is, for every depth up to the number of steps, the least depth, not below least, from
// which a group leads to it; the depth itself where there is none. It belongs to the matching.
func (m *matching) origins(group []Touch, least, steps int) *[MaxSteps + 1]int8 {
	mask, single := union(group, -1)
	if !single {
		m.load(group, -1, steps)
	}
	m.origin[0] = 0
	from := least
	for j := 1; j <= steps; j++ {
		switch {
		case j <= least:
			m.origin[j] = int8(j)
			continue
		case mask>>(j-1)&1 == 0:
			m.dropTo(from, j, single)
			from = j
		case !single:
			from = m.slide(from, j-1)
		}
		m.origin[j] = int8(from)
	}
	return &m.origin
}

func (m *matching) dropTo(from, to int, single bool) {
	if single {
		return
	}
	for k := from; k < to-1; k++ {
		m.drop(k)
	}
}

// slide gives a further step a touch, taking touches from the lowest steps until it can be done,
// and says which is the lowest step left.
func (m *matching) slide(from, step int) int {
	for from <= step && !m.add(step) {
		if from < step {
			m.drop(from)
		}
		from++
	}
	return from
}

// load begins anew with a group. Of touches for one step it keeps no more than there are steps:
// a step with so many always finds one that the others leave.
func (m *matching) load(group []Touch, without, steps int) {
	m.masks, m.step, m.tried, m.round = m.masks[:0], m.step[:0], m.tried[:0], 0
	var kept [MaxSteps]int
	full := uint32(1)<<steps - 1
	wanted := full
	for i := range group {
		mask := group[i].Steps & full
		if i == without || mask&wanted == 0 {
			continue
		}
		m.masks, m.step, m.tried = append(m.masks, mask), append(m.step, -1), append(m.tried, 0)
		for rest := mask; rest != 0; rest &= rest - 1 {
			k := bits.TrailingZeros32(rest)
			if kept[k]++; kept[k] >= steps {
				wanted &^= 1 << k
			}
		}
	}
}

// add gives a step a touch of its own, others changing theirs where they must. False, and nothing
// changed, if that cannot be.
func (m *matching) add(step int) bool {
	m.round++
	return m.augment(step)
}

func (m *matching) augment(step int) bool {
	for i, mask := range m.masks {
		if mask>>step&1 == 0 || m.tried[i] == m.round {
			continue
		}
		m.tried[i] = m.round
		if held := m.step[i]; held < 0 || m.augment(int(held)) {
			m.step[i], m.touch[step] = int8(step), int32(i)
			return true
		}
	}
	return false
}

// drop takes a step's touch away.
func (m *matching) drop(step int) { m.step[m.touch[step]] = -1 }
