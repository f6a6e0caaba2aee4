package stream

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/fault"
)

// leaderPoll is the pause between two looks at a new topic.
const leaderPoll = 50 * time.Millisecond

// topicNames is Kafka's own rule; the embedded broker does not know it.
var topicNames = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Topic is what a topic shall be like.
type Topic struct {
	Name string
	// Partitions is at least 1.
	Partitions int
	// Replication is the number of copies; 0 and -1 are the broker's default.
	Replication int
	// Retention is how long records stay, in whole milliseconds; 0 is the broker's default,
	// negative is for ever.
	Retention time.Duration
	// MaxMessageBytes bounds one batch of records as written; 0 is the broker's default. It has
	// to be larger than the BatchBytes of every Producer.
	MaxMessageBytes int
}

// Existing is a topic that was there before with another number of partitions, which was left
// as it is.
type Existing struct {
	Name       string
	Partitions int
	Wanted     int
}

// EnsureTopics makes the topics that are missing and waits until every partition of all of them
// has a leader. A topic that exists is left alone, whatever its settings; those with another
// number of partitions are given back, in the order asked for. It may be called by several at
// once and repeatedly. It waits as long as ctx lives. Errors: Unavailable, Invalid (a topic that
// Kafka does not accept), Internal.
func EnsureTopics(ctx context.Context, brokers []string, topics []Topic) ([]Existing, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	if err := createTopics(ctx, brokers, topics); err != nil {
		return nil, err
	}
	var others []Existing
	for _, t := range topics {
		partitions, err := awaitLeaders(ctx, brokers, t.Name)
		if err != nil {
			return nil, err
		}
		if partitions != t.Partitions {
			others = append(others, Existing{t.Name, partitions, t.Partitions})
		}
	}
	return others, nil
}

func createTopics(ctx context.Context, brokers []string, topics []Topic) error {
	configs := make([]kafka.TopicConfig, len(topics))
	for i, t := range topics {
		if !topicNames.MatchString(t.Name) {
			return fault.New(fault.Invalid, "topic name %q: only 1 to 249 of the characters "+
				"a-z A-Z 0-9 . _ - are allowed", t.Name)
		}
		configs[i] = t.config()
	}
	return withClient(brokers, func(client *kafka.Client) error {
		request := &kafka.CreateTopicsRequest{Topics: configs}
		answer, err := client.CreateTopics(ctx, request)
		if err != nil {
			return unavailable(err, "topics cannot be created: Kafka is away")
		}
		for name, err := range answer.Errors {
			if err := createError(name, err); err != nil {
				return err
			}
		}
		return nil
	})
}

func createError(name string, err error) error {
	switch {
	case err == nil, errors.Is(err, kafka.TopicAlreadyExists):
		return nil
	case errors.Is(err, kafka.InvalidTopic), errors.Is(err, kafka.InvalidPartitionNumber),
		errors.Is(err, kafka.InvalidReplicationFactor), errors.Is(err, kafka.InvalidConfiguration):
		return fault.Wrap(fault.Invalid, err, "topic %q is not acceptable to Kafka", name)
	}
	return classify(err, "creating topic %q", name)
}

func (t Topic) config() kafka.TopicConfig {
	config := kafka.TopicConfig{
		Topic:             t.Name,
		NumPartitions:     t.Partitions,
		ReplicationFactor: t.Replication,
	}
	if t.Replication == 0 {
		config.ReplicationFactor = -1
	}
	set := func(name string, value int64) {
		config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{
			ConfigName:  name,
			ConfigValue: strconv.FormatInt(value, 10),
		})
	}
	switch {
	case t.Retention < 0:
		set("retention.ms", -1)
	case t.Retention > 0:
		set("retention.ms", max(1, t.Retention.Milliseconds()))
	}
	if t.MaxMessageBytes > 0 {
		set("max.message.bytes", int64(t.MaxMessageBytes))
	}
	return config
}

// awaitLeaders waits until all partitions can be written, and gives their number.
func awaitLeaders(ctx context.Context, brokers []string, topic string) (int, error) {
	for {
		partitions, err := partitionsOf(ctx, brokers, topic)
		if err == nil && ready(partitions) {
			return len(partitions), nil
		}
		if err == nil {
			err = fmt.Errorf("topic %q has partitions without a leader", topic)
		}
		if !sleep(ctx, leaderPoll) {
			return 0, unavailable(errors.Join(ctx.Err(), err), "topic %q does not get ready", topic)
		}
	}
}

func ready(partitions []kafka.Partition) bool {
	for _, p := range partitions {
		if p.Error != nil || p.Leader.Host == "" {
			return false
		}
	}
	return len(partitions) > 0
}
