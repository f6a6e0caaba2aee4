// Command floor is the least that a durable ingest can do, to measure ingest beside: net/http, the
// JSON split by encoding/json, one record per message by kafka-go with all acknowledgements and
// batches of 5 ms. It asks for no key and checks nothing.
//
//	floor ADDRESS BROKER TOPIC PARTITIONS
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return errors.New("usage: floor ADDRESS BROKER TOPIC PARTITIONS")
	}
	partitions, err := strconv.Atoi(args[3])
	if err != nil {
		return fmt.Errorf("reading the number of partitions: %w", err)
	}
	if err := makeTopic(args[1], args[2], partitions); err != nil {
		return err
	}
	writer := &kafka.Writer{
		Addr: kafka.TCP(args[1]), Topic: args[2], RequiredAcks: kafka.RequireAll,
		BatchTimeout: 5 * time.Millisecond,
	}
	http.HandleFunc("/v1/batch", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Batch []json.RawMessage }
		take(w, r, writer, &body, func() []json.RawMessage { return body.Batch })
	})
	http.HandleFunc("/v1/track", func(w http.ResponseWriter, r *http.Request) {
		var message json.RawMessage
		take(w, r, writer, &message, func() []json.RawMessage { return []json.RawMessage{message} })
	})
	server := &http.Server{Addr: args[0], ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

func makeTopic(broker, topic string, partitions int) error {
	client := kafka.Client{Addr: kafka.TCP(broker)}
	answer, err := client.CreateTopics(context.Background(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{
			Topic: topic, NumPartitions: partitions, ReplicationFactor: 1,
		}},
	})
	if err != nil {
		return fmt.Errorf("making the topic %s: %w", topic, err)
	}
	if err := answer.Errors[topic]; err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
		return fmt.Errorf("making the topic %s: %w", topic, err)
	}
	return nil
}

func take(
	w http.ResponseWriter, r *http.Request, writer *kafka.Writer, into any,
	messages func() []json.RawMessage,
) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var records []kafka.Message
	for _, m := range messages() {
		records = append(records, kafka.Message{Value: m})
	}
	if err := writer.WriteMessages(r.Context(), records...); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"success":true}`)
}
