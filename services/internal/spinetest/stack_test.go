//go:build realdata || cases

package spinetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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
	"github.com/waystage/waystage/services/query"
)

const rootToken = "root-token-of-a-test"

// stack is everything that runs in production: ingest and query in this process, the processor as
// a child process that can be killed.
type stack struct {
	t        *testing.T
	kafka    string
	dsn      string
	store    *store.Store
	ingest   string
	http     string
	grpc     *grpc.ClientConn
	binary   string
	child    *child
	childLog string
}

// in is the same stack for a subtest.
func (s *stack) in(t *testing.T) *stack {
	inner := *s
	inner.t = t
	return &inner
}

// child is the processor that runs, if one does.
type child struct {
	command *exec.Cmd
	exited  chan error
}

// newStack starts a stack on a broker and the embedded ClickHouse.
func newStack(t *testing.T, kafka string) *stack {
	t.Helper()
	s := &stack{t: t, kafka: kafka, dsn: enginetest.Database(t), child: new(child)}
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
	s.buildProcessor()
	s.startProcessor()
	return s
}

// run runs a service until the test ends, and gives when it is ready.
func (s *stack) run(name string, serve func(context.Context, func(bool)) error) {
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

func (s *stack) startQuery() {
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

func (s *stack) startIngest() {
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

func (s *stack) buildProcessor() {
	s.binary = filepath.Join(s.t.TempDir(), "processor")
	build := exec.Command("go", "build", "-o", s.binary,
		"github.com/waystage/waystage/services/processor/cmd/processor")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("building the processor: %v\n%s", err, out)
	}
	s.childLog = filepath.Join(s.t.TempDir(), "processor.log")
	s.t.Cleanup(func() {
		s.stop(syscall.SIGTERM)
		if s.t.Failed() {
			text, _ := os.ReadFile(s.childLog)
			s.t.Logf("processor's log:\n%s", tail(text, 4000))
		}
	})
}

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

func (s *stack) startProcessor() {
	s.t.Helper()
	log, err := os.OpenFile(s.childLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	command := exec.Command(s.binary)
	command.Env = append(os.Environ(), "WAYSTAGE_KAFKA_BROKERS="+s.kafka,
		"WAYSTAGE_CLICKHOUSE_DSN="+s.dsn, "WAYSTAGE_DEBUG_LISTEN=none",
		"WAYSTAGE_PROCESSOR_BATCH_RECORDS=1500", "WAYSTAGE_PROCESSOR_SESSION_TIMEOUT=6s")
	command.Stderr = log
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	*s.child = child{command, exited}
}

// stop ends the processor by a signal and waits for it.
func (s *stack) stop(signal syscall.Signal) {
	if s.child.command == nil {
		return
	}
	_ = s.child.command.Process.Signal(signal)
	<-s.child.exited
	*s.child = child{}
}

// auth adds a token to a call.
func auth(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// site makes a site with a map and gives its write key and read token.
func (s *stack) site(id, source string) (writeKey, readToken string) {
	s.t.Helper()
	return s.siteIn("", id, source)
}

// siteIn makes a site in a time zone.
func (s *stack) siteIn(zone, id, source string) (writeKey, readToken string) {
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
func (s *stack) send(writeKey string, messages []json.RawMessage) {
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

// settle waits until everything that was accepted is stored: the group has no lag.
func (s *stack) settle() {
	s.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		lag, err := stream.Lag(s.t.Context(), []string{s.kafka}, "waystage.processor",
			"waystage.touchpoints")
		if err == nil && total(lag) == 0 {
			return
		}
		select {
		case err := <-s.child.exited:
			s.child.exited <- err
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
func (s *stack) ask(
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

func (s *stack) post(path, token string, in, out proto.Message) error {
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

// stored counts the messages of a site that are stored.
func (s *stack) stored(site string) int {
	s.t.Helper()
	base, database, _ := strings.Cut(strings.TrimPrefix(s.dsn, "http://"), "/")
	query := url.Values{"database": {database}, "query": {
		"SELECT uniqExact(message_key) FROM touchpoints WHERE site = '" + site + "'",
	}}
	response, err := http.Get("http://" + base + "/?" + query.Encode())
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		s.t.Fatalf("counting what is stored: %s", text)
	}
	return n
}

// killInFlow kills the processor each time that another part of the messages of a site is stored.
func (s *stack) killInFlow(site string, messages, kills int) {
	s.t.Helper()
	for k := range kills {
		deadline := time.Now().Add(2 * time.Minute)
		for s.stored(site) < (k+1)*messages/(kills+2) {
			if time.Now().After(deadline) {
				s.t.Fatalf("after %d kills only %d messages are stored", k, s.stored(site))
			}
			time.Sleep(10 * time.Millisecond)
		}
		s.stop(syscall.SIGKILL)
		s.startProcessor()
	}
	s.t.Logf("killed %d times, the last time with %d of %d messages stored", kills,
		s.stored(site), messages)
}
