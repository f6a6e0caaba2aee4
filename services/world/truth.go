package world

import (
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Ask is a question about the stages of a live world: how many persons enter at From or later and
// before To, and get how deep within Window, by the best of their attempts.
type Ask struct {
	// Since is when the site began to be listened to: what occurred before was never sent.
	Since    time.Time
	From, To time.Time
	// AsOf hides what occurs after it.
	AsOf   time.Time
	Window time.Duration
	// Stages are indexes of different stages, in the order of the steps; 0 is awareness.
	Stages []int
}

// True counts, per persona, the persons who reach each step. A persona counts as known from the
// first identify message on; before, the person is unassigned. It looks at the shoppers
// themselves and at every attempt of each, so that it shares nothing with what it is compared
// with.
func (l *Live) True(ask Ask) map[journey.PersonaID][]int {
	counts := make(map[journey.PersonaID][]int)
	l.each(ask.Since, ask.AsOf, func(s *shopper) {
		depth, persona := s.depth(ask), s.persona(ask)
		if depth == 0 {
			return
		}
		if counts[persona] == nil {
			counts[persona] = make([]int, len(ask.Stages))
		}
		for k := range depth {
			counts[persona][k]++
		}
	})
	return counts
}

// seen tells whether a beat is heard of at all.
func (ask Ask) seen(b beat) bool {
	return b.at >= ask.Since.UnixMilli() && b.at <= ask.AsOf.UnixMilli()
}

func (s *shopper) persona(ask Ask) journey.PersonaID {
	for _, b := range s.beats {
		if b.act == actIdentify && ask.seen(b) {
			return kinds[s.kind].persona
		}
	}
	return journey.Unassigned
}

// depth is the number of steps of the shopper's deepest attempt.
func (s *shopper) depth(ask Ask) int {
	deepest := 0
	for i, b := range s.beats {
		opens := acts[b.act].stage == ask.Stages[0] && ask.seen(b) &&
			b.at >= ask.From.UnixMilli() && b.at < ask.To.UnixMilli()
		if opens {
			deepest = max(deepest, s.attempt(ask, i))
		}
	}
	return deepest
}

// attempt follows one attempt: each next step takes the earliest beat of its stage that is not
// before the one of the last step.
func (s *shopper) attempt(ask Ask, entry int) int {
	start := s.beats[entry].at
	at, depth := start, 1
	for _, stage := range ask.Stages[1:] {
		found := false
		for _, b := range s.beats {
			if acts[b.act].stage == stage && ask.seen(b) && b.at >= at &&
				b.at-start <= ask.Window.Milliseconds() {
				at, found = b.at, true
				break
			}
		}
		if !found {
			break
		}
		depth++
	}
	return depth
}
