package command

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// StreamFunnel tells twice how far it is before it answers as AskFunnel does.
func (s *server) StreamFunnel(
	m *funnelv1.StreamFunnelRequest, stream grpc.ServerStreamingServer[funnelv1.StreamFunnelResponse],
) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.tokens = append(s.tokens, metadata.ValueFromIncomingContext(stream.Context(), "authorization")...)
	if s.refusal != nil {
		return s.refusal
	}
	for _, p := range []*funnelv1.Progress{
		{WaitingBehind: 1}, {RowsRead: 1_234_567, RowsToRead: 5_000_000},
	} {
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

// TestWatchedQuestion: on a terminal a question that takes long shows how far it is, one that does
// not shows nothing, and both draw what they draw elsewhere.
func TestWatchedQuestion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step time.Duration
		says bool
	}{
		"long": {step: time.Second, says: true}, "short": {step: time.Millisecond},
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
			code := Execute(t.Context(), w, []string{"ask", "funnel", "--stages", "--json"})
			plain := run(t, "", environment, "ask", "funnel", "--stages", "--json")
			if code != ExitDone || stdout.String() != plain.stdout {
				t.Errorf("exit %d: %s\nwant %s", code, stdout.String(), plain.stdout)
			}
			if says := strings.Contains(stderr.String(), "waiting behind 1 question"); says != c.says {
				t.Errorf("the terminal says %q", stderr.String())
			}
			if len(s.tokens) != 2 || s.tokens[0] != s.tokens[1] {
				t.Errorf("asked with the tokens %q", s.tokens)
			}
		})
	}
}
