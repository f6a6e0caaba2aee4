package api_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/internal/fault"
)

const ask = "/v1/sites/shop/funnels:ask"

func TestReflectionListsServices(t *testing.T) {
	t.Parallel()
	h := open(t)
	stream, err := grpc_reflection_v1.NewServerReflectionClient(h.conn).
		ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range answer.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	for _, want := range []string{
		"waystage.site.v1.SiteService", "waystage.journey.v1.JourneyMapService",
		"waystage.funnel.v1.FunnelService", "grpc.health.v1.Health",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not listed in %v", want, names)
		}
	}
}

// TestStop: health turns, the call under way is answered, then the server ends.
func TestStop(t *testing.T) {
	t.Parallel()
	h := open(t)
	health := grpc_health_v1.NewHealthClient(h.conn)
	watch, err := health.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := watch.Recv(); err != nil ||
		s.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatalf("health before: %v, %v", s, err)
	}
	idle, err := grpc_reflection_v1.NewServerReflectionClient(h.conn).
		ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan bool), make(chan bool)
	h.oracle.meanwhile = func(context.Context) error {
		entered <- true
		<-leave
		return nil
	}
	answered := make(chan reply, 1)
	go func() { answered <- h.send(t, "POST", ask, readToken, `{"question":`+base+`}}`) }()
	<-entered
	h.stop()
	if <-h.ready {
		t.Error("ready after the stop")
	}
	if s, err := watch.Recv(); err != nil ||
		s.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health while draining: %v, %v", s, err)
	}
	select {
	case err := <-h.done:
		t.Fatalf("stopped with a call under way: %v", err)
	default:
	}
	close(leave)
	if got := <-answered; got.status != 200 {
		t.Errorf("the call under way got %d: %s", got.status, got.body)
	}
	if err := <-h.done; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if _, err := idle.Recv(); err == nil {
		t.Error("an idle stream outlived the server")
	}
}

// TestStopOutOfPatience: calls that take longer than the drain may are ended, and Run says so.
func TestStopOutOfPatience(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.drain = 20 * time.Millisecond })
	entered := make(chan bool)
	h.oracle.meanwhile = func(ctx context.Context) error {
		entered <- true
		<-ctx.Done()
		return ctx.Err()
	}
	answered := make(chan error, 1)
	go func() {
		_, err := funnelv1.NewFunnelServiceClient(h.conn).AskFunnel(as(t.Context(), readToken),
			&funnelv1.AskFunnelRequest{Parent: "sites/shop", Question: question(t, base+"}")})
		answered <- err
	}()
	<-entered
	h.stop()
	if err := <-h.done; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run gave %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("the call was answered")
	}
}

// TestTooLarge: what is over a limit of size is told apart from what may be retried.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.oracle.meanwhile = func(context.Context) error {
		return fault.New(fault.TooLarge, "person 00000000000000ab has 300000 touchpoints")
	}
	got := h.send(t, "POST", ask, readToken, `{"question":`+base+`}}`)
	r := got.refusal(t)
	if got.status != 413 || r.Code != codes.ResourceExhausted || r.Retry ||
		r.Message != "person 00000000000000ab has 300000 touchpoints" {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

// TestDeadline: a call ends at the server's limit, whatever the caller allows.
func TestDeadline(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.timeout = 20 * time.Millisecond })
	h.oracle.meanwhile = func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	got := h.send(t, "POST", ask, readToken, `{"question":`+base+`}}`)
	if r := got.refusal(t); got.status != 504 || r.Code != codes.DeadlineExceeded {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

// TestCallerLeaves: the handler's context ends with the caller's.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	h.oracle.meanwhile = func(ctx context.Context) error {
		leave()
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	_, err := funnelv1.NewFunnelServiceClient(h.conn).AskFunnel(as(ctx, readToken),
		&funnelv1.AskFunnelRequest{Parent: "sites/shop", Question: question(t, base+"}")})
	if refusalOf(err).Code != codes.Canceled {
		t.Errorf("the caller got %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's context ended with %v", err)
	}
}

// TestPanic: the caller gets no word of it, the log gets its stack, the server goes on.
func TestPanic(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.oracle.meanwhile = func(context.Context) error { panic("secret of the house") }
	got := h.send(t, "POST", ask, readToken, `{"question":`+base+`}}`)
	if r := got.refusal(t); got.status != 500 || r.Code != codes.Internal || r.Reason != "INTERNAL" {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if strings.Contains(got.body, "secret") {
		t.Errorf("the caller was told: %s", got.body)
	}
	log := h.log.String()
	if !strings.Contains(log, "secret of the house") || !strings.Contains(log, "life_test.go") {
		t.Errorf("the log has no panic with its stack: %s", log)
	}
	if got := h.send(t, "GET", "/v1/sites", rootToken, ""); got.status != 200 {
		t.Errorf("status %d after the panic", got.status)
	}
}

// TestCausesAreForTheLog: an error without a kind is told nobody but the operator.
func TestCausesAreForTheLog(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.oracle.meanwhile = func(context.Context) error { return errors.New("table x is missing") }
	got := h.send(t, "POST", ask, readToken, `{"question":`+base+`}}`)
	if got.status != 500 || strings.Contains(got.body, "table x") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if log := h.log.String(); !strings.Contains(log, "table x is missing") {
		t.Errorf("the log has no cause: %s", log)
	}
}

// TestLogLines: one a call, with site and key, without what was sent.
func TestLogLines(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.send(t, "POST", ask, readToken, `{"question":`+stepped(`{"event":"Hush"},{"stage":"hush"}`)+`}`)
	log := h.log.String()
	for _, want := range []string{
		`"method":"/waystage.funnel.v1.FunnelService/AskFunnel"`, `"code":"InvalidArgument"`,
		`"site":"shop"`, `"key":"id-rt_shop"`, `"took_ms":`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in the log: %s", want, log)
		}
	}
	if strings.Contains(strings.ToLower(log), "hush") {
		t.Errorf("the log has a payload: %s", log)
	}
	if n := strings.Count(log, "call ended"); n != 1 {
		t.Errorf("%d lines for one call", n)
	}
}

// TestTooManyQuestions: who waits too long for a turn is told when to come back.
func TestTooManyQuestions(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.questions, s.wait = 1, time.Millisecond })
	entered, leave := make(chan bool), make(chan bool)
	h.oracle.meanwhile = func(context.Context) error {
		entered <- true
		<-leave
		return nil
	}
	first := make(chan reply, 1)
	go func() { first <- h.send(t, "POST", ask, readToken, `{"question":`+base+`}}`) }()
	<-entered
	got := h.send(t, "POST", ask, readToken, `{"question":`+base+`}}`)
	if r := got.refusal(t); got.status != 429 || r.Code != codes.ResourceExhausted || !r.Retry {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: %q", got.header.Get("Retry-After"))
	}
	close(leave)
	if got := <-first; got.status != 200 {
		t.Errorf("the first got %d", got.status)
	}
}
