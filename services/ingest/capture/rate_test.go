package capture

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// many is a batch of so many messages.
func many(messages int) string {
	return `{"batch":[` + strings.TrimSuffix(strings.Repeat("{},", messages), ",") + `]}`
}

func (k *keys) setRate(rate float64) {
	k.set(func(k *keys) {
		key := k.bySecret["wk"]
		key.Rate = rate
		k.bySecret["wk"] = key
	})
}

// TestRate: a key has its rate, a message costs one, a batch as many as it holds, and what is told
// to wait for is enough.
func TestRate(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.keys.setRate(1000)
	at := now
	f.config.Now = func() time.Time { return at }
	steps := []struct {
		after    time.Duration
		messages int
		wait     string
	}{
		{0, MaxMessages, ""},
		{0, 1, "1"},
		{0, 2500, "3"},
		{0, 0, ""},
		{2500 * time.Millisecond, 2500, ""},
		{0, 999, "1"},
		{0, 1001, "2"},
		{time.Hour, MaxMessages, ""},
		{0, MaxMessages, "5"},
	}
	for i, step := range steps {
		at = at.Add(step.after)
		got := f.send(t, post("/v1/batch", many(step.messages)))
		if got.header.Get("Retry-After") != step.wait || (got.status == 429) != (step.wait != "") ||
			(got.answer.code() == "rate_limited") != (step.wait != "") {
			t.Errorf("%d: %d, Retry-After %q, want %q", i, got.status, got.header.Get("Retry-After"), step.wait)
		}
	}
	if n := len(f.sink.refused); n != 2*MaxMessages+2500 {
		t.Errorf("%d messages came through", n)
	}
	other := post("/v1/track", paid)
	f.keys.set(func(k *keys) { k.bySecret["other"] = journey.Key{Site: "shop", Kind: journey.WriteKey} })
	other.SetBasicAuth("other", "")
	if got := f.send(t, other); got.status != 200 {
		t.Errorf("another key: %d %s", got.status, got.asBytes)
	}
}

// TestRateOfAnOutage: what is not kept costs nothing, however often it is sent again: what comes when
// the sink is back is as much as the key may send.
func TestRateOfAnOutage(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.keys.setRate(1)
	f.sink.err = fault.New(fault.Unavailable, "Kafka is away")
	for range 10 {
		if got := f.send(t, post("/v1/batch", many(MaxMessages-1000))); got.status != 503 {
			t.Fatalf("%d %s", got.status, got.asBytes)
		}
	}
	f.sink.err = nil
	for i, want := range []struct{ messages, status int }{{4000, 200}, {1000, 200}, {1, 429}} {
		if got := f.send(t, post("/v1/batch", many(want.messages))); got.status != want.status {
			t.Errorf("%d: %d %s", i, got.status, got.asBytes)
		}
	}
}

// TestRateIsNotSpentInVain: what is not taken for want of memory costs nothing.
func TestRateIsNotSpentInVain(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.keys.setRate(1)
	f.budget.limit = 1 << 20
	if got := f.send(t, post("/v1/batch", many(MaxMessages))); got.answer.code() != "busy" {
		t.Fatalf("%d %s", got.status, got.asBytes)
	}
	f.budget.limit = 32 << 20
	if got := f.send(t, post("/v1/batch", many(MaxMessages))); got.status != 200 {
		t.Errorf("%d %s", got.status, got.asBytes)
	}
}

// TestRateOfKeysThatStateNone, and what changes when they do: a change works after KnownAge, and
// looking a key up again gives nobody a new quota.
func TestRateOfKeysThatStateNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := shopKeys()
		ring := NewKeyring(k, 1)
		send := func(messages int) error {
			door, err := ring.Door(context.Background(), "wk")
			if err != nil {
				t.Fatal(err)
			}
			return door.charge(time.Now(), messages)
		}
		if err := send(MaxMessages); err != nil {
			t.Errorf("a whole batch: %v", err)
		}
		if err := send(1); fault.Of(err) != fault.Exhausted || fault.RetryAfter(err) != time.Second {
			t.Errorf("the installation's rate: %v", err)
		}
		time.Sleep(KnownAge)
		if err := send(int(KnownAge/time.Second) + 1); err == nil {
			t.Error("looking up again filled the bucket")
		}
		k.setRate(100)
		time.Sleep(KnownAge)
		_ = send(0)
		time.Sleep(time.Second)
		if err := send(100); err != nil {
			t.Errorf("the key's own rate: %v", err)
		}
		ring = NewKeyring(shopKeys(), 0)
		for range 10 {
			if err := send(MaxMessages); err != nil {
				t.Errorf("no bound: %v", err)
			}
		}
	})
}
