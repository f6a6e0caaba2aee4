package capture

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// sites is a Sites in memory with the site "shop".
type sites struct {
	privacy journey.Privacy
	away    error
}

func (s *sites) Site(_ context.Context, id journey.SiteID) (journey.Site, error) {
	if s.away != nil {
		return journey.Site{}, s.away
	}
	if id != "shop" {
		return journey.Site{}, fault.New(fault.NotFound, "no such site")
	}
	return journey.Site{ID: id, Privacy: s.privacy}, nil
}

const rootToken = "root-token-of-the-test"

// callFixture is a fixture with its gRPC side on a port.
type callFixture struct {
	fixture

	sites   *sites
	port    *rpc.Port
	conn    *grpc.ClientConn
	collect collectv1.CollectServiceClient
	replay  collectv1.ReplayServiceClient
}

func newCallFixture(t *testing.T, f fixture) *callFixture {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &callFixture{fixture: f, sites: &sites{}}
	calls := NewCalls(f.Handler, c.sites, rootToken)
	c.port = rpc.NewPort(rpc.PortConfig{
		Listener: listener, MessageMaxBytes: MaxBodyBytes, ReadTimeout: time.Minute,
	}, []rpc.PortService{
		{Desc: &CollectDesc, Handler: calls}, {Desc: &ReplayDesc, Handler: calls},
	}, zerolog.Nop())
	c.port.Start(func(err error) { t.Error(err) })
	c.conn, err = grpc.NewClient(c.port.Addr(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.conn.Close()
		c.port.Close()
		if used := f.InFlightBytes(); used != 0 {
			t.Errorf("%d bytes are still held after the end", used)
		}
	})
	c.collect = collectv1.NewCollectServiceClient(c.conn)
	c.replay = collectv1.NewReplayServiceClient(c.conn)
	return c
}

// change changes what becomes of what is kept.
func (c *callFixture) change(how func(*sink)) {
	c.sink.Lock()
	defer c.sink.Unlock()
	how(c.sink)
}

func (c *callFixture) accepted() []journey.Fact {
	c.sink.Lock()
	defer c.sink.Unlock()
	return slices.Clone(c.sink.accepted)
}

func (c *callFixture) refused() []wire.Quarantined {
	c.sink.Lock()
	defer c.sink.Unlock()
	return slices.Clone(c.sink.refused)
}

func (c *callFixture) answered() []Outcome {
	c.outcomes.Lock()
	defer c.outcomes.Unlock()
	return slices.Clone(c.outcomes.answered)
}

func (c *callFixture) failed() []error {
	c.outcomes.Lock()
	defer c.outcomes.Unlock()
	return slices.Clone(c.outcomes.failed)
}

// as adds an Authorization to a test's context.
func as(t *testing.T, authorization string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, "authorization", authorization)
}

func paidMessage(id string) *collectv1.Message {
	return &collectv1.Message{
		Kind: collectv1.Kind_KIND_TRACK, MessageId: id, UserId: "u", Event: "Paid",
	}
}

func paidBatch(ids ...string) *collectv1.CollectRequest {
	request := new(collectv1.CollectRequest)
	for _, id := range ids {
		request.Messages = append(request.Messages, paidMessage(id))
	}
	return request
}

