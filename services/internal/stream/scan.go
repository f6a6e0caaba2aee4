package stream

import (
	"context"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/fault"
)

// Scan calls for every record of the topic from the first one up to the end at the time of the
// call: partition by partition, ascending, each in the order of its offsets. It commits nothing.
// It ends with the first error of the function, given back as it is. Other errors: Unavailable,
// NotFound (no such topic), Internal.
func Scan(ctx context.Context, brokers []string, topic string, each func(Record) error) error {
	partitions, err := partitionsOf(ctx, brokers, topic)
	if err != nil {
		return err
	}
	var ends map[int]kafka.PartitionOffsets
	err = withClient(brokers, func(client *kafka.Client) error {
		ends, err = endsOf(ctx, client, topic, partitions)
		return err
	})
	if err != nil {
		return err
	}
	for id := range len(partitions) {
		c := &cursor{
			brokers:      brokers,
			topic:        topic,
			partition:    id,
			next:         ends[id].FirstOffset,
			fetchBytes:   1 << 20,
			chunkRecords: chunkRecords,
			chunkBytes:   chunkBytes,
		}
		if err := c.scan(ctx, ends[id].LastOffset, each); err != nil {
			return err
		}
	}
	return nil
}

// scan reads up to, not including, that offset.
func (c *cursor) scan(ctx context.Context, end int64, each func(Record) error) error {
	defer c.close()
	for c.next < end {
		got, err := c.read(ctx)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			return fault.Wrap(fault.Unavailable, err, "topic %q cannot be read", c.topic)
		}
		for _, r := range got.records {
			if r.Offset >= end {
				return nil
			}
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}
