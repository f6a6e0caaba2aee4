package spinetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/ingest"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/services/query"
)

const rootToken = "root-token-of-a-test"

// system is what runs in production but for the processor: ingest and query, on a broker and the
// embedded ClickHouse.
type system struct {
	t      *testing.T
	kafka  string
	dsn    string
	store  *store.Store
	ingest string
	http   string
	grpc   *grpc.ClientConn
}

func newSystem(t *testing.T, kafka string) *system {
	t.Helper()
	s := &system{t: t, kafka: kafka, dsn: enginetest.Database(t)}
	st, err := store.Open(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.store = st
	s.startQuery()
	s.startIngest()
	return s
}

// in is the same system for a subtest.
func (s *system) in(t *testing.T) *system {
	inner := *s
	inner.t = t
	return &inner
}

// process runs a processor in this process until the test ends.
func (s *system) process() {
	s.t.Helper()
	p, err := processor.New(processor.Config{
		Brokers: []string{s.kafka}, Topic: "waystage.touchpoints",
		QuarantineTopic: "waystage.quarantine", Partitions: 8, Retention: 168 * time.Hour,
		Group: "waystage.processor", ClickHouse: s.dsn, CopyWindow: 168 * time.Hour,
		FinishTimeout: 10 * time.Second, BatchAge: 20 * time.Millisecond,
	}, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		s.t.Fatal(err)
	}
	s.run("processor", p.Run)
}

// run runs a service until the test ends, and gives when it is ready.
func (s *system) run(name string, serve func(context.Context, func(bool)) error) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}, 8), make(chan error, 1)
	go func() {
		done <- serve(ctx, func(is bool) {
			if is {
				ready <- struct{}{}
			}
		})
	}()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("%s ended: %v", name, err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- err
		s.t.Fatalf("%s did not start: %v", name, err)
	case <-time.After(time.Minute):
		s.t.Fatalf("%s was not ready within a minute", name)
	}
}

func (s *system) startQuery() {
	config := query.Default()
	config.GRPCListen, config.HTTPListen = "127.0.0.1:0", "127.0.0.1:0"
	config.ClickHouse, config.RootToken = s.dsn, rootToken
	service, err := query.New(config, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		s.t.Fatal(err)
	}
	s.run("query", service.Run)
	s.http = "http://" + service.HTTPAddr()
	s.grpc, err = grpc.NewClient(service.GRPCAddr(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = s.grpc.Close() })
}

func (s *system) startIngest() {
	service, err := ingest.New(ingest.Config{
		Listen: "127.0.0.1:0", Brokers: []string{s.kafka}, ClickHouse: s.dsn,
		Topic: "waystage.touchpoints", QuarantineTopic: "waystage.quarantine", Partitions: 8,
		Retention: 168 * time.Hour, SkewTolerance: 2 * time.Minute, InFlightBytes: 64 << 20,
		ReadTimeout: 30 * time.Second, WriteTimeout: 10 * time.Second,
		DrainTimeout: 20 * time.Second, MaxConnections: 1000,
	}, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		s.t.Fatal(err)
	}
	s.run("ingest", service.Run)
	s.ingest = "http://" + service.Addr()
}

// auth adds a token to a call.
func auth(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// siteIn makes a site in a time zone.
func (s *system) siteIn(zone, id, source string) (writeKey, readToken string) {
	s.t.Helper()
	ctx := auth(s.t.Context(), rootToken)
	sites := sitev1.NewSiteServiceClient(s.grpc)
	if _, err := sites.CreateSite(ctx, &sitev1.CreateSiteRequest{
		SiteId: id, Site: &sitev1.Site{TimeZone: zone},
	}); err != nil {
		s.t.Fatal(err)
	}
	keys := make([]string, 0, 2)
	for _, kind := range []sitev1.KeyKind{
		sitev1.KeyKind_KEY_KIND_WRITE, sitev1.KeyKind_KEY_KIND_READ,
	} {
		key, err := sites.CreateKey(ctx, &sitev1.CreateKeyRequest{Parent: "sites/" + id, Kind: kind})
		if err != nil {
			s.t.Fatal(err)
		}
		keys = append(keys, key.GetSecret())
	}
	if source != "" {
		maps := journeyv1.NewJourneyMapServiceClient(s.grpc)
		_, err := maps.PublishJourneyMap(ctx, &journeyv1.PublishJourneyMapRequest{
			Parent: "sites/" + id, Source: source,
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return keys[0], keys[1]
}

// send posts messages as one batch and fails unless all are accepted.
func (s *system) send(writeKey string, messages []json.RawMessage) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"batch": messages})
	if err != nil {
		s.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost,
		s.ingest+"/v1/batch", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.SetBasicAuth(writeKey, "")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	var said struct {
		Accepted int `json:"accepted"`
	}
	_ = json.Unmarshal(answer, &said)
	if response.StatusCode != http.StatusOK || said.Accepted != len(messages) {
		s.t.Fatalf("ingest: %s: %s", response.Status, answer)
	}
}

// settle waits until everything that was accepted is stored: the group has no lag. exited has the
// error of a processor that ended, nil where that is told otherwise.
func (s *system) settle(exited chan error) {
	s.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		lag, err := stream.Lag(s.t.Context(), []string{s.kafka}, "waystage.processor",
			"waystage.touchpoints")
		if err == nil && total(lag) == 0 {
			return
		}
		select {
		case err := <-exited:
			exited <- err
			s.t.Fatalf("the processor ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("records were not processed within 3 minutes: lag %v, %v", lag, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func total(lag map[int]int64) (n int64) {
	for _, l := range lag {
		n += l
	}
	return n
}

// ask asks a funnel question by gRPC and by JSON.
func (s *system) ask(
	site, token string, q *funnelv1.FunnelQuestion,
) (*funnelv1.AskFunnelResponse, *funnelv1.AskFunnelResponse, error) {
	request := &funnelv1.AskFunnelRequest{Parent: "sites/" + site, Question: q}
	byGRPC, err := funnelv1.NewFunnelServiceClient(s.grpc).
		AskFunnel(auth(s.t.Context(), token), request)
	if err != nil {
		return nil, nil, err
	}
	byJSON := new(funnelv1.AskFunnelResponse)
	return byGRPC, byJSON, s.post("/v1/sites/"+site+"/funnels:ask", token, request, byJSON)
}

var errStatus = errors.New("the gateway refused")

func (s *system) post(path, token string, in, out proto.Message) error {
	body, err := marshalJSON(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.http+path,
		bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s: %s", errStatus, response.Status, answer)
	}
	return unmarshalJSON(answer, out)
}
