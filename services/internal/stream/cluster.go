package stream

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/fault"
)

const (
	clientID    = "waystage"
	dialTimeout = 5 * time.Second
	// metadataAge is how old a Producer's picture of partitions and leaders may get: a write
	// after a leader's move waits for it.
	metadataAge = time.Second
)

// Ping asks the brokers in turn for the cluster's metadata and gives nil as soon as one answers.
// It is bounded by ctx and by 5 seconds per broker. Errors: Unavailable; Invalid without brokers.
func Ping(ctx context.Context, brokers []string) error {
	err := eachBroker(brokers, func(address string) error {
		conn, err := dialer().DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
		if err := conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
			return err
		}
		known, err := conn.Brokers()
		if err == nil && len(known) == 0 {
			err = errors.New("the broker has not joined its cluster")
		}
		return err
	})
	return unavailable(err, "no Kafka broker answers")
}

// eachBroker calls until one call gives nil, and gives the last error otherwise.
func eachBroker(brokers []string, call func(address string) error) error {
	err := fault.New(fault.Invalid, "no Kafka broker is configured")
	for _, address := range brokers {
		if err = call(address); err == nil {
			return nil
		}
	}
	return err
}

func dialer() *kafka.Dialer {
	return &kafka.Dialer{ClientID: clientID, Timeout: dialTimeout, DualStack: true}
}

func transport() *kafka.Transport {
	return &kafka.Transport{
		Dial:        (&net.Dialer{Timeout: dialTimeout}).DialContext,
		DialTimeout: dialTimeout,
		ClientID:    clientID,
		MetadataTTL: metadataAge,
	}
}

// patient lets the writer try again after every error that is not a broker's own answer: by
// itself it gives up at once when a partition has no leader or a connection has just been closed.
type patient struct{ *kafka.Transport }

// RoundTrip makes every error that is not the broker's answer one that passes.
func (p patient) RoundTrip(ctx context.Context, address net.Addr, request kafka.Request) (
	kafka.Response, error,
) {
	response, err := p.Transport.RoundTrip(ctx, address, request)
	if _, answered := errors.AsType[kafka.Error](err); err != nil && !answered {
		err = temporary{err}
	}
	return response, err
}

// temporary is an error that passes.
type temporary struct{ error }

// Temporary tells kafka-go to try again.
func (temporary) Temporary() bool { return true }

func (t temporary) Unwrap() error { return t.error }

// withClient lends a client of its own to the call: the client library answers metadata from a
// cache, and a new client is the way to fresh ones.
func withClient(brokers []string, call func(*kafka.Client) error) error {
	if len(brokers) == 0 {
		return fault.New(fault.Invalid, "no Kafka broker is configured")
	}
	t := &kafka.Transport{
		Dial:        (&net.Dialer{Timeout: dialTimeout}).DialContext,
		DialTimeout: dialTimeout,
		ClientID:    clientID,
	}
	defer t.CloseIdleConnections()
	return call(&kafka.Client{Addr: kafka.TCP(brokers...), Transport: t})
}

// partitionsOf gives the partitions of a topic, fresh from a broker, and NotFound when there is
// no such topic.
func partitionsOf(ctx context.Context, brokers []string, topic string) ([]kafka.Partition, error) {
	var found []kafka.Partition
	err := withClient(brokers, func(client *kafka.Client) error {
		answer, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
		if err != nil {
			return unavailable(err, "the partitions of topic %q cannot be asked for", topic)
		}
		for _, t := range answer.Topics {
			if errors.Is(t.Error, kafka.UnknownTopicOrPartition) {
				return fault.Wrap(fault.NotFound, t.Error, "topic %q does not exist", topic)
			}
			if t.Error != nil {
				return classify(t.Error, "asking for the partitions of topic %q", topic)
			}
			found = t.Partitions
		}
		return nil
	})
	return found, err
}
