package funnel

import "time"

// sums are the numbers of some totals together.
type sums struct {
	steps []StepNumbers
	trend []Bucket
	time  *Distribution
}

func (t *Tally) sum(of []*totals) sums {
	return sums{steps: t.shape.numbers(of), trend: t.trend(of), time: t.shape.distribution(of)}
}

// trend are the buckets of some totals together.
func (t *Tally) trend(of []*totals) []Bucket {
	begins := t.question.Buckets
	if begins == nil {
		return nil
	}
	parts := make([][]*totals, len(begins))
	for _, s := range of {
		for number, b := range s.buckets {
			parts[number] = append(parts[number], b)
		}
	}
	buckets := make([]Bucket, len(begins))
	for i := range buckets {
		buckets[i] = Bucket{
			From: begins[i], To: t.bucketEnd(i), Steps: t.bucket.numbers(parts[i]),
		}
	}
	return buckets
}

func (t *Tally) bucketEnd(number int) time.Time {
	if begins := t.question.Buckets; number+1 < len(begins) {
		return begins[number+1]
	}
	return t.question.To
}

// counts are the attempts of some totals that filled each step.
func (s *shape) counts(of []*totals) []int {
	counts := make([]int, s.steps)
	for _, t := range of {
		reached := t.converted
		for d := len(s.required) - 1; d >= 0; d-- {
			counts[s.required[d]] += reached
			reached += t.ended[d].lost + t.ended[d].inWindow
		}
		for k, n := range t.optional {
			counts[k] += n
		}
	}
	return counts
}

// numbers are those of the steps of some totals together.
func (s *shape) numbers(of []*totals) []StepNumbers {
	counts := s.counts(of)
	numbers := make([]StepNumbers, s.steps)
	depth, previous := 0, 0
	for k := range numbers {
		n := &numbers[k]
		n.Count, n.Optional = counts[k], s.optional>>k&1 != 0
		if k > 0 {
			s.times(n, of, k)
		}
		if n.Optional {
			continue
		}
		n.FromFirst = ShareOf(counts[k], counts[0])
		if depth++; depth > 1 {
			n.FromPrevious = ShareOf(counts[k], counts[previous])
		}
		if previous = k; depth < len(s.required) {
			n.drop(of, depth)
			n.Reasons = s.reasons(of, depth)
		}
	}
	return numbers
}

// times adds those of a step after the first.
func (s *shape) times(n *StepNumbers, of []*totals, step int) {
	n.SinceEntry = summarize(partsOf(of, func(t *totals) *spans { return &t.entry[step] }))
	if n.SincePrevious = n.SinceEntry; step > 1 {
		n.SincePrevious = summarize(
			partsOf(of, func(t *totals) *spans { return &t.previous[step] }))
	}
}

// drop adds those who got to a depth and no further.
func (n *StepNumbers) drop(of []*totals, depth int) {
	var lost, inWindow *farewells
	for _, t := range of {
		e := &t.ended[depth]
		n.Lost += e.lost
		n.InWindow += e.inWindow
		mergeFarewells(&lost, e.farewellsOfLost)
		mergeFarewells(&inWindow, e.farewellsInWindow)
	}
	if lost != nil {
		n.Departures = append(n.Departures, lost.departure(Lost))
	}
	if inWindow != nil {
		n.Departures = append(n.Departures, inWindow.departure(InWindow))
	}
}

func partsOf(of []*totals, part func(*totals) *spans) []*spans {
	var parts []*spans
	for _, t := range of {
		if t.entry != nil {
			parts = append(parts, part(t))
		}
	}
	return parts
}

// distribution is that of the time between the two steps asked, nil if none are.
func (s *shape) distribution(of []*totals) *Distribution {
	if s.time == nil {
		return nil
	}
	parts := partsOf(of, func(t *totals) *spans { return &t.entry[s.time.To] })
	if s.time.From > 0 {
		parts = parts[:0]
		for _, t := range of {
			parts = append(parts, &t.between)
		}
	}
	return distribute(*s.time, parts)
}
