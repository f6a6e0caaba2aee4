package query

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

const root = "a-root-token-of-length"

// noon is when everything happened.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// house is the service on the embedded engine, with a site of many touchpoints, "large", and one of
// few, "small".
type house struct {
	*Service

	dsn     string
	reg     *prometheus.Registry
	funnels funnelv1.FunnelServiceClient
}

// largeRows is how many touchpoints site large has.
const largeRows = 100_000

// furnish fills a new database.
func furnish(t *testing.T) (dsn string) {
	t.Helper()
	dsn = enginetest.Database(t)
	st, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []journey.SiteID{"large", "small"} {
		if err := st.CreateSite(t.Context(), journey.Site{ID: id, TimeZone: "UTC"}); err != nil {
			t.Fatal(err)
		}
	}
	raw(t, dsn, fmt.Sprintf(`INSERT INTO touchpoints (site, identity, at, message_key, received_at, event,
			message_id, occurred_at, original_at, properties)
		SELECT 'large', cityHash64(intDiv(number, 2)), toDateTime64('2026-03-01 12:00:00', 3, 'UTC') + number %% 2 AS at,
			toString(number), at, ['A', 'B'][1 + number %% 2], toString(number), at, at,
			concat('{"n":', toString(number), '}') FROM numbers(%d)`, largeRows))
	f := &journey.Fact{
		Site: "small", Message: "m", Kind: journey.Track, Event: "A", Visitor: "v", OccurredAt: noon,
		OriginalAt: noon, ReceivedAt: noon, Properties: `{"n":1}`,
	}
	if err := st.InsertFacts(t.Context(), []store.Row{{Fact: f}}); err != nil {
		t.Fatal(err)
	}
	return dsn
}

// raw runs a statement past everything and gives the answer.
func raw(t *testing.T, dsn, statement string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post("http://"+u.Host+"/?database="+strings.Trim(u.Path, "/"), "text/plain",
		strings.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s, %v", statement, answer.Status, text, err)
	}
	return strings.TrimSpace(string(text))
}

// between stands before ClickHouse: meet may hold or change the queries that read touchpoints of
// site large.
func between(t *testing.T, dsn string, meet func(*http.Request)) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: u.Host})
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // who left needs no answer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if sql := string(body); r.URL.Query().Get("param_site") == "large" &&
			strings.HasPrefix(sql, "SELECT") && strings.Contains(sql, "FROM touchpoints") {
			meet(r)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + u.Path
}

// serve runs the service on a database, behind what stands between.
func serve(t *testing.T, dsn string, meet func(*http.Request), change func(*Config)) *house {
	t.Helper()
	cfg := Default()
	cfg.GRPCListen, cfg.HTTPListen, cfg.RootToken = "127.0.0.1:0", "127.0.0.1:0", root
	cfg.ClickHouse = between(t, dsn, meet)
	cfg.QuestionWait, cfg.QuestionTimeout = 10*time.Minute, 10*time.Minute
	change(&cfg)
	h := &house{dsn: dsn, reg: prometheus.NewRegistry()}
	var err error
	if h.Service, err = New(cfg, zerolog.Nop(), h.reg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan bool, 2), make(chan error, 1)
	go func() { done <- h.Run(ctx, func(is bool) { ready <- is }) }()
	<-ready
	conn, err := grpc.NewClient(h.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	h.funnels = funnelv1.NewFunnelServiceClient(conn)
	t.Cleanup(func() {
		_ = conn.Close()
		stop()
		if err := <-done; err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return h
}

// asRoot is a context of a call with the operator's token.
func asRoot(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+root)
}

// question asks who did A and then B, by rows of touchpoints: conditions look into their properties.
// Other windows are other questions.
func question(window time.Duration) *funnelv1.FunnelQuestion {
	step := func(event string) *funnelv1.Step {
		return &funnelv1.Step{
			Target: &funnelv1.Step_Event{Event: event},
			Conditions: []*funnelv1.Condition{{
				Name: "n", Operator: funnelv1.Operator_OPERATOR_IS_SET,
			}},
		}
	}
	return &funnelv1.FunnelQuestion{
		Range: &funnelv1.TimeRange{
			From: &funnelv1.TimeRange_FromTime{FromTime: timestamppb.New(noon.Add(-time.Hour))},
			To:   &funnelv1.TimeRange_ToTime{ToTime: timestamppb.New(noon.Add(time.Hour))},
		},
		AsOf:  timestamppb.New(noon.AddDate(0, 0, 7)),
		Steps: []*funnelv1.Step{step("A"), step("B")}, WindowSeconds: proto.Float64(window.Seconds()),
	}
}

func until(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal("what was waited for has not come")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