// TestCallsAreRequests: what comes by gRPC is taken as the same by HTTP.
func TestCallsAreRequests(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	sent := now.Add(-time.Hour)
	request := &collectv1.CollectRequest{
		SentAt: timestamppb.New(sent),
		Messages: []*collectv1.Message{
			{
				Kind: collectv1.Kind_KIND_TRACK, MessageId: "1", UserId: "u", AnonymousId: "v",
				Event: "Paid", OccurredAt: timestamppb.New(at), PropertiesJson: `{"b":2,"a":1}`,
				ContextJson: `{"ip":"203.0.113.9","groupId":"g"}`,
			},
			{Kind: collectv1.Kind_KIND_PAGE, AnonymousId: "v", Name: "Home", MessageId: "2"},
			{Kind: collectv1.Kind_KIND_SCREEN, AnonymousId: "v", Name: "Home", OccurredAt: timestamppb.New(at)},
			{Kind: collectv1.Kind_KIND_IDENTIFY, UserId: "u", TraitsJson: `{"plan":"pro"}`, MessageId: "4"},
			{Kind: collectv1.Kind_KIND_GROUP, UserId: "u", GroupId: "g", TraitsJson: `{"n":1}`, MessageId: "5"},
			{Kind: collectv1.Kind_KIND_ALIAS, UserId: "u", PreviousId: "v", MessageId: "6"},
		},
	}
	const form = `{"sentAt":"2026-01-02T11:00:00Z","batch":[` +
		`{"type":"track","messageId":"1","userId":"u","anonymousId":"v","event":"Paid",` +
		`"timestamp":"2026-01-02T03:04:05.123456789Z","properties":{"b":2,"a":1},` +
		`"context":{"ip":"203.0.113.9","groupId":"g"}},` +
		`{"type":"page","anonymousId":"v","name":"Home","messageId":"2"},` +
		`{"type":"screen","anonymousId":"v","name":"Home","timestamp":"2026-01-02T03:04:05.123456789Z"},` +
		`{"type":"identify","userId":"u","traits":{"plan":"pro"},"messageId":"4"},` +
		`{"type":"group","userId":"u","groupId":"g","traits":{"n":1},"messageId":"5"},` +
		`{"type":"alias","userId":"u","previousId":"v","messageId":"6"}]}`
	for _, imported := range []bool{false, true} {
		path := map[bool]string{false: "/v1/batch", true: "/v1/import"}[imported]
		byHTTP := newFixture()
		if got := byHTTP.send(t, post(path, form)); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.asBytes)
		}
		byCall := newCallFixture(t, newFixture())
		request.Imported = imported
		response, err := byCall.collect.Collect(as(t, "Bearer wk"), request)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(byHTTP.sink.accepted, byCall.accepted()); diff != "" {
			t.Errorf("imported %t: (-HTTP +gRPC):\n%s", imported, diff)
		}
		for i, result := range response.GetResults() {
			if want := string(byHTTP.sink.accepted[i].Message); result.GetMessageId() != want ||
				result.GetRefusal() != nil {
				t.Errorf("result %d: %v, want id %s", i, result, want)
			}
		}
	}
}

