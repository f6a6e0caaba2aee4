package funnel

import (
	"cmp"
	"slices"
)

// lanes are those of a unit, in order of their sessions, and the entries that open attempts.
type lanes struct {
	all []lane
	// entries are in shown order.
	entries []entry
	touches []Touch
	places  []int32
	marks   []int32
	twins   []int32
	firsts  map[uint32]int32
	strands []strand
	// lookout finds the prospects of entries; nil where nobody asks.
	lookout *lookout
}

// entry is the place of an entry in a lane and in what the unit did, and its prospect where that
// was looked for.
type entry struct {
	lane, at, place int32
	prospect
}

// strand is a touch with what tells its lane.
type strand struct{ session, hold, place int32 }

// part parts what of a unit is looked at into lanes.
func (s *lanes) part(r *rules, seen *scene) {
	s.all, s.entries, s.strands = s.all[:0], s.entries[:0], s.strands[:0]
	s.touches, s.places, s.marks = s.touches[:0], s.places[:0], s.marks[:0]
	s.twins = s.twins[:0]
	begin, end := r.sees(seen.touches)
	for i := begin; i < end; i++ {
		if st, has := seen.strand(int32(i)); has {
			s.strands = append(s.strands, st)
		}
	}
	if seen.course.Holds != nil || seen.course.Sessions != nil {
		slices.SortFunc(s.strands, func(a, b strand) int {
			return cmp.Or(cmp.Compare(a.session, b.session), cmp.Compare(a.hold, b.hold),
				cmp.Compare(a.place, b.place))
		})
	}
	for _, st := range s.strands {
		s.touches, s.places = append(s.touches, seen.touches[st.place]), append(s.places, st.place)
	}
	for from := 0; from < len(s.strands); {
		to := from + 1
		for to < len(s.strands) && s.strands[to].session == s.strands[from].session &&
			s.strands[to].hold == s.strands[from].hold {
			to++
		}
		s.lay(r, seen, from, to)
		from = to
	}
	if len(s.all) > 1 {
		slices.SortFunc(s.entries, func(a, b entry) int { return cmp.Compare(a.place, b.place) })
	}
}

// lay makes the lane of some strands.
func (s *lanes) lay(r *rules, seen *scene, from, to int) {
	l := lane{
		touches: s.touches[from:to:to], places: s.places[from:to:to], ends: forever,
		session: s.strands[from].session,
	}
	if ends := seen.course.SessionEnds; ends != nil {
		l.ends = ends[l.session] + SessionGap.Milliseconds()
	}
	first := len(s.entries)
	for i := range l.touches {
		if r.opens(&l.touches[i]) {
			s.entries = append(s.entries, entry{
				lane: int32(len(s.all)), at: int32(i), place: l.places[i],
			})
		}
	}
	s.mark(r, &l)
	s.pair(&l)
	s.all = append(s.all, l)
	if s.lookout != nil && len(s.entries)-first > fewEntries {
		s.lookout.look(&l, s.entries[first:])
	}
}

// mark notes the exclusions of a lane.
func (s *lanes) mark(r *rules, l *lane) {
	first := len(s.marks)
	for j := range r.fences {
		l.begins[j] = int32(len(s.marks) - first)
		for i := range l.touches {
			if l.touches[i].Exclusions>>j&1 != 0 {
				s.marks = append(s.marks, int32(i))
			}
		}
		l.begins[j+1] = int32(len(s.marks) - first)
	}
	l.marks = s.marks[first:len(s.marks):len(s.marks)]
}

// pair notes which touches of one instant are as good as others.
func (s *lanes) pair(l *lane) {
	begin := len(s.twins)
	for i := range l.touches {
		s.twins = append(s.twins, int32(i))
	}
	for i := 0; i < len(l.touches); {
		end := groupEnd(l.touches, i)
		if end > i+1 {
			s.pairGroup(l.touches[i:end], s.twins[begin+i:begin+end])
		}
		i = end
	}
	l.twins = s.twins[begin:len(s.twins):len(s.twins)]
}

func (s *lanes) pairGroup(group []Touch, twins []int32) {
	if s.firsts == nil {
		s.firsts = make(map[uint32]int32)
	}
	clear(s.firsts)
	for i := range group {
		if first, ok := s.firsts[group[i].Steps]; ok {
			twins[i] = first
		} else {
			s.firsts[group[i].Steps] = twins[i]
		}
	}
}

// scene is what of a unit is looked at: all of it, or what a group sees.
type scene struct {
	course  *Course
	touches []Touch
	// index are the places of touches in the course, nil if all are there.
	index []int32
}

func (s *scene) place(i int32) int32 {
	if s.index != nil {
		return s.index[i]
	}
	return i
}

// strand finds the lane of a touch. False if no attempt sees it.
func (s *scene) strand(i int32) (strand, bool) {
	st := strand{place: i}
	at := int(s.place(i))
	if s.course.Holds != nil {
		st.hold = s.course.Holds[at]
	}
	if s.course.Sessions != nil {
		st.session = s.course.Sessions[at]
	}
	return st, s.course.sees(at)
}

// sees tells whether any attempt may see a touch: it has all values that are held.
func (c *Course) sees(i int) bool { return c.Holds == nil || c.Holds[i] >= 0 }

// together tells whether one attempt may see two touches.
func (s *scene) together(i, j int32) bool {
	a, seen := s.strand(i)
	b, too := s.strand(j)
	return seen && too && a.session == b.session && a.hold == b.hold
}
