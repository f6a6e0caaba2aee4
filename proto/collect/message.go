package collect

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// Sizes of messages. A batch stays below the 500 KiB that a server takes at once.
const (
	maxBatchMessages = 5000
	maxBatchBytes    = 480 << 10
	// addedBytes are those of an id, a time, and the place in the batch.
	addedBytes = 64
	// heldBytes and heldShare are what a message takes in memory: some, and twice its size.
	heldBytes = 512
	heldShare = 2
)

// item is a message that waits.
type item struct {
	message *collectv1.Message
	// weight is what it takes of the client's room, bytes its size in a batch.
	weight int64
	bytes  int
	at     time.Time
}

func newItem(m *collectv1.Message, now time.Time) *item {
	it := &item{weight: weight(m), bytes: sizeOf(m), message: proto.CloneOf(m), at: now}
	if it.message.GetMessageId() == "" {
		it.message.MessageId = uuid.NewString()
	}
	if it.message.GetOccurredAt() == nil {
		it.message.OccurredAt = timestamppb.New(now)
	}
	return it
}

func sizeOf(m *collectv1.Message) int { return proto.Size(m) + addedBytes }

func weight(m *collectv1.Message) int64 { return heldBytes + heldShare*int64(sizeOf(m)) }

// check tells by nil that a message can be sent at all.
func check(m *collectv1.Message) error {
	if m == nil {
		return errors.New("it is nil")
	}
	if size := sizeOf(m); size > maxBatchBytes {
		return fmt.Errorf("it takes %d bytes, more than %d: send less in one message", size,
			maxBatchBytes)
	}
	for _, text := range []string{
		m.GetMessageId(), m.GetUserId(), m.GetAnonymousId(), m.GetPreviousId(), m.GetGroupId(),
		m.GetEvent(), m.GetName(), m.GetPropertiesJson(), m.GetTraitsJson(), m.GetContextJson(),
	} {
		if !utf8.ValidString(text) {
			return errors.New("it holds a text that is not UTF-8")
		}
	}
	return nil
}
