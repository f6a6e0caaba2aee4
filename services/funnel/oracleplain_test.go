package funnel

import (
	"fmt"
	"slices"
	"time"
)

// world is a person and a plain question, in milliseconds: ordered, counted once, without options.
type world struct {
	Touches                []Touch
	From, To, AsOf, Window int64
	Steps                  int
	All, First             bool
}

func (w world) question() Question {
	q := Question{
		From: time.UnixMilli(w.From), To: time.UnixMilli(w.To), AsOf: time.UnixMilli(w.AsOf),
		Window: time.Duration(w.Window) * time.Millisecond, Steps: make([]Step, w.Steps),
	}
	if w.All {
		q.Mode = All
	}
	if w.First {
		q.Reentry = First
	}
	return q
}

func (w world) at(i int) int64         { return w.Touches[i].At }
func (w world) fills(i, step int) bool { return w.Touches[i].Steps>>step&1 != 0 }

// oracle is what counts of the person by trying everything.
func oracle(w world) Attempt {
	l := life{Question: w.question()}
	for _, t := range w.Touches {
		l.Deeds = append(l.Deeds, deed{At: t.At, Steps: t.Steps & (1<<w.Steps - 1)})
	}
	return theOne(oracleStanding(l))
}

// oracleAttempt is what docs/semantics.md says of one attempt: the times of the assignment that
// it takes.
type oracleAttempt struct {
	entry int
	times []int64
}

// compareAttempts: "the deepest; among equals the one whose deepest step came first, then the one
// that started latest" (in shown order).
func compareAttempts(a, b oracleAttempt) int {
	if len(a.times) != len(b.times) {
		return len(a.times) - len(b.times)
	}
	last := len(a.times) - 1
	if a.times[last] != b.times[last] {
		return int(b.times[last] - a.times[last])
	}
	return a.entry - b.entry
}

func (w world) String() string {
	return fmt.Sprintf("touches %v range [%d, %d) all %t as_of %d window %d steps %d first %t",
		w.Touches, w.From, w.To, w.All, w.AsOf, w.Window, w.Steps, w.First)
}

// flowOracle is a second, faster oracle: per entry and depth, whether distinct touches exist is
// asked of Hall's theorem over sets of consecutive steps with deadlines.
func flowOracle(w world) Attempt {
	var attempts []oracleAttempt
	for i, touch := range w.Touches {
		if touch.Steps&1 == 0 || touch.At >= w.To {
			continue
		}
		times := []int64{touch.At}
		for len(times) < w.Steps {
			next, ok := w.earliest(i, times)
			if !ok {
				break
			}
			times = append(times, next)
		}
		attempts = append(attempts, oracleAttempt{entry: i, times: times})
	}
	if len(attempts) == 0 {
		return Attempt{}
	}
	counted := attempts[0]
	if !w.First {
		counted = slices.MaxFunc(attempts, compareAttempts)
	}
	return Attempt{
		Depth: len(counted.times), Times: counted.times, Converted: len(counted.times) == w.Steps,
	}
}

// earliest is the earliest instant for the next step, with the instants of those before fixed.
func (w world) earliest(entry int, times []int64) (int64, bool) {
	for at := times[len(times)-1]; at <= times[0]+w.Window; at++ {
		if w.hall(entry, append(slices.Clone(times), at), at) {
			return at, true
		}
	}
	return 0, false
}

// hall tells whether the steps filled at an instant find distinct touches there, the entry apart:
// every set of them must have at least as many touches as members.
func (w world) hall(entry int, times []int64, at int64) bool {
	var steps []int
	for k, t := range times {
		if k > 0 && t == at {
			steps = append(steps, k)
		}
	}
	for set := range 1 << len(steps) {
		var mask uint32
		size := 0
		for i, k := range steps {
			if set>>i&1 != 0 {
				mask |= 1 << k
				size++
			}
		}
		for i, touch := range w.Touches {
			if i != entry && touch.At == at && touch.Steps&mask != 0 {
				size--
			}
		}
		if size > 0 {
			return false
		}
	}
	return true
}
