package capture

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/waystage/waystage/services/internal/wire"
)

// TestQuarantineIsBounded: what is kept of a refused message is bounded with the context of its
// batch, and can be replayed by one request or says that it cannot.
func TestQuarantineIsBounded(t *testing.T) {
	t.Parallel()
	text := func(bytes int) string {
		return `{"a":"` + strings.Repeat("x", bytes-len(`{"a":""}`)) + `"}`
	}
	const around = len(`{"context":,"batch":[]}`)
	tests := []struct {
		name             string
		context, payload int
		cut              bool
	}{
		{"small", 100, 100, false},
		{"the largest that is kept", 10_000, wire.MaxPayloadBytes - 10_000, false},
		{"a byte more", 10_000, wire.MaxPayloadBytes - 9_999, true},
		{"a large payload", 10_000, wire.MaxPayloadBytes + 1, true},
		{"a large context", MaxBodyBytes - around - 10, 10, true},
	}
	for _, tt := range tests {
		f := newCallFixture(t, newFixture())
		got := f.send(t, post("/v1/batch",
			`{"context":`+text(tt.context)+`,"batch":[`+text(tt.payload)+`]}`))
		kept := f.refused()
		if got.status != 200 || len(kept) != 1 {
			t.Fatalf("%s: %d %s", tt.name, got.status, got.asBytes)
		}
		q := kept[0]
		if q.PayloadCut != tt.cut || (q.Context == "") != tt.cut || len(q.Payload) < tt.payload {
			t.Errorf("%s: cut %t, %d bytes, %d bytes of context", tt.name, q.PayloadCut, len(q.Payload),
				len(q.Context))
		}
		if size := proto.Size(q.Message()); size > wire.MaxPayloadBytes+1<<10 {
			t.Errorf("%s: %d bytes", tt.name, size)
		}
		result, err := f.replay.Replay(as(t, "Bearer ak"), replayOf(kept))
		if err != nil || result.GetResults()[0].GetRefusal() == nil {
			t.Errorf("%s: replayed: %v, %v", tt.name, result, err)
		}
	}
}
