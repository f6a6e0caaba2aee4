package funnel

import (
	"github.com/waystage/waystage/services/journey"
)

// TrailTable says what the touchpoints of a TrailCourse are, by the numbers of their views. It does
// not change, and all counters of a question should share one: sums found by the same table are
// added up by number.
type TrailTable struct {
	views    []trailView
	places   []Place
	channels []journey.ChannelID
	barriers []journey.TouchpointID
}

// trailView is what a trail needs of a view: the number of its place, that of its channel (0 where
// it has none), that of its barrier (0 where it is none), and the place of its stage in the newest
// map, -1 where it has none.
type trailView struct {
	place, channel, barrier uint32
	stage                   int32
}

// NewTrailTable makes a table whose number n stands for views[n], of which Event, Touchpoint, Stage
// and Channel are looked at. newest is the newest map, nil if there is none. There may be at most
// MaxTrailViews views.
func NewTrailTable(newest *journey.Map, views []TouchView) *TrailTable {
	known := newTrail(newest)
	t := &TrailTable{views: make([]trailView, len(views))}
	places := numbering[Place]{list: &t.places}
	channels := numbering[journey.ChannelID]{list: &t.channels}
	barriers := numbering[journey.TouchpointID]{list: &t.barriers}
	channels.of("")
	barriers.of("")
	for i := range views {
		v := trailView{place: places.of(placeOf(&views[i])), stage: -1}
		v.channel = channels.of(views[i].Channel)
		if stage, has := known.stages[views[i].Stage]; has {
			v.stage = int32(stage)
		}
		if known.barriers[views[i].Touchpoint] {
			v.barrier = barriers.of(views[i].Touchpoint)
		}
		t.views[i] = v
	}
	return t
}

// numbering numbers values in the order in which they come, from 0.
type numbering[K comparable] struct {
	list    *[]K
	numbers map[K]uint32
}

func (n *numbering[K]) of(value K) uint32 {
	number, known := n.numbers[value]
	if !known {
		if n.numbers == nil {
			n.numbers = make(map[K]uint32)
		}
		number = uint32(len(*n.list))
		n.numbers[value] = number
		*n.list = append(*n.list, value)
	}
	return number
}

// trace is what a Leaving says, by the numbers of a table.
type trace struct {
	table               *TrailTable
	last, next, channel uint32
	barriers            []uint32
}

// traces are sums of traces by one table; the table is nil where there are none.
type traces struct {
	table                          *TrailTable
	last, next, channels, barriers numberSums
}

// add adds a trace. False if it is by another table than those before.
func (s *traces) add(t *trace, m Manner) bool {
	if s.table == nil {
		s.table = t.table
	}
	if s.table != t.table {
		return false
	}
	s.last.add(t.last, len(s.table.places))
	if m != Silent {
		s.next.add(t.next, len(s.table.places))
	}
	s.channels.add(t.channel, len(s.table.channels))
	for _, b := range t.barriers {
		s.barriers.add(b, len(s.table.barriers))
	}
	return true
}

// merge adds other sums. False if they are by another table.
func (s *traces) merge(o *traces) bool {
	if s.table == nil {
		s.table = o.table
	}
	if o.table == nil {
		return true
	}
	if s.table != o.table {
		return false
	}
	s.last.merge(&o.last, len(s.table.places))
	s.next.merge(&o.next, len(s.table.places))
	s.channels.merge(&o.channels, len(s.table.channels))
	s.barriers.merge(&o.barriers, len(s.table.barriers))
	return true
}

// numberSums count how often numbers come. They keep the numbers as they come until these take as
// much room as a count for each would: there may be as many sums as groups, most of them small.
type numberSums struct {
	few  []uint32
	sums []int
}

// add counts a number below most.
func (s *numberSums) add(number uint32, most int) {
	if s.sums != nil {
		s.sums[number]++
		return
	}
	if s.few = append(s.few, number); len(s.few) >= most {
		s.spread(most)
	}
}

func (s *numberSums) spread(most int) {
	s.sums = make([]int, most)
	for _, number := range s.few {
		s.sums[number]++
	}
	s.few = nil
}

func (s *numberSums) merge(o *numberSums, most int) {
	for _, number := range o.few {
		s.add(number, most)
	}
	if o.sums == nil {
		return
	}
	if s.sums == nil {
		s.spread(most)
	}
	for number, n := range o.sums {
		s.sums[number] += n
	}
}

// addNamed adds sums by number to those by name.
func addNamed[K comparable](to *map[K]int, s *numberSums, names []K) {
	for _, number := range s.few {
		addCount(to, names[number], 1)
	}
	for number, n := range s.sums {
		if n > 0 {
			addCount(to, names[number], n)
		}
	}
}
