package query

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// ask asks a site, and gives how many did A and how many B.
func (h *house) ask(
	ctx context.Context, site string, q *funnelv1.FunnelQuestion,
) (*funnelv1.AskFunnelResponse, error) {
	return h.funnels.AskFunnel(asRoot(ctx), &funnelv1.AskFunnelRequest{
		Parent: "sites/" + site, Question: q,
	})
}

// TestFiftyBesideAHeavyOne: while heavy questions are stuck in ClickHouse, and more of them wait,
// fifty others are asked at once and all answered.
func TestFiftyBesideAHeavyOne(t *testing.T) {
	t.Parallel()
	held, let := make(chan bool, 100), make(chan bool)
	h := serve(t, furnish(t), func(*http.Request) {
		held <- true
		<-let
	}, func(c *Config) { c.MaxQuestions, c.HeavyTouchpoints = 2, largeRows/2 })
	const heavies = 4
	var heavy, small sync.WaitGroup
	var answered atomic.Int64
	for n := range heavies {
		heavy.Go(func() {
			got, err := h.ask(t.Context(), "large", question(time.Minute+time.Duration(n)*time.Second))
			if err != nil || got.GetSteps()[1].GetCount() != largeRows/2 {
				t.Errorf("a heavy question: %v, %v", got, err)
			}
			answered.Add(1)
		})
	}
	<-held
	until(t, func() bool { return gauge(t, h, "waystage_query_questions_waiting") == heavies-1 })
	for n := range 50 {
		small.Go(func() {
			got, err := h.ask(t.Context(), "small", question(time.Hour+time.Duration(n)*time.Second))
			if err != nil || got.GetSteps()[0].GetCount() != 1 {
				t.Errorf("a small question: %v, %v", got, err)
			}
		})
	}
	small.Wait()
	if answered.Load() != 0 || len(held) != 0 {
		t.Errorf("%d heavy questions were answered, %d more asked", answered.Load(), len(held))
	}
	close(let)
	heavy.Wait()
}

// TestTokensApart: of one site's tokens none waits behind another's queue, and each has a bound of
// its own.
func TestTokensApart(t *testing.T) {
	t.Parallel()
	held, let := make(chan bool, 1), make(chan bool)
	dsn := furnish(t)
	keys := issue(t, dsn, "small", "one", "other")
	h := serve(t, dsn, func(*http.Request) {
		held <- true
		<-let
	}, func(c *Config) { c.MaxQuestions = 1 })
	open := sync.OnceFunc(func() { close(let) })
	t.Cleanup(open)
	var wait sync.WaitGroup
	wait.Go(func() { _, _ = h.ask(t.Context(), "large", question(time.Minute)) })
	<-held
	ask := func(token string, n int) error {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
		_, err := h.funnels.AskFunnel(ctx, &funnelv1.AskFunnelRequest{
			Parent: "sites/small", Question: question(time.Hour + time.Duration(n)*time.Second),
		})
		return err
	}
	const most = 100
	for n := range most {
		wait.Go(func() {
			if err := ask(keys[0], n); err != nil {
				t.Error(err)
			}
		})
	}
	until(t, func() bool { return gauge(t, h, "waystage_query_questions_waiting") == most })
	if err := ask(keys[0], most); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one too many: %v", err)
	}
	wait.Go(func() {
		if err := ask(keys[1], most+1); err != nil {
			t.Errorf("another token: %v", err)
		}
	})
	until(t, func() bool { return gauge(t, h, "waystage_query_questions_waiting") == most+1 })
	open()
	wait.Wait()
}

