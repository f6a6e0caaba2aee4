package rpc

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// Raw is a request of a Port as its bytes. A handler that reads its request into one can look at
// it before it becomes a message, which may be many times as large.
type Raw struct{ buffer mem.Buffer }

// Bytes are those of the request: the reader's until Free, and not to be changed.
func (r *Raw) Bytes() []byte {
	if r.buffer == nil {
		return nil
	}
	return r.buffer.ReadOnlyData()
}

// Into reads the request into a message, which keeps nothing of the bytes. Errors: they are no such
// message.
func (r *Raw) Into(m proto.Message) error {
	if err := proto.Unmarshal(r.Bytes(), m); err != nil {
		return fmt.Errorf("reading %d bytes as a message: %w", len(r.Bytes()), err)
	}
	return nil
}

// Free gives the bytes back. It must not be called where reading the request gave an error.
func (r *Raw) Free() {
	if r.buffer != nil {
		r.buffer.Free()
		r.buffer = nil
	}
}

// portCodec is the usual codec, but for requests that are to stay bytes.
type portCodec struct{ encoding.CodecV2 }

func newPortCodec() portCodec { return portCodec{encoding.GetCodecV2(protocodec.Name)} }

// Unmarshal reads a message, or keeps the bytes of a Raw.
func (c portCodec) Unmarshal(data mem.BufferSlice, into any) error {
	if raw, is := into.(*Raw); is {
		raw.buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
		return nil
	}
	return c.CodecV2.Unmarshal(data, into) //nolint:wrapcheck // as without this codec
}
