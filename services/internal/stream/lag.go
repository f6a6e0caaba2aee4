package stream

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go"
)

// Lag gives, for every partition of the topic, how many records the group has not committed yet:
// all that are there when it has committed nothing. Offsets are counted, so that gaps in them
// count too. Errors: Unavailable, NotFound (no such topic), Internal.
func Lag(ctx context.Context, brokers []string, group, topic string) (map[int]int64, error) {
	partitions, err := partitionsOf(ctx, brokers, topic)
	if err != nil {
		return nil, err
	}
	lag := make(map[int]int64, len(partitions))
	err = withClient(brokers, func(client *kafka.Client) error {
		committed, err := committedOf(ctx, client, group, topic, partitions)
		if err != nil {
			return err
		}
		// Asked for last, so that no commit in between can be ahead of it.
		ends, err := endsOf(ctx, client, topic, partitions)
		if err != nil {
			return err
		}
		for _, p := range partitions {
			end := ends[p.ID]
			lag[p.ID] = end.LastOffset - max(committed[p.ID], end.FirstOffset)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return lag, nil
}

// committedOf gives the committed offsets; for none it is -1 or missing.
func committedOf(ctx context.Context, client *kafka.Client, group, topic string,
	partitions []kafka.Partition,
) (map[int]int64, error) {
	request := &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: nil}}
	for _, p := range partitions {
		request.Topics[topic] = append(request.Topics[topic], p.ID)
	}
	answer, err := client.OffsetFetch(ctx, request)
	if err == nil {
		err = answer.Error
	}
	if errors.Is(err, kafka.GroupIdNotFound) {
		return map[int]int64{}, nil
	}
	if err != nil {
		return nil, classify(err, "asking what group %q has committed", group)
	}
	committed := make(map[int]int64, len(partitions))
	for _, p := range answer.Topics[topic] {
		if p.Error != nil {
			return nil, classify(p.Error, "asking what group %q has committed", group)
		}
		committed[p.Partition] = p.CommittedOffset
	}
	return committed, nil
}

func endsOf(ctx context.Context, client *kafka.Client, topic string,
	partitions []kafka.Partition,
) (map[int]kafka.PartitionOffsets, error) {
	request := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}}
	for _, p := range partitions {
		request.Topics[topic] = append(request.Topics[topic],
			kafka.FirstOffsetOf(p.ID), kafka.LastOffsetOf(p.ID))
	}
	answer, err := client.ListOffsets(ctx, request)
	if err != nil {
		return nil, classify(err, "asking for the offsets of topic %q", topic)
	}
	ends := make(map[int]kafka.PartitionOffsets, len(partitions))
	for _, p := range answer.Topics[topic] {
		if p.Error != nil {
			return nil, classify(p.Error, "asking for the offsets of topic %q", topic)
		}
		ends[p.Partition] = p
	}
	return ends, nil
}
