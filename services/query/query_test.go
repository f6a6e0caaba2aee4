package query

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/internal/conf"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

func TestDefaultIsThatOfTheEnvironment(t *testing.T) {
	t.Parallel()
	var cfg Config
	if err := conf.Load(&cfg, []string{"WAYSTAGE_CLICKHOUSE_DSN=http://x:8123/w"}); err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.ClickHouse = "http://x:8123/w"
	if diff := cmp.Diff(want, cfg); diff != "" {
		t.Errorf("Default and environment differ (-Default +environment):\n%s", diff)
	}
}

// TestMemoryBeyond2GB: how much may be kept goes beyond 32 bits.
func TestMemoryBeyond2GB(t *testing.T) {
	t.Parallel()
	var cfg Config
	err := conf.Load(&cfg, []string{
		"WAYSTAGE_CLICKHOUSE_DSN=http://x:8123/w", "WAYSTAGE_QUERY_JOURNEY_BYTES=4294967296",
		"WAYSTAGE_QUERY_CACHE_BYTES=4294967296",
	})
	if err != nil || cfg.JourneyBytes != 4<<30 || cfg.CacheBytes != 4<<30 {
		t.Errorf("%d and %d bytes, %v", cfg.JourneyBytes, cfg.CacheBytes, err)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	var c Config
	c.RootToken = "short"
	err := c.Validate()
	for _, want := range []string{
		"ROOT_TOKEN", "QUESTION_TIMEOUT", "MAX_QUESTIONS", "QUESTION_WAIT", "MAX_MEMORY_BYTES",
		"BODY_MAX_BYTES", "DRAIN_TIMEOUT",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not told: %v", want, err)
		}
	}
	if _, err := New(c, zerolog.Nop(), prometheus.NewRegistry()); err == nil {
		t.Error("New took it")
	}
	if err := Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
}

type sitesOf = api.Sites

// noSites is a store of sites that has none.
type noSites struct{ sitesOf }

func (noSites) Sites(context.Context) ([]journey.Site, error) { return nil, nil }

type noKeys struct{}

func (noKeys) KeyByHash(context.Context, journey.KeyHash) (journey.Key, error) {
	return journey.Key{}, fault.New(fault.NotFound, "no such key")
}

// TestLife: it is ready while it serves, counts its calls, and closes the store last.
func TestLife(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.GRPCListen, cfg.HTTPListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.RootToken = "a-root-token-of-length"
	var mu sync.Mutex
	var events []string
	note := func(e string) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	}
	migrated := make(chan bool, 1)
	reg := prometheus.NewRegistry()
	s, err := assemble(cfg, backend{
		sites: noSites{}, lookup: noKeys{},
		migrate: func(context.Context) error {
			migrated <- true
			return nil
		},
		close: func() error {
			note("closed")
			return errors.New("closing hurts")
		},
	}, zerolog.Nop(), reg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	serving, done := make(chan bool, 1), make(chan error, 1)
	go func() {
		done <- s.Run(ctx, func(is bool) {
			note(map[bool]string{true: "ready", false: "not ready"}[is])
			if is {
				serving <- true
			}
		})
	}()
	<-serving
	<-migrated
	if got := list(t, s, cfg.RootToken); got != `{"sites":[],"nextPageToken":""}` {
		t.Errorf("sites: %s", got)
	}
	list(t, s, "wrong")
	stop()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "closing hurts") {
		t.Errorf("Run gave %v", err)
	}
	if diff := cmp.Diff([]string{"ready", "not ready", "closed"}, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	want := `
# HELP waystage_query_calls_total Calls that ended, by method and gRPC code.
# TYPE waystage_query_calls_total counter
waystage_query_calls_total{code="OK",method="waystage.site.v1.SiteService/ListSites"} 1
waystage_query_calls_total{code="Unauthenticated",method="waystage.site.v1.SiteService/ListSites"} 1
# HELP waystage_query_questions_running Questions being answered.
# TYPE waystage_query_questions_running gauge
waystage_query_questions_running 0
`
	err = testutil.GatherAndCompare(reg, strings.NewReader(want),
		"waystage_query_calls_total", "waystage_query_questions_running")
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
}

func list(t *testing.T, s *Service, token string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"http://"+s.HTTPAddr()+"/v1/sites", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var compact json.RawMessage
	if err := json.Unmarshal(b, &compact); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(compact), " ", "")
}
