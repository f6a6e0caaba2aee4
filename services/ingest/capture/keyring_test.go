package capture

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// keys is a Keys in memory that counts lookups and can be away or slow.
type keys struct {
	sync.Mutex
	bySecret map[string]journey.Key
	privacy  journey.Privacy
	away     error
	takes    time.Duration
	lookups  int
	// broken are errors of some secrets alone.
	broken map[string]error
}

func (k *keys) DoorByHash(ctx context.Context, hash journey.KeyHash) (journey.Door, error) {
	k.Lock()
	takes := k.takes
	k.lookups++
	k.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return journey.Door{}, ctx.Err()
	}
	k.Lock()
	defer k.Unlock()
	if k.away != nil {
		return journey.Door{}, k.away
	}
	for secret, key := range k.bySecret {
		if sha256.Sum256([]byte(secret)) == hash {
			if err := k.broken[secret]; err != nil {
				return journey.Door{}, err
			}
			return journey.Door{Key: key, Privacy: k.privacy}, nil
		}
	}
	return journey.Door{}, fault.New(fault.NotFound, "no such key")
}

func (k *keys) set(change func(*keys)) {
	k.Lock()
	defer k.Unlock()
	change(k)
}

func (k *keys) count() int {
	k.Lock()
	defer k.Unlock()
	return k.lookups
}

func shopKeys() *keys {
	return &keys{bySecret: map[string]journey.Key{
		"wk":      {Site: "shop", ID: "w", Kind: journey.WriteKey},
		"rk":      {Site: "shop", ID: "r", Kind: journey.ReadKey},
		"ak":      {Site: "shop", ID: "a", Kind: journey.AdminKey},
		"revoked": {Site: "shop", Kind: journey.WriteKey, RevokedAt: time.Unix(1, 0)},
	}}
}

func expect(t *testing.T, ring *Keyring, secret string, want fault.Kind) {
	t.Helper()
	door, err := ring.Door(t.Context(), secret)
	if fault.Of(err) != want || err == nil && door.Site != "shop" {
		t.Errorf("%q: door %+v, error %v; want kind %v", secret, door, err, want)
	}
}

const good = fault.Kind(0)

func TestKeyringKinds(t *testing.T) {
	t.Parallel()
	ring := NewKeyring(shopKeys(), 0)
	for secret, kind := range map[string]journey.KeyKind{
		"wk": journey.WriteKey, "rk": journey.ReadKey, "ak": journey.AdminKey,
	} {
		door, err := ring.Door(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		if door.Kind != kind || string(door.KeyID) != secret[:1] {
			t.Errorf("%s: %+v", secret, door)
		}
		if sends := fault.Of(door.sends()); sends != good && kind == journey.WriteKey ||
			sends != fault.Forbidden && kind != journey.WriteKey {
			t.Errorf("%s: sending is %v", secret, sends)
		}
	}
	expect(t, ring, "revoked", fault.Unauthenticated)
	expect(t, ring, "nonsense", fault.Unauthenticated)
	expect(t, ring, strings.Repeat("x", 10_000), fault.Unauthenticated)
}

func TestKeyringRemembers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := shopKeys()
		ring := NewKeyring(k, 0)
		for range 100 {
			expect(t, ring, "wk", good)
			expect(t, ring, "nonsense", fault.Unauthenticated)
		}
		if n := k.count(); n != 2 {
			t.Errorf("%d lookups of 2 keys", n)
		}
	})
}

// TestKeyringRevocation: a revoked key is refused after KnownAge, used all the time or not.
func TestKeyringRevocation(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"in use": time.Second, "idle": KnownAge} {
		synctest.Test(t, func(t *testing.T) {
			k := shopKeys()
			ring := NewKeyring(k, 0)
			expect(t, ring, "wk", good)
			k.set(func(k *keys) {
				k.bySecret["wk"] = journey.Key{Site: "shop", Kind: journey.WriteKey, RevokedAt: time.Now()}
			})
			for waited := time.Duration(0); waited < KnownAge; waited += step {
				_, _ = ring.Door(t.Context(), "wk")
				time.Sleep(step)
				synctest.Wait()
			}
			t.Log(name)
			expect(t, ring, "wk", fault.Unauthenticated)
		})
	}
}

// TestKeyringRefreshIsBehindRequests: requests with a known key in use wait for no lookup.
func TestKeyringRefreshIsBehindRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := shopKeys()
		ring := NewKeyring(k, 0)
		expect(t, ring, "wk", good)
		k.set(func(k *keys) { k.takes = time.Second })
		for range 120 {
			time.Sleep(time.Second)
			began := time.Now()
			expect(t, ring, "wk", good)
			if waited := time.Since(began); waited != 0 {
				t.Fatalf("waited %s", waited)
			}
		}
		if n := k.count(); n < 120/int(KnownAge/time.Second) || n > 10 {
			t.Errorf("%d lookups in two minutes", n)
		}
	})
}

func TestKeyringNewKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := shopKeys()
		ring := NewKeyring(k, 0)
		expect(t, ring, "new", fault.Unauthenticated)
		k.set(func(k *keys) { k.bySecret["new"] = journey.Key{Site: "shop", Kind: journey.WriteKey} })
		time.Sleep(UnknownAge)
		expect(t, ring, "new", good)
	})
}

// TestKeyringAway: while keys cannot be looked up, known ones stay known, however long, and
// others are neither refused for good nor waited for by everybody.
func TestKeyringAway(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*keys){
		"refusing": func(k *keys) { k.away = errors.New("connection refused") },
		"silent":   func(k *keys) { k.takes = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := shopKeys()
				ring := NewKeyring(k, 0)
				expect(t, ring, "wk", good)
				k.set(fail)
				for range 10 {
					time.Sleep(24 * time.Hour)
					began := time.Now()
					expect(t, ring, "wk", good)
					expect(t, ring, "new", fault.Unavailable)
					expect(t, ring, "wk", good)
					if waited := time.Since(began); waited > 2*lookupTimeout {
						t.Fatalf("waited %s", waited)
					}
				}
				before := k.count()
				began := time.Now()
				for i := range 1000 {
					expect(t, ring, "other"+strconv.Itoa(i), fault.Unavailable)
				}
				if n := k.count() - before; n > 1 || time.Since(began) > lookupTimeout {
					t.Errorf("%d lookups, %s, while away", n, time.Since(began))
				}
				k.set(func(k *keys) { k.away, k.takes = nil, 0 })
				time.Sleep(awayPause)
				expect(t, ring, "nonsense", fault.Unauthenticated)
				expect(t, ring, "wk", good)
			})
		})
	}
}

// TestKeyringBrokenSite: what cannot be read of one key is of no other: it alone is told to come
// again, is not asked for all the time, and soon finds what was repaired.
func TestKeyringBrokenSite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := shopKeys()
		k.broken = map[string]error{}
		ring := NewKeyring(k, 0)
		expect(t, ring, "rk", good)
		k.set(func(k *keys) {
			k.broken["rk"] = fault.New(fault.Internal, "the settings cannot be read")
			k.broken["ak"] = fmt.Errorf("reading site shop: %w", k.broken["rk"])
		})
		time.Sleep(KnownAge)
		expect(t, ring, "rk", good)
		expect(t, ring, "ak", fault.Unavailable)
		expect(t, ring, "wk", good)
		expect(t, ring, "nonsense", fault.Unauthenticated)
		before := k.count()
		for range 100 {
			expect(t, ring, "rk", good)
			expect(t, ring, "ak", fault.Unavailable)
		}
		if n := k.count() - before; n != 0 {
			t.Errorf("%d lookups of broken keys", n)
		}
		k.set(func(k *keys) { clear(k.broken) })
		time.Sleep(awayPause)
		expect(t, ring, "ak", good)
		for _, kind := range []fault.Kind{fault.Unavailable, fault.Expired, fault.Exhausted} {
			ring = NewKeyring(k, 0)
			k.set(func(k *keys) { k.broken["ak"] = fault.New(kind, "ClickHouse is away") })
			expect(t, ring, "ak", fault.Unavailable)
			expect(t, ring, "wk", fault.Unavailable)
		}
	})
}

// TestKeyringFlood: a flood of wrong keys drives out no right one and is bounded in lookups at a
// time; many requests with one key are one lookup.
func TestKeyringFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := shopKeys()
		k.takes = time.Second
		ring := NewKeyring(k, 0)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { expect(t, ring, "wk", good) })
		}
		group.Wait()
		if n := k.count(); n != 1 {
			t.Errorf("%d lookups of one key", n)
		}
		for i := range 100 {
			group.Go(func() {
				_, err := ring.Door(t.Context(), "wrong"+strconv.Itoa(i))
				if kind := fault.Of(err); kind != fault.Unauthenticated && kind != fault.Unavailable {
					t.Errorf("error %v", err)
				}
			})
		}
		group.Wait()
		if n := k.count() - 1; n > concurrentLookup {
			t.Errorf("%d lookups at a time", n)
		}
		for i := range unknownKeys + 10 {
			ring.unknown.Add(sha256.Sum256([]byte(strconv.Itoa(i))), time.Now())
		}
		before := k.count()
		expect(t, ring, "wk", good)
		if k.count() != before {
			t.Error("the right key was forgotten")
		}
	})
}

func TestKeyringCallerGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := shopKeys()
		k.takes = time.Second
		ring := NewKeyring(k, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := ring.Door(ctx, "wk"); fault.Of(err) != fault.Unavailable {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Second)
		expect(t, ring, "wk", good)
		if n := k.count(); n != 1 {
			t.Errorf("%d lookups: what the first asked for was lost", n)
		}
	})
}