// TestCallsRefuse: a message that may not enter stands between two good ones, which do.
func TestCallsRefuse(t *testing.T) {
	t.Parallel()
	with := func(change func(*collectv1.Message)) *collectv1.Message {
		m := paidMessage("bad")
		change(m)
		return m
	}
	tests := []struct {
		name    string
		message *collectv1.Message
		reason  admit.Reason
		payload string
	}{
		{"smuggled member", with(func(m *collectv1.Message) {
			m.PropertiesJson = `{"a":1},"userId":"evil"`
		}), admit.MalformedJSON, `"properties":"{\"a\":1},\"userId\":\"evil\""`},
		{
			"no object", with(func(m *collectv1.Message) { m.TraitsJson = "[1]" }),
			admit.WrongType, `"traits":"[1]"`,
		},
		{
			"null", with(func(m *collectv1.Message) { m.ContextJson = "null" }),
			admit.WrongType, `"context":"null"`,
		},
		{"nobody", with(func(m *collectv1.Message) { m.UserId = "" }), admit.NoIdentity, "Paid"},
		{"no kind", with(func(m *collectv1.Message) { m.Kind = 0 }), admit.UnknownType, "Paid"},
		{"another kind", with(func(m *collectv1.Message) { m.Kind = 99 }), admit.UnknownType, "Paid"},
		{"no event", with(func(m *collectv1.Message) { m.Event = "" }), admit.MissingField, "track"},
		{"no time", with(func(m *collectv1.Message) {
			m.OccurredAt = &timestamppb.Timestamp{Seconds: 1 << 60}
		}), admit.BadTime, "1152921504606846976 s"},
		{"year 1", with(func(m *collectv1.Message) {
			m.OccurredAt = timestamppb.New(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
		}), admit.TimeOutOfRange, "0001-01-01"},
		{"large", with(func(m *collectv1.Message) {
			m.PropertiesJson = `{"a":"` + strings.Repeat("x", 33<<10) + `"}`
		}), admit.TooLarge, "xxx"},
	}
	f := newCallFixture(t, newFixture())
	for _, tt := range tests {
		f.change(func(s *sink) { s.accepted, s.refused = nil, nil })
		request := paidBatch("a", "", "b")
		request.Messages[1] = tt.message
		response, err := f.collect.Collect(as(t, "Basic d2s6"), request)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		results := response.GetResults()
		if len(results) != 3 || results[0].GetMessageId() != "a" || results[2].GetMessageId() != "b" ||
			results[0].GetRefusal() != nil || results[2].GetRefusal() != nil {
			t.Fatalf("%s: results %v", tt.name, results)
		}
		no := results[1].GetRefusal()
		if no.GetReason() != string(tt.reason) || no.GetDetail() == "" ||
			results[1].GetMessageId() != "bad" && tt.reason != admit.TooLarge {
			t.Errorf("%s: result %v", tt.name, results[1])
		}
		if len(f.accepted()) != 2 || len(f.refused()) != 1 {
			t.Fatalf("%s: kept %+v %+v", tt.name, f.accepted(), f.refused())
		}
		q := f.refused()[0]
		if q.Source != "grpc:Collect" || q.Reason != string(tt.reason) || q.Index != 1 ||
			q.Key != "w" || q.Site != "shop" || !strings.Contains(string(q.Payload), tt.payload) {
			t.Errorf("%s: quarantine %+v", tt.name, q)
		}
	}
	last := f.answered()[len(f.answered())-1]
	last.Took = 0
	if diff := cmp.Diff(Outcome{
		Endpoint: "grpc:Collect", Status: 200, Code: "ok", Accepted: 2,
		Refused: []admit.Reason{admit.TooLarge},
	}, last); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
}

// retryOf is the time of the RetryInfo of an error, 0 if there is none.
func retryOf(err error) time.Duration {
	for _, detail := range grpcstatus.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

func TestCallErrors(t *testing.T) {
	t.Parallel()
	many := make([]string, MaxMessages+1)
	large := paidBatch("a")
	large.Messages[0].PropertiesJson = strings.Repeat("x", MaxBodyBytes)
	away := fault.New(fault.Unavailable, "Kafka is away")
	tests := []struct {
		name, authorization string
		request             *collectv1.CollectRequest
		sink                error
		code                codes.Code
		says                string
		retry               time.Duration
		outcome             string
		status              int
	}{
		{"no key", "", paidBatch("a"), nil, codes.Unauthenticated, "metadata", 0, "missing_write_key", 401},
		{"other scheme", "Digest x", paidBatch("a"), nil, codes.Unauthenticated, "Bearer", 0, "bad_authorization", 401},
		{"unknown key", "Bearer x", paidBatch("a"), nil, codes.Unauthenticated, "check it", 0, "unknown_write_key", 401},
		{"revoked", "Bearer revoked", paidBatch("a"), nil, codes.Unauthenticated, "revoked", 0, "unknown_write_key", 401},
		{"read key", "Bearer rk", paidBatch("a"), nil, codes.PermissionDenied, "read key", 0, "not_a_write_key", 403},
		{"admin key", "Bearer ak", paidBatch("a"), nil, codes.PermissionDenied, "admin key", 0, "not_a_write_key", 403},
		{"the operator", "Bearer " + rootToken, paidBatch("a"), nil, codes.Unauthenticated, "check it", 0, "unknown_write_key", 401},
		{"nothing", "Bearer wk", paidBatch(), nil, codes.InvalidArgument, "no messages", 0, "empty_batch", 400},
		{"many", "Bearer wk", paidBatch(many...), nil, codes.ResourceExhausted, "5000", 0, "too_many_messages", 413},
		{"large", "Bearer wk", large, nil, codes.ResourceExhausted, "larger", 0, "body_too_large", 413},
		{"Kafka away", "Bearer wk", paidBatch("a"), away, codes.Unavailable, "Kafka", time.Second, "unavailable", 503},
		{"broken", "Bearer wk", paidBatch("a"), errors.New("secret"), codes.Internal, "log", 0, "internal", 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newCallFixture(t, newFixture())
			f.change(func(s *sink) { s.err = tt.sink })
			ctx := t.Context()
			if tt.authorization != "" {
				ctx = as(t, tt.authorization)
			}
			_, err := f.collect.Collect(ctx, tt.request)
			s := grpcstatus.Convert(err)
			if s.Code() != tt.code || !strings.Contains(s.Message(), tt.says) ||
				strings.Contains(s.Message(), "secret") || retryOf(err) != tt.retry {
				t.Errorf("%v, retry after %v", err, retryOf(err))
			}
			if len(f.answered()) != 1 || f.answered()[0].Code != tt.outcome ||
				f.answered()[0].Status != tt.status ||
				f.answered()[0].Endpoint != "grpc:Collect" {
				t.Errorf("outcomes %+v", f.answered())
			}
			if failed := len(f.failed()) == 1; failed != (tt.code == codes.Internal) {
				t.Errorf("failed: %v", f.failed())
			}
			if len(f.accepted())+len(f.refused()) != 0 {
				t.Errorf("kept %+v", f.accepted())
			}
		})
	}
}

// TestCallRate: a key that sends too much is told when to go on.
func TestCallRate(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.keys.bySecret["wk"] = journey.Key{Site: "shop", Kind: journey.WriteKey, Rate: 1}
	c := newCallFixture(t, f)
	full := make([]string, MaxMessages)
	if _, err := c.collect.Collect(as(t, "Bearer wk"), paidBatch(full...)); err != nil {
		t.Fatal(err)
	}
	_, err := c.collect.Collect(as(t, "Bearer wk"), paidBatch("a", "b"))
	if grpcstatus.Code(err) != codes.ResourceExhausted || retryOf(err) != 2*time.Second {
		t.Errorf("%v, retry after %v", err, retryOf(err))
	}
	if last := c.answered()[1]; last.Status != 429 || last.Code != "rate_limited" {
		t.Errorf("outcome %+v", last)
	}
}

// TestCallWithoutKeyIsNotRead: who has no key is told so before having sent anything.
func TestCallWithoutKeyIsNotRead(t *testing.T) {
	t.Parallel()
	f := newCallFixture(t, newFixture())
	stream, err := f.conn.NewStream(as(t, "Bearer x"), &grpc.StreamDesc{ClientStreams: true},
		collectv1.CollectService_Collect_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(collectv1.CollectResponse)); grpcstatus.Code(err) !=
		codes.Unauthenticated {
		t.Errorf("got %v", err)
	}
}

// TestCallsAreBounded: where memory is short, calls are told to come again, and nothing is kept.
func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.budget.limit = 10 << 10
	c := newCallFixture(t, f)
	_, err := c.collect.Collect(as(t, "Bearer wk"), paidBatch(make([]string, 100)...))
	if grpcstatus.Code(err) != codes.Unavailable || retryOf(err) != time.Second {
		t.Errorf("got %v", err)
	}
	if _, err := c.collect.Collect(as(t, "Bearer wk"), paidBatch("a")); err != nil {
		t.Errorf("a small one: %v", err)
	}
}

