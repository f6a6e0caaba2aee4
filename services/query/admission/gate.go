// Package admission decides which question is answered next. So many are answered at once, and of
// those that wait the next one is of the caller who got least so far: nobody waits behind another
// one's queue, and heavy questions leave room for others.
package admission

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/query/api"
)

// Config says how many questions are let in.
type Config struct {
	// Questions are answered at once, 1 or more; others wait, so long at most.
	Questions int
	Wait      time.Duration
	// HeavyRows is how many touchpoints a question looks at that counts as heavy. 0: none does.
	HeavyRows uint64
}

// Bounds of what waits: questions of one caller, and of all.
const (
	maxOfLane = 100
	maxOfAll  = 1000
)

// Gate lets questions in, fairly. It is safe for concurrent use.
//
// Heavy questions take half of the places at most, so that others always find one that is free
// soon. A place that gets free goes to the caller whose questions cost least so far, among callers
// who wait; of one caller's questions those come first that came first. Who begins to wait counts
// as if it had got as much as the one who got least, so that nobody saves up.
type Gate struct {
	places int
	wait   time.Duration
	// weight is that of a heavy question.
	weight uint64

	mutex          sync.Mutex
	running, heavy int
	// lanes are the callers who wait or have a question inside.
	lanes map[string]*lane
	// arrived counts the questions that had to wait; waiting are those that still do.
	arrived uint64
	waiting int
}

// lane is a caller.
type lane struct {
	waiting []*place
	inside  int
	// got is what its questions cost so far.
	got float64
}

// place is a question that waits.
type place struct {
	heavy  bool
	cost   float64
	number uint64
	// open is closed once it may go in.
	open chan struct{}
}

// New makes a gate.
func New(c Config) *Gate {
	return &Gate{
		places: c.Questions, wait: c.Wait, weight: c.HeavyRows, lanes: make(map[string]*lane),
	}
}

// Running is the number of questions inside.
func (g *Gate) Running() int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.running
}

// Waiting is the number of questions that wait.
func (g *Gate) Waiting() int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.waiting
}

// Enter waits for the turn of a caller's question that looks at about so many touchpoints; leave
// must be called once after it. Errors: Exhausted, with when to try again; Expired.
func (g *Gate) Enter(ctx context.Context, caller string, rows uint64) (leave func(), err error) {
	p, err := g.line(caller, rows)
	if err != nil {
		return nil, err
	}
	if err := g.await(ctx, p); err != nil {
		g.giveUp(caller, p)
		return nil, err
	}
	return func() { g.leave(caller, p) }, nil
}

// line takes a place in the line of a caller.
func (g *Gate) line(caller string, rows uint64) (*place, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	l := g.lanes[caller]
	if l == nil {
		l = &lane{got: g.least()}
		g.lanes[caller] = l
	}
	if len(l.waiting) >= maxOfLane || g.waiting >= maxOfAll {
		g.forget(caller) // else who never had anything would go on to be the one who got least
		return nil, fault.Exhaust(g.wait, "%d questions wait already, %d of them with this token; "+
			"ask again in %v, or fewer at once", g.waiting, len(l.waiting), g.wait)
	}
	g.arrived++
	p := &place{
		heavy: g.weight > 0 && rows >= g.weight, cost: 1 + float64(rows)/1_000_000, number: g.arrived,
		open: make(chan struct{}),
	}
	l.waiting = append(l.waiting, p)
	g.waiting++
	g.admit()
	return p, nil
}

// tellEvery is how often who waits is told how many wait before it.
const tellEvery = 200 * time.Millisecond

// await waits until a place is open.
func (g *Gate) await(ctx context.Context, p *place) error {
	select {
	case <-p.open:
		return nil
	default:
	}
	timer, ticks := time.NewTimer(g.wait), time.NewTicker(tellEvery)
	defer timer.Stop()
	defer ticks.Stop()
	tell := api.ProgressOf(ctx)
	for {
		if tell != nil {
			tell(0, 0, g.before(p))
		}
		select {
		case <-p.open:
			if tell != nil {
				tell(0, 0, 0)
			}
			return nil
		case <-ticks.C:
		case <-timer.C:
			return fault.Exhaust(g.wait, "%d questions are being answered and %d more wait; "+
				"this one had no turn within %v; ask again in %v", g.Running(), g.Waiting(), g.wait, g.wait)
		case <-ctx.Done():
			return fmt.Errorf("waiting for a turn: %w", ctx.Err())
		}
	}
}

// before counts the questions that wait and came before a place, and itself: 0 once it is open.
func (g *Gate) before(p *place) int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	n := 0
	for _, l := range g.lanes {
		for _, other := range l.waiting {
			if other.number <= p.number {
				n++
			}
		}
	}
	return n
}

// leave makes room.
func (g *Gate) leave(caller string, p *place) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.running--
	if p.heavy {
		g.heavy--
	}
	g.lanes[caller].inside--
	g.forget(caller)
	g.admit()
}

// giveUp waits no longer. The place may have opened meanwhile.
func (g *Gate) giveUp(caller string, p *place) {
	g.mutex.Lock()
	l := g.lanes[caller]
	i := -1
	if l != nil {
		i = slices.Index(l.waiting, p)
	}
	if i < 0 {
		g.mutex.Unlock()
		g.leave(caller, p)
		return
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	g.waiting--
	g.forget(caller)
	g.mutex.Unlock()
}

// forget drops a caller of whom there is nothing any more.
func (g *Gate) forget(caller string) {
	if l := g.lanes[caller]; l.inside == 0 && len(l.waiting) == 0 {
		delete(g.lanes, caller)
	}
}

// admit opens places as long as some are free for those who wait.
func (g *Gate) admit() {
	for g.running < g.places {
		l, i := g.next()
		if l == nil {
			return
		}
		p := l.waiting[i]
		l.waiting = slices.Delete(l.waiting, i, i+1)
		l.inside++
		l.got += p.cost
		g.waiting--
		g.running++
		if p.heavy {
			g.heavy++
		}
		close(p.open)
	}
}

// next is the question whose turn it is, nil for none: the first that fits of the caller who got
// least; of equal ones the one who came first.
func (g *Gate) next() (*lane, int) {
	var best *lane
	at := -1
	for _, l := range g.lanes {
		i := slices.IndexFunc(l.waiting, g.fits)
		if i < 0 {
			continue
		}
		if best == nil || l.got < best.got ||
			l.got == best.got && l.waiting[i].number < best.waiting[at].number {
			best, at = l, i
		}
	}
	return best, at
}

// fits tells whether a question may go in where a place is free.
func (g *Gate) fits(p *place) bool { return !p.heavy || g.heavy < max(g.places/2, 1) }

// least is what the caller got who got least, 0 without callers.
func (g *Gate) least() float64 {
	least, any := 0.0, false
	for _, l := range g.lanes {
		if !any || l.got < least {
			least, any = l.got, true
		}
	}
	return least
}
