package capture

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/internal/rpc"
)

// What a request costs besides what take counts: its messages, and their texts as JSON.
const (
	bytesPerCallByte    = 2
	bytesPerCallMessage = 512
)

// parse makes a request of its bytes. Two of them can become a message of hundreds: they are
// counted, and what they will take is taken from the hold, before any is made. Errors:
// tooManyMessages, busy, badRequest.
func parse(raw *rpc.Raw, request proto.Message, hold *hold) error {
	messages, err := count(raw.Bytes(), request)
	if err != nil {
		return err
	}
	err = hold.grow(bytesPerCallByte*len(raw.Bytes()) + bytesPerCallMessage*messages)
	if err != nil {
		return err
	}
	if raw.Into(request) != nil {
		return badRequest
	}
	return nil
}

// Where messages stand in requests: the numbers of the fields that lead to them.
var (
	pathInCollect = []protowire.Number{1}
	pathInStream  = []protowire.Number{1, 1}
	pathInReplay  = []protowire.Number{2}
)

// count is the number of messages in the bytes of a request. Errors: too many of them, badRequest.
func count(raw []byte, request proto.Message) (int, error) {
	path, most := pathInCollect, MaxMessages
	switch request.(type) {
	case *collectv1.CollectStreamRequest:
		path = pathInStream
	case *collectv1.ReplayRequest:
		path, most = pathInReplay, MaxReplayed
	}
	n, valid := occurrences(raw, path)
	switch {
	case !valid:
		return 0, badRequest
	case n <= most:
		return n, nil
	case most == MaxReplayed:
		return 0, invalid("messages: %d of them: send 1 to %d", n, MaxReplayed)
	}
	return 0, tooManyMessages
}

// occurrences is how often the field at the end of a path occurs, all others being there once or
// more often: a field that may stand only once and stands there twice is read as both together.
func occurrences(raw []byte, path []protowire.Number) (n int, valid bool) {
	for len(raw) > 0 {
		number, kind, size := protowire.ConsumeTag(raw)
		if size < 0 {
			return 0, false
		}
		raw = raw[size:]
		if size = protowire.ConsumeFieldValue(number, kind, raw); size < 0 {
			return 0, false
		}
		if number == path[0] && kind == protowire.BytesType {
			below := 1
			if len(path) > 1 {
				value, _ := protowire.ConsumeBytes(raw)
				if below, valid = occurrences(value, path[1:]); !valid {
					return 0, false
				}
			}
			n += below
		}
		raw = raw[size:]
	}
	return n, true
}
