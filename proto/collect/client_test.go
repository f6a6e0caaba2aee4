package collect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// quick are settings that do not make tests wait.
func quick(more ...Option) []Option {
	return append([]Option{
		WithPauses(time.Millisecond, 20*time.Millisecond), WithBatch(10, time.Millisecond),
	}, more...)
}

func client(t *testing.T, s *server, options ...Option) *Client {
	t.Helper()
	c, err := New(s.address, "wk", quick(options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _ = c.Close(ctx)
	})
	return c
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func paid(user string, n int) *collectv1.Message {
	return &collectv1.Message{
		Kind: collectv1.Kind_KIND_TRACK, UserId: user, Event: strconv.Itoa(n),
	}
}

// sendAll sends n messages of each user, the users side by side, each message as soon as the one
// before is handed over.
func sendAll(t *testing.T, c *Client, users, n int) {
	t.Helper()
	var group sync.WaitGroup
	for u := range users {
		group.Go(func() {
			for i := range n {
				if err := c.Send(t.Context(), paid("u"+strconv.Itoa(u), i)); err != nil {
					t.Errorf("message %d of user %d: %v", i, u, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// inOrder holds what a server took against what sendAll sent.
func inOrder(t *testing.T, s *server, users, n int) {
	t.Helper()
	next := map[string]int{}
	for _, m := range s.once() {
		if want := strconv.Itoa(next[m.GetUserId()]); m.GetEvent() != want {
			t.Fatalf("user %s: message %s where %s was to come", m.GetUserId(), m.GetEvent(), want)
		}
		next[m.GetUserId()]++
	}
	for u := range users {
		if got := next["u"+strconv.Itoa(u)]; got != n {
			t.Errorf("user %d: %d of %d messages arrived", u, got, n)
		}
	}
}

func closed(t *testing.T, c *Client) {
	t.Helper()
	left, err := c.Close(soon(t))
	if err != nil || len(left) > 0 {
		t.Errorf("closing: %d left, %v", len(left), err)
	}
}

// TestBadWeather: a server that refuses for a while, breaks before and behind the taking, and asks
// for patience, has every message in the end, under one id, each user's in order.
func TestBadWeather(t *testing.T) {
	t.Parallel()
	var mutex sync.Mutex
	chance := rand.New(rand.NewPCG(1, 2))
	weather := func(errs ...error) func(context.Context, int) error {
		return func(context.Context, int) error {
			mutex.Lock()
			defer mutex.Unlock()
			return errs[chance.IntN(len(errs))]
		}
	}
	away := status.Error(codes.Unavailable, "away")
	s := newServer(t, func(s *server) {
		s.before = weather(nil, nil, away, later(codes.ResourceExhausted, time.Millisecond))
		s.after = weather(nil, nil, away, status.Error(codes.Internal, "broken"),
			status.Error(codes.DeadlineExceeded, "slow"))
	})
	c := client(t, s)
	const users, n = 20, 100
	sendAll(t, c, users, n)
	closed(t, c)
	inOrder(t, s, users, n)
	if len(s.once()) == len(s.taken) {
		t.Error("no message came twice: this test tests nothing")
	}
	if diff := cmp.Diff(map[string]bool{"Bearer wk": true}, s.keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// TestKilledServer: a server that is killed in the middle and comes back has everything.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{})
	s := newServer(t, func(s *server) {
		s.after = func(ctx context.Context, call int) error {
			if call == 5 {
				close(reached)
				<-ctx.Done() // taken, but never answered
			}
			return nil
		}
	})
	c := client(t, s)
	const users, n = 8, 200
	var sending sync.WaitGroup
	sending.Go(func() { sendAll(t, c, users, n) })
	<-reached
	s.kill()
	s.start()
	sending.Wait()
	closed(t, c)
	inOrder(t, s, users, n)
}

// TestSlowServer: a try that takes too long is made again.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) {
		s.after = func(ctx context.Context, call int) error {
			if call < 2 {
				<-ctx.Done()
			}
			return nil
		}
	})
	c := client(t, s, WithTimeout(50*time.Millisecond), WithLanes(1))
	sendAll(t, c, 1, 3)
	closed(t, c)
	inOrder(t, s, 1, 3)
}

// TestPatience: the server gets the pause that it asks for, whatever the client's own.
func TestPatience(t *testing.T) {
	t.Parallel()
	const wait = 300 * time.Millisecond
	for _, code := range []codes.Code{codes.ResourceExhausted, codes.Unavailable} {
		s := newServer(t, func(s *server) {
			s.before = func(_ context.Context, call int) error {
				if call == 0 {
					return later(code, wait)
				}
				return nil
			}
		})
		heard := make(chan time.Duration, 1)
		c := client(t, s, WithRetried(func(_ error, after time.Duration) { heard <- after }))
		sendAll(t, c, 1, 1)
		closed(t, c)
		at := s.callTimes()
		if len(at) != 2 || at[1].Sub(at[0]) < wait {
			t.Errorf("%v: calls at %v", code, at)
		}
		if after := <-heard; after < wait {
			t.Errorf("%v: told to wait %v", code, after)
		}
		if len(s.sentAt) != 1 || s.sentAt[0].Sub(at[0]) < wait/2 {
			t.Errorf("%v: sent_at %v is that of the first try at %v", code, s.sentAt, at[0])
		}
	}
}

// TestRefused: a refused message is heard of with its id and stops nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) {
		s.refuse = func(m *collectv1.Message) string {
			if m.GetUserId() == "" && m.GetAnonymousId() == "" {
				return "no_identity"
			}
			return ""
		}
	})
	var mutex sync.Mutex
	var heard []string
	c := client(t, s, WithRefused(func(m *collectv1.Message, why *collectv1.Refusal) {
		mutex.Lock()
		defer mutex.Unlock()
		heard = append(heard, m.GetMessageId()+" "+why.GetReason()+" "+why.GetDetail())
	}))
	bad := paid("", 1)
	bad.MessageId = "m-1"
	if err := c.Send(t.Context(), paid("u0", 0), bad, paid("u0", 1)); err != nil {
		t.Fatal(err)
	}
	closed(t, c)
	inOrder(t, s, 1, 2)
	if diff := cmp.Diff([]string{"m-1 no_identity mend it"}, heard); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

// TestSendWhenRefused: who hears of a refused message can send another one, even where what is
// refused took all the room that there is; and Flush waits until it was heard of.
func TestSendWhenRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) {
		s.refuse = func(m *collectv1.Message) string {
			if m.GetEvent() == "bad" {
				return "no_event"
			}
			return ""
		}
	})
	bad := &collectv1.Message{Kind: collectv1.Kind_KIND_TRACK, UserId: "u", Event: "bad"}
	const fits = 2
	sent := make(chan error, fits)
	var c *Client
	c = client(t, s, WithLanes(1), WithBatch(fits, time.Hour), WithQueue(fits*weight(bad)),
		WithRefused(func(m *collectv1.Message, _ *collectv1.Refusal) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			sent <- c.Send(ctx, &collectv1.Message{Kind: m.GetKind(), UserId: "u", Event: "ok"})
		}))
	if err := c.Send(t.Context(), bad, bad); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(soon(t)); err != nil {
		t.Fatal(err)
	}
	if n := len(sent); n != fits {
		t.Fatalf("%d refusals were heard of before Flush was over", n)
	}
	for range fits {
		if err := <-sent; err != nil {
			t.Errorf("sending another one: %v", err)
		}
	}
	closed(t, c)
	if n := len(s.once()); n != fits {
		t.Errorf("%d arrived", n)
	}
}

