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
//   - a part of inserts not seen before changes the sites of its rows, which are read from it, or
//     from the part that it has been merged into meanwhile;
//   - anything else (a part that went, rows that were removed or rewritten, another table under the
//     name, as after a rebuild) changes all sites.
//
// What it takes for a change and is none costs an answer kept, never a wrong one. So the sites that
// the last change was of are taken to have changed again whenever anything has. Who asks of them
// needs no sites of new parts: these are read when somebody asks of another site, and else now and
// then.
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
	// lively are the sites that the last change was of, of which the sites were read, at settledAt;
	// pending are the new parts since then.
	lively    map[journey.SiteID]bool
	settledAt time.Time
	pending   []store.Part
}

// partID is what tells a part from all others there ever were.
type partID struct{ place, name, hash string }

// stamp stands for the state of all that answers of a site rest on: while it is the same, nothing
// has changed.
type stamp struct{ all, site uint64 }

func newLedger(st *store.Store) *ledger {
	return &ledger{store: st, most: maxRows, sites: make(map[journey.SiteID]uint64)}
}

// round is one look at the parts, for all who asked before it began.
type round struct {
	// wanted are the sites that they ask of; the ledger's mutex guards it until the look begins.
	wanted map[journey.SiteID]bool
	// listed is closed once outlook, soon and err are there, done once all is. What is there does not
	// change any more.
	listed, done chan struct{}
	outlook      *outlook
	// soon are the stamps that are known before the sites of new parts are read; unsettled tells that
	// these are not read, so that no others are known.
	soon      map[journey.SiteID]stamp
	unsettled bool
	all       uint64
	sites     map[journey.SiteID]uint64
	err       error
}

// stamp is that of a site that the look was wanted for, waited for where it needs reading. Errors:
// errUnsettled.
func (r *round) stamp(ctx context.Context, site journey.SiteID) (stamp, error) {
	if s, known := r.soon[site]; known {
		return s, nil
	}
	select {
	case <-r.done:
		if r.unsettled {
			return stamp{}, errUnsettled
		}
		return stamp{r.all, r.sites[site]}, nil
	case <-ctx.Done():
		return stamp{}, fmt.Errorf("asking what has changed: %w", ctx.Err())
	}
}

// lookTime bounds a look.
const lookTime = 30 * time.Second

// errScattered tells that tables have parts that this server does not list.
var errScattered = errors.New("tables stand on several servers: no answers are kept")

// errUnsettled tells that a look was not wanted for a site.
var errUnsettled = errors.New("nobody has looked for what has changed of the site")

// now is a look that began after the call, for who asks of a site. Errors: errScattered,
// Unavailable.
func (l *ledger) now(ctx context.Context, site journey.SiteID) (*round, error) {
	l.mutex.Lock()
	r := l.next
	if r == nil {
		r = &round{
			wanted: make(map[journey.SiteID]bool), listed: make(chan struct{}), done: make(chan struct{}),
		}
		l.next = r
		go l.run(context.WithoutCancel(ctx), r)
	}
	r.wanted[site] = true
	l.mutex.Unlock()
	select {
	case <-r.listed:
	case <-ctx.Done():
		return nil, fmt.Errorf("asking for the state of the tables: %w", ctx.Err())
	}
	return r, r.err
}

func (l *ledger) run(ctx context.Context, r *round) {
	defer close(r.done)
	listed := sync.OnceFunc(func() { close(r.listed) })
	defer listed()
	l.turn.Lock()
	defer l.turn.Unlock()
	l.mutex.Lock()
	l.next = nil // who comes from now on wants a look that begins later
	l.mutex.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if r.outlook, r.err = lookAt(ctx, l.store); r.err != nil {
		return
	}
	if r.outlook == nil {
		r.err = errScattered
		return
	}
	c := changesOf(l.seen, r.outlook.parts)
	l.seen = make(map[partID]store.Part, len(r.outlook.parts))
	for _, p := range r.outlook.parts {
		l.seen[idOf(p)] = p
	}
	l.pending = append(l.pending, c.fresh...)
	switch {
	case c.all || rowsOf(l.pending) > l.most:
		l.all++
		l.pending = nil
	case len(l.pending) > 0:
		if len(c.fresh) > 0 {
			l.suppose()
		}
		r.soon = l.stamps()
		listed()
		if r.unsettled = !l.due(r.wanted); !r.unsettled {
			l.settle(ctx)
		}
	}
	r.all, r.sites = l.all, l.sites
}

