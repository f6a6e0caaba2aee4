package answer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// ledger tells whether anything that answers of a site rest on has changed.
//
// Why it misses nothing: all of it are rows of store.AnswerTables, and a row can come, change or go
// only with a part of its table. A part never changes; it has a place, a name and a hash of its
// content. So while the active parts are the same, every row is. Where they are not:
//   - a part that was put together from parts seen before, all inserts of its range among them and
//     nothing removed, has their rows: merges only leave out rows that are there twice;
//   - a part of inserts not seen before changes the sites of its rows, which are read from it;
//   - anything else (a part that went, rows that were removed or rewritten, another table under the
//     name, as after a rebuild, or a part that was merged before its sites were read) changes all
//     sites.
//
// A merge that it takes for a change costs an answer kept, never a wrong one.
type ledger struct {
	store *store.Store
	// most is how many rows of new parts are looked through for their sites.
	most  uint64
	mutex sync.Mutex
	// next is the round that has not begun, if somebody waits for one; the mutex guards it.
	next *round

	// turn lets one round look at a time, and guards what follows.
	turn sync.Mutex
	// seen are the parts as they were last listed, nil before the first time.
	seen map[partID]store.Part
	// all counts the changes of all sites, sites those of each besides. A map once given does not
	// change.
	all   uint64
	sites map[journey.SiteID]uint64
}

// partID is what tells a part from all others there ever were.
type partID struct{ place, name, hash string }

// stamp stands for the state of all that answers of a site rest on: while it is the same, nothing
// has changed.
type stamp struct{ all, site uint64 }

func newLedger(st *store.Store) *ledger {
	return &ledger{store: st, most: maxRows, sites: make(map[journey.SiteID]uint64)}
}

// round is one look at the parts, for all who asked before it began. What it found is there once it
// is done, and does not change any more.
type round struct {
	done    chan struct{}
	outlook *outlook
	all     uint64
	sites   map[journey.SiteID]uint64
	err     error
}

// stamp is that of a site.
func (r *round) stamp(site journey.SiteID) stamp { return stamp{r.all, r.sites[site]} }

// lookTime bounds a look.
const lookTime = 30 * time.Second

// errScattered tells that tables have parts that this server does not list.
var errScattered = errors.New("tables stand on several servers: no answers are kept")

// now is a look that began after the call. Errors: errScattered, Unavailable.
func (l *ledger) now(ctx context.Context) (*round, error) {
	l.mutex.Lock()
	r := l.next
	if r == nil {
		r = &round{done: make(chan struct{})}
		l.next = r
		go l.run(context.WithoutCancel(ctx), r)
	}
	l.mutex.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("asking for the state of the tables: %w", ctx.Err())
	}
	return r, r.err
}

func (l *ledger) run(ctx context.Context, r *round) {
	defer close(r.done)
	l.turn.Lock()
	defer l.turn.Unlock()
	l.mutex.Lock()
	l.next = nil // who comes from now on wants a look that begins later
	l.mutex.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	r.err = l.look(ctx, r)
}

// maxTries is how often parts are listed again because some went before their sites were read.
const maxTries = 3

// maxRows is how many rows of new parts are looked through: those of more may be of any site.
const maxRows = 2_000_000

// look lists the parts and counts what has changed.
func (l *ledger) look(ctx context.Context, r *round) error {
	for try := 1; ; try++ {
		parts, whole, err := l.store.AnswerParts(ctx)
		if err != nil {
			return fmt.Errorf("looking for changes: %w", err)
		}
		if !whole {
			return errScattered
		}
		c := changesOf(l.seen, parts)
		sites, found := map[string][]journey.SiteID{}, true
		if len(c.fresh) > 0 && !c.all && c.rows() <= l.most {
			if sites, err = l.store.PartSites(ctx, c.fresh); err != nil {
				return fmt.Errorf("looking for what has changed: %w", err)
			}
			found = c.found(sites)
		}
		if !found && try < maxTries {
			continue
		}
		c.all = c.all || !found || c.rows() > l.most
		l.take(parts, c.all, sites)
		r.outlook, r.all, r.sites = newOutlook(parts), l.all, l.sites
		return nil
	}
}

// take takes what was found over. It is this round's turn.
func (l *ledger) take(parts []store.Part, all bool, sites map[string][]journey.SiteID) {
	l.seen = make(map[partID]store.Part, len(parts))
	for _, p := range parts {
		l.seen[idOf(p)] = p
	}
	if all {
		l.all++
		return
	}
	l.sites = maps.Clone(l.sites)
	changed := make(map[journey.SiteID]bool)
	for _, of := range sites {
		for _, site := range of {
			changed[site] = true
		}
	}
	for site := range changed {
		l.sites[site]++
	}
}

func idOf(p store.Part) partID { return partID{p.Place, p.Name, p.Hash} }

// changes are what differs between two lists of parts.
type changes struct {
	// all tells that any site may have changed.
	all bool
	// fresh are the parts with rows of inserts not seen before.
	fresh []store.Part
}

func (c *changes) rows() uint64 {
	var sum uint64
	for _, p := range c.fresh {
		sum += p.Rows
	}
	return sum
}

// found tells whether sites were found for every fresh part.
func (c *changes) found(sites map[string][]journey.SiteID) bool {
	return !slices.ContainsFunc(c.fresh, func(p store.Part) bool {
		return len(sites[p.Table+"/"+p.Name]) == 0
	})
}

// changesOf compares the parts seen, nil if none ever were, with those that there are.
func changesOf(seen map[partID]store.Part, now []store.Part) changes {
	if seen == nil {
		return changes{all: true}
	}
	gone := make(map[partID]store.Part, len(seen))
	for id, p := range seen {
		gone[id] = p
	}
	var c changes
	var added []store.Part
	for _, p := range now {
		if _, still := seen[idOf(p)]; still {
			delete(gone, idOf(p))
		} else {
			added = append(added, p)
		}
	}
	for _, p := range added {
		if !absorb(p, gone) {
			c.fresh = append(c.fresh, p)
		}
	}
	c.all = len(gone) > 0
	return c
}

// absorb takes the parts that went into another one out of those that are gone, and tells whether
// they are all there is in it. Parts of which rows were removed or rewritten stay gone, and one
// whose very name has another content now.
func absorb(p store.Part, gone map[partID]store.Part) bool {
	within := make(map[int64]int64)
	for id, g := range gone {
		if g.Table == p.Table && g.Place == p.Place && g.Partition == p.Partition &&
			g.Name != p.Name && g.Mutation == p.Mutation && g.First >= p.First && g.Last <= p.Last {
			within[g.First] = g.Last
			delete(gone, id)
		}
	}
	next := p.First
	for next <= p.Last {
		last, is := within[next]
		if !is {
			return false
		}
		next = last + 1
	}
	return true
}
