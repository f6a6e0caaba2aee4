package answer

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// Cache keeps answers and gives them again, and lets the same question asked at once be answered
// once. It is safe for concurrent use.
//
// Why what it gives is never stale, and never another site's: an answer is kept under all that it
// is a function of. That is the site and the whole question, field by field (see keyOf), and the
// state of every table that answers rest on, for that site (see ledger). The state is looked at
// before the first row of the answer is read, and it never comes again once anything has changed.
// The answer is given again only to who asks while the state still is the same, by a look that
// began after the call did: so nothing has changed since before its first row was read. What no
// look can settle (a table of several servers, a question with a field that cannot be told) is
// never kept.
//
// A question as of another instant is another question. It gets a kept answer as of an earlier one
// only where nothing can differ: see moves.
type Cache struct {
	api.Answers

	ledger *ledger
	moves  moves
	most   int
	count  func(Source)

	mutex   sync.Mutex
	kept    *simplelru.LRU[key, *kept]
	bytes   int
	flights map[flightID]*flight
}

// Source says where an answer came from.
type Source string

// The sources: evaluated; kept from an earlier call; shared with a call at the same time; and
// evaluated where nothing can be kept.
const (
	Evaluated Source = "evaluated"
	Kept      Source = "kept"
	Shared    Source = "shared"
	Unkept    Source = "unkept"
)

// CacheConfig says what a Cache keeps, and where it looks.
type CacheConfig struct {
	Store *store.Store
	Maps  Maps
	// MaxBytes is about how much memory the kept answers take at most. 0 keeps none.
	MaxBytes int
	// Count is told of every answer.
	Count func(Source)
}

// manyKept is more answers than are ever kept: their bytes bound them.
const manyKept = 1 << 30

// NewCache keeps what others answer.
func NewCache(answers api.Answers, cfg CacheConfig) *Cache {
	c := &Cache{
		Answers: answers, ledger: newLedger(cfg.Store), moves: moves{cfg.Store, cfg.Maps},
		most: cfg.MaxBytes, count: cfg.Count, flights: make(map[flightID]*flight),
	}
	kept, err := simplelru.NewLRU(manyKept, func(_ key, k *kept) { c.bytes -= k.bytes })
	if err != nil {
		panic(err) // only for a size below 1
	}
	c.kept = kept
	return c
}

// kept are answers of a question by one state of the data.
type kept struct {
	state   stamp
	answers []dated
	bytes   int
}

// dated is an answer as of an instant.
type dated struct {
	asOf   time.Time
	answer any
}

// maxDates is of how many instants answers to one question are kept.
const maxDates = 4

// Funnel gives the numbers of a question.
func (c *Cache) Funnel(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (api.Funnel, error) {
	given, from, err := ask(ctx, c, asking{site: site, question: q, more: []any{"funnel"}},
		func(ctx context.Context) (api.Funnel, error) { return c.Answers.Funnel(ctx, site, q) })
	given.Facts.Cached = from == Kept || from == Shared
	return given, err
}

// FunnelAs gives the numbers of a question with the groups of another answer.
func (c *Cache) FunnelAs(
	ctx context.Context, site journey.SiteID, q funnel.Question, groups []funnel.Group,
) (api.Funnel, error) {
	// Only the values of groups count, in their order.
	as := make([]funnel.Group, len(groups))
	for i, g := range groups {
		as[i] = funnel.Group{Values: g.Values, Other: g.Other}
	}
	given, from, err := ask(ctx, c, asking{site: site, question: q, more: []any{"as", as}},
		func(ctx context.Context) (api.Funnel, error) {
			return c.Answers.FunnelAs(ctx, site, q, groups)
		})
	given.Facts.Cached = from == Kept || from == Shared
	return given, err
}

// Persons gives a page of the persons behind a number.
func (c *Cache) Persons(
	ctx context.Context, site journey.SiteID, q funnel.Question, page api.Page,
) (api.Persons, error) {
	given, from, err := ask(ctx, c, asking{site: site, question: q, more: []any{"persons", page}},
		func(ctx context.Context) (api.Persons, error) { return c.Answers.Persons(ctx, site, q, page) })
	given.Facts.Cached = from == Kept || from == Shared
	return given, err
}

// asking is what is asked, and of whom.
type asking struct {
	site     journey.SiteID
	question funnel.Question
	// more is what besides the question tells one asking from another.
	more []any
}

// ask gives a kept answer, one that is just being worked out, or one by evaluate.
func ask[A any](
	ctx context.Context, c *Cache, a asking, evaluate func(context.Context) (A, error),
) (given A, from Source, err error) {
	defer func() {
		if err == nil {
			c.count(from)
		}
	}()
	k, unclear := keyOf(a.site, a.question, a.more...)
	ctx = WithGlance(ctx)
	state, unsure := c.state(ctx, a.site)
	if unclear != nil || unsure != nil {
		given, err = evaluate(ctx) // which tells what is wrong, if anything is
		return given, Unkept, err
	}
	found, ok := c.find(ctx, a, k, state)
	if from = Kept; !ok {
		found, from, err = c.share(ctx, a, flightID{k, state},
			func(ctx context.Context) (any, error) { return evaluate(ctx) })
	}
	given, _ = found.(A)
	return given, from, err
}

// state is that of the data of a site, by a look that began after the call did.
func (c *Cache) state(ctx context.Context, site journey.SiteID) (stamp, error) {
	looked, err := c.ledger.glance(ctx, site)
	if err != nil {
		return stamp{}, err
	}
	return looked.stamp(ctx, site)
}

// find gives a kept answer.
func (c *Cache) find(ctx context.Context, a asking, k key, state stamp) (any, bool) {
	c.mutex.Lock()
	known, ok := c.kept.Get(k)
	if !ok || known.state != state {
		c.mutex.Unlock()
		return nil, false
	}
	answers := known.answers
	c.mutex.Unlock()
	var near dated
	for _, d := range answers {
		if d.asOf.Equal(a.question.AsOf) {
			return d.answer, true
		}
		if d.asOf.Before(a.question.AsOf) && (near.answer == nil || d.asOf.After(near.asOf)) {
			near = d
		}
	}
	if near.answer == nil || !c.moves.may(ctx, a, near.asOf) {
		return nil, false
	}
	return near.answer, true
}

// keep keeps an answer, and forgets those that were not asked for longest. The mutex is locked.
func (c *Cache) keep(k key, state stamp, answer dated) {
	size, err := sizeOf(answer.answer)
	if err != nil || size > c.most {
		return
	}
	next := &kept{state: state, answers: []dated{answer}, bytes: size + len(k)}
	if known, ok := c.kept.Peek(k); ok && known.state == state {
		if len(known.answers) < maxDates {
			next.answers = append(next.answers, known.answers...)
			next.bytes += known.bytes
		}
	}
	c.kept.Remove(k)
	c.kept.Add(k, next)
	for c.bytes += next.bytes; c.bytes > c.most; {
		c.kept.RemoveOldest()
	}
}

// KeptBytes is about how much memory the kept answers take.
func (c *Cache) KeptBytes() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.bytes
}

// Waiting is how many calls wait for answers that are being worked out.
func (c *Cache) Waiting() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	n := 0
	for _, f := range c.flights {
		n += len(f.waiting)
	}
	return n
}
