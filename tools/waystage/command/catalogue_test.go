package command

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
)

// ListEvents gives 1,500 events over as many pages as are asked for.
func (s *server) ListEvents(
	_ context.Context, m *cataloguev1.ListEventsRequest,
) (*cataloguev1.ListEventsResponse, error) {
	s.names = append(s.names, m)
	from := 0
	if m.GetPageToken() != "" {
		if _, err := fmt.Sscan(m.GetPageToken(), &from); err != nil {
			return nil, err
		}
	}
	out := &cataloguev1.ListEventsResponse{}
	for i := from; i < 1500; i++ {
		if i == from+int(m.GetPageSize()) {
			out.NextPageToken = fmt.Sprint(i)
			break
		}
		out.Events = append(out.Events, &cataloguev1.Event{
			Event: fmt.Sprintf("event %04d", i), Count: 7, FirstSeenAt: timestamppb.New(noon),
			LastSeenAt: timestamppb.New(noon),
		})
	}
	return out, nil
}

// ListProperties gives one property.
func (s *server) ListProperties(
	_ context.Context, m *cataloguev1.ListPropertiesRequest,
) (*cataloguev1.ListPropertiesResponse, error) {
	s.names = append(s.names, m)
	return &cataloguev1.ListPropertiesResponse{Properties: []*cataloguev1.Property{{
		Scope: cataloguev1.Scope_SCOPE_PROPERTY, Event: "Order", Property: "total", Count: 3,
		Types: []*cataloguev1.TypeCount{{Type: "number", Count: 3}}, Examples: []string{"1.5"},
	}}}, nil
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	const parent = "sites/shop"
	for _, c := range []struct {
		args  string
		asked []proto.Message
		says  string
		lines int
	}{
		{
			args: "", says: "--limit 0 lists all", lines: 202,
			asked: []proto.Message{&cataloguev1.ListEventsRequest{Parent: parent, PageSize: 200}},
		},
		{
			args: "events --limit 0 --contains e", says: "event 1499", lines: 1501,
			asked: []proto.Message{
				&cataloguev1.ListEventsRequest{Parent: parent, PageSize: 1000, Contains: "e"},
				&cataloguev1.ListEventsRequest{
					Parent: parent, PageSize: 1000, Contains: "e", PageToken: "1000",
				},
			},
		},
		{
			args: "events --limit 1200", says: "event 1199", lines: 1202,
			asked: []proto.Message{
				&cataloguev1.ListEventsRequest{Parent: parent, PageSize: 1000},
				&cataloguev1.ListEventsRequest{Parent: parent, PageSize: 200, PageToken: "1000"},
			},
		},
		{
			args: "--event Order", says: "total", lines: 3,
			asked: []proto.Message{
				&cataloguev1.ListPropertiesRequest{Parent: parent, PageSize: 200, Event: "Order"},
			},
		},
		{
			args: "properties --traits --json", says: `"property": "total"`,
			asked: []proto.Message{&cataloguev1.ListPropertiesRequest{
				Parent: parent, PageSize: 200, Scope: cataloguev1.Scope_SCOPE_TRAIT,
			}},
		},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			s, environment := serve(t)
			args := append([]string{"catalogue", "--site", "shop"}, strings.Fields(c.args)...)
			got := run(t, "", environment, args...)
			if got.code != ExitDone || !strings.Contains(got.stdout, c.says) {
				t.Errorf("code %d: %s%s", got.code, got.stdout, got.stderr)
			}
			if n := strings.Count(got.stdout, "\n"); c.lines > 0 && n != c.lines {
				t.Errorf("%d lines, want %d", n, c.lines)
			}
			if diff := cmp.Diff(c.asked, s.names, protocmp.Transform()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
	for _, args := range []string{
		"persons", "events --event x", "events --traits", "--event x --traits", "--limit -1",
	} {
		_, environment := serve(t)
		got := run(t, "", environment, append([]string{"catalogue", "--site", "shop"},
			strings.Fields(args)...)...)
		if got.code != ExitUsage {
			t.Errorf("%s: code %d, want %d: %s", args, got.code, ExitUsage, got.stderr)
		}
	}
}
