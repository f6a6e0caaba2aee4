package capture

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// Keys finds what a key opens by the SHA-256 of its secret, a revoked one too. Errors: NotFound;
// every other means that it cannot be told now.
type Keys interface {
	DoorByHash(ctx context.Context, hash journey.KeyHash) (journey.Door, error)
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
	// lookupTimeout bounds one lookup, awayPause the time without another after one that failed: of
	// all keys, or of one that alone cannot be told of.
	lookupTimeout = 2 * time.Second
	awayPause     = time.Second
)

// Sizes of a Keyring. Wrong keys are kept apart, so that a flood of them drives out no right one.
const (
	knownKeys        = 65_536
	unknownKeys      = 8_192
	brokenKeys       = 1_024
	concurrentLookup = 16
	maxSecretBytes   = 256
)

// Keyring is a Doors that remembers what Keys said. It is safe for concurrent use.
type Keyring struct {
	keys Keys
	// rate of keys that state none, in messages a second; 0: no bound.
	rate    float64
	known   *lru.Cache[journey.KeyHash, finding]
	unknown *lru.Cache[journey.KeyHash, time.Time]
	// broken are keys that alone cannot be told of, since when.
	broken  *lru.Cache[journey.KeyHash, time.Time]
	flights singleflight.Group
	slots   chan struct{}
	// awayUntil is the instant, in nanoseconds since 1970, before which Keys is not asked.
	awayUntil atomic.Int64
}

// finding is a door as it was at an instant.
type finding struct {
	door *Door
	at   time.Time
}

// NewKeyring makes an empty keyring. rate is that of keys that state none, in messages a second;
// 0: no bound.
func NewKeyring(keys Keys, rate float64) *Keyring {
	return &Keyring{
		keys:    keys,
		rate:    rate,
		known:   newLRU[finding](knownKeys),
		unknown: newLRU[time.Time](unknownKeys),
		broken:  newLRU[time.Time](brokenKeys),
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

// Door is what a key of any kind opens. Errors: Unauthenticated (there is no such key, or it was
// revoked), Unavailable.
func (k *Keyring) Door(ctx context.Context, secret string) (*Door, error) {
	if len(secret) > maxSecretBytes {
		return nil, errUnknownKey()
	}
	door, err := k.find(ctx, sha256.Sum256([]byte(secret)))
	if err != nil {
		return nil, err
	}
	if door.revoked {
		return nil, errUnknownKey()
	}
	return door, nil
}

func errUnknownKey() error {
	return fault.New(fault.Unauthenticated, "no site has this write key, or it was revoked: "+
		"check it, or make one; a new one works within %v", UnknownAge)
}

func (k *Keyring) find(ctx context.Context, hash journey.KeyHash) (*Door, error) {
	now := time.Now()
	if at, ok := k.unknown.Get(hash); ok && now.Sub(at) < UnknownAge {
		return nil, errUnknownKey()
	}
	f, known := k.known.Get(hash)
	age := now.Sub(f.at)
	if known && age < refreshAge {
		return f.door, nil
	}
	away := now.UnixNano() < k.awayUntil.Load() || k.isBroken(hash, now)
	switch {
	case known && away:
		return f.door, nil
	case known && age < KnownAge:
		k.lookup(ctx, hash)
		return f.door, nil
	case away:
		return nil, errAway(nil)
	}
	door, err := k.await(ctx, k.lookup(ctx, hash))
	if known && err != nil && fault.Of(err) != fault.Unauthenticated {
		return f.door, nil
	}
	return door, err
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
		found, err := k.keys.DoorByHash(ctx, hash)
		return k.learn(hash, found, err)
	})
}

// learn keeps what Keys said and gives what it means.
func (k *Keyring) learn(hash journey.KeyHash, found journey.Door, err error) (*Door, error) {
	now := time.Now()
	switch {
	case err == nil:
		before, _ := k.known.Peek(hash)
		door := newDoor(found, before.door, k.rate, now)
		k.known.Add(hash, finding{door: door, at: now})
		k.unknown.Remove(hash)
		return door, nil
	case fault.Of(err) == fault.NotFound:
		k.known.Remove(hash)
		k.unknown.Add(hash, now)
		return nil, errUnknownKey()
	case isAway(err):
		k.awayUntil.Store(now.Add(awayPause).UnixNano())
	default:
		k.broken.Add(hash, now)
	}
	return nil, errAway(err)
}

// isBroken tells that a key could not be told of, though others could, and is not asked for yet.
func (k *Keyring) isBroken(hash journey.KeyHash, now time.Time) bool {
	at, broken := k.broken.Peek(hash)
	return broken && now.Sub(at) < awayPause
}

// isAway tells whether an error of Keys is of all keys, and not of what is known of one: an
// Internal one is of one, where that is what it says and not only what is not known.
func isAway(err error) bool {
	if _, says := errors.AsType[*fault.Error](err); !says {
		return true
	}
	return fault.Retryable(err)
}

func (k *Keyring) await(
	ctx context.Context, flight <-chan singleflight.Result,
) (*Door, error) {
	select {
	case result := <-flight:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*Door), nil
	case <-ctx.Done():
		return nil, errAway(ctx.Err())
	}
}

func errAway(cause error) error {
	const message = "this write key is not known here yet and cannot be looked up now: try again"
	if cause == nil {
		return fault.New(fault.Unavailable, message)
	}
	return fault.Wrap(fault.Unavailable, cause, message)
}
