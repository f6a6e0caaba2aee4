package query

import (
	"runtime"
	"runtime/debug"
	gauges "runtime/metrics"
	"sync"
)

// MostGarbage is how much memory the process of a service may hold that questions no longer need.
const MostGarbage = 1 << 30

// leastPercent bounds what collecting garbage costs where very much is kept.
const leastPercent = 20

// BoundGarbage has garbage collected before there is more than most of it, in bytes. Go lets there
// be as much garbage as there are bytes in use, and what a query service keeps between questions is
// in use for good: with gigabytes of it each question would leave as many behind. Collecting is
// cheap here, since most of what is kept has no pointers to follow; still garbage may always reach
// a fifth of what is in use, and never more than GOGC says. It holds for the whole process until
// undo is called, and does nothing where GOGC is off. No two may hold at once.
func BoundGarbage(most uint64) (undo func()) {
	usual := debug.SetGCPercent(-1)
	if usual < 0 {
		return func() {}
	}
	debug.SetGCPercent(usual)
	b := &garbageBound{most: most, usual: usual, percent: usual}
	runtime.SetFinalizer(&collected{b}, (*collected).collect)
	return b.undo
}

type garbageBound struct {
	most uint64
	// usual is the percentage to begin with, percent the present one.
	usual, percent int
	mutex          sync.Mutex
	over           bool
}

func (b *garbageBound) undo() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.over = true
	debug.SetGCPercent(b.usual)
}

// adjust bounds the garbage anew, unless that is over.
func (b *garbageBound) adjust() (over bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	live := []gauges.Sample{{Name: "/gc/heap/live:bytes"}}
	gauges.Read(live)
	p := garbagePercent(live[0].Value.Uint64(), b.most, b.usual)
	if !b.over && p != b.percent {
		b.percent = p
		debug.SetGCPercent(p)
	}
	return b.over
}

// collected is in use by nothing, so that every collection finds it.
type collected struct{ *garbageBound }

// collect is called after a collection.
func (c *collected) collect() {
	if !c.adjust() {
		runtime.SetFinalizer(c, (*collected).collect)
	}
}

// garbagePercent is how much garbage there may be for what is in use, in percent of it.
func garbagePercent(live, most uint64, usual int) int {
	return min(usual, max(int(100*most/max(live, 1)), leastPercent)) //nolint:gosec // far below
}