// TestNeverTaken: what the server will never take ends the client, and nothing is lost silently.
func TestNeverTaken(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{
		codes.Unauthenticated, codes.PermissionDenied, codes.InvalidArgument,
		codes.ResourceExhausted, codes.Unimplemented,
	} {
		s := newServer(t, func(s *server) {
			s.before = func(_ context.Context, call int) error {
				if call < 2 {
					return nil
				}
				return status.Error(code, "never")
			}
		})
		c := client(t, s, WithLanes(1), WithBatch(1, 0))
		const n = 50
		sent := 0
		for ; sent < n; sent++ {
			if err := c.Send(t.Context(), paid("u0", sent)); err != nil {
				if status.Code(err) != code {
					t.Errorf("%v: sending: %v", code, err)
				}
				break
			}
		}
		if err := c.Flush(soon(t)); status.Code(err) != code {
			t.Errorf("%v: flushing: %v", code, err)
		}
		if err := c.Send(t.Context(), paid("u0", 0)); status.Code(err) != code {
			t.Errorf("%v: sending afterwards: %v", code, err)
		}
		left, err := c.Close(soon(t))
		if status.Code(err) != code || !strings.Contains(err.Error(), "never") {
			t.Errorf("%v: closing: %v", code, err)
		}
		if len(s.once())+len(left) != sent || len(s.once()) != 2 {
			t.Errorf("%v: %d taken, %d given back, %d sent", code, len(s.once()), len(left), sent)
		}
		for i, m := range left {
			if m.GetEvent() != strconv.Itoa(i+2) || m.GetMessageId() == "" {
				t.Errorf("%v: given back %d: %v", code, i, m)
			}
		}
	}
}

