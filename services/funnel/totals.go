package funnel

// shape is what a question asks of totals.
type shape struct {
	steps int
	// required are the steps, from 0, that may not be left out; optional has the bits of the
	// others.
	required []int
	optional uint32
	// time is the pair of steps whose time is asked, nil if none.
	time *TimeToConvert
	// witnesses are those of the reasons, nil if none are asked.
	witnesses *witnesses
}

func shapeOf(q Question) shape {
	s := shape{steps: len(q.Steps), time: q.TimeToConvert}
	for k := range q.Steps {
		if q.Steps[k].Optional {
			s.optional |= 1 << k
		} else {
			s.required = append(s.required, k)
		}
	}
	if q.Reasons != nil {
		s.witnesses = newWitnesses()
	}
	return s
}

// ofBucket is the shape of a bucket of the trend: it has the numbers per step alone.
func (s shape) ofBucket() shape {
	s.time, s.witnesses = nil, nil
	return s
}

// totals are the sums of some units.
type totals struct {
	// converted counts attempts, ended those that did not, by outcome and the depth they got to.
	converted int
	ended     []ended
	// optional counts those that filled a step that may be left out, by step from 0. nil where
	// there is no such step.
	optional []int
	// entry and previous are the spans since the entry and since the filled step before, by step
	// from 0. Those of the second step are the same and kept once, as entry.
	entry, previous []spans
	// between are the spans between the steps whose time is asked. Empty where the first one is the
	// entry: they stand in entry.
	between spans
	// buckets are those of the trend, from 0, that somebody entered in.
	buckets map[int]*totals
	// accounts are those of what was met after each depth, nil where there is none.
	accounts []*account
}

// ended counts attempts that got to a depth and no further.
type ended struct {
	lost, inWindow int
	// farewells of those; nil unless departures are asked and there are any.
	farewellsOfLost, farewellsInWindow *farewells
}

func newTotals(s *shape) *totals {
	t := &totals{ended: make([]ended, len(s.required))}
	if s.optional != 0 {
		t.optional = make([]int, s.steps)
	}
	return t
}

func (t *totals) add(s *shape, a Attempt, l *Leaving) {
	switch {
	case a.Converted:
		t.converted++
	case a.InWindow:
		e := &t.ended[a.Depth]
		e.inWindow++
		addFarewell(&e.farewellsInWindow, l)
	default:
		e := &t.ended[a.Depth]
		e.lost++
		addFarewell(&e.farewellsOfLost, l)
	}
	if s.optional != 0 {
		t.addFilled(s, a)
		return
	}
	if a.Depth > 1 {
		t.makeSpans(s)
	}
	for k := 1; k < a.Depth; k++ {
		t.entry[k].add(elapsed(a.Times[0], a.Times[k]))
		if k > 1 {
			t.previous[k].add(elapsed(a.Times[k-1], a.Times[k]))
		}
	}
	if s.time != nil && s.time.From > 0 && s.time.To < a.Depth {
		t.between.add(elapsed(a.Times[s.time.From], a.Times[s.time.To]))
	}
}

// addFilled adds the steps that are filled where some may be left out.
func (t *totals) addFilled(s *shape, a Attempt) {
	if a.Filled > 1 {
		t.makeSpans(s)
	}
	for k, previous := 1, 0; k < s.steps; k++ {
		if a.Filled>>k&1 == 0 {
			continue
		}
		if s.optional>>k&1 != 0 {
			t.optional[k]++
		}
		t.entry[k].add(elapsed(a.Times[0], a.Times[k]))
		if k > 1 {
			t.previous[k].add(elapsed(a.Times[previous], a.Times[k]))
		}
		previous = k
	}
	if s.time != nil && s.time.From > 0 && a.Filled>>s.time.From&(a.Filled>>s.time.To)&1 != 0 {
		t.between.add(elapsed(a.Times[s.time.From], a.Times[s.time.To]))
	}
}

// elapsed is the time from one instant to another, none where that comes first.
func elapsed(from, to int64) int64 { return max(0, to-from) }

func (t *totals) makeSpans(s *shape) {
	if t.entry == nil {
		t.entry, t.previous = make([]spans, s.steps), make([]spans, s.steps)
	}
}

func addFarewell(to **farewells, l *Leaving) {
	if l == nil {
		return
	}
	if *to == nil {
		*to = newFarewells()
	}
	(*to).add(l)
}

// bucket is that of the trend, from 0.
func (t *totals) bucket(s *shape, number int) *totals {
	b, ok := t.buckets[number]
	if !ok {
		if t.buckets == nil {
			t.buckets = make(map[int]*totals)
		}
		b = newTotals(s)
		t.buckets[number] = b
	}
	return b
}

func (t *totals) merge(s *shape, o *totals) {
	t.converted += o.converted
	for k := range o.ended {
		to, from := &t.ended[k], &o.ended[k]
		to.lost += from.lost
		to.inWindow += from.inWindow
		mergeFarewells(&to.farewellsOfLost, from.farewellsOfLost)
		mergeFarewells(&to.farewellsInWindow, from.farewellsInWindow)
	}
	for k, n := range o.optional {
		t.optional[k] += n
	}
	if o.entry != nil {
		t.makeSpans(s)
		for k := range o.entry {
			t.entry[k].addAll(&o.entry[k])
			t.previous[k].addAll(&o.previous[k])
		}
	}
	t.between.addAll(&o.between)
	for number, b := range o.buckets {
		t.bucket(s, number).merge(s, b)
	}
	t.mergeAccounts(s, o)
}

func mergeFarewells(to **farewells, from *farewells) {
	if from == nil {
		return
	}
	if *to == nil {
		*to = newFarewells()
	}
	(*to).merge(from)
}
