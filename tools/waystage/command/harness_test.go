package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	personv1 "github.com/waystage/waystage/proto/gen/waystage/person/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// result is what a command line left behind.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command line with variables of the environment, as NAME=value, and standard input.
func run(t *testing.T, stdin string, environment []string, args ...string) result {
	t.Helper()
	return runContext(t.Context(), stdin, environment, args...)
}

func runContext(ctx context.Context, stdin string, environment []string, args ...string) result {
	var stdout, stderr strings.Builder
	vars := variables(environment)
	w := World{
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr, Self: "waystage",
		Environment: func(name string) string { return vars[name] },
		Now:         func() time.Time { return noon },
	}
	code := Execute(ctx, w, args)
	return result{code, stdout.String(), stderr.String()}
}

// server is a question API that remembers what it was asked.
type server struct {
	funnelv1.UnimplementedFunnelServiceServer
	funnelv1.UnimplementedSavedQuestionServiceServer
	journeyv1.UnimplementedJourneyMapServiceServer
	sitev1.UnimplementedSiteServiceServer
	collectv1.UnimplementedQuarantineServiceServer
	cataloguev1.UnimplementedCatalogueServiceServer
	personv1.UnimplementedPersonServiceServer

	address string

	mutex  sync.Mutex
	tokens []string
	asked  []*funnelv1.AskFunnelRequest
	// dropped are the requests for drop-offs; saved the questions kept, deleted those taken away.
	dropped []*funnelv1.AskDropOffRequest
	saved   []*funnelv1.SavedQuestion
	deleted []string
	listed  []*funnelv1.ListFunnelPersonsRequest
	updated []proto.Message
	// explained are the requests for why a unit counts.
	explained []*funnelv1.ExplainFunnelRequest
	// names are the requests for pages of the catalogue.
	names []proto.Message
	// portraits are the persons asked for.
	portraits []*personv1.ExplainPersonaRequest
	shelf     []*collectv1.ListQuarantinedMessagesRequest
	replays   []*collectv1.ReplayQuarantinedMessagesRequest
	refusal   error
	// published is the source of every version of the map; empty: one that is no map.
	published string
}

// serve starts one; environment points a command at it.
func serve(t *testing.T) (s *server, environment []string) {
	t.Helper()
	s = &server{}
	g := grpc.NewServer(grpc.UnaryInterceptor(func(
		ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
	) (any, error) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.tokens = append(s.tokens, metadata.ValueFromIncomingContext(ctx, "authorization")...)
		if s.refusal != nil {
			return nil, s.refusal
		}
		return handle(ctx, request)
	}))
	funnelv1.RegisterFunnelServiceServer(g, s)
	funnelv1.RegisterSavedQuestionServiceServer(g, s)
	journeyv1.RegisterJourneyMapServiceServer(g, s)
	sitev1.RegisterSiteServiceServer(g, s)
	collectv1.RegisterQuarantineServiceServer(g, s)
	cataloguev1.RegisterCatalogueServiceServer(g, s)
	personv1.RegisterPersonServiceServer(g, s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	go func() { _ = g.Serve(l) }()
	t.Cleanup(g.Stop)
	return s, []string{"WAYSTAGE_SERVER=" + s.address, "WAYSTAGE_TOKEN=rt_1"}
}

func (s *server) AskFunnel(
	_ context.Context, m *funnelv1.AskFunnelRequest,
) (*funnelv1.AskFunnelResponse, error) {
	s.asked = append(s.asked, m)
	return &funnelv1.AskFunnelResponse{
		Steps: []*funnelv1.StepResult{{Step: 1, Label: "search", Count: 10, Lost: 4}, {
			Step: 2, Label: "purchase", Count: 6,
			ConversionFromPrevious: &funnelv1.Share{Value: 0.6, Low: 0.5, High: 0.7},
		}},
		Facts: &funnelv1.AnswerFacts{FreshUntil: timestamppb.New(noon), MapVersion: 1},
	}, nil
}

func (s *server) ExplainFunnel(
	_ context.Context, m *funnelv1.ExplainFunnelRequest,
) (*funnelv1.ExplainFunnelResponse, error) {
	s.explained = append(s.explained, m)
	return &funnelv1.ExplainFunnelResponse{Reason: "counts with its only attempt"}, nil
}

