package capture

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// keeping is a Sink that holds what a real one does while it writes: the records, and the writer's
// copy of them.
type keeping struct {
	tb      testing.TB
	handler *Handler
	// before is the heap before the request, held what of it is live while it is kept, counted what
	// the handler says that it holds; in bytes.
	before, held, counted int64
}

func (k *keeping) Write(_ context.Context, facts []journey.Fact, refused []wire.Quarantined) error {
	var records [][]byte
	keep := func(record []byte, err error) {
		if err != nil {
			k.tb.Error(err)
		}
		records = append(records, record, bytes.Clone(record))
	}
	for i := range facts {
		keep(wire.Encode(&facts[i]))
	}
	for i := range refused {
		keep(wire.EncodeQuarantined(&refused[i]))
	}
	k.held, k.counted = liveHeap()-k.before, k.handler.InFlightBytes()
	runtime.KeepAlive(records)
	runtime.KeepAlive(facts)
	runtime.KeepAlive(refused)
	return nil
}

// liveHeap is what the process holds, in bytes, without garbage.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // the second empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestCost is not parallel: it measures what the process holds. What is counted for a request is no
// less than what it holds, and not many times as much.
func TestCost(t *testing.T) { //nolint:paralleltest // see above
	context := `{"a":"` + strings.Repeat("x", 800) + `"}`
	fill := func(each string, messages int) string {
		return strings.Repeat(each+",", messages-1) + each
	}
	tests := []struct{ name, body, agent string }{
		{"small", `{"batch":[` + fill(`{"type":"page","userId":"u"}`, MaxMessages) + `]}`, ""},
		{
			"of a browser", `{"batch":[` + fill(`{"type":"page","userId":"u"}`, MaxMessages) + `]}`,
			strings.Repeat("x", 1012),
		},
		{
			"of an odd browser", `{"batch":[` + fill(`{"type":"page","userId":"u"}`, MaxMessages) + `]}`,
			strings.Repeat("x\xff", 506),
		},
		{"with a context", `{"context":` + context + `,"batch":[` +
			fill(`{"type":"page","userId":"u"}`, MaxMessages) + `]}`, strings.Repeat("x", 200)},
		{
			"refused", `{"context":` + context + `,"batch":[` + fill(`{}`, MaxMessages) + `]}`,
			strings.Repeat("x", 1012),
		},
		{"usual", `{"batch":[` + fill(page, 600) + `]}`, "(X11; Linux x86_64)"},
		{"large", `{"batch":[` + fill(`{"type":"page","userId":"u","properties":{"a":"`+
			strings.Repeat("x", 30_000)+`"}}`, 16) + `]}`, ""},
		{"alone", `{"batch":[` + paid + `]}`, ""},
	}
	for _, tt := range tests {
		f := newFixture()
		f.budget.limit = 64 << 20
		kept := &keeping{tb: t, handler: f.Handler}
		f.Handler.sink = kept
		for range 2 { // first what is there for all requests is made
			r := post("/v1/batch", tt.body)
			if tt.agent != "" {
				r.Header.Set("User-Agent", "Mozilla/5.0 "+tt.agent)
			}
			kept.before = liveHeap()
			if got := f.send(t, r); got.status != 200 {
				t.Fatalf("%s: %d %s", tt.name, got.status, got.asBytes[:100])
			}
		}
		t.Logf("%s: %d KB counted, %d KB held", tt.name, kept.counted>>10, kept.held>>10)
		const fixed = 64 << 10
		if kept.held > kept.counted || kept.counted > 5*kept.held+fixed {
			t.Errorf("%s: %d bytes counted, %d held", tt.name, kept.counted, kept.held)
		}
	}
}
