package ingest

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/waystage/waystage/proto/collect"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/engine/enginetest"
)

// startCalls starts a service with a gRPC port, and connects to that.
func startCalls(t *testing.T, config Config, p Producer) (*service, *grpc.ClientConn) {
	t.Helper()
	config.GRPCListen = "127.0.0.1:0"
	s := start(t, config, p)
	conn, err := grpc.NewClient(s.GRPCAddr(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return s, conn
}

func withKey(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer wk")
}

func paid(id string) *collectv1.CollectRequest {
	return &collectv1.CollectRequest{Messages: []*collectv1.Message{{
		Kind: collectv1.Kind_KIND_TRACK, MessageId: id, UserId: "u", Event: "Paid",
	}}}
}

func isServing(t *testing.T, conn *grpc.ClientConn) bool {
	t.Helper()
	response, err := grpc_health_v1.NewHealthClient(conn).
		Check(t.Context(), new(grpc_health_v1.HealthCheckRequest))
	if err != nil {
		t.Fatal(err)
	}
	return response.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING
}

// TestCallsArrive: what the client sends is on Kafka, what is refused in quarantine, and both are
// counted.
func TestCallsArrive(t *testing.T) {
	t.Parallel()
	s, conn := startCalls(t, testConfig(enginetest.Kafka(t)), nil)
	s.awaitReady(true)
	if !isServing(t, conn) {
		t.Error("health checks hear nothing of being ready")
	}
	refused := make(chan string, 10)
	client, err := collect.New(s.GRPCAddr(), "wk",
		collect.WithRefused(func(_ *collectv1.Message, why *collectv1.Refusal) {
			refused <- why.GetReason()
		}))
	if err != nil {
		t.Fatal(err)
	}
	const n = 500
	for i := range n {
		err := client.Send(t.Context(), &collectv1.Message{
			Kind: collectv1.Kind_KIND_TRACK, UserId: "u" + strconv.Itoa(i%7), Event: "Paid",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Send(t.Context(), &collectv1.Message{MessageId: "bad"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if left, err := client.Close(ctx); err != nil {
		t.Fatalf("%d left: %v", len(left), err)
	}
	if got := len(s.facts()); got != n {
		t.Errorf("%d facts", got)
	}
	all := s.quarantined()
	if len(all) != 1 || all[0].Source != "grpc:Collect" || all[0].Reason != <-refused {
		t.Errorf("quarantine %+v", all)
	}
	expected := strings.NewReader(`
		# HELP waystage_ingest_accepted_messages_total Messages that Kafka has acknowledged.
		# TYPE waystage_ingest_accepted_messages_total counter
		waystage_ingest_accepted_messages_total 500
	`)
	if err := testutil.GatherAndCompare(s.registry, expected,
		"waystage_ingest_accepted_messages_total"); err != nil {
		t.Error(err)
	}
	if err := s.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// TestCallsWithoutKafka: before Kafka is there, calls hear at once to try again, and health checks
// that the service is not ready.
func TestCallsWithoutKafka(t *testing.T) {
	t.Parallel()
	s, conn := startCalls(t, testConfig(silentBroker(t)), newProducer())
	_, err := collectv1.NewCollectServiceClient(conn).Collect(withKey(t.Context()), paid("a"))
	if status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	if isServing(t, conn) {
		t.Error("health checks hear that it serves")
	}
	if err := s.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// TestCallsUnderWayAreDrained: a call that waits for Kafka is answered before the producer is
// flushed, one that comes later is not taken.
func TestCallsUnderWayAreDrained(t *testing.T) {
	t.Parallel()
	p := newProducer()
	s, conn := startCalls(t, testConfig(enginetest.Kafka(t)), p)
	s.awaitReady(true)
	service := collectv1.NewCollectServiceClient(conn)
	stream, err := service.CollectStream(withKey(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := service.Collect(withKey(t.Context()), paid("a"))
		answered <- err
	}()
	<-p.entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	s.awaitReady(false)
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream that waits: %v", err)
	}
	close(p.release)
	if err := <-answered; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if len(p.order) != 2 || p.order[0] != "written" || p.order[1] != "flushed" {
		t.Errorf("order %v", p.order)
	}
	if _, err := service.Collect(withKey(t.Context()), paid("b")); status.Code(err) !=
		codes.Unavailable {
		t.Errorf("a call that comes later: %v", err)
	}
}

func TestGRPCPort(t *testing.T) {
	t.Parallel()
	config := testConfig("127.0.0.1:1")
	for _, none := range []string{"", "none"} {
		config.GRPCListen = none
		s, err := New(config, zerolog.Nop(), prometheus.NewPedanticRegistry())
		if err != nil {
			t.Fatal(err)
		}
		if s.GRPCAddr() != "" {
			t.Errorf("%q: address %s", none, s.GRPCAddr())
		}
		config.GRPCListen = s.Addr()
		_, err = New(config, zerolog.Nop(), prometheus.NewPedanticRegistry())
		if err == nil || !strings.Contains(err.Error(), "gRPC port") {
			t.Errorf("a taken port: %v", err)
		}
		if err = s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestBrokenGRPCPortEndsTheService: half a service would look healthy.
func TestBrokenGRPCPortEndsTheService(t *testing.T) {
	t.Parallel()
	s, _ := startCalls(t, testConfig(enginetest.Kafka(t)), nil)
	s.awaitReady(true)
	if err := s.grpc.listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.awaitReady(false)
	if err := s.stop(); err == nil || !strings.Contains(err.Error(), "serving gRPC") {
		t.Errorf("it ended with %v", err)
	}
}
