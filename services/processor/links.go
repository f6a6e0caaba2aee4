package processor

import (
	"cmp"
	"context"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// pair is a visitor seen with a user. A browser says so in every message once the user is known,
// but only the first time counts.
type pair struct {
	site          journey.SiteID
	visitor, user journey.IdentityID
}

// moment orders links: the smallest of a pair stands for all.
type moment struct {
	at      int64
	message journey.MessageID
}

func (m moment) compare(n moment) int {
	return cmp.Or(cmp.Compare(m.at, n.at), cmp.Compare(m.message, n.message))
}

// linkCache remembers the first link of the pairs seen last, of which the store holds the link
// and the profiles that follow from it.
type linkCache struct {
	first *lru.Cache[pair, moment]
}

// cachedPairs bounds the cache, at about 150 bytes each.
const cachedPairs = 500_000

func newLinkCache() *linkCache {
	c, err := lru.New[pair, moment](cachedPairs)
	if err != nil {
		panic(err) // the size is a constant above 0
	}
	return &linkCache{first: c}
}

func (c *linkCache) clear() { c.first.Purge() }

// pairOf is the pair that a touchpoint links. The links of other kinds are few and always stored:
// unlike a touchpoint's they cannot be found again from another row.
func pairOf(f *journey.Fact) (pair, moment, bool) {
	if f.User == "" || f.Visitor == "" || !f.Kind.IsTouchpoint() {
		return pair{}, moment{}, false
	}
	return pair{
		f.Site, journey.VisitorIdentity(f.Site, f.Visitor), journey.UserIdentity(f.Site, f.User),
	}, moment{f.OccurredAt.UnixNano(), f.Message}, true
}

// known tells whether the pair's link and all that follows from it is known to be stored.
func (c *linkCache) known(p pair, m moment) bool {
	first, ok := c.first.Get(p)
	return ok && first.compare(m) <= 0
}

// remember takes the pairs of rows whose batch is stored and derived.
func (c *linkCache) remember(rows []store.Row) {
	for _, r := range rows {
		if p, m, ok := pairOf(r.Fact); ok && !c.known(p, m) {
			c.first.Add(p, m)
		}
	}
}

// mark sets LinkKnown on the rows whose link says nothing new: an earlier one of its pair is
// stored, or is in the same batch.
func (c *linkCache) mark(ctx context.Context, st *store.Store, rows []store.Row) error {
	first := make(map[pair]moment)
	for _, r := range rows {
		p, m, ok := pairOf(r.Fact)
		if !ok || c.known(p, m) {
			continue
		}
		if least, ok := first[p]; !ok || m.compare(least) < 0 {
			first[p] = m
		}
	}
	stored, err := storedLinks(ctx, st, first)
	if err != nil {
		return err
	}
	for i, r := range rows {
		p, m, ok := pairOf(r.Fact)
		if !ok {
			continue
		}
		earlier, there := stored[p]
		rows[i].LinkKnown = c.known(p, m) || first[p] != m || there && earlier.compare(m) <= 0
	}
	return nil
}

// storedLinks finds the first stored link of pairs.
func storedLinks(
	ctx context.Context, st *store.Store, of map[pair]moment,
) (map[pair]moment, error) {
	users := make(map[journey.SiteID][]journey.IdentityID)
	for p := range of {
		users[p.site] = append(users[p.site], p.user)
	}
	stored := make(map[pair]moment)
	for site, ids := range users {
		links, err := st.OtherLinks(ctx, site, ids)
		if err != nil {
			return nil, fmt.Errorf("reading links of %d users: %w", len(ids), err)
		}
		for _, l := range links {
			if !l.Alias {
				stored[pair{site, l.A, l.B}] = moment{l.OccurredAt, l.Message}
			}
		}
	}
	return stored, nil
}
