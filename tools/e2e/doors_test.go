//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// dial connects with the gRPC port.
func (i *instance) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(i.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func with(t *testing.T, token string) context.Context {
	if token == "" {
		return t.Context()
	}
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
}

// post asks by JSON, as curl does, and gives the status and the body.
func (i *instance) post(t *testing.T, path, token string, in proto.Message) (int, []byte) {
	t.Helper()
	body, err := protojson.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.http+path,
		bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, text
}

// postOK asks by JSON what must be answered.
func (i *instance) postOK(t *testing.T, path, token string, in, out proto.Message) {
	t.Helper()
	code, text := i.post(t, path, token, in)
	if code != http.StatusOK {
		t.Fatalf("POST %s: %d: %s", path, code, text)
	}
	if err := protojson.Unmarshal(text, out); err != nil {
		t.Fatalf("POST %s answers %s: %v", path, text, err)
	}
}

// doors: the command line, JSON and gRPC give the same answers.
func (i *instance) doors(t *testing.T, k keys) {
	commanded := i.askAll(t, "shop")
	byJSON, byGRPC := i.askByJSON(t, k.Read), i.askByGRPC(t, k.Read)
	if diff := cmp.Diff(commanded, byJSON, same); diff != "" {
		t.Errorf("the command line and JSON differ (-command +JSON):\n%s", diff)
	}
	if diff := cmp.Diff(commanded, byGRPC, same); diff != "" {
		t.Errorf("the command line and gRPC differ (-command +gRPC):\n%s", diff)
	}
	facts := byGRPC.funnel.GetFacts()
	if facts.GetMapVersion() != 1 || facts.GetFreshUntil() == nil || facts.GetTookSeconds() <= 0 ||
		len(facts.GetWarnings()) > 0 {
		t.Errorf("the answer rests on %v", facts)
	}
	i.descriptions(t)
}

const parent = "sites/shop"

func listRequest(name string) *funnelv1.ListFunnelPersonsRequest {
	return &funnelv1.ListFunnelPersonsRequest{
		Parent: parent, Question: shopQuestion(),
		Step: lists[name].step, Selection: lists[name].selection,
	}
}

func (i *instance) askByJSON(t *testing.T, token string) answers {
	t.Helper()
	a := answers{
		funnel: new(funnelv1.AskFunnelResponse), dropOff: new(funnelv1.AskDropOffResponse),
		persons: make(map[string]*funnelv1.ListFunnelPersonsResponse),
	}
	i.postOK(t, "/v1/sites/shop/funnels:ask", token,
		&funnelv1.AskFunnelRequest{Question: shopQuestion()}, a.funnel)
	i.postOK(t, "/v1/sites/shop/funnels:askDropOff", token,
		&funnelv1.AskDropOffRequest{Question: shopQuestion()}, a.dropOff)
	for name := range lists {
		a.persons[name] = new(funnelv1.ListFunnelPersonsResponse)
		i.postOK(t, "/v1/sites/shop/funnels:listPersons", token, listRequest(name), a.persons[name])
	}
	return a
}

func (i *instance) askByGRPC(t *testing.T, token string) answers {
	t.Helper()
	client, ctx := funnelv1.NewFunnelServiceClient(i.dial(t)), with(t, token)
	a := answers{persons: make(map[string]*funnelv1.ListFunnelPersonsResponse)}
	var err error
	a.funnel, err = client.AskFunnel(ctx,
		&funnelv1.AskFunnelRequest{Parent: parent, Question: shopQuestion()})
	if err != nil {
		t.Fatal(err)
	}
	a.dropOff, err = client.AskDropOff(ctx,
		&funnelv1.AskDropOffRequest{Parent: parent, Question: shopQuestion()})
	if err != nil {
		t.Fatal(err)
	}
	for name := range lists {
		if a.persons[name], err = client.ListFunnelPersons(ctx, listRequest(name)); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// descriptions: health, reflection and the OpenAPI file need no token.
func (i *instance) descriptions(t *testing.T) {
	conn := i.dial(t)
	health, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(),
		&grpc_health_v1.HealthCheckRequest{})
	if err != nil || health.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health is %v, %v", health, err)
	}
	for _, service := range []string{
		"waystage.funnel.v1.FunnelService", "waystage.journey.v1.JourneyMapService",
		"waystage.site.v1.SiteService",
	} {
		if names := reflected(t, conn); !slices.Contains(names, service) {
			t.Errorf("reflection lacks %s; it has %v", service, names)
		}
	}
	response, err := http.Get(i.http + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var document struct{ Paths map[string]any }
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil {
		t.Fatal(err)
	}
	if len(document.Paths) == 0 {
		t.Error("/openapi.json has no paths")
	}
}

// reflected are the services that reflection lists.
func reflected(t *testing.T, conn *grpc.ClientConn) []string {
	t.Helper()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).
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
	return names
}

// refusals: a question that is wrong gets a clear answer, the same by JSON and by gRPC.
func (i *instance) refusals(t *testing.T, k keys) {
	client := funnelv1.NewFunnelServiceClient(i.dial(t))
	stage := &funnelv1.Step{Target: &funnelv1.Step_Stage{Stage: "search"}}
	for name, c := range map[string]struct {
		token  string
		change func(*funnelv1.FunnelQuestion)
		code   codes.Code
		status int
		// field is the one that a violation names; empty: there is none.
		field string
	}{
		"no token": {
			token: "", code: codes.Unauthenticated, status: http.StatusUnauthorized,
		},
		"unknown token": {
			token: "rt_wrong", code: codes.Unauthenticated, status: http.StatusUnauthorized,
		},
		"write key": {
			token: k.Write, code: codes.PermissionDenied, status: http.StatusForbidden,
		},
		"unknown stage": {
			token:  k.Read,
			change: func(q *funnelv1.FunnelQuestion) { q.Steps[1] = stageStep("crt") },
			code:   codes.InvalidArgument, status: http.StatusBadRequest,
			field: "question.steps[1].stage",
		},
		"from after to": {
			token: k.Read,
			change: func(q *funnelv1.FunnelQuestion) {
				q.Range.From = &funnelv1.TimeRange_FromDate{FromDate: "2024-05-01"}
			},
			code: codes.InvalidArgument, status: http.StatusBadRequest, field: "question.range",
		},
		"window 0": {
			token:  k.Read,
			change: func(q *funnelv1.FunnelQuestion) { q.WindowSeconds = proto.Float64(0) },
			code:   codes.InvalidArgument, status: http.StatusBadRequest,
			field: "question.window_seconds",
		},
		"31 steps": {
			token:  k.Read,
			change: func(q *funnelv1.FunnelQuestion) { q.Steps = slices.Repeat(q.Steps[:1], 31) },
			code:   codes.InvalidArgument, status: http.StatusBadRequest, field: "question.steps",
		},
		"one step": {
			token:  k.Read,
			change: func(q *funnelv1.FunnelQuestion) { q.Steps = []*funnelv1.Step{stage} },
			code:   codes.InvalidArgument, status: http.StatusBadRequest, field: "question.steps",
		},
		"an optional step in any order": {
			token: k.Read,
			change: func(q *funnelv1.FunnelQuestion) {
				q.Order, q.Steps[1].Optional = funnelv1.Order_ORDER_ANY, true
			},
			code: codes.InvalidArgument, status: http.StatusBadRequest,
			field: "question.steps[1].optional",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := &funnelv1.AskFunnelRequest{Parent: parent, Question: shopQuestion()}
			if c.change != nil {
				c.change(request.Question)
			}
			_, err := client.AskFunnel(with(t, c.token), request)
			byGRPC := status.Convert(err).Proto()
			checkRefusal(t, "gRPC", byGRPC, c.code, c.field)
			code, text := i.post(t, "/v1/sites/shop/funnels:ask", c.token, request)
			byJSON := new(statuspb.Status)
			if err := protojson.Unmarshal(text, byJSON); err != nil {
				t.Fatalf("the answer is %s: %v", text, err)
			}
			checkRefusal(t, "JSON", byJSON, c.code, c.field)
			if code != c.status {
				t.Errorf("HTTP status %d, want %d", code, c.status)
			}
		})
	}
	typed := i.do(t, "ask", "funnel", "--site", "shop", "--step", "stage:crt", "--step", "stage:cart")
	typed.want(t, 1, "--step[0]", `did you mean "cart"?`)
}

func stageStep(id string) *funnelv1.Step {
	return &funnelv1.Step{Target: &funnelv1.Step_Stage{Stage: id}}
}

func checkRefusal(t *testing.T, door string, s *statuspb.Status, code codes.Code, field string) {
	t.Helper()
	if codes.Code(s.GetCode()) != code || s.GetMessage() == "" {
		t.Errorf("%s: %v %q, want %v and a message", door, codes.Code(s.GetCode()), s.GetMessage(),
			code)
	}
	var fields []string
	for _, detail := range status.FromProto(s).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				fields = append(fields, v.GetField())
				if v.GetDescription() == "" {
					t.Errorf("%s: the violation of %s says nothing", door, v.GetField())
				}
			}
		}
	}
	if got := fmt.Sprint(fields); field == "" && got != "[]" || field != "" && got != "["+field+"]" {
		t.Errorf("%s: violations of %v, want %q", door, fields, field)
	}
}
