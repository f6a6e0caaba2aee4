package capture

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// asBytes sends bytes as they are, and reads no answers.
type asBytes struct{}

func (asBytes) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (asBytes) Unmarshal(mem.BufferSlice, any) error { return nil }
func (asBytes) Name() string                         { return "proto" }

// emptyMessages are so many empty messages as the bytes of a field.
func emptyMessages(field byte, messages int) []byte {
	return bytes.Repeat([]byte{field<<3 | 2, 0}, messages)
}

func (c *callFixture) invoke(t *testing.T, key, method string, request []byte) error {
	t.Helper()
	return c.conn.Invoke(as(t, "Bearer "+key), method, request, new(any),
		grpc.ForceCodecV2(asBytes{}))
}

// streamed sends one batch of a stream, and gives what ends it.
func (c *callFixture) streamed(t *testing.T, request []byte) error {
	t.Helper()
	stream, err := c.conn.NewStream(as(t, "Bearer wk"),
		&grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		collectv1.CollectService_CollectStream_FullMethodName, grpc.ForceCodecV2(asBytes{}))
	if err != nil {
		return err
	}
	if err = stream.SendMsg(request); err != nil {
		return err
	}
	return stream.RecvMsg(new(any))
}

// nested is the bytes of a message within a field 1.
func nested(m []byte) []byte {
	return mustMarshal(&collectv1.CollectStreamRequest{Batch: unread(m)})
}

// unread is a batch that was not read: its bytes are unknown fields.
func unread(m []byte) *collectv1.CollectRequest {
	batch := new(collectv1.CollectRequest)
	batch.ProtoReflect().SetUnknown(m)
	return batch
}

func mustMarshal(m proto.Message) []byte {
	raw, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return raw
}

// TestCallBombs is not parallel: it measures what the process allocates. Requests of two bytes a
// message are refused before a message is made: forty at once take little more than themselves.
func TestCallBombs(t *testing.T) { //nolint:paralleltest // see above
	f := newCallFixture(t, newFixture())
	const most = MaxBodyBytes/2 - 10
	half := nested(emptyMessages(1, most/2))
	tests := []struct {
		name string
		send func() error
		code codes.Code
		says string
	}{
		{"call", func() error {
			return f.invoke(t, "wk", collectv1.CollectService_Collect_FullMethodName,
				emptyMessages(1, most))
		}, codes.ResourceExhausted, "5000 messages"},
		{
			"stream", func() error { return f.streamed(t, nested(emptyMessages(1, most))) },
			codes.ResourceExhausted, "5000 messages",
		},
		{"stream of a batch in two", func() error {
			return f.streamed(t, append(bytes.Clone(half), half...))
		}, codes.ResourceExhausted, "5000 messages"},
		{"replay", func() error {
			return f.invoke(t, "ak", collectv1.ReplayService_Replay_FullMethodName,
				emptyMessages(2, most))
		}, codes.InvalidArgument, "send 1 to 1000"},
	}
	for _, tt := range tests {
		if err := tt.send(); grpcstatus.Code(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var group sync.WaitGroup
		var failed atomic.Int32
		const calls = 40
		for range calls {
			group.Go(func() {
				if tt.send() != nil {
					failed.Add(1)
				}
			})
		}
		group.Wait()
		runtime.ReadMemStats(&after)
		// Garbage too, and the sender's: of a call that is parsed 64 MB.
		used := (after.TotalAlloc - before.TotalAlloc) / calls
		t.Logf("%s: %d KB a call", tt.name, used>>10)
		if used > 8<<20 || failed.Load() != calls {
			t.Errorf("%s: %d bytes a call; %d of %d failed", tt.name, used, failed.Load(), calls)
		}
	}
	if n := len(f.accepted()) + len(f.refused()); n != 0 {
		t.Errorf("%d messages were kept", n)
	}
}

// TestCallOfTheMostMessages: so many as may come do.
func TestCallOfTheMostMessages(t *testing.T) {
	t.Parallel()
	f := newCallFixture(t, newFixture())
	whole := emptyMessages(1, MaxMessages)
	if err := f.invoke(t, "wk", collectv1.CollectService_Collect_FullMethodName, whole); err != nil {
		t.Error(err)
	}
	if err := f.streamed(t, nested(whole)); err != nil {
		t.Error(err)
	}
	if n := len(f.refused()); n != 2*MaxMessages {
		t.Errorf("%d messages in quarantine", n)
	}
}

// TestCallIsHeldBeforeItIsParsed: what messages will take is counted before they are made.
func TestCallIsHeldBeforeItIsParsed(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.budget.limit = MaxMessages * bytesPerCallMessage
	c := newCallFixture(t, f)
	err := c.invoke(t, "wk", collectv1.CollectService_Collect_FullMethodName,
		emptyMessages(1, MaxMessages))
	if grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
}

// TestCount: whatever bytes come, those that are a request are counted as they are read, and none
// else are.
func TestCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{
			"\x0a\x00", "\x0a\x02\x0a\x00", "\x12\x00", "\x12\x02\x08\x01", "\x18\x01", "\x08\x01",
			"\x0b\x0c", "\x0a\x05\x0a\x00\x12\x01a", "\x0a", "\xff", "\x1a\x00",
		})).Draw(t, "pieces")
		raw := []byte(strings.Join(pieces, ""))
		collect, stream := new(collectv1.CollectRequest), new(collectv1.CollectStreamRequest)
		replay := new(collectv1.ReplayRequest)
		for _, each := range []struct {
			request proto.Message
			count   func() int
		}{
			{collect, func() int { return len(collect.GetMessages()) }},
			{stream, func() int { return len(stream.GetBatch().GetMessages()) }},
			{replay, func() int { return len(replay.GetMessages()) }},
		} {
			n, err := count(raw, each.request)
			if err != nil && !errors.Is(err, badRequest) {
				t.Fatal(err)
			}
			if proto.Unmarshal(raw, each.request) == nil && (err != nil || n != each.count()) {
				t.Fatalf("%x as %T: %d messages, %v; want %d", raw, each.request, n, err, each.count())
			}
		}
	})
}

// FuzzOccurrences holds the count of messages to what the library makes of the same bytes.
func FuzzOccurrences(f *testing.F) {
	f.Add(emptyMessages(0x0a, 3))
	f.Add(nested(emptyMessages(0x0a, 3)))
	f.Add(append(nested(emptyMessages(0x0a, 1)), nested(emptyMessages(0x0a, 2))...))
	f.Add(mustMarshal(&collectv1.CollectRequest{
		Messages: []*collectv1.Message{{UserId: "u", PropertiesJson: `{"a":1}`}, {}}, Imported: true,
	}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		one, stream := new(collectv1.CollectRequest), new(collectv1.CollectStreamRequest)
		for _, way := range []struct {
			into proto.Message
			path []protowire.Number
			made func() int
		}{
			{one, pathInCollect, func() int { return len(one.GetMessages()) }},
			{stream, pathInStream, func() int { return len(stream.GetBatch().GetMessages()) }},
		} {
			n, valid := occurrences(raw, way.path)
			if proto.Unmarshal(raw, way.into) == nil && (!valid || n != way.made()) {
				t.Errorf("%d messages (%t), and the library makes %d of %x", n, valid, way.made(), raw)
			}
		}
	})
}
