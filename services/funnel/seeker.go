package funnel

import (
	"cmp"
	"slices"
)

// seeker finds which attempts of a unit count, whatever the options of the question. It keeps its
// scratch space. Not safe for concurrent use.
type seeker struct {
	rules *rules
	lanes
	*meter

	ordered   assigner
	any       anyTrier
	whole     election
	bucket    election
	candidate tried
	byLane    []entry
	sorted    []entry
	// winners are the attempts that count, by entry; bucketed those of the buckets of the trend, where
	// these are not the same.
	winners, bucketed []winner
	// taken are the attempts of the sequence, under PerAttempt, void ones too.
	taken []tried
	// bounds are the beginnings of the buckets; none where no trend is asked.
	bounds []int64
	count  Count
}

// winner is an attempt that counts.
type winner struct {
	tried

	bucket int
}

func newSeeker(q *Question, m *meter) *seeker {
	r := rulesOf(q)
	s := &seeker{rules: r, meter: m, count: q.Count}
	s.ordered.rules, s.any.rules = r, r
	if q.Count != PerAttempt && (q.Count == PerSession || q.Reentry == Best) {
		k := newLookout(r)
		s.lookout = &k
	}
	s.ordered.meter, s.any.meter = m, m
	for _, b := range q.Buckets {
		s.bounds = append(s.bounds, b.UnixMilli())
	}
	return s
}

// seek finds what counts of what is looked at: winners, and bucketed where there is a trend. It
// belongs to the seeker and holds until the next. False if nothing opened an attempt.
func (s *seeker) seek(seen *scene) bool {
	s.winners, s.bucketed = s.winners[:0], s.bucketed[:0]
	s.spend(len(seen.touches))
	s.part(s.rules, seen)
	switch {
	case len(s.entries) == 0:
		return false
	case s.count == PerAttempt:
		s.sequence()
	case s.count == PerSession:
		s.everySession()
	case s.rules.reentry == First:
		s.whole.reset(0)
		s.stand(&s.whole, s.entries[0], forever)
		s.win(&s.whole)
	default:
		s.bestOfAll()
	}
	if s.count != Once || s.rules.reentry == First {
		s.bucketAll()
	}
	return true
}

// try finds what the attempt of an entry takes, at best and if void, of depth 0 if there is none,
// and whether it can still convert. until is the last instant at which steps may be filled.
func (s *seeker) try(e entry, until int64) (best, void *choice, open bool) {
	l := &s.all[e.lane]
	if s.rules.order == Any {
		s.any.try(l, e.at, until)
		return &s.any.best, &s.any.void, s.any.open
	}
	s.ordered.try(l, e.at, until)
	return &s.ordered.best, &s.ordered.void, s.ordered.open
}

// stand tries an entry and lets it stand in an election.
func (s *seeker) stand(to *election, e entry, until int64) {
	best, void, open := s.try(e, until)
	if best.depth > 0 {
		s.candidate.take(s.rules, &s.all[e.lane], e, best)
		s.candidate.open = open
		to.add(&s.candidate)
	}
	to.void, to.open = max(to.void, void.depth), to.open || open
}

// win lets the best attempt of an election count, which can still convert if some attempt that may
// count can: of a session that is the counted one alone.
func (s *seeker) win(from *election) {
	if !from.counts(s.rules) {
		return
	}
	s.winners = append(s.winners, winner{tried: from.best})
	if s.count != PerSession {
		s.winners[len(s.winners)-1].open = from.open
	}
}

// electAll finds the best attempt of entries of any lanes, in shown order.
func (s *seeker) electAll(to *election, entries []entry) {
	if len(s.all) == 1 {
		s.elect(to, entries)
		return
	}
	s.byLane = append(s.byLane[:0], entries...)
	slices.SortFunc(s.byLane, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.at, b.at))
	})
	eachRun(s.byLane, func(e entry) int32 { return e.lane }, func(run []entry) {
		s.elect(to, run)
	})
}

// eachRun calls with the runs of entries that have one key.
func eachRun[K comparable](entries []entry, key func(entry) K, each func(run []entry)) {
	for from := 0; from < len(entries); {
		k, to := key(entries[from]), from+1
		for to < len(entries) && key(entries[to]) == k {
			to++
		}
		each(entries[from:to])
		from = to
	}
}
