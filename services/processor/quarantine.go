package processor

import (
	"context"
	"fmt"

	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
)

// quarantine keeps what cannot be processed, so that it can be looked at and replayed.
type quarantine struct {
	producer *stream.Producer
	topic    string
}

func (q quarantine) put(ctx context.Context, refused []wire.Quarantined) error {
	if len(refused) == 0 {
		return nil
	}
	records := make([]stream.Record, 0, len(refused))
	for i := range refused {
		value, err := wire.EncodeQuarantined(&refused[i])
		if err != nil {
			return fmt.Errorf("encoding a refusal: %w", err)
		}
		records = append(records, stream.Record{
			Topic: q.topic, Key: wire.QuarantineKey(&refused[i]), Value: value,
		})
	}
	if err := q.producer.Produce(ctx, records...); err != nil {
		return fmt.Errorf("writing to %s: %w", q.topic, err)
	}
	return nil
}

// unreadable is the refusal of a record that is no message of ours.
func unreadable(r stream.Record, cause error) wire.Quarantined {
	return wire.Quarantined{
		By: wire.ByProcessor, Reason: "unreadable_record",
		Detail:  "the record is no waystage.collect.v1.Record: " + cause.Error(),
		Payload: r.Value, ReceivedAt: r.AppendedAt,
		Source: fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset),
	}
}
