package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
)

func (s *server) GetSite(
	_ context.Context, m *sitev1.GetSiteRequest,
) (*sitev1.GetSiteResponse, error) {
	return &sitev1.GetSiteResponse{Site: &sitev1.Site{
		Name: m.GetName(), DisplayName: "The shop", TimeZone: "UTC",
		Privacy: &sitev1.Privacy{DeniedProperties: []string{"email"}},
	}}, nil
}

func (s *server) UpdateSite(
	_ context.Context, m *sitev1.UpdateSiteRequest,
) (*sitev1.UpdateSiteResponse, error) {
	s.updated = append(s.updated, m)
	return &sitev1.UpdateSiteResponse{Site: m.GetSite()}, nil
}

func (s *server) UpdateKey(
	_ context.Context, m *sitev1.UpdateKeyRequest,
) (*sitev1.UpdateKeyResponse, error) {
	s.updated = append(s.updated, m)
	return &sitev1.UpdateKeyResponse{Key: m.GetKey()}, nil
}

// inQuarantine is how many messages were refused.
const inQuarantine = 2500

// ListQuarantinedMessages gives pages; the token is the number of the next message.
func (s *server) ListQuarantinedMessages(
	_ context.Context, m *collectv1.ListQuarantinedMessagesRequest,
) (*collectv1.ListQuarantinedMessagesResponse, error) {
	s.shelf = append(s.shelf, proto.CloneOf(m))
	answer := &collectv1.ListQuarantinedMessagesResponse{}
	first := 0
	if m.GetPageToken() == "" {
		answer.Reasons = []*collectv1.ReasonCount{{Reason: "bad_time", Count: inQuarantine}}
	} else if err := json.Unmarshal([]byte(m.GetPageToken()), &first); err != nil {
		return nil, err
	}
	for i := first; i < min(first+int(m.GetPageSize()), inQuarantine); i++ {
		answer.Messages = append(answer.Messages, &collectv1.QuarantinedMessage{
			Name: fmt.Sprintf("%s/quarantinedMessages/%032d", m.GetParent(), i), Reason: "bad_time",
			Detail: "write the time", ReceivedAt: timestamppb.New(noon),
		})
	}
	if next := first + len(answer.Messages); next < inQuarantine {
		answer.NextPageToken = fmt.Sprint(next)
	}
	return answer, nil
}

func (s *server) GetQuarantinedMessage(
	_ context.Context, m *collectv1.GetQuarantinedMessageRequest,
) (*collectv1.GetQuarantinedMessageResponse, error) {
	return &collectv1.GetQuarantinedMessageResponse{Message: &collectv1.QuarantinedMessage{
		Name: m.GetName(), Reason: "bad_time", Payload: []byte(`{"type":"track","event":"A"}`),
	}}, nil
}

// ReplayQuarantinedMessages needs three calls for everything.
func (s *server) ReplayQuarantinedMessages(
	_ context.Context, m *collectv1.ReplayQuarantinedMessagesRequest,
) (*collectv1.ReplayQuarantinedMessagesResponse, error) {
	s.replays = append(s.replays, proto.CloneOf(m))
	if m.GetFilter().GetReason() == "breaks" && len(s.replays) > 1 {
		return nil, status.Error(codes.Unavailable, "ingest is away")
	}
	answer := &collectv1.ReplayQuarantinedMessagesResponse{
		Accepted: 2, Unreplayable: 1,
		Refused: []*collectv1.ReasonCount{{Reason: fmt.Sprint("r", len(s.replays)/2), Count: 5}},
	}
	if len(s.replays) < 3 && m.GetName() == "" {
		answer.NextPageToken = fmt.Sprint(len(s.replays))
	}
	return answer, nil
}

