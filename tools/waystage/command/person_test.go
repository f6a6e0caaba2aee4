package command

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	personv1 "github.com/waystage/waystage/proto/gen/waystage/person/v1"
)

// ExplainPersona knows everybody but the user nobody.
func (s *server) ExplainPersona(
	_ context.Context, m *personv1.ExplainPersonaRequest,
) (*personv1.ExplainPersonaResponse, error) {
	s.portraits = append(s.portraits, m)
	if m.GetUserId() == "nobody" {
		return nil, status.Error(codes.NotFound, "nothing is known of a person with that id")
	}
	return &personv1.ExplainPersonaResponse{
		PersonId: "07eb68071ff6b850", Persona: "families", MapVersion: 2,
		AsOf: timestamppb.New(noon),
		Rules: []*personv1.PersonaRule{{
			Persona: "families", Condition: "traits.children > 0",
			Outcome: personv1.RuleOutcome_RULE_OUTCOME_CHOSEN,
			Inputs:  []*personv1.RuleInput{{Expression: "traits.children", Value: "2"}},
		}},
	}, nil
}

func TestPerson(t *testing.T) {
	t.Parallel()
	byUser := &personv1.ExplainPersonaRequest_UserId{UserId: "ann"}
	for _, c := range []struct {
		name  string
		args  []string
		asked *personv1.ExplainPersonaRequest
		code  int
		says  string
	}{
		{
			name: "by user", args: []string{"--user", "ann"}, says: "traits.children  2",
			asked: &personv1.ExplainPersonaRequest{By: byUser},
		},
		{
			name: "by visitor, a day ago", args: []string{"--anonymous", "v 1", "--as-of", "-1d"},
			asked: &personv1.ExplainPersonaRequest{
				By:   &personv1.ExplainPersonaRequest_AnonymousId{AnonymousId: "v 1"},
				AsOf: timestamppb.New(noon.Add(-24 * time.Hour)),
			},
			says: "✓ families",
		},
		{
			name: "by person, as JSON", args: []string{"--person", "07eb68071ff6b850", "--json"},
			asked: &personv1.ExplainPersonaRequest{
				By: &personv1.ExplainPersonaRequest_PersonId{PersonId: "07eb68071ff6b850"},
			},
			says: `"persona": "families"`,
		},
		{
			name: "unknown", args: []string{"--user", "nobody"}, code: ExitFailed,
			asked: &personv1.ExplainPersonaRequest{
				By: &personv1.ExplainPersonaRequest_UserId{UserId: "nobody"},
			},
			says: "nothing is known",
		},
		{name: "nobody", code: ExitUsage, says: "0 ids are given"},
		{name: "two", args: []string{"--user", "a", "--person", "b"}, code: ExitUsage, says: "2 ids"},
		{
			name: "no instant", args: []string{"--user", "a", "--as-of", "soon"}, code: ExitUsage,
			says: `--as-of "soon" is no instant`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, environment := serve(t)
			got := run(t, "", environment, append([]string{"person", "--site", "shop"}, c.args...)...)
			if got.code != c.code || !strings.Contains(got.stdout+got.stderr, c.says) {
				t.Errorf("code %d, want %d: %s%s", got.code, c.code, got.stdout, got.stderr)
			}
			var want []*personv1.ExplainPersonaRequest
			if c.asked != nil {
				c.asked.Parent = "sites/shop"
				want = append(want, c.asked)
			}
			if diff := cmp.Diff(want, s.portraits, protocmp.Transform()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