// TestCloseGivesUp: with its time over, Close gives back what was not delivered.
func TestCloseGivesUp(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) {
		s.before = func(ctx context.Context, call int) error {
			if call > 0 {
				<-ctx.Done()
			}
			return nil
		}
	})
	c := client(t, s, WithLanes(1), WithBatch(5, time.Hour))
	for i := range 17 {
		if err := c.Send(t.Context(), paid("u", i)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() bool { return len(s.callTimes()) == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	left, err := c.Close(ctx)
	if len(left) != 12 || !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "12 messages") {
		t.Errorf("%d left, %v", len(left), err)
	}
	again, err := c.Close(t.Context())
	if diff := cmp.Diff(left, again, protocmp.Transform()); diff != "" || err == nil {
		t.Errorf("closing again: %v (-first +again):\n%s", err, diff)
	}
	if err := c.Send(t.Context(), paid("u", 0)); !errors.Is(err, ErrClosed) {
		t.Errorf("sending: %v", err)
	}
	if err := c.Flush(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("flushing: %v", err)
	}
}

// await waits until something holds.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := soon(t); !holds(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it does not come about")
		}
	}
}

// TestBoundedRoom: what waits takes no more than it may; then Send waits, for room or its context,
// and takes all of its messages or none.
func TestBoundedRoom(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newServer(t, func(s *server) {
		s.before = func(ctx context.Context, _ int) error {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return nil
		}
	})
	m := paid("u0", 10)
	const fits = 20
	c := client(t, s, WithQueue(weight(m)*fits))
	for i := range fits {
		if err := c.Send(t.Context(), paid("u0", 10+i)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Send(ctx, m); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("sending without room: %v", err)
	}
	many := make([]*collectv1.Message, fits+1)
	for i := range many {
		many[i] = m
	}
	if err := c.Send(ctx, many...); err == nil || !strings.Contains(err.Error(), "fewer") {
		t.Errorf("sending more than there ever is room for: %v", err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- c.Send(t.Context(), paid("u1", 10)) }()
	close(release)
	if err := <-waiting; err != nil {
		t.Errorf("sending when there is room again: %v", err)
	}
	closed(t, c)
	if n := len(s.once()); n != fits+1 {
		t.Errorf("%d arrived", n)
	}
}

// TestCloseWakesSenders: who waits for room hears that there will be none.
func TestCloseWakesSenders(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) {
		s.before = func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return nil
		}
	})
	m := paid("u", 1)
	c := client(t, s, WithQueue(weight(m)))
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- c.Send(t.Context(), m) }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if left, _ := c.Close(ctx); len(left) != 1 {
		t.Errorf("%d left", len(left))
	}
	if err := <-waiting; !errors.Is(err, ErrClosed) {
		t.Errorf("sending: %v", err)
	}
}

