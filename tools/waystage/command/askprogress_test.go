package command

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// progressTold is what the server tells before it answers.
var progressTold = []*funnelv1.Progress{
	{WaitingBehind: 1}, {RowsRead: 1_234_567, RowsToRead: 5_000_000},
}

// StreamFunnel tells twice how far it is before it answers as AskFunnel does.
func (s *server) StreamFunnel(
	m *funnelv1.StreamFunnelRequest, stream grpc.ServerStreamingServer[funnelv1.StreamFunnelResponse],
) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := enter(s, stream, func(p *funnelv1.Progress) *funnelv1.StreamFunnelResponse {
		return &funnelv1.StreamFunnelResponse{Is: &funnelv1.StreamFunnelResponse_Progress{Progress: p}}
	}); err != nil {
		return err
	}
	answer, err := s.AskFunnel(stream.Context(), &funnelv1.AskFunnelRequest{
		Parent: m.GetParent(), Question: m.GetQuestion(), Words: m.GetWords(), Saved: m.GetSaved(),
	})
	if err != nil {
		return err
	}
	return stream.Send(&funnelv1.StreamFunnelResponse{
		Is: &funnelv1.StreamFunnelResponse_Answer{Answer: answer},
	})
}

// StreamDropOff tells twice how far it is before it answers as AskDropOff does.
func (s *server) StreamDropOff(
	m *funnelv1.StreamDropOffRequest,
	stream grpc.ServerStreamingServer[funnelv1.StreamDropOffResponse],
) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := enter(s, stream, func(p *funnelv1.Progress) *funnelv1.StreamDropOffResponse {
		return &funnelv1.StreamDropOffResponse{Is: &funnelv1.StreamDropOffResponse_Progress{Progress: p}}
	}); err != nil {
		return err
	}
	answer, err := s.AskDropOff(stream.Context(), &funnelv1.AskDropOffRequest{
		Parent: m.GetParent(), Question: m.GetQuestion(), Words: m.GetWords(), Saved: m.GetSaved(),
		SummaryOnly: m.GetSummaryOnly(), Reasons: m.GetReasons(),
		ReasonProperties: m.GetReasonProperties(),
	})
	if err != nil {
		return err
	}
	return stream.Send(&funnelv1.StreamDropOffResponse{
		Is: &funnelv1.StreamDropOffResponse_Answer{Answer: answer},
	})
}

// StreamFunnelPersons tells twice how far it is before it answers as ListFunnelPersons does.
func (s *server) StreamFunnelPersons(
	m *funnelv1.StreamFunnelPersonsRequest,
	stream grpc.ServerStreamingServer[funnelv1.StreamFunnelPersonsResponse],
) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := enter(s, stream, func(p *funnelv1.Progress) *funnelv1.StreamFunnelPersonsResponse {
		return &funnelv1.StreamFunnelPersonsResponse{Is: &funnelv1.StreamFunnelPersonsResponse_Progress{Progress: p}}
	}); err != nil {
		return err
	}
	// A streamed list states what a list does, in the same fields.
	wire, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	list := new(funnelv1.ListFunnelPersonsRequest)
	if err := proto.Unmarshal(wire, list); err != nil {
		return err
	}
	answer, err := s.ListFunnelPersons(stream.Context(), list)
	if err != nil {
		return err
	}
	return stream.Send(&funnelv1.StreamFunnelPersonsResponse{
		Is: &funnelv1.StreamFunnelPersonsResponse_Answer{Answer: answer},
	})
}

// enter is what the server does with a streamed call first, up to what it tells. It is locked.
func enter[M any](
	s *server, stream grpc.ServerStreamingServer[M], message func(*funnelv1.Progress) *M,
) error {
	ctx := stream.Context()
	s.tokens = append(s.tokens, metadata.ValueFromIncomingContext(ctx, "authorization")...)
	if s.refusal != nil {
		return s.refusal
	}
	for _, p := range progressTold {
		if err := stream.Send(message(p)); err != nil {
			return err
		}
	}
	return nil
}

// TestWatchedQuestion: on a terminal a question that takes long shows how far it is, one that does
// not shows nothing, and both draw what they draw elsewhere.
func TestWatchedQuestion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step time.Duration
		says bool
		ask  []string
	}{
		"long":  {step: time.Second, says: true, ask: []string{"funnel"}},
		"short": {step: time.Millisecond, ask: []string{"funnel"}},
		"long drop-off": {step: time.Second, says: true, ask: []string{
			"dropoff", "--reasons", "--reason-property", "device",
		}},
		"long list": {step: time.Second, says: true, ask: []string{
			"persons", "--step-number", "2", "--part", "lost", "--by", "device", "--group", "x",
			"--trend", "month", "--bucket", "2026-11-01", "--limit", "0",
		}},
		"long list of others": {step: time.Second, says: true, ask: []string{
			"persons", "--by", "device", "--groups", "3", "--other", "--limit", "0",
		}},
		"short list":     {step: time.Millisecond, ask: []string{"persons", "--limit", "12000"}},
		"short drop-off": {step: time.Millisecond, ask: []string{"dropoff", "--summary-only"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, environment := serve(t)
			var stdout, stderr strings.Builder
			vars, now := variables(environment), noon
			w := World{
				Stdout: &stdout, Stderr: &stderr, StderrTerminal: true, Self: "waystage",
				Environment: func(name string) string { return vars[name] },
				Now:         func() time.Time { now = now.Add(c.step); return now },
			}
			args := append([]string{"ask"}, append(c.ask, "--stages", "--json")...)
			code := Execute(t.Context(), w, args)
			plain := run(t, "", environment, args...)
			if code != ExitDone || stdout.String() != plain.stdout {
				t.Errorf("exit %d: %s\nwant %s", code, stdout.String(), plain.stdout)
			}
			if says := strings.Contains(stderr.String(), "waiting behind 1 question"); says != c.says {
				t.Errorf("the terminal says %q", stderr.String())
			}
			listed := c.says && c.ask[0] == "persons"
			if strings.Contains(stderr.String(), "10,000 of 25,000 listed") != listed {
				t.Errorf("the terminal says %q", stderr.String())
			}
			if n := len(s.dropped); n > 0 && !proto.Equal(s.dropped[0], s.dropped[n-1]) {
				t.Errorf("asked %v, and unwatched %v", s.dropped[0], s.dropped[n-1])
			}
			for i, n := 0, len(s.listed)/2; i < n; i++ {
				if !proto.Equal(s.listed[i], s.listed[n+i]) {
					t.Errorf("asked %v, and unwatched %v", s.listed[i], s.listed[n+i])
				}
			}
			if want := max(2, len(s.listed)); len(s.tokens) != want ||
				len(slices.Compact(s.tokens)) != 1 {
				t.Errorf("asked %d times, want %d, with the tokens %q", len(s.tokens), want, s.tokens)
			}
		})
	}
}
