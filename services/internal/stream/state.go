package stream

import (
	"context"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/fault"
)

// State is what a cluster says of itself.
type State struct {
	// Brokers that answer to the cluster; 0 as Controller is none.
	Brokers, Controller int
	// Topics are those asked for that are there, in no order.
	Topics []TopicState
}

// TopicState is what a cluster says of a topic.
type TopicState struct {
	Name       string
	Partitions int
	// Replication is the least number of copies of a partition; InSync the least number of those
	// that have all of it.
	Replication, InSync int
	// Leaderless is the number of partitions that cannot be written.
	Leaderless int
	// Settings by Kafka's names, such as retention.ms. Empty where the cluster does not tell.
	Settings map[string]string
}

// Describe asks a cluster for its state and that of topics. Errors: Unavailable; Invalid without
// brokers.
func Describe(ctx context.Context, brokers, topics []string) (State, error) {
	var s State
	err := withClient(brokers, func(client *kafka.Client) error {
		answer, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: topics})
		if err != nil {
			return unavailable(err, "no Kafka broker answers")
		}
		s.Brokers, s.Controller = len(answer.Brokers), answer.Controller.ID
		for _, t := range answer.Topics {
			if t.Error == nil {
				s.Topics = append(s.Topics, topicState(t))
			}
		}
		return describeSettings(ctx, client, s.Topics)
	})
	return s, err
}

func topicState(t kafka.Topic) TopicState {
	s := TopicState{Name: t.Name, Partitions: len(t.Partitions), Settings: map[string]string{}}
	for i, p := range t.Partitions {
		if p.Leader.Host == "" {
			s.Leaderless++
		}
		if i == 0 || len(p.Replicas) < s.Replication {
			s.Replication = len(p.Replicas)
		}
		if i == 0 || len(p.Isr) < s.InSync {
			s.InSync = len(p.Isr)
		}
	}
	return s
}

// describeSettings asks for the settings of all topics. A cluster that keeps them to itself leaves
// them empty.
func describeSettings(ctx context.Context, client *kafka.Client, topics []TopicState) error {
	if len(topics) == 0 {
		return nil
	}
	request := &kafka.DescribeConfigsRequest{}
	for _, t := range topics {
		request.Resources = append(request.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: t.Name,
		})
	}
	answer, err := client.DescribeConfigs(ctx, request)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the settings of topics cannot be asked for")
	}
	for _, r := range answer.Resources {
		for i := range topics {
			if topics[i].Name != r.ResourceName || r.Error != nil {
				continue
			}
			for _, e := range r.ConfigEntries {
				topics[i].Settings[e.ConfigName] = e.ConfigValue
			}
		}
	}
	return nil
}
