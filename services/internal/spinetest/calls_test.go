package spinetest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/waystage/waystage/proto/collect"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

const (
	touchpointsTopic = "waystage.touchpoints"
	quarantineTopic  = "waystage.quarantine"
)

// entrance is an ingest as a process of its own, on embedded engines, with the site "shop".
type entrance struct {
	t       *testing.T
	dsn     string
	kafka   string
	binary  string
	http    string
	grpc    string
	process *exec.Cmd
}

func newEntrance(t *testing.T) *entrance {
	t.Helper()
	e := &entrance{
		t: t, dsn: enginetest.Database(t), kafka: enginetest.Kafka(t),
		binary: filepath.Join(t.TempDir(), "ingest"), http: freePort(t), grpc: freePort(t),
	}
	e.makeSite()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", e.binary,
		"github.com/waystage/waystage/services/ingest/cmd/ingest")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building ingest: %v\n%s", err, out)
	}
	e.start()
	t.Cleanup(e.kill)
	return e
}

// freePort is an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// makeSite makes the site with the write key "wk" and the admin key "ak".
func (e *entrance) makeSite() {
	e.t.Helper()
	st, err := store.Open(e.dsn)
	if err != nil {
		e.t.Fatal(err)
	}
	defer st.Close()
	if err = st.Migrate(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	if err = st.CreateSite(e.t.Context(), journey.Site{ID: "shop", TimeZone: "UTC"}); err != nil {
		e.t.Fatal(err)
	}
	for secret, kind := range map[string]journey.KeyKind{
		"wk": journey.WriteKey, "ak": journey.AdminKey,
	} {
		key := journey.Key{Site: "shop", ID: journey.KeyID(secret), Kind: kind}
		if err = st.CreateKey(e.t.Context(), key, rpc.HashOf(secret)); err != nil {
			e.t.Fatal(err)
		}
	}
}

// start starts the process and waits until it takes messages.
func (e *entrance) start() {
	e.t.Helper()
	e.process = exec.Command(e.binary)
	e.process.Env = append(os.Environ(), "WAYSTAGE_KAFKA_BROKERS="+e.kafka,
		"WAYSTAGE_CLICKHOUSE_DSN="+e.dsn, "WAYSTAGE_DEBUG_LISTEN=none",
		"WAYSTAGE_INGEST_LISTEN="+e.http, "WAYSTAGE_INGEST_GRPC_LISTEN="+e.grpc,
		"WAYSTAGE_ROOT_TOKEN=root-token-of-a-test", "WAYSTAGE_LOG_LEVEL=warn")
	e.process.Stderr = os.Stderr
	if err := e.process.Start(); err != nil {
		e.t.Fatal(err)
	}
	until(e.t, "ingest is ready", func() bool {
		answer, err := http.Get("http://" + e.http + "/readyz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// kill ends the process by SIGKILL.
func (e *entrance) kill() {
	_ = e.process.Process.Kill()
	_ = e.process.Wait()
}

// until waits for something.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("within a minute it is not so that %s", what)
		}
	}
}

// facts are all records of the topic, in the order of their partitions.
func (e *entrance) facts() []journey.Fact {
	e.t.Helper()
	var facts []journey.Fact
	err := stream.Scan(context.Background(), []string{e.kafka}, touchpointsTopic,
		func(r stream.Record) error {
			fact, err := wire.Decode(r.Value)
			facts = append(facts, fact)
			return err
		})
	if err != nil {
		e.t.Fatal(err)
	}
	return facts
}

func (e *entrance) quarantined() []wire.Quarantined {
	e.t.Helper()
	var all []wire.Quarantined
	err := stream.Scan(context.Background(), []string{e.kafka}, quarantineTopic,
		func(r stream.Record) error {
			q, err := wire.DecodeQuarantined(r.Value)
			all = append(all, q)
			return err
		})
	if err != nil {
		e.t.Fatal(err)
	}
	return all
}

// TestKilledIngest: ingest is killed again and again while clients send. What they were told is
// safe is in Kafka, so that in the end all is there, each message under one id, those of each user
// in order.
func TestKilledIngest(t *testing.T) {
	t.Parallel()
	e := newEntrance(t)
	const users, messages, kills = 8, 400, 3
	client, err := collect.New(e.grpc, "wk", collect.WithBatch(10, time.Millisecond),
		collect.WithPauses(time.Millisecond, 50*time.Millisecond), collect.WithQueue(256<<10))
	if err != nil {
		t.Fatal(err)
	}
	// Users go on when the process has been killed once more, so that all kills meet them.
	var sending sync.WaitGroup
	gates := make([]chan struct{}, kills+1)
	for i := range gates {
		gates[i] = make(chan struct{})
	}
	close(gates[0])
	for u := range users {
		sending.Go(func() {
			for i := range messages {
				<-gates[i*len(gates)/messages]
				err := client.Send(t.Context(), &collectv1.Message{
					Kind: collectv1.Kind_KIND_TRACK, UserId: "u" + strconv.Itoa(u),
					Event: strconv.Itoa(i),
				})
				if err != nil {
					t.Errorf("sending: %v", err)
					return
				}
			}
		})
	}
	for i := range kills {
		part := users * messages * i / len(gates)
		until(t, "some more has arrived", func() bool { return len(e.facts()) > part })
		close(gates[i+1])
		e.kill()
		e.start()
	}
	sending.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if left, err := client.Close(ctx); err != nil {
		t.Fatalf("%d messages left: %v", len(left), err)
	}
	seen, next := map[journey.MessageID]bool{}, map[journey.UserID]int{}
	for _, fact := range e.facts() {
		if seen[fact.Message] {
			continue
		}
		seen[fact.Message] = true
		if want := strconv.Itoa(next[fact.User]); fact.Event != want {
			t.Fatalf("user %s: message %s where %s was to come", fact.User, fact.Event, want)
		}
		next[fact.User]++
	}
	if len(seen) != users*messages {
		t.Errorf("%d messages arrived, want %d", len(seen), users*messages)
	}
}

// replay has ingest judge messages again.
func (e *entrance) replay(token string, all []wire.Quarantined) *collectv1.ReplayResponse {
	e.t.Helper()
	conn, err := grpc.NewClient(e.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		e.t.Fatal(err)
	}
	defer conn.Close()
	request := &collectv1.ReplayRequest{Parent: "sites/shop"}
	for i := range all {
		request.Messages = append(request.Messages, all[i].Message())
	}
	ctx := metadata.AppendToOutgoingContext(e.t.Context(), "authorization", "Bearer "+token)
	response, err := collectv1.NewReplayServiceClient(conn).Replay(ctx, request)
	if err != nil {
		e.t.Fatal(err)
	}
	return response
}

// TestReplayedTwice: messages that are replayed again and again, by an admin and by the operator,
// are stored once, as received when they first were, and marked as replayed.
func TestReplayedTwice(t *testing.T) {
	t.Parallel()
	e := newEntrance(t)
	refusedAt := time.Now().Add(-time.Hour).UTC()
	var all []wire.Quarantined
	for i, payload := range []string{
		`{"event":"Paid","userId":"ann","messageId":"m-1","properties":{"n":1}}`,
		`{"event":"Paid","userId":"ann"}`,
		`{"event":"Paid","messageId":"m-3"}`,
	} {
		all = append(all, wire.Quarantined{
			Site: "shop", By: wire.ByIngest, Key: "wk", Source: "/v1/track", Reason: "too_deep",
			Detail: "nested deeper than 8 levels", Payload: []byte(payload), Kind: journey.Track,
			ReceivedAt: refusedAt, Index: uint32(i),
		})
	}
	first := e.replay("ak", all)
	for _, token := range []string{"ak", "root-token-of-a-test"} {
		for i, result := range e.replay(token, all).GetResults() {
			if want := first.GetResults()[i]; result.GetMessageId() != want.GetMessageId() ||
				result.GetRefusal().GetReason() != want.GetRefusal().GetReason() {
				t.Errorf("message %d: %v, at first %v", i, result, want)
			}
		}
	}
	if reason := first.GetResults()[2].GetRefusal().GetReason(); reason != "no_identity" {
		t.Errorf("the message of nobody: %v", first.GetResults()[2])
	}
	facts := e.facts()
	if len(facts) != 6 {
		t.Fatalf("%d records", len(facts))
	}
	if diff := cmp.Diff(facts[:2], facts[2:4]); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
	for _, f := range facts {
		if !f.ReceivedAt.Equal(refusedAt) {
			t.Errorf("received at %v, want %v", f.ReceivedAt, refusedAt)
		}
	}
	p := newProcessor(t, e.dsn)
	for _, part := range [][]journey.Fact{facts[:2], facts[2:]} {
		if err := p.Handle(t.Context(), batchOf(t, part)); err != nil {
			t.Fatal(err)
		}
	}
	if n := e.selected("SELECT count() FROM touchpoints WHERE site = 'shop'"); n != "2" {
		t.Errorf("%s touchpoints", n)
	}
	marks := 0
	for _, q := range e.quarantined() {
		if q.ReplayedAt.IsZero() || q.ID() != all[q.Index].ID() {
			t.Errorf("mark %+v", q)
		}
		marks++
	}
	if marks != 6 {
		t.Errorf("%d marks", marks)
	}
}

// selected is the answer of ClickHouse to a query.
func (e *entrance) selected(query string) string {
	e.t.Helper()
	u, err := url.Parse(e.dsn)
	if err != nil {
		e.t.Fatal(err)
	}
	answer, err := http.Get(fmt.Sprintf("http://%s/?database=%s&query=%s", u.Host,
		strings.Trim(u.Path, "/"), url.QueryEscape(query)))
	if err != nil {
		e.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
