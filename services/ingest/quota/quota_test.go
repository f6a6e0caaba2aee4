package quota

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestTake(t *testing.T) {
	t.Parallel()
	type take struct {
		after    time.Duration
		messages int
		wait     time.Duration
	}
	tests := []struct {
		name      string
		perSecond float64
		largest   int
		takes     []take
	}{
		{"two seconds of the rate", 10, 1, []take{
			{0, 20, 0},
			{0, 1, 100 * time.Millisecond},
			{100 * time.Millisecond, 1, 0},
			{100 * time.Millisecond, 5, 500 * time.Millisecond},
		}},
		{"the largest batch always fits", 1, 100, []take{
			{0, 100, 0},
			{0, 100, 100 * time.Second},
			{99 * time.Second, 100, time.Second},
			{100 * time.Second, 100, 0},
		}},
		{"less than one a second", 0.5, 1, []take{{0, 1, 0}, {0, 1, 2 * time.Second}}},
		{"no longer than SDKs wait", 0.0001, 1, []take{{0, 1, 0}, {0, 1, longest}}},
		{"one that was told to wait took nothing", 10, 1, []take{
			{0, 15, 0}, {0, 10, 500 * time.Millisecond}, {0, 5, 0},
		}},
		{"a bucket holds no more than two seconds", 10, 1, []take{
			{time.Hour, 20, 0}, {time.Hour, 20, 2 * time.Second},
		}},
		{"nothing costs nothing", 1, 1, []take{{0, 1, 0}, {0, 0, 0}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := New(tt.perSecond, tt.largest)
			for i, each := range tt.takes {
				got := b.Take(start.Add(each.after), each.messages)
				if (got - each.wait).Abs() > time.Microsecond {
					t.Errorf("%d: %d messages wait %s, want %s", i, each.messages, got, each.wait)
				}
			}
		})
	}
}

func TestSetRate(t *testing.T) {
	t.Parallel()
	b := New(10, 1)
	b.Take(start, 20)
	b.SetRate(start, 1000)
	if wait := b.Take(start, 1); wait != time.Millisecond {
		t.Errorf("the new rate: wait %s", wait)
	}
	at := start.Add(time.Hour)
	if wait := b.Take(at, 2000); wait != 0 {
		t.Errorf("the new burst: wait %s", wait)
	}
	b.SetRate(at, 1000)
	if wait := b.Take(at, 1); wait == 0 {
		t.Error("setting the same rate filled the bucket")
	}
}

// TestBound: whatever comes when and fails, no more gets through than the burst and the rate allow,
// and who waits as told gets through.
func TestBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.Float64Range(0.5, 5000).Draw(t, "rate")
		largest := rapid.IntRange(1, 5000).Draw(t, "largest")
		b := New(perSecond, largest)
		size := float64(max(int(2*perSecond), largest))
		now, through, failed := start, 0.0, 0
		for range rapid.IntRange(1, 50).Draw(t, "takes") {
			now = now.Add(time.Duration(rapid.Int64Range(0, 3e9).Draw(t, "pause")))
			n := rapid.IntRange(0, largest).Draw(t, "messages")
			wait := b.Take(now, n)
			if wait > 0 && wait < longest {
				now = now.Add(wait + time.Microsecond)
				wait = b.Take(now, n)
				if wait > 0 {
					t.Fatalf("%d messages wait %s after the wait", n, wait)
				}
			}
			switch {
			case wait == 0 && rapid.Bool().Draw(t, "fails"):
				failed += n
			case wait == 0:
				through += float64(n)
			}
			if rapid.Bool().Draw(t, "failure is told") {
				b.Refund(failed)
				failed = 0
			}
			if most := size + perSecond*now.Sub(start).Seconds() + 1; through > most {
				t.Fatalf("%g messages in %s, at most %g", through, now.Sub(start), most)
			}
		}
	})
}

// TestRefund: what came to nothing costs nothing, however late it is put back, and fills no bucket
// over its size.
func TestRefund(t *testing.T) {
	t.Parallel()
	b := New(1, 100)
	for range 1000 { // as in an outage: every try fails, and takes time
		if wait := b.Take(start, 100); wait != 0 {
			t.Fatalf("wait %s for what was put back", wait)
		}
		b.Refund(100)
	}
	if wait := b.Take(start, 60); wait != 0 {
		t.Fatalf("wait %s", wait)
	}
	late := start.Add(50 * time.Second) // 90 are there
	if wait := b.Take(late, 0); wait != 0 {
		t.Fatalf("wait %s", wait)
	}
	b.Refund(60)
	if wait := b.Take(late, 100); wait != 0 {
		t.Errorf("wait %s for a full bucket", wait)
	}
	if wait := b.Take(late, 1); wait != time.Second {
		t.Errorf("wait %s: there was more in the bucket than it holds", wait)
	}
}

// TestInstantsOutOfOrder: requests that are charged in another order than they came in let nothing
// in twice.
func TestInstantsOutOfOrder(t *testing.T) {
	t.Parallel()
	b := New(1000, 1)
	b.Take(start, 2000)
	through := 0
	for i := range 1000 {
		at := start.Add(time.Second)
		if i%2 == 1 {
			at = start
		}
		if b.Take(at, 10) == 0 {
			through += 10
		}
	}
	if through != 1000 {
		t.Errorf("%d messages in a second", through)
	}
}
