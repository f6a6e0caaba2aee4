package stream_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/stream"
)

// What operators do to a cluster and members do by dying is not in the package's interface.

func printed(partitions []int) string { return fmt.Sprint(partitions) }

// deleteRecords drops the records of partition 0 before the offset, as retention does. The client
// library has no such request: API 21, version 0, of the Kafka protocol.
func (w world) deleteRecords(t *testing.T, before int64) {
	t.Helper()
	var body bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			if s, ok := v.(string); ok {
				put16 := binary.BigEndian.AppendUint16(nil, uint16(len(s)))
				body.Write(append(put16, s...))
				continue
			}
			if err := binary.Write(&body, binary.BigEndian, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(int16(21), int16(0), int32(1), "test") // key, version, correlation, client
	put(int32(1), w.topic, int32(1), int32(0), before, int32(10_000))
	conn, err := net.Dial("tcp", w.broker.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	frame := binary.BigEndian.AppendUint32(nil, uint32(body.Len()))
	if _, err := conn.Write(append(frame, body.Bytes()...)); err != nil {
		t.Fatal(err)
	}
	var size int32
	if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, size)
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatal(err)
	}
	// The last two bytes are the only partition's error.
	if code := binary.BigEndian.Uint16(answer[len(answer)-2:]); code != 0 {
		t.Fatalf("deleting records: %v", kafka.Error(code))
	}
}

// commitOffset commits for partition 0 from outside of the group.
func (w world) commitOffset(t *testing.T, group string, offset int64) {
	t.Helper()
	client := kafka.Client{Addr: kafka.TCP(w.brokers...), Transport: &kafka.Transport{}}
	request := &kafka.OffsetCommitRequest{
		GroupID:      group,
		GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{
			w.topic: {{Partition: 0, Offset: offset}},
		},
	}
	w.await(t, "the offset is committed", func() bool {
		answer, err := client.OffsetCommit(w.ctx, request)
		return err == nil && answer.Topics[w.topic][0].Error == nil
	})
}

// addPartitions raises the number of the topic's partitions.
func (w world) addPartitions(t *testing.T, count int32) {
	t.Helper()
	client := kafka.Client{Addr: kafka.TCP(w.brokers...), Transport: &kafka.Transport{}}
	request := &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: w.topic, Count: count}},
	}
	answer, err := client.CreatePartitions(w.ctx, request)
	if err == nil {
		err = answer.Errors[w.topic]
	}
	if err != nil {
		t.Fatalf("adding partitions: %v", err)
	}
}

// A test binary that is told a member's place is that member and nothing else: it says when its
// handler has the first batch, and never ends by itself.
const memberVariable = "STREAM_TEST_MEMBER"

func TestMain(m *testing.M) {
	if place := os.Getenv(memberVariable); place != "" {
		beMember(place)
	}
	os.Exit(m.Run())
}

func beMember(place string) {
	var broker, topic string
	if _, err := fmt.Sscan(place, &broker, &topic); err != nil {
		panic(err)
	}
	w := world{brokers: []string{broker}, topic: topic}
	err := stream.NewConsumer(w.config()).Run(context.Background(),
		stream.HandlerFunc(func(_ context.Context, b stream.Batch) error {
			fmt.Println(len(b.Records))
			select {}
		}))
	panic(errors.Join(errors.New("the member ended"), err))
}

func killedMembersBatchComesAgain(t *testing.T, w world) {
	w.makeTopic(t, stream.Topic{Partitions: 2})
	w.write(t, 0, 100)
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), memberVariable+"="+w.broker.Addr()+" "+w.topic)
	victim.Stderr = os.Stderr
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(patience, func() { _ = victim.Process.Kill() })
	defer stuck.Stop()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Errorf("the member has got no batch: %v", err)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	if got := w.lag(t, w.config().Group); got != 100 {
		t.Errorf("the lag is %d, want 100: nothing was handled", got)
	}
	all := newLedger(t)
	w.join(t, w.config(), all)
	w.await(t, "all came again", func() bool { return len(all.missing(0, 100)) == 0 })
	w.await(t, "all is committed", func() bool { return w.lag(t, w.config().Group) == 0 })
}