// issue makes keys that read a site, and gives their secrets.
func issue(t *testing.T, dsn string, site journey.SiteID, names ...string) (secrets []string) {
	t.Helper()
	st, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, name := range names {
		secret := "rt_" + name
		key := journey.Key{Site: site, ID: journey.KeyID(name), Kind: journey.ReadKey}
		if err := st.CreateKey(t.Context(), key, rpc.HashOf(secret)); err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

// gauge is a metric of the service, or a counter.
func gauge(t *testing.T, h *house, name string) float64 {
	t.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// slowly makes the server read so many rows a second: really, in the server.
func slowly(perSecond string) func(*http.Request) {
	return func(r *http.Request) {
		values := r.URL.Query()
		for name, value := range map[string]string{
			"max_execution_speed": perSecond, "timeout_before_checking_execution_speed": "0",
			"max_block_size": "5000", "max_threads": "1", "preferred_block_size_bytes": "0",
		} {
			values.Set(name, value)
		}
		r.URL.RawQuery = values.Encode()
	}
}

// running gives the tags of questions whose queries the server runs, each once, a line each.
func running(t *testing.T, h *house) []string {
	t.Helper()
	return strings.Fields(raw(t, h.dsn, `SELECT DISTINCT Settings['log_comment'] AS tag
		FROM system.processes
		WHERE startsWith(tag, 'question') AND current_database = currentDatabase()`))
}

// TestCancelReachesTheServer: who leaves takes the query along that would have run for minutes.
func TestCancelReachesTheServer(t *testing.T) {
	t.Parallel()
	h := serve(t, furnish(t), slowly("1000"), func(*Config) {})
	// A query that was on its way when its question was given up may still come, and be ended then.
	seen := make(map[string]bool)
	for name, ask := range map[string]func(context.Context) error{
		"lost": func(ctx context.Context) error {
			_, err := h.funnels.AskDropOff(asRoot(ctx), &funnelv1.AskDropOffRequest{
				Parent: "sites/large", Question: question(time.Minute),
			})
			return err
		},
		"listed": func(ctx context.Context) error {
			_, err := h.funnels.ListFunnelPersons(asRoot(ctx), &funnelv1.ListFunnelPersonsRequest{
				Parent: "sites/large", Question: question(time.Minute), Step: 1,
			})
			return err
		},
		"explained": func(ctx context.Context) error {
			q := question(time.Minute)
			q.Unit = &funnelv1.Unit{By: &funnelv1.Unit_Property{Property: "n"}}
			_, err := h.funnels.ExplainFunnel(asRoot(ctx), &funnelv1.ExplainFunnelRequest{
				Parent: "sites/large", Question: q, Who: &funnelv1.ExplainFunnelRequest_Unit{Unit: "7"},
			})
			return err
		},
		"asked": func(ctx context.Context) error {
			_, err := h.ask(ctx, "large", question(time.Minute))
			return err
		},
		"streamed": func(ctx context.Context) error {
			stream, err := h.funnels.StreamFunnel(asRoot(ctx), &funnelv1.StreamFunnelRequest{
				Parent: "sites/large", Question: question(time.Minute),
			})
			for err == nil {
				_, err = stream.Recv()
			}
			return err
		},
		"streamed drop-offs": func(ctx context.Context) error {
			stream, err := h.funnels.StreamDropOff(asRoot(ctx), &funnelv1.StreamDropOffRequest{
				Parent: "sites/large", Question: question(time.Minute), SummaryOnly: true,
			})
			for err == nil {
				_, err = stream.Recv()
			}
			return err
		},
		"streamed list": func(ctx context.Context) error {
			stream, err := h.funnels.StreamFunnelPersons(asRoot(ctx),
				&funnelv1.StreamFunnelPersonsRequest{
					Parent: "sites/large", Question: question(time.Minute), Step: 1,
				})
			for err == nil {
				_, err = stream.Recv()
			}
			return err
		},
		"over HTTP": func(ctx context.Context) error {
			_, err := h.post(ctx, t, "funnels:ask", "large", question(time.Minute))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			left := make(chan error, 1)
			go func() { left <- ask(ctx) }()
			var tag string
			until(t, func() bool {
				for _, tag = range running(t, h) {
					if !seen[tag] {
						return true
					}
				}
				return false
			})
			leave()
			if err := <-left; status.Code(err) != codes.Canceled && !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
			seen[tag] = true
			until(t, func() bool {
				return gauge(t, h, "waystage_query_questions_cancelled_total") == float64(len(seen))
			})
			until(t, func() bool { return !slices.Contains(running(t, h), tag) })
		})
	}
	if got, err := h.ask(t.Context(), "small", question(time.Minute)); err != nil {
		t.Errorf("afterwards: %v, %v", got, err)
	}
	until(t, func() bool { return gauge(t, h, "waystage_query_questions_running") == 0 })
}

// post asks over HTTP.
func (h *house) post(
	ctx context.Context, t *testing.T, method, site string, q *funnelv1.FunnelQuestion,
) (*http.Response, error) {
	t.Helper()
	body, err := protojson.Marshal(&funnelv1.AskFunnelRequest{Question: q})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://"+h.HTTPAddr()+"/v1/sites/"+site+"/"+method, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+root)
	return http.DefaultClient.Do(request)
}

// TestOverItsMemory: a question that needs more memory than one may take ends with an error that says
// so, again and again, and others are answered as before.
func TestOverItsMemory(t *testing.T) {
	t.Parallel()
	dsn := furnish(t)
	h := serve(t, dsn, func(r *http.Request) {
		values := r.URL.Query()
		if values.Get("max_memory_usage") != "4294967296" {
			t.Errorf("max_memory_usage is %q", values.Get("max_memory_usage"))
		}
		values.Set("max_memory_usage", "100000") // as if the question were so much larger
		r.URL.RawQuery = values.Encode()
	}, func(*Config) {})
	for range 3 {
		got, err := h.ask(t.Context(), "large", question(time.Minute))
		if s := status.Convert(err); s.Code() != codes.ResourceExhausted ||
			!strings.Contains(s.Message(), "ask about a shorter range") {
			t.Errorf("%v, %v", got, err)
		}
		got, err = h.ask(t.Context(), "small", question(time.Minute))
		if err != nil || got.GetSteps()[0].GetCount() != 1 {
			t.Errorf("another one: %v, %v", got, err)
		}
	}
}

// TestAnswersAreCounted: where answers came from is counted, and callers are told of kept ones.
func TestAnswersAreCounted(t *testing.T) {
	t.Parallel()
	h := serve(t, furnish(t), func(*http.Request) {}, func(*Config) {})
	for n := range 3 {
		got, err := h.ask(t.Context(), "small", question(time.Minute))
		if err != nil || got.GetFacts().GetCached() != (n > 0) {
			t.Errorf("asked for the %d. time: %v, %v", n+1, got.GetFacts(), err)
		}
	}
	want := `
# HELP waystage_query_answers_total Answers, by where they came from: evaluated, kept from before, shared with a call at the same time, or unkept because nothing can be.
# TYPE waystage_query_answers_total counter
waystage_query_answers_total{source="evaluated"} 1
waystage_query_answers_total{source="kept"} 2
`
	err := testutil.GatherAndCompare(h.reg, strings.NewReader(want), "waystage_query_answers_total")
	if err != nil {
		t.Error(err)
	}
	for _, name := range []string{
		"waystage_query_answers_kept_bytes", "waystage_query_journeys_kept_bytes",
	} {
		if kept := gauge(t, h, name); kept <= 0 {
			t.Errorf("%s is %v", name, kept)
		}
	}
}
