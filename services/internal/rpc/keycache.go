package rpc

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// keyCacheSize is the number of hashes remembered, wrong ones among them.
const keyCacheSize = 4096

// keyCache remembers for a short time which keys there are and which there are not. Other errors
// are not remembered. It is safe for concurrent use.
type keyCache struct {
	keys  Keys
	age   time.Duration
	now   func() time.Time
	known *lru.Cache[journey.KeyHash, lookup]
}

type lookup struct {
	key journey.Key
	err error
	at  time.Time
}

func newKeyCache(keys Keys, age time.Duration, now func() time.Time) *keyCache {
	known, err := lru.New[journey.KeyHash, lookup](keyCacheSize)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &keyCache{keys: keys, age: age, now: now, known: known}
}

// KeyByHash is that of Keys, at most age old.
func (c *keyCache) KeyByHash(ctx context.Context, hash journey.KeyHash) (journey.Key, error) {
	at := c.now()
	if l, ok := c.known.Get(hash); ok && at.Sub(l.at) < c.age {
		return l.key, l.err
	}
	key, err := c.keys.KeyByHash(ctx, hash)
	if err == nil || fault.Of(err) == fault.NotFound {
		c.known.Add(hash, lookup{key: key, err: err, at: at})
	}
	return key, err
}
