package collect

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// server is a CollectService that remembers what it took, and answers as it is told.
type server struct {
	collectv1.UnimplementedCollectServiceServer

	t       *testing.T
	address string
	grpc    *grpc.Server
	served  chan struct{}

	// before is asked before a batch is taken, after behind that; an error is the answer. They get
	// the number of the call, from 0.
	before, after func(ctx context.Context, call int) error
	// refuse says why a message is refused, "" if it is not.
	refuse func(*collectv1.Message) string

	mutex sync.Mutex
	calls int
	at    []time.Time
	// taken are the messages as they arrived, copies too; batches the sizes of requests.
	taken   []*collectv1.Message
	batches []int
	keys    map[string]bool
	sentAt  []time.Time
}

// newServer makes a server that runs until the test ends. prepare sets how it answers.
func newServer(t *testing.T, prepare func(*server)) *server {
	t.Helper()
	s := &server{t: t, address: "127.0.0.1:0", keys: map[string]bool{}}
	if prepare != nil {
		prepare(s)
	}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// start begins to serve, at the same address as before.
func (s *server) start() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	s.grpc, s.served = grpc.NewServer(), make(chan struct{})
	collectv1.RegisterCollectServiceServer(s.grpc, s)
	go func(g *grpc.Server, served chan struct{}) {
		_ = g.Serve(listener)
		close(served)
	}(s.grpc, s.served)
}

// kill ends everything at once.
func (s *server) kill() {
	s.grpc.Stop()
	<-s.served
}

func (s *server) Collect(
	ctx context.Context, request *collectv1.CollectRequest,
) (*collectv1.CollectResponse, error) {
	call := s.called(ctx)
	if s.before != nil {
		if err := s.before(ctx, call); err != nil {
			return nil, err
		}
	}
	response := s.take(request)
	if s.after != nil {
		if err := s.after(ctx, call); err != nil {
			return nil, err
		}
	}
	return response, nil
}

func (s *server) called(ctx context.Context) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, key := range metadata.ValueFromIncomingContext(ctx, "authorization") {
		s.keys[key] = true
	}
	s.at = append(s.at, time.Now())
	s.calls++
	return s.calls - 1
}

func (s *server) take(request *collectv1.CollectRequest) *collectv1.CollectResponse {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.batches = append(s.batches, len(request.GetMessages()))
	s.sentAt = append(s.sentAt, request.GetSentAt().AsTime())
	response := new(collectv1.CollectResponse)
	for _, m := range request.GetMessages() {
		result := &collectv1.Result{MessageId: m.GetMessageId()}
		if s.refuse != nil && s.refuse(m) != "" {
			result.Refusal = &collectv1.Refusal{Reason: s.refuse(m), Detail: "mend it"}
		} else {
			s.taken = append(s.taken, m)
		}
		response.Results = append(response.Results, result)
	}
	return response
}

// once are the messages taken, of copies the first.
func (s *server) once() []*collectv1.Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var all []*collectv1.Message
	seen := map[string]bool{}
	for _, m := range s.taken {
		if !seen[m.GetMessageId()] {
			seen[m.GetMessageId()] = true
			all = append(all, m)
		}
	}
	return all
}

func (s *server) callTimes() []time.Time {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]time.Time(nil), s.at...)
}

func (s *server) sizes() []int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]int(nil), s.batches...)
}

// later is a refusal for now.
func later(code codes.Code, wait time.Duration) error {
	s, err := status.New(code, "later").WithDetails(
		&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	if err != nil {
		panic(err)
	}
	return s.Err()
}
