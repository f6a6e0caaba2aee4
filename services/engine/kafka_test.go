package engine_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/waystage/waystage/services/engine"
	"github.com/waystage/waystage/services/engine/enginetest"
)

const topic = "touchpoints"

// createTopic makes a topic through the Kafka protocol.
func createTopic(t *testing.T, addr string) {
	t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(addr)}
	answer, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{
			Topic: topic, NumPartitions: 3, ReplicationFactor: 1,
			ConfigEntries: []kafka.ConfigEntry{
				{ConfigName: "retention.ms", ConfigValue: "86400000"},
				{ConfigName: "max.message.bytes", ConfigValue: "2000000"},
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Errors[topic]; err != nil {
		t.Fatal(err)
	}
}

// topicSettings reads the settings createTopic made. (kafka-go cannot: it takes the missing
// documentation of a setting for a cut answer.)
func topicSettings(t *testing.T, addr string) map[string]string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	resource.ConfigNames = []string{"retention.ms", "max.message.bytes"}
	request.Resources = append(request.Resources, resource)
	answer, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, entry := range answer.Resources[0].Configs {
		settings[entry.Name] = *entry.Value
	}
	return settings
}

// produce writes records numbered from first.
func produce(t *testing.T, addr string, first, count int) {
	t.Helper()
	writer := &kafka.Writer{
		Addr: kafka.TCP(addr), Topic: topic, RequiredAcks: kafka.RequireAll,
		Balancer: &kafka.Hash{}, BatchTimeout: time.Millisecond, Compression: kafka.Lz4,
	}
	var messages []kafka.Message
	for i := range count {
		key := fmt.Appendf(nil, "%05d", first+i)
		messages = append(messages, kafka.Message{Key: key, Value: append([]byte("v"), key...)})
	}
	if err := writer.WriteMessages(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
}

// consume reads count records in a group, commits them and gives their keys with how often each
// came.
func consume(t *testing.T, addr string, count int) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{addr}, Topic: topic, GroupID: "group", MaxWait: 50 * time.Millisecond,
		StartOffset: kafka.FirstOffset,
	})
	seen := map[string]int{}
	for range count {
		message, err := reader.FetchMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(message.Key)]++
		if err := reader.CommitMessages(ctx, message); err != nil {
			t.Fatal(err)
		}
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	return seen
}

// keys are what produce writes, each once.
func keys(first, count int) map[string]int {
	wanted := map[string]int{}
	for i := range count {
		wanted[fmt.Sprintf("%05d", first+i)] = 1
	}
	return wanted
}

func openKafka(t *testing.T, dir string, port int) *engine.Kafka {
	t.Helper()
	broker, err := engine.OpenKafka(engine.KafkaConfig{Dir: dir, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	return broker
}

func TestKafkaRemembers(t *testing.T) {
	dir := t.TempDir()
	broker := openKafka(t, dir, 0)
	addr, port := broker.Addr(), broker.Port()
	createTopic(t, addr)
	produce(t, addr, 0, 100)
	if diff := cmp.Diff(keys(0, 100), consume(t, addr, 100)); diff != "" {
		t.Errorf("before closing (-want +got):\n%s", diff)
	}
	produce(t, addr, 100, 50)
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}

	broker = openKafka(t, dir, port)
	defer broker.Close()
	if broker.Addr() != addr {
		t.Errorf("opened again at %s, want %s", broker.Addr(), addr)
	}
	wanted := map[string]string{"retention.ms": "86400000", "max.message.bytes": "2000000"}
	if diff := cmp.Diff(wanted, topicSettings(t, addr)); diff != "" {
		t.Errorf("settings of the topic (-want +got):\n%s", diff)
	}
	produce(t, addr, 150, 10)
	if diff := cmp.Diff(keys(100, 60), consume(t, addr, 60)); diff != "" {
		t.Errorf("the group did not go on where it was (-want +got):\n%s", diff)
	}
}

// kafkaJob serves a broker until the process is killed.
func kafkaJob(dir string) error {
	broker, err := engine.OpenKafka(engine.KafkaConfig{Dir: dir})
	if err != nil {
		return err
	}
	fmt.Println(broker.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func TestKafkaSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childJob+"=kafka", childDir+"="+dir)
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	printed, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var addr string
	if _, err := fmt.Fscanln(printed, &addr); err != nil {
		t.Fatal(err)
	}
	createTopic(t, addr)
	produce(t, addr, 0, 100)
	seen := consume(t, addr, 40)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed, and says so

	broker := openKafka(t, dir, 0)
	defer broker.Close()
	for key, times := range consume(t, broker.Addr(), 60) {
		seen[key] += times
	}
	if diff := cmp.Diff(keys(0, 100), seen); diff != "" {
		t.Errorf("read before and after the kill (-want +got):\n%s", diff)
	}
}

func TestKafkaMakesNoTopicsUnasked(t *testing.T) {
	addr := enginetest.Kafka(t)
	writer := &kafka.Writer{
		Addr: kafka.TCP(addr), Topic: "unknown", MaxAttempts: 1, AllowAutoTopicCreation: true,
	}
	defer writer.Close()
	if err := writer.WriteMessages(t.Context(), kafka.Message{Value: []byte("v")}); err == nil {
		t.Error("a record went into a topic that nobody made")
	}
}

func TestKafkaSharesNoDirectory(t *testing.T) {
	dir := t.TempDir()
	broker := openKafka(t, dir, 0)
	if _, err := engine.OpenKafka(engine.KafkaConfig{Dir: dir}); err == nil {
		t.Error("two brokers open in one directory")
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openKafka(t, dir, 0).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestKafkaWantsDirectory(t *testing.T) {
	if _, err := engine.OpenKafka(engine.KafkaConfig{}); err == nil {
		t.Error("a Kafka without a directory opens")
	}
}

func TestKafkaPortTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	if _, err := engine.OpenKafka(engine.KafkaConfig{Dir: t.TempDir(), Port: port}); err == nil {
		t.Errorf("a broker opened on the port %d, which is taken", port)
	}
}
