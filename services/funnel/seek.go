package funnel

import (
	"math/bits"
	"slices"
)

// bestOfAll finds the best attempt of the unit, and of each bucket of the trend.
func (s *seeker) bestOfAll() {
	s.whole.reset(0)
	if len(s.bounds) == 0 {
		s.electAll(&s.whole, s.entries)
		s.win(&s.whole)
		return
	}
	eachRun(s.entries, s.bucketOf, func(run []entry) {
		s.bucket.reset(s.bucketOf(run[0]))
		s.electAll(&s.bucket, run)
		s.whole.join(&s.bucket)
		if s.bucket.counts(s.rules) {
			w := winner{tried: s.bucket.best, bucket: s.bucket.bucket}
			w.open = s.bucket.open
			s.bucketed = append(s.bucketed, w)
		}
	})
	if s.win(&s.whole); len(s.winners) == 0 {
		s.bucketed = s.bucketed[:0]
	}
}

// bucketOf is the bucket of an entry.
func (s *seeker) bucketOf(e entry) int { return s.bucketAt(s.all[e.lane].touches[e.at].At) }

// bucketAt is the last bucket that has begun at an instant.
func (s *seeker) bucketAt(at int64) int {
	i, found := slices.BinarySearch(s.bounds, at)
	if found {
		return i
	}
	return i - 1
}

// endOf is when a bucket ends.
func (s *seeker) endOf(bucket int) int64 {
	if bucket+1 < len(s.bounds) {
		return s.bounds[bucket+1]
	}
	return s.rules.to
}

// bucketAll counts every attempt that counts in the bucket of its entry.
func (s *seeker) bucketAll() {
	if len(s.bounds) == 0 {
		return
	}
	for i := range s.winners {
		s.winners[i].bucket = s.bucketOf(s.winners[i].entry)
	}
	s.bucketed = append(s.bucketed, s.winners...)
}

// everySession finds the best attempt of every session.
func (s *seeker) everySession() {
	session := func(e entry) int32 { return s.all[e.lane].session }
	eachRun(s.entries, session, func(run []entry) {
		s.whole.reset(0)
		s.electAll(&s.whole, run)
		s.win(&s.whole)
	})
}

// sequence finds every attempt, taken greedily from the first. The next one opens strictly after
// the end of the one before, or with the touch that broke it, and no touch serves two.
func (s *seeker) sequence() {
	s.taken = s.taken[:0]
	end, broke := int64(never), int32(-1)
	for _, e := range s.entries {
		l := &s.all[e.lane]
		if t := &l.touches[e.at]; t.At <= end && e.place != broke || !s.rules.opens(t) {
			continue
		}
		best, void, _ := s.try(e, forever)
		if s.err != nil {
			return
		}
		taken := best
		if void.depth > best.depth {
			taken = void
		}
		s.candidate.take(s.rules, l, e, taken)
		s.candidate.open = taken.end == EndOpen
		if s.taken = append(s.taken, s.candidate); taken == best {
			s.winners = append(s.winners, winner{tried: s.candidate})
		}
		end, broke = taken.at, -1
		if taken.end == EndBroken {
			broke = s.candidate.by
		}
		use(l, taken)
	}
}

// use keeps the touches of an assignment from filling further steps.
func use(l *lane, c *choice) {
	for rest := c.filled; rest != 0; rest &= rest - 1 {
		l.touches[c.touches[bits.TrailingZeros32(rest)]].Steps = 0
	}
}