// TestBatches: batches are no larger than said, full where there is enough, and keep below what a
// server takes.
func TestBatches(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := client(t, s, WithLanes(1), WithBatch(100, time.Hour))
	for i := range 250 {
		if err := c.Send(t.Context(), paid("u0", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(soon(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{100, 100, 50}, s.sizes()); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	inOrder(t, s, 1, 250)
	large := paid("u1", 0)
	large.PropertiesJson = `{"a":"` + strings.Repeat("x", 200<<10) + `"}`
	if err := c.Send(t.Context(), large, large, large); err != nil {
		t.Fatal(err)
	}
	closed(t, c)
	if diff := cmp.Diff([]int{100, 100, 50, 2, 1}, s.sizes()); diff != "" {
		t.Errorf("batches of large messages (-want +got):\n%s", diff)
	}
}

// TestLinger: a message alone does not wait for ever.
func TestLinger(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := client(t, s)
	sendAll(t, c, 1, 1)
	await(t, func() bool { return len(s.once()) == 1 })
}

// TestCopies: the caller may use a message again; each time it is another one.
func TestCopies(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := client(t, s)
	m := paid("u0", 0)
	began := time.Now()
	for i := range 3 {
		m.Event = strconv.Itoa(i)
		if err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	own := paid("u1", 0)
	own.MessageId = "own"
	if err := c.Send(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if m.GetMessageId() != "" || m.GetOccurredAt() != nil {
		t.Errorf("the caller's message was changed: %v", m)
	}
	closed(t, c)
	inOrder(t, s, 1, 3)
	for _, m := range s.once() {
		at := m.GetOccurredAt().AsTime()
		if at.Before(began.Add(-time.Second)) || at.After(time.Now()) {
			t.Errorf("occurred at %v", at)
		}
		if m.GetUserId() == "u1" && m.GetMessageId() != "own" {
			t.Errorf("id %q", m.GetMessageId())
		}
	}
}

func TestMessagesThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := client(t, s)
	large := paid("u", 0)
	large.PropertiesJson = strings.Repeat("x", maxBatchBytes)
	for name, m := range map[string]*collectv1.Message{
		"nil": nil, "bytes": large, "UTF-8": {Event: "\xff"},
	} {
		err := c.Send(t.Context(), paid("u", 0), m)
		if err == nil || !strings.Contains(err.Error(), name) ||
			!strings.Contains(err.Error(), "message 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	closed(t, c)
	if n := len(s.once()); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	tests := []struct {
		address, key string
		option       Option
		says         string
	}{
		{"nowhere", "wk", nil, "host:port"},
		{"h:1", "", nil, "write key"},
		{"h:1", "wk", WithLanes(0), "WithLanes"},
		{"h:1", "wk", WithBatch(5001, 0), "1 to 5000"},
		{"h:1", "wk", WithBatch(1, -1), "a wait of"},
		{"h:1", "wk", WithQueue(0), "WithQueue"},
		{"h:1", "wk", WithTimeout(0), "WithTimeout"},
		{"h:1", "wk", WithPauses(2, 1), "WithPauses"},
	}
	for _, tt := range tests {
		var options []Option
		if tt.option != nil {
			options = append(options, tt.option)
		}
		if _, err := New(tt.address, tt.key, options...); err == nil ||
			!strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q: %v", tt.says, err)
		}
	}
}

func TestHere(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "127.8.8.8:1": true,
		"10.0.0.1:1": false, "localhost.example:1": false, "example.com:443": false,
		"dns:///localhost:1": false,
	} {
		if isHere(address) != want {
			t.Errorf("%s: %t", address, !want)
		}
	}
}

// TestEncrypted: a server that is not on this machine hears nothing in the clear.
func TestEncrypted(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	_, port, _ := strings.Cut(s.address, ":")
	for _, options := range [][]Option{nil, {WithoutTLS()}} {
		// A name that is not known to be this machine.
		failed := make(chan error, 100)
		options = append(options, WithRetried(func(err error, _ time.Duration) { failed <- err }))
		c, err := New("passthrough:///127.0.0.1:"+port, "wk", quick(options...)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Send(t.Context(), paid("u", 0)); err != nil {
			t.Fatal(err)
		}
		if len(options) == 1 {
			if err := <-failed; !strings.Contains(fmt.Sprint(err), "tls") {
				t.Errorf("the first try: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if left, _ := c.Close(ctx); len(left) != 1 {
				t.Errorf("%d left", len(left))
			}
			continue
		}
		closed(t, c)
	}
	if n := len(s.once()); n != 1 {
		t.Errorf("%d messages arrived", n)
	}
}
