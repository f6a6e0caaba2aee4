package capture

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// Keys finds a key by the SHA-256 of its secret. Errors: NotFound; every other means that it
// cannot be told now.
type Keys interface {
	KeyByHash(ctx context.Context, hash journey.KeyHash) (journey.Key, error)
}

// How long a Keyring trusts what it knows.
const (
	// refreshAge is when a known key in use is looked up again behind the requests.
	refreshAge = 15 * time.Second
	// KnownAge is when a request waits for that: a revoked key is refused after so long, as long
	// as the keys can be looked up. While they cannot, a known key stays known.
	KnownAge = 30 * time.Second
	// UnknownAge is how long a wrong key stays wrong: a new one works after so long at the most.
	UnknownAge = 5 * time.Second
	// lookupTimeout bounds one lookup, awayPause the time without another after one that failed.
	lookupTimeout = 2 * time.Second
	awayPause     = time.Second
)

// Sizes of a Keyring. Wrong keys are kept apart, so that a flood of them drives out no right one.
const (
	knownKeys        = 65_536
	unknownKeys      = 8_192
	concurrentLookup = 16
	maxSecretBytes   = 256
)

// Keyring is a Sites that remembers what Keys said. It is safe for concurrent use.
type Keyring struct {
	keys    Keys
	known   *lru.Cache[journey.KeyHash, finding]
	unknown *lru.Cache[journey.KeyHash, time.Time]
	flights singleflight.Group
	slots   chan struct{}
	// awayUntil is the instant, in nanoseconds since 1970, before which Keys is not asked.
	awayUntil atomic.Int64
}

// finding is a key as it was at an instant.
type finding struct {
	key journey.Key
	at  time.Time
}

// NewKeyring makes an empty keyring.
func NewKeyring(keys Keys) *Keyring {
	return &Keyring{
		keys:    keys,
		known:   newLRU[finding](knownKeys),
		unknown: newLRU[time.Time](unknownKeys),
		slots:   make(chan struct{}, concurrentLookup),
	}
}

func newLRU[V any](size int) *lru.Cache[journey.KeyHash, V] {
	cache, err := lru.New[journey.KeyHash, V](size)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return cache
}

// SiteOf is the site that a write key opens. Errors: Unauthenticated, Forbidden, Unavailable.
func (k *Keyring) SiteOf(ctx context.Context, secret string) (journey.SiteID, error) {
	if len(secret) > maxSecretBytes {
		return "", errUnknownKey()
	}
	key, err := k.find(ctx, sha256.Sum256([]byte(secret)))
	switch {
	case err != nil:
		return "", err
	case key.Revoked():
		return "", errUnknownKey()
	case key.Kind != journey.WriteKey:
		return "", fault.New(fault.Forbidden, "this is a %s key, which cannot send messages: use "+
			"a write key of the site", key.Kind)
	}
	return key.Site, nil
}

func errUnknownKey() error {
	return fault.New(fault.Unauthenticated, "no site has this write key, or it was revoked: "+
		"check it, or make one; a new one works within %v", UnknownAge)
}

func (k *Keyring) find(ctx context.Context, hash journey.KeyHash) (journey.Key, error) {
	now := time.Now()
	if at, ok := k.unknown.Get(hash); ok && now.Sub(at) < UnknownAge {
		return journey.Key{}, errUnknownKey()
	}
	f, known := k.known.Get(hash)
	away := now.UnixNano() < k.awayUntil.Load()
	age := now.Sub(f.at)
	switch {
	case known && (age < refreshAge || away):
		return f.key, nil
	case known && age < KnownAge:
		k.lookup(ctx, hash)
		return f.key, nil
	case away:
		return journey.Key{}, errAway(nil)
	}
	key, err := k.await(ctx, k.lookup(ctx, hash))
	if known && err != nil && fault.Of(err) != fault.Unauthenticated {
		return f.key, nil
	}
	return key, err
}

// lookup asks Keys, once for all that ask for the same key at the same time.
func (k *Keyring) lookup(ctx context.Context, hash journey.KeyHash) <-chan singleflight.Result {
	return k.flights.DoChan(string(hash[:]), func() (any, error) {
		select {
		case k.slots <- struct{}{}:
			defer func() { <-k.slots }()
		default:
			return nil, fault.New(fault.Unavailable, "too many keys are being looked up: try again")
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout)
		defer cancel()
		key, err := k.keys.KeyByHash(ctx, hash)
		return key, k.learn(hash, key, err)
	})
}

// learn keeps what Keys said and gives the error that it means.
func (k *Keyring) learn(hash journey.KeyHash, key journey.Key, err error) error {
	now := time.Now()
	switch {
	case err == nil:
		k.known.Add(hash, finding{key: key, at: now})
		k.unknown.Remove(hash)
		return nil
	case fault.Of(err) == fault.NotFound:
		k.known.Remove(hash)
		k.unknown.Add(hash, now)
		return errUnknownKey()
	default:
		k.awayUntil.Store(now.Add(awayPause).UnixNano())
		return errAway(err)
	}
}

func (k *Keyring) await(
	ctx context.Context, flight <-chan singleflight.Result,
) (journey.Key, error) {
	select {
	case result := <-flight:
		if result.Err != nil {
			return journey.Key{}, result.Err
		}
		return result.Val.(journey.Key), nil
	case <-ctx.Done():
		return journey.Key{}, errAway(ctx.Err())
	}
}

func errAway(cause error) error {
	const message = "this write key is not known here yet and cannot be looked up now: try again"
	if cause == nil {
		return fault.New(fault.Unavailable, message)
	}
	return fault.Wrap(fault.Unavailable, cause, message)
}