// suppose takes the lively sites to have changed. It is this round's turn.
func (l *ledger) suppose() {
	l.sites = maps.Clone(l.sites)
	for site := range l.lively {
		l.sites[site]++
	}
}

// stamps are those of the lively sites. It is this round's turn.
func (l *ledger) stamps() map[journey.SiteID]stamp {
	soon := make(map[journey.SiteID]stamp, len(l.lively))
	for site := range l.lively {
		soon[site] = stamp{l.all, l.sites[site]}
	}
	return soon
}

// settleEvery is how long lively sites are taken to be lively without a look at what has come.
const settleEvery = 2 * time.Second

// due tells whether the sites of new parts have to be read: for who asks of a site that is not
// lively, or because it is time. It is this round's turn.
func (l *ledger) due(wanted map[journey.SiteID]bool) bool {
	for site := range wanted {
		if !l.lively[site] {
			return true
		}
	}
	return time.Since(l.settledAt) >= settleEvery
}

// settle finds the sites that new parts have changed, but for those that were supposed to have; all
// may have where that cannot be told. It is this round's turn.
func (l *ledger) settle(ctx context.Context) {
	supposed := l.lively
	l.lively, l.settledAt = l.sitesOf(ctx, l.pending), time.Now()
	l.pending = nil
	if l.lively == nil {
		l.all++
		return
	}
	l.sites = maps.Clone(l.sites)
	for site := range l.lively {
		if !supposed[site] {
			l.sites[site]++
		}
	}
}

// maxTries is how often the sites of parts are read because some were merged away meanwhile.
const maxTries = 3

// maxRows is how many rows of parts are looked through: those of more may be of any site.
const maxRows = 2_000_000

// sitesOf are the sites that parts have rows of. A part that was merged away has those of the one
// that it went into, or fewer. nil where it cannot be told.
func (l *ledger) sitesOf(ctx context.Context, parts []store.Part) map[journey.SiteID]bool {
	sites := make(map[journey.SiteID]bool)
	for range maxTries {
		if rowsOf(parts) > l.most {
			return nil
		}
		found, err := l.store.PartSites(ctx, parts)
		if err != nil {
			return nil
		}
		var gone []store.Part
		for _, p := range parts {
			of := found[p.Table+"/"+p.Name]
			if len(of) == 0 {
				gone = append(gone, p)
			}
			for _, site := range of {
				sites[site] = true
			}
		}
		if len(gone) == 0 {
			return sites
		}
		now, err := lookAt(ctx, l.store)
		if err != nil || now == nil {
			return nil
		}
		if parts = holding(now.parts, gone); parts == nil {
			return nil
		}
	}
	return nil
}

// holding are those of some parts that hold all rows of others, which were merged into them. nil
// where that is not so of each.
func holding(parts, gone []store.Part) []store.Part {
	var into []store.Part
	for _, g := range gone {
		at := slices.IndexFunc(parts, func(p store.Part) bool { return mayHold(p, g) })
		if at < 0 {
			return nil
		}
		into = append(into, parts[at])
	}
	return into
}

// mayHold tells whether a part that is no more may have gone into another one, and nothing of it
// was removed or rewritten.
func mayHold(p, gone store.Part) bool {
	return gone.Table == p.Table && gone.Place == p.Place && gone.Partition == p.Partition &&
		gone.Name != p.Name && gone.Mutation == p.Mutation &&
		gone.First >= p.First && gone.Last <= p.Last
}

func rowsOf(parts []store.Part) uint64 {
	var sum uint64
	for _, p := range parts {
		sum += p.Rows
	}
	return sum
}

func idOf(p store.Part) partID { return partID{p.Place, p.Name, p.Hash} }

// changes are what differs between two lists of parts.
type changes struct {
	// all tells that any site may have changed.
	all bool
	// fresh are the parts with rows of inserts not seen before.
	fresh []store.Part
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
		if mayHold(p, g) {
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
