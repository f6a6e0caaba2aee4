package query

import (
	"runtime"
	gauges "runtime/metrics"
	"testing"
	"time"
)

func TestGarbagePercent(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for name, c := range map[string]struct {
		live  uint64
		usual int
		want  int
	}{
		"nothing kept":         {live: 0, usual: 100, want: 100},
		"as much as the bound": {live: gib, usual: 100, want: 100},
		"twice the bound":      {live: 2 * gib, usual: 100, want: 50},
		"four times":           {live: 4 * gib, usual: 100, want: 25},
		"very much":            {live: 100 * gib, usual: 100, want: 20},
		"said to be less":      {live: 2 * gib, usual: 30, want: 30},
		"said to be the least": {live: 100 * gib, usual: 10, want: 10},
		"said to be more":      {live: gib / 8, usual: 400, want: 400},
		"said to be, and much": {live: gib, usual: 400, want: 100},
	} {
		if got := garbagePercent(c.live, gib, c.usual); got != c.want {
			t.Errorf("%s: %d %%, want %d", name, got, c.want)
		}
	}
}

// TestBoundGarbage: what is in use lets there be less garbage than Go would, as long as it is bound.
func TestBoundGarbage(t *testing.T) {
	t.Parallel()
	usual := gcPercent()
	undo := BoundGarbage(8 << 20)
	kept := make([]byte, 64<<20)
	wait := func(what string, holds func(percent uint64) bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !holds(gcPercent()); runtime.GC() {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d %%", what, gcPercent())
			}
		}
	}
	wait("bound", func(percent uint64) bool { return percent == leastPercent })
	runtime.KeepAlive(kept)
	undo()
	wait("no more", func(percent uint64) bool { return percent == usual })
	for range 3 {
		runtime.GC()
	}
	if got := gcPercent(); got != usual {
		t.Errorf("bound after all, %d %%", got)
	}
}

// gcPercent is how much garbage there may be now.
func gcPercent() uint64 {
	s := []gauges.Sample{{Name: "/gc/gogc:percent"}}
	gauges.Read(s)
	return s[0].Value.Uint64()
}
