package command

import (
	"context"
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
	if err := s.enter(stream.Context()); err != nil {
		return err
	}
	for _, p := range progressTold {
		if err := stream.Send(&funnelv1.StreamFunnelResponse{
			Is: &funnelv1.StreamFunnelResponse_Progress{Progress: p},
		}); err != nil {
			return err
		}
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
	if err := s.enter(stream.Context()); err != nil {
		return err
	}
	for _, p := range progressTold {
		if err := stream.Send(&funnelv1.StreamDropOffResponse{
			Is: &funnelv1.StreamDropOffResponse_Progress{Progress: p},
		}); err != nil {
			return err
		}
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

// enter is what the server does with a streamed call first. It is locked.
func (s *server) enter(ctx context.Context) error {
	s.tokens = append(s.tokens, metadata.ValueFromIncomingContext(ctx, "authorization")...)
	return s.refusal
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
			if n := len(s.dropped); n > 0 && !proto.Equal(s.dropped[0], s.dropped[n-1]) {
				t.Errorf("asked %v, and unwatched %v", s.dropped[0], s.dropped[n-1])
			}
			if len(s.tokens) != 2 || s.tokens[0] != s.tokens[1] {
				t.Errorf("asked with the tokens %q", s.tokens)
			}
		})
	}
}