func (s *server) AskDropOff(
	_ context.Context, m *funnelv1.AskDropOffRequest,
) (*funnelv1.AskDropOffResponse, error) {
	s.dropped = append(s.dropped, m)
	return &funnelv1.AskDropOffResponse{DropOffs: []*funnelv1.DropOff{{
		FromLabel: "search", ToLabel: "purchase", Reached: 10, WentOn: 6, Lost: 4, Worst: true,
	}}}, nil
}

// SaveQuestion keeps every question as version 1 of a new name, or 4 of one that is there; a stage
// "gone" is a mistake.
func (s *server) SaveQuestion(
	_ context.Context, m *funnelv1.SaveQuestionRequest,
) (*funnelv1.SaveQuestionResponse, error) {
	q := m.GetQuestion()
	for i, step := range q.GetWords().GetStep() {
		if step == "stage:gone" {
			return nil, violated(codes.InvalidArgument, fmt.Sprintf("question.words.step[%d]", i),
				"no such stage")
		}
	}
	s.saved = append(s.saved, proto.CloneOf(q))
	if q.Version = 1; strings.HasSuffix(q.GetName(), "/weekly") {
		q.Version = 4
	} else if strings.HasSuffix(q.GetName(), "/leaving") {
		q.Version = 2
	}
	return &funnelv1.SaveQuestionResponse{Question: q}, nil
}

func savedQuestions() []*funnelv1.SavedQuestion {
	return []*funnelv1.SavedQuestion{
		{
			Name: "sites/shop/questions/leaving", Version: 2, SavedAt: timestamppb.New(noon),
			Kind:  funnelv1.QuestionKind_QUESTION_KIND_DROP_OFF,
			Words: &funnelv1.QuestionWords{From: "-2d", Unit: "group:company"},
		},
		{
			Name: "sites/shop/questions/weekly", Version: 3, SavedAt: timestamppb.New(noon),
			Kind: funnelv1.QuestionKind_QUESTION_KIND_FUNNEL, Title: "The week",
			Words: &funnelv1.QuestionWords{From: "-7d", By: []string{"persona"}},
		},
	}
}

func (s *server) GetQuestion(
	_ context.Context, m *funnelv1.GetQuestionRequest,
) (*funnelv1.GetQuestionResponse, error) {
	for _, q := range savedQuestions() {
		if q.GetName() == m.GetName() {
			return &funnelv1.GetQuestionResponse{Question: q}, nil
		}
	}
	return nil, status.Error(codes.NotFound, "there is no such question")
}

// ListQuestions gives one question on each page.
func (s *server) ListQuestions(
	_ context.Context, m *funnelv1.ListQuestionsRequest,
) (*funnelv1.ListQuestionsResponse, error) {
	if m.GetPageToken() == "" {
		return &funnelv1.ListQuestionsResponse{
			Questions: savedQuestions()[:1], NextPageToken: "x",
		}, nil
	}
	return &funnelv1.ListQuestionsResponse{Questions: savedQuestions()[1:]}, nil
}

func (s *server) DeleteQuestion(
	_ context.Context, m *funnelv1.DeleteQuestionRequest,
) (*funnelv1.DeleteQuestionResponse, error) {
	s.deleted = append(s.deleted, m.GetName())
	return &funnelv1.DeleteQuestionResponse{}, nil
}

// persons is how many there are behind every number.
const persons = 25_000

// ListFunnelPersons gives pages of at most 10,000; the token is the number of the next person.
func (s *server) ListFunnelPersons(
	_ context.Context, m *funnelv1.ListFunnelPersonsRequest,
) (*funnelv1.ListFunnelPersonsResponse, error) {
	s.listed = append(s.listed, m)
	var first int
	if m.GetPageToken() != "" {
		_ = json.Unmarshal([]byte(m.GetPageToken()), &first)
	}
	answer := &funnelv1.ListFunnelPersonsResponse{TotalSize: persons}
	for i := first; i < min(first+int(m.GetPageSize()), persons); i++ {
		answer.Persons = append(answer.Persons, &funnelv1.FunnelPerson{PersonId: "p"})
	}
	if next := first + len(answer.Persons); next < persons {
		token, _ := json.Marshal(next)
		answer.NextPageToken = string(token)
	}
	return answer, nil
}