func TestQuarantineLists(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   string
		sizes  []uint32
		shown  string
		filter string
	}{
		{"", []uint32{20}, "20 of 2,500 are shown", `{}`},
		{"--limit 1200", []uint32{1000, 200}, "1,200 of 2,500", `{}`},
		{"--limit 0", []uint32{1000, 1000, 1000}, "00000002499\n", `{}`},
		{
			"--reason bad_time --key k1 --all --from -1d --to 2026-11-21 --limit 1",
			[]uint32{1},
			"",
			`{"reason":"bad_time","keyId":"k1","includeReplayed":true,
				"fromTime":"2026-11-20T12:00:00Z","toTime":"2026-11-21T00:00:00Z"}`,
		},
	} {
		s, environment := serve(t)
		got := run(t, "", environment, append([]string{"quarantine", "--site", "shop"},
			strings.Fields(c.args)...)...)
		if got.code != ExitDone || !strings.Contains(got.stdout, "bad_time 2,500 █") ||
			!strings.Contains(got.stdout, c.shown) {
			t.Fatalf("%s: %+v", c.args, got)
		}
		var sizes []uint32
		for _, request := range s.shelf {
			sizes = append(sizes, request.GetPageSize())
		}
		want := &collectv1.QuarantineFilter{}
		if err := protojson.Unmarshal([]byte(c.filter), want); err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(c.sizes, sizes) || s.shelf[0].GetParent() != "sites/shop" ||
			!proto.Equal(want, s.shelf[0].GetFilter()) {
			t.Errorf("%s: sizes %v, asked %v", c.args, sizes, s.shelf[0])
		}
	}
	_, environment := serve(t)
	got := run(t, "", environment, "quarantine", "--limit", "1500", "--json")
	answer := &collectv1.ListQuarantinedMessagesResponse{}
	if err := protojson.Unmarshal([]byte(got.stdout), answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.GetMessages()) != 1500 || len(answer.GetReasons()) != 1 ||
		answer.GetNextPageToken() != "1500" {
		t.Errorf("%d messages, %v, token %q", len(answer.GetMessages()), answer.GetReasons(),
			answer.GetNextPageToken())
	}
}

func TestQuarantineShow(t *testing.T) {
	t.Parallel()
	_, environment := serve(t)
	for _, id := range []string{"1f", "sites/demo/quarantinedMessages/1f"} {
		got := run(t, "", environment, "quarantine", "show", id)
		if got.code != ExitDone || !strings.Contains(got.stdout, "sites/demo/quarantinedMessages/1f\n") ||
			!strings.HasSuffix(got.stdout, "{\n  \"type\": \"track\",\n  \"event\": \"A\"\n}\n") {
			t.Errorf("%s: %+v", id, got)
		}
	}
	got := run(t, "", environment, "quarantine", "show", "1f", "--json")
	if !strings.Contains(got.stdout, `"payload": "eyJ0`) {
		t.Errorf("got %+v", got)
	}
}

func TestQuarantineReplay(t *testing.T) {
	t.Parallel()
	s, environment := serve(t)
	got := run(t, "", environment, "quarantine", "replay", "--reason", "bad_time", "--site", "shop")
	for _, want := range []string{"24 tried: 6 accepted\n", "3 cannot be tried", "r1       10 █", "r0        5 █"} {
		if got.code != ExitDone || got.stderr != "" || !strings.Contains(got.stdout, want) {
			t.Errorf("%q is not in %+v", want, got)
		}
	}
	var tokens []string
	for _, request := range s.replays {
		tokens = append(tokens, request.GetPageToken())
	}
	want := &collectv1.ReplayQuarantinedMessagesRequest{
		Parent: "sites/shop", MaxMessages: replayPart, Filter: &collectv1.QuarantineFilter{
			Reason: "bad_time", ToTime: timestamppb.New(noon),
		},
	}
	if diff := cmp.Diff(want, s.replays[0], protocmp.Transform()); diff != "" ||
		!cmp.Equal([]string{"", "1", "2"}, tokens) {
		t.Errorf("tokens %v (-want +got):\n%s", tokens, diff)
	}

	s, environment = serve(t)
	got = run(t, "", environment, "quarantine", "replay", "1f", "--dry-run", "--json")
	want = &collectv1.ReplayQuarantinedMessagesRequest{
		Parent: "sites/demo", MaxMessages: replayPart, DryRun: true,
		Name: "sites/demo/quarantinedMessages/1f",
	}
	if diff := cmp.Diff(want, s.replays[0], protocmp.Transform()); diff != "" || len(s.replays) != 1 ||
		!strings.Contains(got.stdout, `"accepted": "2"`) {
		t.Errorf("%+v (-want +got):\n%s", got, diff)
	}

	_, environment = serve(t)
	got = run(t, "", environment, "quarantine", "replay", "--reason", "breaks")
	if got.code != ExitFailed || !strings.Contains(got.stderr, "broke off after 8 messages, 2 of them") ||
		!strings.Contains(got.stderr, "ingest is away") {
		t.Errorf("a replay that breaks off: %+v", got)
	}
}