// TestStreamsAreBounded: only so many streams are open as there is memory for what may come on
// them; who has ended makes room.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.budget.limit = 2 * streamBytes // there is room for one whole request always: for four
	c := newCallFixture(t, f)
	open := make([]collectv1.CollectService_CollectStreamClient, 4)
	for i := range open {
		open[i] = streamOf(t, c, "Bearer wk")
		sendBatch(t, open[i], paidBatch("a"))
		if _, err := open[i].Recv(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := streamOf(t, c, "Bearer wk").Recv(); grpcstatus.Code(err) != codes.Unavailable ||
		!strings.Contains(err.Error(), "RetryInfo") {
		t.Errorf("one too many: %v", err)
	}
	if _, err := c.collect.Collect(as(t, "Bearer wk"), paidBatch("a")); grpcstatus.Code(err) !=
		codes.Unavailable {
		t.Errorf("a call: %v", err)
	}
	for _, stream := range open {
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	if _, err := c.collect.Collect(as(t, "Bearer wk"), paidBatch("a")); err != nil {
		t.Errorf("a call afterwards: %v", err)
	}
}

func streamOf(t *testing.T, f *callFixture, authorization string) collectv1.CollectService_CollectStreamClient {
	t.Helper()
	stream, err := f.collect.CollectStream(as(t, authorization))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func sendBatch(
	t *testing.T, stream collectv1.CollectService_CollectStreamClient, b *collectv1.CollectRequest,
) {
	t.Helper()
	if err := stream.Send(&collectv1.CollectStreamRequest{Batch: b}); err != nil {
		t.Fatal(err)
	}
}

// TestStream: batches are answered in order, each when it is safe, and the next is looked at only
// then; half-closing ends it well.
func TestStream(t *testing.T) {
	t.Parallel()
	f := newFixture()
	entered, release := make(chan struct{}, 10), make(chan struct{})
	f.sink.before = func(context.Context) {
		entered <- struct{}{}
		<-release
	}
	c := newCallFixture(t, f)
	stream := streamOf(t, c, "Bearer wk")
	bad := paidBatch("b", "c")
	bad.Messages[0].UserId = ""
	for _, batch := range []*collectv1.CollectRequest{paidBatch("a"), bad, paidBatch("d")} {
		sendBatch(t, stream, batch)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range 3 {
		<-entered
		if len(entered) > 0 {
			t.Error("the next batch was looked at before the last was safe")
		}
		release <- struct{}{}
		response, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range response.GetBatch().GetResults() {
			ids = append(ids, result.GetMessageId()+" "+result.GetRefusal().GetReason())
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if diff := cmp.Diff([]string{"a ", "b no_identity", "c ", "d "}, ids); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if len(c.answered()) != 3 || c.answered()[1].Endpoint != "grpc:CollectStream" ||
		c.refused()[0].Source != "grpc:CollectStream" {
		t.Errorf("outcomes %+v, quarantine %+v", c.answered(), c.refused())
	}
}

// TestStreamErrors: an error ends a stream; what was answered before stays.
func TestStreamErrors(t *testing.T) {
	t.Parallel()
	f := newCallFixture(t, newFixture())
	refused := streamOf(t, f, "Bearer x")
	if _, err := refused.Recv(); grpcstatus.Code(err) != codes.Unauthenticated {
		t.Errorf("unknown key: %v", err)
	}
	for name, batch := range map[string]*collectv1.CollectRequest{
		"absent": nil, "empty": paidBatch(),
	} {
		stream := streamOf(t, f, "Bearer wk")
		sendBatch(t, stream, paidBatch("a"))
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		sendBatch(t, stream, batch)
		if _, err := stream.Recv(); grpcstatus.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := streamOf(t, f, "Bearer wk")
	batch := paidBatch("a")
	batch.Messages[0].PropertiesJson = strings.Repeat("x", MaxBodyBytes)
	sendBatch(t, large, batch)
	if _, err := large.Recv(); grpcstatus.Code(err) != codes.ResourceExhausted {
		t.Errorf("too large: %v", err)
	}
}

// TestStreamHearsOfRevocation: a key that is revoked while a stream is open closes it.
func TestStreamHearsOfRevocation(t *testing.T) {
	t.Parallel()
	f := newCallFixture(t, newFixture())
	stream := streamOf(t, f, "Bearer wk")
	sendBatch(t, stream, paidBatch("a"))
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	ring := f.doors.(*Keyring)
	f.keys.set(func(k *keys) {
		key := k.bySecret["wk"]
		key.RevokedAt = time.Unix(1, 0)
		k.bySecret["wk"] = key
	})
	ring.known.Purge() // as if KnownAge had passed
	sendBatch(t, stream, paidBatch("b"))
	if _, err := stream.Recv(); grpcstatus.Code(err) != codes.Unauthenticated {
		t.Errorf("got %v", err)
	}
}

// TestStop: calls under way end well, a stream that waits for its caller is told to come again.
func TestStop(t *testing.T) {
	t.Parallel()
	f := newFixture()
	var slow atomic.Bool
	entered, release := make(chan struct{}, 10), make(chan struct{})
	f.sink.before = func(context.Context) {
		if slow.Load() {
			entered <- struct{}{}
			<-release
		}
	}
	c := newCallFixture(t, f)
	idle := streamOf(t, c, "Bearer wk")
	sendBatch(t, idle, paidBatch("a"))
	if _, err := idle.Recv(); err != nil {
		t.Fatal(err)
	}
	slow.Store(true)
	var group sync.WaitGroup
	var unary, busy error
	ctx := as(t, "Bearer wk")
	stream := streamOf(t, c, "Bearer wk")
	group.Go(func() { _, unary = c.collect.Collect(ctx, paidBatch("b")) })
	sendBatch(t, stream, paidBatch("c"))
	group.Go(func() { _, busy = stream.Recv() })
	<-entered
	<-entered
	stopping, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	wait := c.port.Stop(stopping)
	if _, err := idle.Recv(); grpcstatus.Code(err) != codes.Unavailable || retryOf(err) == 0 {
		t.Errorf("the stream that waited: %v", err)
	}
	close(release)
	if err := wait(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	group.Wait()
	if unary != nil || busy != nil {
		t.Errorf("calls under way: %v, %v", unary, busy)
	}
	if n := len(c.accepted()); n != 3 {
		t.Errorf("%d kept", n)
	}
}