func (s *server) GetJourneyMap(
	context.Context, *journeyv1.GetJourneyMapRequest,
) (*journeyv1.GetJourneyMapResponse, error) {
	return &journeyv1.GetJourneyMapResponse{JourneyMap: &journeyv1.JourneyMap{
		Version: 1, Source: cmp.Or(s.published, "title: T\n"), Title: "T",
		InForceAt: timestamppb.New(noon),
		Personas:  []*journeyv1.Persona{{Id: "pro", Title: "Professionals", Needs: []string{"Speed"}}},
		Stages: []*journeyv1.Stage{
			{Id: "interest", Title: "Interest"},
			{Id: "search", Title: "Search"},
			{Id: "purchase", Title: "Purchase"},
		},
	}}, nil
}

func (s *server) PublishJourneyMap(
	_ context.Context, m *journeyv1.PublishJourneyMapRequest,
) (*journeyv1.PublishJourneyMapResponse, error) {
	if strings.Contains(m.GetSource(), "unloved") {
		return nil, violated(codes.InvalidArgument, "source", "line 3, column 7: stages[0].id: unloved")
	}
	return &journeyv1.PublishJourneyMapResponse{JourneyMap: &journeyv1.JourneyMap{
		Version: 7, InForceAt: timestamppb.New(noon),
	}}, nil
}

func (s *server) CreateSite(
	_ context.Context, m *sitev1.CreateSiteRequest,
) (*sitev1.CreateSiteResponse, error) {
	return &sitev1.CreateSiteResponse{Site: m.GetSite()}, nil
}

func (s *server) CreateKey(
	_ context.Context, m *sitev1.CreateKeyRequest,
) (*sitev1.CreateKeyResponse, error) {
	return &sitev1.CreateKeyResponse{
		Key:    &sitev1.Key{Name: m.GetParent() + "/keys/1", Kind: m.GetKind()},
		Secret: "secret_" + strings.ToLower(m.GetKind().String()),
	}, nil
}

func (s *server) ListSites(
	_ context.Context, m *sitev1.ListSitesRequest,
) (*sitev1.ListSitesResponse, error) {
	if m.GetPageToken() == "" {
		return &sitev1.ListSitesResponse{
			Sites: []*sitev1.Site{{Name: "sites/first"}}, NextPageToken: "x",
		}, nil
	}
	return &sitev1.ListSitesResponse{Sites: []*sitev1.Site{{Name: "sites/second"}}}, nil
}

func (s *server) RevokeKey(
	_ context.Context, m *sitev1.RevokeKeyRequest,
) (*sitev1.RevokeKeyResponse, error) {
	return &sitev1.RevokeKeyResponse{Key: &sitev1.Key{Name: m.GetName()}}, nil
}

func violated(code codes.Code, field, description string) error {
	s, err := status.New(code, "wrong").WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: field, Description: description},
		},
	})
	if err != nil {
		return err
	}
	return s.Err()
}

// ingest is an address that takes messages; those with REFUSE in them it refuses.
func ingest(t *testing.T) (environment []string, bodies *[]string) {
	t.Helper()
	var mutex sync.Mutex
	bodies = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mutex.Lock()
		defer mutex.Unlock()
		key, _, _ := r.BasicAuth()
		if key != "wk_1" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"code":"unknown_write_key","message":"no such key"}}`)
			return
		}
		*bodies = append(*bodies, r.URL.Path+" "+string(body))
		refused := `[]`
		if strings.Contains(string(body), "REFUSE") {
			refused = `[{"index":0,"reason":"unknown_type","detail":"say what it is"}]`
		}
		_, _ = io.WriteString(w, `{"success":true,"accepted":1,"refused":`+refused+`}`)
	}))
	t.Cleanup(s.Close)
	return []string{"WAYSTAGE_INGEST=" + s.URL, "WAYSTAGE_WRITE_KEY=wk_1"}, bodies
}