func TestQuarantineUsage(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"quarantine shwo":                "shwo",
		"quarantine --limit -1":          "--limit -1",
		"quarantine --from soon":         "--from",
		"quarantine replay --to soon":    "--to",
		"quarantine replay 1f --from -1": "--from",
		"quarantine replay 1f --all":     "--all stands beside an ID",
		"site set shop":                  "say what to set",
		"site set shop --ip hash":        "truncate, drop and keep",
		"site key set 1f":                "say what to set",
	} {
		got := run(t, "", nil, strings.Fields(args)...)
		if got.code != ExitUsage || !strings.Contains(got.stderr, says) {
			t.Errorf("%s: %+v, want %q", args, got, says)
		}
	}
}

func TestSiteSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{
			"site set shop --ip DROP",
			`{"site":{"name":"sites/shop","privacy":{"ipHandling":3}},"updateMask":"privacy.ipHandling"}`,
		},
		{
			"site set shop --deny email,a.b --deny x --consent= --internal 10.0.0.0/8 --name N",
			`{"site":{"name":"sites/shop","displayName":"N","privacy":{
				"deniedProperties":["email","a.b","x"],"internalNetworks":["10.0.0.0/8"]}},
				"updateMask":"displayName,privacy.consentField,privacy.deniedProperties,` +
				`privacy.internalNetworks"}`,
		},
		{
			"site set shop --deny=",
			`{"site":{"name":"sites/shop","privacy":{}},"updateMask":"privacy.deniedProperties"}`,
		},
	} {
		s, environment := serve(t)
		got := run(t, "", environment, strings.Fields(c.args)...)
		want := &sitev1.UpdateSiteRequest{}
		text := strings.Replace(c.want, `"ipHandling":3`, `"ipHandling":"IP_HANDLING_DROP"`, 1)
		if err := protojson.Unmarshal([]byte(text), want); err != nil {
			t.Fatal(err)
		}
		if got.code != ExitDone || len(s.updated) != 1 || !proto.Equal(want, s.updated[0]) {
			t.Errorf("%s: %+v, asked %v", c.args, got, s.updated)
		}
	}
	s, environment := serve(t)
	got := run(t, "", environment, "site", "key", "set", "1f", "--site", "shop", "--rate", "2.5",
		"--origin", "https://a.example,null", "--label", "")
	want := &sitev1.UpdateKeyRequest{}
	if err := protojson.Unmarshal([]byte(`{"key":{"name":"sites/shop/keys/1f","messagesPerSecond":2.5,
		"allowedOrigins":["https://a.example","null"]},
		"updateMask":"allowedOrigins,label,messagesPerSecond"}`), want); err != nil {
		t.Fatal(err)
	}
	if got.code != ExitDone || !proto.Equal(want, s.updated[0]) ||
		!strings.Contains(got.stdout, "from https://a.example\n") {
		t.Errorf("%+v, asked %v", got, s.updated)
	}
	got = run(t, "", environment, "site", "show", "shop")
	if !strings.Contains(got.stdout, "denied       email\n") {
		t.Errorf("got %+v", got)
	}
}
